"""Is one model better than another on the same clips? Paired tests that keep whole clusters together.

Clips of one speaker share their luck, so the sign of a difference is flipped, and clusters are drawn,
per cluster (Dietterich 1998 on McNemar's test; Holm 1979 on several tests at once).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.evaluation.intervals import Clusters, cluster_by, group_codes, percentile_ends

EXACT_CLUSTERS = 16
# Draws are made in pieces, so that many clusters do not fill memory.
_PIECE = 256
# Sums that differ by rounding only count as equal.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class PairedTest:
    """A mean difference (first minus second), its two-sided ``p``, and how that was made."""

    difference: float
    p: float
    clusters: int
    method: str


@dataclass(frozen=True)
class PairedDifference:
    """A mean difference (first minus second) with its 95 % percentile interval."""

    value: float
    low: float
    high: float
    clusters: int


def paired_permutation(
    first: np.ndarray,
    second: np.ndarray,
    *,
    groups: Sequence[str],
    generator: np.random.Generator,
    draws: int = 10_000,
) -> PairedTest:
    """Sign-flip test of the mean difference of two models, one flip per cluster.

    With up to `EXACT_CLUSTERS` clusters every sign pattern is counted; with more, ``draws`` random ones
    beside the observed one, so that p is never 0.

    Args:
        first: ``(n,)`` score per clip of one model: correctness as 0 or 1, or any per-clip score.
        second: the same of the other model on the same clips.
        groups: ``n`` names; clips of one group are flipped together, "" is a group of its own.
        generator: the source of chance.
        draws: how many random patterns.

    Raises:
        ValueError: shapes differ, there are no clips, or a value is not finite.
    """
    difference, clusters = _paired(first, second, groups)
    sums = clusters.sums(difference)
    observed = abs(sums.sum())
    bound = observed - _ROUNDING * np.abs(sums).sum()
    if len(sums) <= EXACT_CLUSTERS:
        patterns = np.arange(2 ** len(sums))
        signs = 1 - 2 * (patterns[:, None] >> np.arange(len(sums)) & 1)
        p = float(np.mean(np.abs(signs @ sums) >= bound))
        return PairedTest(float(difference.mean()), p, len(sums), f"exact, {len(patterns)} sign patterns")
    extreme = 1
    for done in range(0, draws, _PIECE):
        shape = (min(_PIECE, draws - done), len(sums))
        signs = 1 - 2 * generator.integers(0, 2, size=shape, dtype=np.int8)
        extreme += int((np.abs(signs @ sums) >= bound).sum())
    p = extreme / (draws + 1)
    return PairedTest(float(difference.mean()), p, len(sums), f"{draws} random sign patterns")


def paired_bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    *,
    groups: Sequence[str],
    generator: np.random.Generator,
    resamples: int = 10_000,
) -> PairedDifference:
    """Mean per-clip difference with its 95 % interval, whole clusters drawn with replacement.

    Arguments and errors are those of `paired_permutation`; fewer than 2 clusters give NaN ends.
    """
    difference, clusters = _paired(first, second, groups)
    value, count = float(difference.mean()), len(clusters)
    if count < 2:
        return PairedDifference(value, float("nan"), float("nan"), count)
    sums, means = clusters.sums(difference), []
    for done in range(0, resamples, _PIECE):
        drawn = generator.integers(0, count, size=(min(_PIECE, resamples - done), count))
        means.append(sums[drawn].sum(axis=1) / clusters.sizes[drawn].sum(axis=1))
    return PairedDifference(value, *percentile_ends(np.concatenate(means)), count)


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> float:
    """Two-sided exact p of McNemar's test on two ``(n,)`` bool arrays; 1 where the models never differ.

    It takes clips as independent: where speakers repeat, use `paired_permutation`.

    Raises:
        ValueError: shapes differ, or the arrays are not bool.
    """
    if first_correct.ndim != 1 or first_correct.shape != second_correct.shape:
        raise ValueError(f"need two (n,) arrays, got {first_correct.shape} and {second_correct.shape}")
    if first_correct.dtype != bool or second_correct.dtype != bool:
        raise ValueError(f"need bool arrays, got {first_correct.dtype} and {second_correct.dtype}")
    only_first = int((first_correct & ~second_correct).sum())
    differ = int((first_correct != second_correct).sum())
    if not differ:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_first, differ, 0.5).pvalue)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's step-down correction: adjusted ``(tests,)`` p in the order given, at most 1.

    Raises:
        ValueError: not a row of numbers in [0, 1].
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError(f"need p values (tests,) in [0, 1], got {raw}")
    order = np.argsort(raw, kind="stable")
    stepped = raw[order] * np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def _paired(first: np.ndarray, second: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, Clusters]:
    if first.ndim != 1 or first.shape != second.shape or len(groups) != len(first) or not len(first):
        found = f"{first.shape}, {second.shape} and {len(groups)} groups"
        raise ValueError(f"need two (n,) arrays and n groups, got {found}")
    difference = first.astype(np.float64) - second.astype(np.float64)
    if not np.isfinite(difference).all():
        raise ValueError("scores must be finite")
    return difference, cluster_by(group_codes(groups))
