"""Area under the risk-coverage curve (AURC): the error where a model may leave unsure clips unanswered.

Paper: Geifman, Uziel & El-Yaniv 2019, https://arxiv.org/abs/1805.08206. Clips of equal confidence are taken
in all orders at once, so that the order of clips never matters.
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities
from emofuse.types import Metric


def cumulative_risk(loss: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Mean loss ``(n,)`` of the surest 1, 2, ... n clips; expected over the orders of equal confidences.

    Args:
        loss: ``(n,)`` per clip: 1 where it is wrong, or any loss.
        confidence: ``(n,)``, higher where surer.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    if loss.ndim != 1 or loss.shape != confidence.shape:
        raise ValueError(f"need two (n,) arrays, got {loss.shape} and {confidence.shape}")
    if not (np.isfinite(loss).all() and np.isfinite(confidence).all()):
        raise ValueError("loss and confidence must be finite")
    _, block, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    totals = np.bincount(block.reshape(-1), weights=loss, minlength=len(sizes))
    summed = np.cumsum(np.repeat(totals / np.maximum(sizes, 1), sizes))
    return summed / np.arange(1, len(loss) + 1)


def risk_coverage_area(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over coverages ``1/n .. 1`` of the error among the clips with the highest top probability.

    Returns:
        A value in [0, 1]: 0 for no error, the error rate where confidence tells nothing; NaN without clips.

    Raises:
        ValueError: ``truth`` is not ``(n,)`` int, or ``probabilities`` not ``(n, classes)`` rows of sum 1.
    """
    check_labelled_probabilities(truth, probabilities)
    if not truth.size:
        return float("nan")
    wrong = (probabilities.argmax(axis=1) != truth).astype(np.float64)
    return float(cumulative_risk(wrong, probabilities.max(axis=1).astype(np.float64)).mean())


AURC = Metric("aurc", "probabilities", risk_coverage_area, higher_is_better=False)
