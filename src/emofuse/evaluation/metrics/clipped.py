"""Scores of a rating after both sides are clipped to -1 .. 1, as CH-SIMS is scored."""

import numpy as np

from emofuse.evaluation.metrics.checks import check_ratings
from emofuse.evaluation.metrics.correlation import pearson_correlation
from emofuse.evaluation.metrics.rating_error import mean_absolute_error
from emofuse.types import Metric

_LIMIT = 1.0


def clipped_absolute_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error of two ``(n,)`` arrays clipped to -1 .. 1, in [0, 2]; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return mean_absolute_error(*_clipped(truth, predicted))


def clipped_correlation(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson correlation of two ``(n,)`` arrays clipped to -1 .. 1; NaN where one is constant.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return pearson_correlation(*_clipped(truth, predicted))


def _clipped(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    check_ratings(truth, predicted)
    return np.clip(truth, -_LIMIT, _LIMIT), np.clip(predicted, -_LIMIT, _LIMIT)


MAE_SIMS = Metric("mae_sims", "ratings", clipped_absolute_error, higher_is_better=False, bounds=(0.0, 2.0))
PEARSON_SIMS = Metric("pearson_sims", "ratings", clipped_correlation, bounds=(-1.0, 1.0))
