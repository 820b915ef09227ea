"""Expected calibration error (ECE) of the top label, and of every class (classwise ECE).

Papers: Guo et al. 2017, https://arxiv.org/abs/1706.04599 (equal-width bins, closed above); Kull et al.
2019, https://arxiv.org/abs/1910.12656 (classwise).
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities
from emofuse.types import Metric


def bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """The bin ``0 .. bins - 1`` of each ``(n,)`` confidence; bin m holds ``(m / bins, (m + 1) / bins]``.

    Raises:
        ValueError: fewer than 1 bin.
    """
    if bins < 1:
        raise ValueError(f"need at least 1 bin, got {bins}")
    inner_edges = np.arange(1, bins) / bins
    return np.searchsorted(inner_edges, confidence, side="left")


def expected_calibration_error(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy, over bins weighted by their clips.

    Args:
        truth: ``(n,)`` int labels.
        probabilities: ``(n, classes)``, each row summing to 1.
        bins: how many bins of equal width.

    Returns:
        A value in [0, 1]; NaN without clips. It is above 0 even for a calibrated model (few clips in a
        bin scatter): `emofuse.evaluation.calibration.ece_null_quantile` says how far.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    check_labelled_probabilities(truth, probabilities)
    if not truth.size:
        return float("nan")
    confidence = np.minimum(probabilities.max(axis=1), 1.0).astype(np.float64)
    correct = probabilities.argmax(axis=1) == truth
    gaps = np.bincount(bin_of(confidence, bins), weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def classwise_calibration_error(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> float:
    """Mean over all classes of the gap between a class's probability and its frequency, by bins.

    Arguments, range and errors are those of `expected_calibration_error`. A class counts where it does not
    occur too: its probability should be 0.
    """
    check_labelled_probabilities(truth, probabilities)
    if not truth.size:
        return float("nan")
    gaps = [
        np.bincount(bin_of(column, bins), weights=column - (truth == label), minlength=bins)
        for label, column in enumerate(np.minimum(probabilities, 1.0).astype(np.float64).T)
    ]
    return float(np.abs(gaps).sum() / probabilities.size)


ECE = Metric("ece", "probabilities", expected_calibration_error, higher_is_better=False)
CLASSWISE_ECE = Metric(
    "classwise_ece", "probabilities", classwise_calibration_error, higher_is_better=False
)
