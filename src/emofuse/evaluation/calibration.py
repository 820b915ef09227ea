"""Measures of calibration; what calibrates lives in `emofuse.models.calibrators`.

A calibrated model of few clips has an expected calibration error above 0, because bins scatter. The
null quantile says how far, by drawing labels from the model's own probabilities (Vaicenavicius et al.
2019, https://arxiv.org/abs/1902.06977).
"""

from dataclasses import dataclass

import numpy as np

from emofuse.evaluation.metrics.calibration_error import bin_of
from emofuse.evaluation.metrics.checks import check_labelled_probabilities, check_probabilities

# Draws are made in pieces, so that many clips do not fill memory.
_PIECE = 64
# The 97.5 % point of the normal distribution.
_NORMAL = 1.959963984540054


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """By bin ``(bins,)``: mean ``confidence`` and ``accuracy`` (NaN where empty), ``count``, and ``low`` and
    ``high``, the ends of the accuracy's 95 % interval as of independent clips (Wilson 1927); ``edges`` is
    ``(bins + 1,)``.
    """

    edges: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray


def reliability_curve(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> ReliabilityCurve:
    """Accuracy against confidence of the top label, in bins of equal width.

    Args:
        truth: ``(n,)`` int labels.
        probabilities: ``(n, classes)``, each row summing to 1.
        bins: how many bins.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    check_labelled_probabilities(truth, probabilities)
    return _curve(_top(probabilities), probabilities.argmax(axis=1) == truth, bins)


def class_reliability_curve(
    truth: np.ndarray, probabilities: np.ndarray, *, label: int, bins: int = 15
) -> ReliabilityCurve:
    """How often class ``label`` is the truth against its probability; ``accuracy`` holds its frequency.

    Arguments and errors are those of `reliability_curve`; also a ValueError where there is no such class.
    """
    check_labelled_probabilities(truth, probabilities)
    if not 0 <= label < probabilities.shape[1]:
        raise ValueError(f"class must lie in [0, {probabilities.shape[1]}), got {label}")
    claimed = np.minimum(probabilities[:, label], 1.0).astype(np.float64)
    return _curve(claimed, truth == label, bins)


def ece_null_quantile(
    probabilities: np.ndarray,
    *,
    generator: np.random.Generator,
    bins: int = 15,
    quantile: float = 0.95,
    draws: int = 1000,
) -> float:
    """The calibration error that a perfectly calibrated model stays under in ``quantile`` of cases.

    Args:
        probabilities: ``(n, classes)`` as predicted; labels are drawn from them, so that the top label is
            right with the probability that it claims.
        generator: the source of chance.
        bins: bins of the calibration error.
        quantile: which point of the distribution.
        draws: how many sets of labels.

    Returns:
        A value in [0, 1]; NaN without clips.

    Raises:
        ValueError: probabilities are not rows that sum to 1.
    """
    check_probabilities(probabilities)
    if not len(probabilities):
        return float("nan")
    confidence = np.sort(_top(probabilities))
    places = bin_of(confidence, bins)
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    claimed = np.add.reduceat(confidence, starts)
    errors = []
    for done in range(0, draws, _PIECE):
        right = generator.random((min(_PIECE, draws - done), len(confidence))) < confidence
        found = np.add.reduceat(right, starts, axis=1, dtype=np.int64)
        errors.append(np.abs(found - claimed).sum(axis=1) / len(confidence))
    return float(np.quantile(np.concatenate(errors), quantile))


def _top(probabilities: np.ndarray) -> np.ndarray:
    return np.minimum(probabilities.max(axis=1), 1.0).astype(np.float64)


def _curve(confidence: np.ndarray, correct: np.ndarray, bins: int) -> ReliabilityCurve:
    places = bin_of(confidence, bins)
    count = np.bincount(places, minlength=bins)
    some = np.where(count > 0, count, np.nan)
    accuracy = np.bincount(places, weights=correct, minlength=bins) / some
    spread = _NORMAL**2 / some
    middle = (accuracy + spread / 2) / (1 + spread)
    half = np.sqrt(accuracy * (1 - accuracy) * spread + spread**2 / 4) / (1 + spread)
    return ReliabilityCurve(
        edges=np.linspace(0, 1, bins + 1),
        confidence=np.bincount(places, weights=confidence, minlength=bins) / some,
        accuracy=accuracy,
        count=count,
        low=np.maximum(middle - half, 0.0),
        high=np.minimum(middle + half, 1.0),
    )
