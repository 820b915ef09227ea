"""Errors of a continuous rating, in its own unit (MAE) and in that unit squared (MSE)."""

import numpy as np

from emofuse.evaluation.metrics.checks import check_ratings
from emofuse.types import Metric


def mean_absolute_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of ``|truth - predicted|`` over two ``(n,)`` arrays; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    return float(np.mean(np.abs(truth - predicted))) if truth.size else float("nan")


def mean_squared_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of ``(truth - predicted) ** 2`` over two ``(n,)`` arrays; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    return float(np.mean((truth - predicted) ** 2)) if truth.size else float("nan")


_ANY_ERROR = (0.0, float("inf"))
MAE = Metric("mae", "ratings", mean_absolute_error, higher_is_better=False, bounds=_ANY_ERROR)
MSE = Metric("mse", "ratings", mean_squared_error, higher_is_better=False, bounds=_ANY_ERROR)
