"""Scores where a clip may carry several labels: a label counts where its share is above 0, and is found
where its probability reaches a threshold.
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_probabilities
from emofuse.evaluation.metrics.confusion import ratio
from emofuse.types import Metric

# Lets three labels of equal probability through; the number is ours.
THRESHOLD = 0.3


def found_labels(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = THRESHOLD
) -> tuple[np.ndarray, np.ndarray]:
    """What is there and what is found, two ``(n, classes)`` bool arrays.

    Args:
        truth: ``(n, classes)`` shares; a label counts where its share is above 0.
        probabilities: ``(n, classes)``, each row summing to 1.
        threshold: one number, or ``(classes,)`` fitted on validation.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_probabilities(probabilities)
    if truth.shape != probabilities.shape or not np.isfinite(truth).all():
        raise ValueError(f"need finite {probabilities.shape} shares, got {truth.shape}")
    return truth > 0, probabilities >= threshold


def macro_f1(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = THRESHOLD
) -> float:
    """Mean F1 over the classes that occur or are found, in [0, 1]; NaN without clips.

    Arguments and errors are those of `found_labels`, here and below.
    """
    wanted, found = found_labels(truth, probabilities, threshold=threshold)
    values = ratio(2 * (wanted & found).sum(axis=0), wanted.sum(axis=0) + found.sum(axis=0))
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def micro_f1(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = THRESHOLD
) -> float:
    """F1 over all pairs of clip and label at once, in [0, 1]; NaN without clips."""
    wanted, found = found_labels(truth, probabilities, threshold=threshold)
    return float(ratio(2 * (wanted & found).sum(), wanted.sum() + found.sum()))


def subset_accuracy(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = THRESHOLD
) -> float:
    """Share of clips whose set of labels is found exactly, in [0, 1]; NaN without clips."""
    wanted, found = found_labels(truth, probabilities, threshold=threshold)
    return float((wanted == found).all(axis=1).mean()) if len(wanted) else float("nan")


def hamming_loss(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = THRESHOLD
) -> float:
    """Share of pairs of clip and label that are wrong, in [0, 1]; NaN without clips."""
    wanted, found = found_labels(truth, probabilities, threshold=threshold)
    return float((wanted != found).mean()) if len(wanted) else float("nan")


def jaccard(
    truth: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray = THRESHOLD
) -> float:
    """Mean over clips of "labels in both sets / labels in either", in [0, 1]; two empty sets agree.

    NaN without clips.
    """
    wanted, found = found_labels(truth, probabilities, threshold=threshold)
    if not len(wanted):
        return float("nan")
    return float(
        np.nan_to_num(ratio((wanted & found).sum(axis=1), (wanted | found).sum(axis=1)), nan=1.0).mean()
    )


MULTILABEL_MACRO_F1 = Metric("multilabel_macro_f1", "shares", macro_f1)
MULTILABEL_MICRO_F1 = Metric("multilabel_micro_f1", "shares", micro_f1)
MULTILABEL_SUBSET_ACCURACY = Metric("multilabel_subset_accuracy", "shares", subset_accuracy)
MULTILABEL_HAMMING_LOSS = Metric("multilabel_hamming_loss", "shares", hamming_loss, higher_is_better=False)
MULTILABEL_JACCARD = Metric("multilabel_jaccard", "shares", jaccard)
