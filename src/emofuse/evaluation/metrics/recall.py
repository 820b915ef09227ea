"""Unweighted average recall (UAR), also called balanced accuracy, UA, and emotion recognition rate."""

import numpy as np

from emofuse.evaluation.metrics.confusion import confusion_counts
from emofuse.types import Metric


def unweighted_average_recall(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean recall over the classes that occur in ``truth``, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, labels are no integers, or one lies outside ``[0, classes)``.
    """
    counts = confusion_counts(truth, predicted, classes)
    support = counts.sum(axis=1)
    occurs = support > 0
    if not occurs.any():
        return float("nan")
    return float(np.mean(np.diag(counts)[occurs] / support[occurs]))


UAR = Metric("uar", "labels", unweighted_average_recall)
UA = Metric("ua", "labels", unweighted_average_recall)
# Papers that report a "recognition rate" give no formula; the mean of the rates by emotion is our reading.
EMOTION_RECOGNITION_RATE = Metric("emotion_recognition_rate", "labels", unweighted_average_recall)
