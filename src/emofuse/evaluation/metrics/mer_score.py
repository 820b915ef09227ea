"""The combined score of the MER 2023 and 2024 challenges: emotion and valence in one number."""

import numpy as np

from emofuse.evaluation.metrics.f1 import weighted_f1
from emofuse.evaluation.metrics.rating_error import mean_squared_error

VALENCE_WEIGHT = 0.25


def mer_score(
    truth: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    *,
    valence_truth: np.ndarray,
    valence_predicted: np.ndarray,
) -> float:
    """Weighted F1 of the emotion less a quarter of the mean squared error of the valence, at most 1.

    Args:
        truth: ``(n,)`` int labels.
        predicted: ``(n,)`` int labels.
        classes: how many classes there are.
        valence_truth: ``(n,)`` ratings in the challenge's unit.
        valence_predicted: ``(n,)`` ratings.

    Raises:
        ValueError: shapes differ, a label is out of range, or a rating is not finite.
    """
    error = mean_squared_error(valence_truth, valence_predicted)
    return weighted_f1(truth, predicted, classes) - VALENCE_WEIGHT * error
