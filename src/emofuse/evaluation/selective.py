"""Selective prediction: a model that answers only where it is sure, and how wrong it then is.

The area under this curve is the metric `aurc`. A threshold is chosen on validation and told on test.
"""

from dataclasses import dataclass

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities
from emofuse.evaluation.metrics.selective_risk import cumulative_risk


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """For each threshold that some clip has, highest first, ``(points,)``: the share of clips at or above it,
    and their mean loss.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray


def risk_coverage_curve(truth: np.ndarray, probabilities: np.ndarray) -> RiskCoverage:
    """Error rate against the share of clips answered, by the probability of the top class.

    Args:
        truth: ``(n,)`` int labels.
        probabilities: ``(n, classes)``, each row summing to 1.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    check_labelled_probabilities(truth, probabilities)
    wrong = (probabilities.argmax(axis=1) != truth).astype(np.float64)
    return risk_coverage(wrong, confidence=probabilities.max(axis=1).astype(np.float64))


def risk_coverage(loss: np.ndarray, *, confidence: np.ndarray) -> RiskCoverage:
    """The curve of any ``(n,)`` loss per clip, such as a rating's absolute error, and any confidence.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    risks = cumulative_risk(loss, confidence)
    thresholds, counts = np.unique(confidence, return_counts=True)
    answered = np.cumsum(counts[::-1])
    return RiskCoverage(thresholds[::-1], answered / max(len(loss), 1), risks[answered - 1])


def coverage_at_risk(curve: RiskCoverage, *, risk: float) -> tuple[float, float]:
    """The largest coverage whose risk is at most ``risk``, and its threshold; 0 and infinity where none is."""
    fine = np.flatnonzero(curve.risk <= risk)
    if not fine.size:
        return 0.0, float("inf")
    return float(curve.coverage[fine[-1]]), float(curve.threshold[fine[-1]])


def risk_at_coverage(curve: RiskCoverage, *, coverage: float) -> float:
    """The risk at the highest threshold that answers a share of at least ``coverage``; NaN without clips.

    Raises:
        ValueError: the coverage lies outside (0, 1].
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must lie above 0 and up to 1, got {coverage}")
    enough = np.flatnonzero(curve.coverage >= coverage - 1e-12)
    return float(curve.risk[enough[0]]) if enough.size else float("nan")


def excess_area(loss: np.ndarray, *, confidence: np.ndarray) -> float:
    """By how much the area under the curve exceeds that of the best order of the same losses (E-AURC).

    0 says that all good clips are surer than all bad ones; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    if not len(loss):
        return float("nan")
    best = cumulative_risk(loss, -loss.astype(np.float64))
    return float(cumulative_risk(loss, confidence).mean() - best.mean())
