"""Several models on the same clips: mean over seeds, interval over clusters and seeds, paired tests.

An interval draws whole clusters (speakers, dialogues) and, independently, seeds, each with replacement,
since both would be others in a repetition (the crossed bootstrap of Owen & Eckles 2012, with resampling
for reweighting). A paired test exchanges two models' predictions of whole clusters and averages over
seeds (Noreen 1989); its p values are corrected over the models by Holm's procedure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from emofuse.errors import DatasetError
from emofuse.evaluation.intervals import Clusters, choose_clusters, describe, percentile_ends
from emofuse.evaluation.report import scorer
from emofuse.evaluation.significance import holm
from emofuse.types import Metric, Predictions


@dataclass(frozen=True)
class Published:
    """A number from a paper and how it came about: honest, test-selected, leaked or unknown."""

    value: float
    protocol: str = "unknown"
    source: str = ""


@dataclass(frozen=True)
class Cost:
    """What one run costs: ``parameters`` that learn, seconds an epoch, peak memory of its process in MB;
    None where it was not recorded.
    """

    parameters: int | None = None
    epoch_s: float | None = None
    peak_mb: float | None = None


@dataclass(frozen=True, eq=False)
class Entrant:
    """A model with its predictions of the same clips, one for each seed."""

    title: str
    runs: tuple[Predictions, ...]
    cost: Cost = Cost()
    published: Published | None = None


@dataclass(frozen=True)
class Standing:
    """One model's row: the mean over seeds with its 95 % interval, each seed's value, and against the best
    model the difference with its interval and the corrected ``p`` (None for the best itself).
    """

    title: str
    value: float
    low: float
    high: float
    seeds: tuple[float, ...]
    behind: float
    behind_low: float
    behind_high: float
    p: float | None
    cost: Cost = Cost()
    published: Published | None = None


@dataclass(frozen=True)
class Standings:
    """All rows of one dataset in the order given, the title of the best, and how it was computed."""

    dataset: str
    metric: str
    higher_is_better: bool
    n: int
    interval: str
    rows: tuple[Standing, ...]
    best: str
    protocol: str = ""
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; NaN becomes null."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def compare_entrants(
    entrants: Sequence[Entrant],
    metric: Metric,
    *,
    dataset: str,
    generator: np.random.Generator,
    resamples: int = 2000,
    protocol: str = "",
) -> Standings:
    """Score every entrant on the clips that all of them predicted, and test each against the best.

    Raises:
        DatasetError: there is no entrant, or no clip that all predicted.
        ConfigError: the metric needs labels or ratings that the task does not have.
    """
    if not entrants:
        raise DatasetError(f"{dataset}: there is no finished model to compare")
    shared = sorted(set.intersection(*(set(run.ids) for one in entrants for run in one.runs)))
    if not shared:
        raise DatasetError(f"{dataset}: the models have no test clip in common")
    tables = [[_Scored.on(run, shared, metric) for run in one.runs] for one in entrants]
    clips = np.flatnonzero(np.logical_and.reduce([one.clips for runs in tables for one in runs]))
    first = entrants[0].runs[0]
    group_of = dict(zip(first.ids, first.groups, strict=True))
    clusters = choose_clusters([group_of[shared[row]] for row in clips])
    values = [[one.value(clips) for one in runs] for runs in tables]
    means = np.array([np.mean(one) for one in values])
    sign = 1.0 if metric.higher_is_better else -1.0
    best = int(np.nanargmax(sign * means)) if np.isfinite(means).any() else 0
    draws = _bootstrap(tables, clips, clusters, generator=generator, resamples=resamples)
    raw = [
        None if place == best else _exchange(tables[best], runs, clips, clusters, generator, resamples)
        for place, runs in enumerate(tables)
    ]
    rows = _rows(entrants, values, draws, best, _corrected(raw), clusters=len(clusters))
    most = max(len(run.ids) for one in entrants for run in one.runs)
    notes = (f"{most - len(shared)} clips left out that some model lacks",) if most > len(shared) else ()
    how = f"{describe(clusters, resamples=resamples)}, seeds drawn too"
    return Standings(
        dataset,
        metric.name,
        metric.higher_is_better,
        len(clips),
        how,
        rows,
        entrants[best].title,
        protocol,
        notes,
    )


@dataclass(frozen=True, eq=False)
class _Scored:
    """Predictions in the shared order, with the function that scores some of their rows."""

    made: Predictions
    clips: np.ndarray
    metric: Metric

    @classmethod
    def on(cls, made: Predictions, shared: Sequence[str], metric: Metric) -> "_Scored":
        """The predictions of ``shared``, in that order."""
        place = {name: row for row, name in enumerate(made.ids)}
        rows = np.array([place[name] for name in shared])
        ordered = Predictions(
            ids=tuple(shared), task=made.task, scores=made.scores[rows],
            probabilities=made.probabilities[rows], truth=made.truth[rows], ratings=made.ratings[rows],
            rating_truth=made.rating_truth[rows], groups=tuple(made.groups[row] for row in rows),
        )  # fmt: skip
        return cls(ordered, scorer(metric, ordered)[0], metric)

    def value(self, rows: np.ndarray) -> float:
        return scorer(self.metric, self.made)[1](rows)


def _bootstrap(
    tables: Sequence[Sequence[_Scored]],
    clips: np.ndarray,
    clusters: Clusters,
    *,
    generator: np.random.Generator,
    resamples: int,
) -> np.ndarray:
    """Means over drawn seeds on drawn clusters, ``(resamples, models)``; all models share their clips."""
    scores = [[scorer(one.metric, one.made)[1] for one in runs] for runs in tables]
    draws = np.full((resamples, len(tables)), np.nan)
    if len(clusters) < 2:
        return draws
    for draw in range(resamples):
        rows = clips[clusters.members(generator.integers(0, len(clusters), size=len(clusters)))]
        for place, runs in enumerate(scores):
            chosen = generator.integers(0, len(runs), size=len(runs))
            draws[draw, place] = np.mean([runs[seed](rows) for seed in chosen])
    return draws


def _exchange(
    best: Sequence[_Scored],
    other: Sequence[_Scored],
    clips: np.ndarray,
    clusters: Clusters,
    generator: np.random.Generator,
    draws: int,
) -> float:
    """Two-sided p: how often models that swap whole clusters at random differ as much as they do."""
    pairs = [
        (best[seed % len(best)], other[seed % len(other)]) for seed in range(max(len(best), len(other)))
    ]

    def difference(swapped: np.ndarray) -> float:
        return float(np.mean([_swapped(one, two, swapped, clips) for one, two in pairs]))

    observed = abs(difference(np.zeros(len(clips), dtype=bool)))
    # Sums that differ by rounding only count as equal.
    bound = observed - 1e-12
    extreme = 1
    cluster_of = np.empty(len(clips), dtype=int)
    cluster_of[clusters.order] = np.repeat(np.arange(len(clusters)), clusters.sizes)
    for _ in range(draws):
        flips = generator.integers(0, 2, size=len(clusters)).astype(bool)
        extreme += abs(difference(flips[cluster_of])) >= bound
    return extreme / (draws + 1)


def _swapped(one: _Scored, two: _Scored, swapped: np.ndarray, clips: np.ndarray) -> float:
    first, second = _mixed(one.made, two.made, clips, swapped), _mixed(two.made, one.made, clips, swapped)
    rows = np.arange(len(clips))
    return scorer(one.metric, first)[1](rows) - scorer(one.metric, second)[1](rows)


def _mixed(one: Predictions, two: Predictions, clips: np.ndarray, swapped: np.ndarray) -> Predictions:
    """``one``'s predictions of ``clips``, and ``two``'s of those that are swapped."""

    def pick(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.where(swapped[:, None], second[clips], first[clips])

    return Predictions(
        ids=tuple(one.ids[row] for row in clips), task=one.task, scores=pick(one.scores, two.scores),
        probabilities=pick(one.probabilities, two.probabilities), truth=one.truth[clips],
        ratings=pick(one.ratings, two.ratings), rating_truth=one.rating_truth[clips],
        groups=tuple(one.groups[row] for row in clips),
    )  # fmt: skip


def _corrected(raw: Sequence[float | None]) -> list[float | None]:
    adjusted = iter(holm([p for p in raw if p is not None]).tolist())
    return [None if p is None else next(adjusted) for p in raw]


def _rows(
    entrants: Sequence[Entrant],
    values: Sequence[Sequence[float]],
    draws: np.ndarray,
    best: int,
    p_values: Sequence[float | None],
    *,
    clusters: int,
) -> tuple[Standing, ...]:
    rows = []
    for place, one in enumerate(entrants):
        mean = float(np.mean(values[place]))
        behind = float(np.mean(values[best])) - mean
        low, high = percentile_ends(draws[:, place], clusters=clusters)
        ends = (
            (0.0, 0.0)
            if place == best
            else percentile_ends(draws[:, best] - draws[:, place], clusters=clusters)
        )
        facts = (one.title, mean, low, high, tuple(values[place]), behind, *ends, p_values[place])
        rows.append(Standing(*facts, cost=one.cost, published=one.published))
    return tuple(rows)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
