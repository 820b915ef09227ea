"""Scores of an order: average precision (AUPRC), area under the ROC curve (AUROC), Spearman correlation.

Equal values share their rank, so that the order of clips never matters.
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities, check_ratings
from emofuse.evaluation.metrics.correlation import pearson_correlation
from emofuse.types import Metric


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks ``(n,)`` from 1 up; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place.reshape(-1)]


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    """Precision averaged over the steps of recall, without interpolation, in [0, 1].

    Args:
        truth: ``(n,)`` bool.
        scores: ``(n,)``, higher where a clip is more likely positive.

    Returns:
        NaN where no clip is positive.

    Raises:
        ValueError: shapes differ, or ``truth`` is not bool.
    """
    _check_binary(truth, scores)
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    ends = np.flatnonzero(np.append(descending[1:] != descending[:-1], truth.size > 0))
    hits = np.cumsum(truth[order])[ends]
    if not hits.size or not hits[-1]:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0) * hits / (ends + 1)) / hits[-1])


def roc_area(truth: np.ndarray, scores: np.ndarray) -> float:
    """Chance that a positive clip scores above a negative one, ties counting half, in [0, 1].

    Arguments and errors are those of `average_precision`; NaN where one side is empty.
    """
    _check_binary(truth, scores)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    above = average_ranks(scores)[truth].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def macro_average_precision(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over the classes that occur of each one's `average_precision` against the rest; NaN without clips.

    Raises:
        ValueError: ``truth`` is not ``(n,)`` int, or ``probabilities`` not ``(n, classes)`` rows of sum 1.
    """
    check_labelled_probabilities(truth, probabilities)
    return _mean([average_precision(truth == one, probabilities[:, one]) for one in np.unique(truth)])


def macro_roc_area(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over the classes that occur of each one's `roc_area` against the rest.

    NaN where fewer than two classes occur.

    Raises:
        ValueError: ``truth`` is not ``(n,)`` int, or ``probabilities`` not ``(n, classes)`` rows of sum 1.
    """
    check_labelled_probabilities(truth, probabilities)
    return _mean([roc_area(truth == one, probabilities[:, one]) for one in np.unique(truth)])


def positive_average_precision(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Average precision of "the true rating is above 0", clips ordered by the predicted rating.

    NaN where no true rating is above 0.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    return average_precision(truth > 0, predicted)


def spearman_correlation(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson correlation of the ranks of two ``(n,)`` arrays; NaN below 2 clips or where one is constant.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    return pearson_correlation(average_ranks(truth), average_ranks(predicted))


def _check_binary(truth: np.ndarray, scores: np.ndarray) -> None:
    if truth.dtype != bool or truth.ndim != 1 or truth.shape != scores.shape:
        found = f"{truth.dtype} {truth.shape} and {scores.shape}"
        raise ValueError(f"need bool (n,) truth and (n,) scores, got {found}")


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


AUPRC = Metric("auprc", "probabilities", macro_average_precision)
AUROC = Metric("auroc", "probabilities", macro_roc_area)
AUPRC_POSITIVE = Metric("auprc_positive", "ratings", positive_average_precision)
SPEARMAN = Metric("spearman", "ratings", spearman_correlation, bounds=(-1.0, 1.0))
