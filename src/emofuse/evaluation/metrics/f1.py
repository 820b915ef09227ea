"""F1: harmonic mean of precision and recall, per class and averaged.

A class that neither occurs nor is predicted has no F1 and is left out of an average.
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_probabilities
from emofuse.evaluation.metrics.confusion import confusion_counts, ratio
from emofuse.types import Metric


def f1_per_class(counts: np.ndarray) -> np.ndarray:
    """F1 ``(classes,)`` from counts ``(classes, classes)``; NaN where a class is nowhere."""
    return ratio(2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1))


def macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean F1 over the classes that occur or are predicted, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    return _mean_of_known(f1_per_class(confusion_counts(truth, predicted, classes)))


def weighted_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean F1 over the classes, each weighted by its share of ``truth``, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    support = counts.sum(axis=1)
    if not support.any():
        return float("nan")
    return float(np.nansum(f1_per_class(counts) * support) / support.sum())


def multilabel_macro_f1(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = 0.3
) -> float:
    """Mean over the classes of the F1 of ``probability >= threshold`` against ``share > 0``.

    Args:
        truth: ``(n, classes)`` shares; a label counts where its share is above 0.
        probabilities: ``(n, classes)``, each row summing to 1.
        threshold: one number, or ``(classes,)`` fitted on validation. 0.3 lets three labels of equal
            probability through.

    Returns:
        A value in [0, 1]; NaN without clips. Classes that neither occur nor are predicted are left out.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_probabilities(probabilities)
    if truth.shape != probabilities.shape or not np.isfinite(truth).all():
        raise ValueError(f"need finite {probabilities.shape} shares, got {truth.shape}")
    wanted, found = truth > 0, probabilities >= threshold
    hits = (wanted & found).sum(axis=0)
    return _mean_of_known(ratio(2 * hits, wanted.sum(axis=0) + found.sum(axis=0)))


def _mean_of_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


MACRO_F1 = Metric("macro_f1", "labels", macro_f1)
WEIGHTED_F1 = Metric("weighted_f1", "labels", weighted_f1)
MULTILABEL_MACRO_F1 = Metric("multilabel_macro_f1", "shares", multilabel_macro_f1)
