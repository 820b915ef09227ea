"""Precision and recall, per class and averaged.

An average over classes takes those that occur or are predicted, and counts what is undefined as 0: a class
that is never predicted has precision 0. `uar` differs: it asks only for the classes that occur.
"""

import numpy as np

from emofuse.evaluation.metrics.confusion import confusion_counts, ratio
from emofuse.types import Metric


def precision_per_class(counts: np.ndarray) -> np.ndarray:
    """Precision ``(classes,)`` from counts ``(classes, classes)``; NaN where a class is never predicted."""
    return ratio(np.diag(counts), counts.sum(axis=0))


def recall_per_class(counts: np.ndarray) -> np.ndarray:
    """Recall ``(classes,)`` from counts ``(classes, classes)``, also called class accuracy and the emotion
    recognition rate of a class; NaN where it does not occur.
    """
    return ratio(np.diag(counts), counts.sum(axis=1))


def macro_precision(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean precision over the classes that occur or are predicted, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    return _macro(precision_per_class(counts), counts)


def macro_recall(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean recall over the classes that occur or are predicted, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    return _macro(recall_per_class(counts), counts)


def weighted_precision(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean precision over the classes, each weighted by its share of ``truth``; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    return _weighted(precision_per_class(counts), counts)


def weighted_recall(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean recall over the classes, each weighted by its share of ``truth``: the accuracy by another way.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    return _weighted(recall_per_class(counts), counts)


def _macro(values: np.ndarray, counts: np.ndarray) -> float:
    somewhere = counts.sum(axis=0) + counts.sum(axis=1) > 0
    return float(np.nan_to_num(values[somewhere]).mean()) if somewhere.any() else float("nan")


def _weighted(values: np.ndarray, counts: np.ndarray) -> float:
    support = counts.sum(axis=1)
    return float(np.nan_to_num(values) @ support / support.sum()) if support.any() else float("nan")


MACRO_PRECISION = Metric("macro_precision", "labels", macro_precision)
MACRO_RECALL = Metric("macro_recall", "labels", macro_recall)
WEIGHTED_PRECISION = Metric("weighted_precision", "labels", weighted_precision)
WEIGHTED_RECALL = Metric("weighted_recall", "labels", weighted_recall)
