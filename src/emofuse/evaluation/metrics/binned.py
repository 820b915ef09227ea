"""Scores of a rating that is turned into classes: Acc-2, Acc-3, Acc-5, Acc-7, their F1 and their counts.

Every number takes truth and prediction through the same `Binning`. Weighted F1 is that of MMSA, binary F1
(of the positive class alone) that of MultiBench.
"""

from functools import partial

import numpy as np

from emofuse.evaluation.metrics.binning import (
    CMU7,
    HAS0,
    LE0,
    NON0,
    ROUND3,
    ROUND5,
    ROUND7,
    SIMS2,
    SIMS3,
    SIMS5,
    Binning,
    split7,
)
from emofuse.evaluation.metrics.checks import check_ratings
from emofuse.evaluation.metrics.confusion import confusion_counts
from emofuse.evaluation.metrics.f1 import f1_per_class, weighted_f1
from emofuse.types import Metric


def binned_accuracy(truth: np.ndarray, predicted: np.ndarray, *, binning: Binning) -> float:
    """Share of ``(n,)`` ratings that fall into the class of the truth, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    wanted, found = _classes(truth, predicted, binning)
    return float(np.mean(wanted == found)) if wanted.size else float("nan")


def binned_f1(truth: np.ndarray, predicted: np.ndarray, *, binning: Binning) -> float:
    """F1 of the classes, weighted by their share of the truth, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return weighted_f1(*_classes(truth, predicted, binning), len(binning.classes))


def positive_f1(truth: np.ndarray, predicted: np.ndarray, *, binning: Binning) -> float:
    """F1 of the last class alone, in [0, 1]; NaN where it neither occurs nor is predicted.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return float(f1_per_class(binned_counts(truth, predicted, binning=binning))[-1])


def binned_counts(truth: np.ndarray, predicted: np.ndarray, *, binning: Binning) -> np.ndarray:
    """Counts ``(classes, classes)`` of truth (row) against prediction (column).

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return confusion_counts(*_classes(truth, predicted, binning), len(binning.classes))


def method1_counts(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Counts ``(2, 2)`` of negative (below 0) against not negative; all clips count, and 0 is not negative.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return binned_counts(truth, predicted, binning=HAS0)


def method2_counts(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Counts ``(2, 2)`` of negative against positive; clips whose truth is 0 do not count.

    A prediction of exactly 0 is not positive.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    return binned_counts(truth, predicted, binning=NON0)


def split7_accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Share of ``(n,)`` ratings in the same class of `split7`, in [0, 1]; NaN without clips.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    return float(np.mean(split7(truth) == split7(predicted))) if truth.size else float("nan")


def _classes(truth: np.ndarray, predicted: np.ndarray, binning: Binning) -> tuple[np.ndarray, np.ndarray]:
    check_ratings(truth, predicted)
    counts = truth != 0 if binning.drop_zero else np.ones(len(truth), dtype=bool)
    return binning.place(truth[counts]), binning.place(predicted[counts])


def _accuracy(name: str, binning: Binning) -> Metric:
    return Metric(name, "ratings", partial(binned_accuracy, binning=binning))


def _f1(name: str, binning: Binning) -> Metric:
    return Metric(name, "ratings", partial(binned_f1, binning=binning))


def _binary(name: str, binning: Binning) -> Metric:
    return Metric(name, "ratings", partial(positive_f1, binning=binning))


ACC2_NON0, F1_NON0 = _accuracy("acc2_non0", NON0), _f1("f1_non0", NON0)
ACC2_HAS0, F1_HAS0 = _accuracy("acc2_has0", HAS0), _f1("f1_has0", HAS0)
ACC2_LE0, F1_LE0 = _accuracy("acc2_le0", LE0), _f1("f1_le0", LE0)
# The same number as le0: the one name comes from regression, the other from training on `rating > 0`.
ACC2_POSITIVE, F1_POSITIVE = _accuracy("acc2_positive", LE0), _f1("f1_positive", LE0)
F1_NON0_BINARY, F1_HAS0_BINARY = _binary("f1_non0_binary", NON0), _binary("f1_has0_binary", HAS0)
F1_LE0_BINARY = _binary("f1_le0_binary", LE0)
ACC3, ACC5 = _accuracy("acc3", ROUND3), _accuracy("acc5", ROUND5)
ACC7, ACC7_CMU = _accuracy("acc7", ROUND7), _accuracy("acc7_cmu", CMU7)
ACC7_SPLIT7 = Metric("acc7_split7", "ratings", split7_accuracy)
ACC2_SIMS, F1_SIMS = _accuracy("acc2_sims", SIMS2), _f1("f1_sims", SIMS2)
ACC3_SIMS, ACC5_SIMS = _accuracy("acc3_sims", SIMS3), _accuracy("acc5_sims", SIMS5)
