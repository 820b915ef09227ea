"""Accuracy: the share of clips that are named right."""

import numpy as np

from emofuse.evaluation.metrics.checks import check_labels
from emofuse.types import Metric


def accuracy(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Share of equal labels in two ``(n,)`` int arrays, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    check_labels(truth, predicted, classes=classes)
    return float(np.mean(truth == predicted)) if truth.size else float("nan")


ACCURACY = Metric("accuracy", "labels", accuracy)
# "Weighted accuracy" of speech emotion recognition is the plain one: recalls weighted by their clips.
WA = Metric("wa", "labels", accuracy)
