"""Is one model better than another on the same clips? Paired tests that keep whole clusters together.

Clips of one speaker share their luck, so the sign of a difference is flipped, and clusters are drawn,
per cluster (Dietterich 1998 on McNemar's test; Holm 1979 on several tests at once). Seeds are a second source
of chance, crossed with the clips (Searle, Casella & McCulloch 1992, Variance Components, chapter 4).
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


@dataclass(frozen=True)
class SeedEffect:
    """A mean over seeds and clips (or the first less the second of two) with its 95 % interval.

    ``seed_error`` and ``cluster_error`` are the standard errors that seeds and clusters bring each by itself,
    ``p`` is two-sided against 0.
    """

    value: float
    low: float
    high: float
    p: float
    seed_error: float
    cluster_error: float


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
    return PairedDifference(value, *percentile_ends(np.concatenate(means), clusters=count), count)


def seed_effect(scores: np.ndarray, *, groups: Sequence[str]) -> SeedEffect:
    """Mean of a model that was trained with several seeds: its interval is for other clips and other seeds.

    Args:
        scores: ``(seeds, n)`` score per clip of each run.
        groups: ``n`` names; clips of one group are one cluster, "" is a group of its own.

    Returns:
        NaN ends and errors for fewer than 2 seeds or 2 clusters.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    return _crossed([_runs(scores, groups)], cluster_by(group_codes(groups)))


def paired_seed_effect(first: np.ndarray, second: np.ndarray, *, groups: Sequence[str]) -> SeedEffect:
    """Difference of two models, each with its own seeds, on the same clips.

    Args:
        first: ``(seeds, n)`` score per clip of each run of one model.
        second: the same of the other, with as many seeds or another count.
        groups: ``n`` names; clips of one group are one cluster, "" is a group of its own.

    Returns:
        NaN ends and errors for fewer than 2 seeds of either, or 2 clusters.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    return _crossed([_runs(first, groups), -_runs(second, groups)], cluster_by(group_codes(groups)))


def resolvable_difference(
    first: np.ndarray, second: np.ndarray, *, groups: Sequence[str], power: float = 0.8
) -> float:
    """The smallest true difference that a paired test at 5 % finds with chance ``power`` on these clips.

    It rests on how much the per-clip differences of these two models scatter between clusters; arguments and
    errors are those of `paired_permutation`. NaN for fewer than 2 clusters.
    """
    difference, clusters = _paired(first, second, groups)
    if len(clusters) < 2:
        return float("nan")
    from scipy.stats import t

    free = len(clusters) - 1
    error = np.sqrt(_cluster_variance(_shifts(difference[None], clusters)[0]))
    return float((t.ppf(0.975, free) + t.ppf(power, free)) * error)


def accuracy_half_width(accuracy: float, clips: int) -> float:
    """Half of the 95 % interval of one model's accuracy on so many independent clips (normal approximation).

    Raises:
        ValueError: the accuracy lies outside [0, 1], or there is no clip.
    """
    if not (0 <= accuracy <= 1 and clips > 0):
        raise ValueError(f"need an accuracy in [0, 1] and clips, got {accuracy} and {clips}")
    return float(1.959963984540054 * np.sqrt(accuracy * (1 - accuracy) / clips))


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


def _runs(scores: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    if scores.ndim != 2 or not scores.size or scores.shape[1] != len(groups):
        raise ValueError(
            f"need (seeds, n) scores and n groups, got {scores.shape} and {len(groups)} groups"
        )
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    return scores.astype(np.float64)


def _crossed(models: Sequence[np.ndarray], clusters: Clusters) -> SeedEffect:
    """The sum of models' means; what seeds and clusters bring together is in both errors, so it is taken out
    once. Degrees of freedom are Satterthwaite's.
    """
    value = float(sum(scores.mean() for scores in models))
    if len(clusters) < 2 or min(len(scores) for scores in models) < 2:
        return SeedEffect(value, *[float("nan")] * 5)
    shifts = [_shifts(scores, clusters) for scores in models]
    of_seeds = np.array([scores.mean(axis=1).var(ddof=1) / len(scores) for scores in models])
    of_clusters = _cluster_variance(sum(one.mean(axis=0) for one in shifts))
    both = sum(_cluster_variance(one - one.mean(axis=0)) / (len(one) * (len(one) - 1)) for one in shifts)
    variance = max(of_seeds.sum() + of_clusters - both, of_seeds.sum(), of_clusters)
    errors = float(np.sqrt(of_seeds.sum())), float(np.sqrt(of_clusters))
    if not variance:
        return SeedEffect(value, value, value, float(not value), *errors)
    from scipy.stats import t

    spread = sum(one**2 / (len(scores) - 1) for one, scores in zip(of_seeds, models, strict=True))
    free = variance**2 / (spread + of_clusters**2 / (len(clusters) - 1))
    half = float(t.ppf(0.975, free) * np.sqrt(variance))
    p = float(2 * t.sf(abs(value) / np.sqrt(variance), free))
    return SeedEffect(value, value - half, value + half, p, *errors)


def _shifts(scores: np.ndarray, clusters: Clusters) -> np.ndarray:
    """How far each cluster moves the mean of each run, ``(runs, clusters)``; they sum to 0."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.array([clusters.sums(row) for row in centred]) / scores.shape[1]


def _cluster_variance(shifts: np.ndarray) -> float:
    """Variance of a mean from the ``(..., clusters)`` shifts of its clusters."""
    count = shifts.shape[-1]
    return float((shifts**2).sum() * count / (count - 1))
