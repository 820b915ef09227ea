"""The counts that the label metrics are made of."""

import numpy as np

from emofuse.evaluation.metrics.checks import check_labels


def confusion_counts(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts ``(classes, classes)`` of truth (row) against prediction (column), int64.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    check_labels(truth, predicted, classes=classes)
    flat = truth.astype(np.int64) * classes + predicted
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def by_row(counts: np.ndarray) -> np.ndarray:
    """Each row of ``(classes, classes)`` counts as shares of its class, recalls on the diagonal; NaN where a
    class does not occur.
    """
    return ratio(counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole`` elementwise, NaN where the whole is 0."""
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=undefined, where=np.asarray(whole) > 0)
