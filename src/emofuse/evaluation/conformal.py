"""Conformal prediction: sets of classes that hold the true one as often as was asked for.

Split conformal prediction with two scores: LAC (Sadinle, Lei & Wasserman 2019) gives the smallest sets on
average, APS (Romano, Sesia & Candès 2020, here without its randomisation) larger ones that follow difficulty.
The promise holds where the clips that fit the threshold and those that are judged are exchangeable: for new
speakers `coverage_over_splits` measures what is left of it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.evaluation.intervals import group_codes
from emofuse.evaluation.metrics.checks import (
    check_labelled_probabilities,
    check_labels,
    check_probabilities,
)
from emofuse.evaluation.metrics.confusion import ratio

Strangeness = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Conformal:
    """Fitted sets: a class is in the set where its strangeness is at most its threshold ``(classes,)``.

    A threshold is infinite where too few clips were there to fit it; such a class is in every set.
    """

    thresholds: np.ndarray
    strangeness: Strangeness
    coverage: float

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """The sets of ``(n, classes)`` probabilities as ``(n, classes)`` bool; a set may be empty under LAC.

        Raises:
            ValueError: probabilities are no rows that sum to 1, or of another number of classes.
        """
        check_probabilities(probabilities)
        if probabilities.shape[1:] != self.thresholds.shape:
            raise ValueError(f"need (n, {len(self.thresholds)}) probabilities, got {probabilities.shape}")
        return self.strangeness(probabilities) <= self.thresholds


@dataclass(frozen=True, eq=False)
class SetQuality:
    """What sets are worth: ``coverage`` is the share that holds the truth, ``size`` the mean number of classes,
    ``empty`` and ``single`` shares of sets, ``by_class`` ``(classes,)`` the coverage of each true class (NaN
    where it does not occur).
    """

    coverage: float
    size: float
    empty: float
    single: float
    by_class: np.ndarray


@dataclass(frozen=True, eq=False)
class SplitCoverage:
    """Coverage and mean size of the sets on the judged half of each random split, both ``(splits,)``."""

    coverage: np.ndarray
    size: np.ndarray


def lac(probabilities: np.ndarray) -> np.ndarray:
    """Strangeness ``(n, classes)`` of each class: one less its probability."""
    return 1.0 - probabilities.astype(np.float64)


def aps(probabilities: np.ndarray) -> np.ndarray:
    """Strangeness ``(n, classes)`` of each class: the probability of all classes down to and with it."""
    wide = probabilities.astype(np.float64)
    order = np.argsort(-wide, axis=1, kind="stable")
    summed = np.cumsum(np.take_along_axis(wide, order, axis=1), axis=1)
    strange = np.empty_like(wide)
    np.put_along_axis(strange, order, np.minimum(summed, 1.0), axis=1)
    return strange


def fit_conformal(
    truth: np.ndarray, probabilities: np.ndarray, *, coverage: float = 0.9, strangeness: Strangeness = lac
) -> Conformal:
    """Sets that hold the true class of a new clip with chance ``coverage`` at least, over all classes.

    Args:
        truth: ``(n,)`` int labels of clips that the model was not fitted on.
        probabilities: ``(n, classes)``, each row summing to 1.
        coverage: in (0, 1).
        strangeness: `lac`, `aps`, or any other of that form.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or the coverage lies outside (0, 1).
    """
    own = _own(truth, probabilities, strangeness, coverage)
    thresholds = np.full(probabilities.shape[1], _threshold(own, coverage))
    return Conformal(thresholds, strangeness, coverage)


def fit_conformal_by_class(
    truth: np.ndarray, probabilities: np.ndarray, *, coverage: float = 0.9, strangeness: Strangeness = lac
) -> Conformal:
    """Sets that hold the true class with chance ``coverage`` at least for each true class by itself.

    Arguments and errors are those of `fit_conformal`. A class with fewer than ``coverage / (1 - coverage)``
    clips is in every set.
    """
    own = _own(truth, probabilities, strangeness, coverage)
    thresholds = [_threshold(own[truth == label], coverage) for label in range(probabilities.shape[1])]
    return Conformal(np.array(thresholds), strangeness, coverage)


def set_quality(truth: np.ndarray, sets: np.ndarray) -> SetQuality:
    """Coverage and size of ``(n, classes)`` bool sets for ``(n,)`` int labels; NaN without clips.

    Raises:
        ValueError: shapes do not fit, or the sets are not bool.
    """
    if sets.ndim != 2 or sets.dtype != bool or truth.shape != sets.shape[:1]:
        raise ValueError(f"need (n,) truth and (n, classes) bool sets, got {truth.shape} and {sets.shape}")
    classes = sets.shape[1]
    check_labels(truth, truth, classes=classes)
    if not truth.size:
        return SetQuality(math.nan, math.nan, math.nan, math.nan, np.full(classes, np.nan))
    held, sizes = sets[np.arange(len(truth)), truth], sets.sum(axis=1)
    hits, support = (
        np.bincount(truth, weights=one, minlength=classes) for one in (held, np.ones(len(truth)))
    )
    return SetQuality(
        coverage=float(held.mean()),
        size=float(sizes.mean()),
        empty=float((sizes == 0).mean()),
        single=float((sizes == 1).mean()),
        by_class=ratio(hits, support),
    )


def coverage_over_splits(
    truth: np.ndarray,
    probabilities: np.ndarray,
    *,
    groups: Sequence[str],
    generator: np.random.Generator,
    splits: int = 100,
    fit: Callable[[np.ndarray, np.ndarray], Conformal] = fit_conformal,
) -> SplitCoverage:
    """How often sets hold the truth for speakers that their thresholds never saw.

    Each split fits on a random half of the groups and judges the other half. The spread over splits is that of
    the halves of these clips, which overlap: it is no standard error.

    Args:
        truth: ``(n,)`` int labels.
        probabilities: ``(n, classes)`` of a model that saw none of these clips.
        groups: ``n`` names of speakers; "" is a group of its own.
        generator: the source of chance.
        splits: how many random halvings.
        fit: what makes the sets.

    Raises:
        ValueError: shapes do not fit, or there are fewer than 2 groups.
    """
    check_labelled_probabilities(truth, probabilities)
    codes = group_codes(groups)
    names = np.unique(codes)
    if len(codes) != len(truth) or len(names) < 2:
        raise ValueError(f"need a group for each of {len(truth)} clips, 2 at least, got {len(codes)}")
    found = []
    for _ in range(splits):
        chosen = np.isin(codes, generator.permutation(names)[: len(names) // 2])
        made = fit(truth[chosen], probabilities[chosen])
        found.append(set_quality(truth[~chosen], made.sets(probabilities[~chosen])))
    return SplitCoverage(np.array([one.coverage for one in found]), np.array([one.size for one in found]))


def _own(
    truth: np.ndarray, probabilities: np.ndarray, strangeness: Strangeness, coverage: float
) -> np.ndarray:
    """The strangeness ``(n,)`` of the true class of each clip."""
    check_labelled_probabilities(truth, probabilities)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie between 0 and 1, got {coverage}")
    return strangeness(probabilities)[np.arange(len(truth)), truth]


def _threshold(own: np.ndarray, coverage: float) -> float:
    """The ``ceil((n + 1) coverage)``-th smallest, as the new clip counts too; infinite where there is none."""
    # Rounded first: 0.9 of 20 must not become 18.000000000000004 and then 19.
    place = math.ceil(round((len(own) + 1) * coverage, 9))
    return float(np.sort(own)[place - 1]) if place <= len(own) else math.inf
