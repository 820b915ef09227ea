"""Proper scores of class probabilities: lowest in expectation for the true probabilities.

Brier 1950, Monthly Weather Review 78(1), in its original form over all classes.
"""

import math

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities
from emofuse.types import Metric

# One confident mistake must not make a corpus infinite; the number is ours.
FLOOR = 1e-12


def brier_score(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over clips of the summed squared difference to the one-hot truth, in [0, 2]; NaN without clips.

    Raises:
        ValueError: ``truth`` is not ``(n,)`` int, or ``probabilities`` not ``(n, classes)`` rows of sum 1.
    """
    check_labelled_probabilities(truth, probabilities)
    if not truth.size:
        return float("nan")
    wide = probabilities.astype(np.float64)
    hit = wide[np.arange(len(truth)), truth]
    return float(np.mean((wide**2).sum(axis=1) - 2 * hit + 1))


def negative_log_likelihood(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of ``-log p(true label)`` in nats, ``p`` floored at `FLOOR`; NaN without clips.

    Raises:
        ValueError: ``truth`` is not ``(n,)`` int, or ``probabilities`` not ``(n, classes)`` rows of sum 1.
    """
    check_labelled_probabilities(truth, probabilities)
    if not truth.size:
        return float("nan")
    hit = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.mean(np.log(np.clip(hit, FLOOR, 1.0))))


BRIER = Metric("brier", "probabilities", brier_score, higher_is_better=False, bounds=(0.0, 2.0))
NLL = Metric(
    "nll", "probabilities", negative_log_likelihood, higher_is_better=False, bounds=(0.0, -math.log(FLOOR))
)
