"""F1: harmonic mean of precision and recall, per class and averaged.

A class that neither occurs nor is predicted has no F1 and is left out of an average.
"""

import numpy as np

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


def micro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """F1 of all classes counted together, in [0, 1]: the accuracy, as each clip has one label; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    return float(ratio(2 * np.trace(counts), 2 * counts.sum()))


def _mean_of_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


MACRO_F1 = Metric("macro_f1", "labels", macro_f1)
WEIGHTED_F1 = Metric("weighted_f1", "labels", weighted_f1)
MICRO_F1 = Metric("micro_f1", "labels", micro_f1)
