"""95 % intervals: percentile bootstrap over clips or whole groups, and Student's t over seeds.

Clips of one speaker are alike, so with enough groups whole groups are drawn (Davison & Hinkley 1997,
Bootstrap Methods and their Application, section 3.8). Percentiles of few clusters are too narrow, so they
are taken further out by as much as Student's t is wider (Hesterberg 2015, The American Statistician 69(4)).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

# With fewer groups the cluster bootstrap is too narrow and too coarse; the number is ours.
MIN_GROUPS = 8
# An interval is stated only where a metric has a value in at least this share of the resamples.
MIN_DEFINED = 0.9


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval; NaN ends where it cannot be had."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Clusters:
    """What the bootstrap draws: ``order`` ``(n,)`` lists clips cluster by cluster, ``starts`` and ``sizes``
    ``(clusters,)`` say where each begins and how many clips it has.
    """

    order: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    named: bool

    def __len__(self) -> int:
        return len(self.sizes)

    def members(self, drawn: np.ndarray) -> np.ndarray:
        """The clips of the drawn clusters, in the order drawn."""
        sizes = self.sizes[drawn]
        begins = np.cumsum(sizes) - sizes
        return self.order[np.repeat(self.starts[drawn] - begins, sizes) + np.arange(sizes.sum())]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums ``(clusters,)`` of ``(n,)`` values."""
        return np.add.reduceat(values[self.order], self.starts)


def group_codes(groups: Sequence[str]) -> np.ndarray:
    """``(n,)`` ints, equal where the group is; a clip of unknown group ("") is a group of its own."""
    named = [group or f"\0{place}" for place, group in enumerate(groups)]
    return np.unique(np.array(named, dtype=object).astype(str), return_inverse=True)[1].reshape(-1)


def cluster_by(codes: np.ndarray, *, named: bool = True) -> Clusters:
    """One cluster per value of ``codes`` ``(n,)``."""
    order = np.argsort(codes, kind="stable")
    _, starts, sizes = np.unique(codes[order], return_index=True, return_counts=True)
    return Clusters(order, starts, sizes, named)


def choose_clusters(groups: Sequence[str]) -> Clusters:
    """Clusters by group where there are at least `MIN_GROUPS` of them, else each clip by itself."""
    codes = group_codes(groups)
    count = len(np.unique(codes))
    if MIN_GROUPS <= count < len(codes):
        return cluster_by(codes)
    return cluster_by(np.arange(len(codes)), named=False)


def describe(clusters: Clusters, *, resamples: int) -> str:
    """How the interval is made, in words."""
    if len(clusters) < 2:
        return f"no interval: {len(clusters)} clips"
    if not resamples:
        return "no interval: no resamples"
    kind = "cluster bootstrap" if clusters.named else "bootstrap"
    unit = "groups" if clusters.named else "clips"
    return f"95 % {kind} over {len(clusters)} {unit}, {resamples} resamples"


def resampled(
    clusters: Clusters, *, generator: np.random.Generator, resamples: int
) -> Iterator[np.ndarray]:
    """Clip indices of one bootstrap resample after the other."""
    for _ in range(resamples):
        yield clusters.members(generator.integers(0, len(clusters), size=len(clusters)))


def bootstrap_intervals(
    statistic: Callable[[np.ndarray], Sequence[float]],
    clusters: Clusters,
    *,
    generator: np.random.Generator,
    resamples: int = 1000,
) -> list[Interval]:
    """Values of ``statistic`` on all clips, with their percentile intervals from the same resamples.

    Args:
        statistic: from clip indices ``(m,)`` to ``k`` values.
        clusters: what is drawn with replacement.
        generator: the source of chance.
        resamples: how many draws; 0 takes no interval.

    Returns:
        ``k`` intervals; ends are NaN without draws, for fewer than 2 clusters, or where the statistic is undefined in
        more than a tenth of the resamples.
    """
    values = statistic(np.arange(len(clusters.order)))
    if len(clusters) < 2 or not resamples:
        return [Interval(value, float("nan"), float("nan")) for value in values]
    draws = np.array(
        [statistic(rows) for rows in resampled(clusters, generator=generator, resamples=resamples)]
    )
    return [
        Interval(value, *percentile_ends(column, clusters=len(clusters)))
        for value, column in zip(values, draws.T, strict=True)
    ]


def percentile_ends(draws: np.ndarray, *, clusters: int | None = None) -> tuple[float, float]:
    """The ends of the 95 % interval of ``(resamples,)`` draws; NaN where too many are undefined.

    Args:
        draws: values of resamples.
        clusters: how many clusters were drawn from, at least 2; without it the 2.5 % and 97.5 % points.
    """
    known = draws[~np.isnan(draws)]
    if not known.size or known.size < MIN_DEFINED * draws.size:
        return float("nan"), float("nan")
    tail = 0.025 if clusters is None else tail_share(clusters)
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


@cache
def tail_share(clusters: int) -> float:
    """The share of draws beyond either end of a 95 % interval from ``clusters`` clusters: below 0.025, near it
    where there are many.

    Raises:
        ValueError: fewer than 2 clusters.
    """
    if clusters < 2:
        raise ValueError(f"need at least 2 clusters, got {clusters}")
    from scipy.stats import norm, t

    return float(norm.cdf(t.ppf(0.025, clusters - 1) * np.sqrt(clusters / (clusters - 1))))


def t_interval(values: Sequence[float] | np.ndarray) -> Interval:
    """Mean over runs (seeds, folds) with Student's 95 % interval; NaN ends for fewer than 2 runs.

    Raises:
        ValueError: not a row of finite numbers.
    """
    runs = np.asarray(values, dtype=np.float64)
    if runs.ndim != 1 or not np.isfinite(runs).all():
        raise ValueError(f"need finite values (runs,), got shape {runs.shape}")
    if runs.size < 2:
        return Interval(float(runs.mean()) if runs.size else float("nan"), float("nan"), float("nan"))
    from scipy.stats import t

    half = float(t.ppf(0.975, runs.size - 1) * runs.std(ddof=1) / np.sqrt(runs.size))
    mean = float(runs.mean())
    return Interval(mean, mean - half, mean + half)
