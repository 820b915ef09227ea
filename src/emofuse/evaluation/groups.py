"""Results by group of clips (speaker, label, source, length, any other), and the largest gap between groups.

The largest of many gaps is chosen because it is large, so its interval holds for all pairs of groups at once:
its half-width is the 95 % point of the largest error of any difference over the resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emofuse.evaluation.intervals import (
    MIN_DEFINED,
    MIN_GROUPS,
    Clusters,
    cluster_by,
    group_codes,
    percentile_ends,
    tail_share,
)
from emofuse.evaluation.report import scorer
from emofuse.types import Clip, Metric, Predictions


@dataclass(frozen=True)
class GroupScore:
    """One group: how many clips and clusters (speakers) of it were scored, the value, its 95 % interval."""

    group: str
    n: int
    clusters: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Gap:
    """The largest difference between two groups (``top`` less ``bottom``) with its interval, not below 0.

    A lower end of 0 says that chance may have made it.
    """

    top: str
    bottom: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GroupReport:
    """Scores by group in the order of their names, the largest gap (None for fewer than two groups of enough
    clips), how the intervals were made, and what was left out.
    """

    metric: str
    rows: tuple[GroupScore, ...]
    gap: Gap | None
    interval: str
    notes: tuple[str, ...] = ()


def group_scores(
    predictions: Predictions,
    metric: Metric,
    *,
    grouping: Mapping[str, str],
    generator: np.random.Generator,
    resamples: int = 1000,
    min_clips: int = 10,
) -> GroupReport:
    """Score each group by itself.

    Whole clusters (`Predictions.groups`) are drawn: within each group where a cluster belongs to one group, all
    together where clusters have clips in several. Where a group is a single cluster, or there are fewer
    than 8, clips are drawn within each group; the interval then says nothing about other speakers.

    Args:
        predictions: what was predicted, and the truth.
        metric: a metric of kind ``"ratings"`` is the mean over the task's ratings.
        grouping: clip id to group; clips without one, or in "", are left out.
        generator: the source of chance.
        resamples: how many bootstrap draws.
        min_clips: groups with fewer clips (or of one cluster among crossing ones) are shown and do not enter
            the gap.

    Raises:
        ConfigError: the metric needs labels or ratings that the task does not have.
        ValueError: no scored clip has a group.
    """
    clips, value = scorer(metric, predictions)
    names = np.array([grouping.get(one, "") for one in predictions.ids], dtype=object)
    used = np.flatnonzero(clips & (names != ""))
    if not used.size:
        raise ValueError(f"none of {len(predictions.ids)} clips has both a group and what is to be scored")
    groups, codes = np.unique(names[used].astype(str), return_inverse=True)
    clusters = group_codes([predictions.groups[row] for row in used])
    draw, counts, how = _drawing(codes.reshape(-1), clusters, len(groups))
    values = np.array([value(used[codes == place]) for place in range(len(groups))])
    draws = np.array(
        [[value(used[rows]) if rows.size else np.nan for rows in draw(generator)] for _ in range(resamples)]
    )
    sizes = np.bincount(codes, minlength=len(groups))
    rows = tuple(
        GroupScore(str(name), int(sizes[place]), _held(codes, clusters, place), float(values[place]), *ends)
        for place, name in enumerate(groups)
        for ends in [_ends(draws[:, place], counts[place])]
    )
    enough = (sizes >= min_clips) & (counts > 1) & ~np.isnan(values)
    gap = _gap(groups[enough], values[enough], draws[:, enough], counts[enough])
    return GroupReport(metric.name, rows, gap, how, _notes(clips, used, groups[~enough], min_clips))


def attribute_groups(clips: Sequence[Clip], attribute: str) -> dict[str, str]:
    """Clip id to one of the clip's own facts: speaker, label, source, dialogue or split; unknown is left out.

    Raises:
        ValueError: clips have no such fact to group by.
    """
    known = ("speaker", "label", "source", "dialogue", "split")
    if attribute not in known:
        raise ValueError(f"clips are grouped by {', '.join(known)}, got {attribute!r}")
    return {clip.id: found for clip in clips if (found := getattr(clip, attribute))}


def binned_groups(values: Mapping[str, float], edges: Sequence[float], *, unit: str = "") -> dict[str, str]:
    """Clip id to a bin of its value (a length, an intensity), named for its ends; NaN is left out.

    Args:
        values: clip id to number.
        edges: rising; an edge belongs to the bin above it.
        unit: written behind the ends.

    Raises:
        ValueError: there is no edge, or they do not rise.
    """
    cuts = np.asarray(edges, dtype=np.float64)
    if not cuts.size or not (np.diff(cuts) > 0).all():
        raise ValueError(f"need rising edges, got {list(edges)}")
    shown = [f"{edge:g}" for edge in cuts]
    tail = f" {unit}" if unit else ""
    between = [f"{low} to {high}{tail}" for low, high in pairwise(shown)]
    names = [f"below {shown[0]}{tail}", *between, f"{shown[-1]}{tail} and above"]
    return {
        name: names[int(np.searchsorted(cuts, value, side="right"))]
        for name, value in values.items()
        if not np.isnan(value)
    }


def lengths_s(clips: Sequence[Clip]) -> dict[str, float]:
    """Clip id to length in seconds, of the clips that say where they start and end."""
    return {
        clip.id: clip.end_s - clip.start_s
        for clip in clips
        if clip.start_s is not None and clip.end_s is not None
    }


def word_counts(clips: Sequence[Clip]) -> dict[str, float]:
    """Clip id to the number of its words, of the clips that have a text."""
    return {clip.id: float(len(clip.text.split())) for clip in clips if clip.text is not None}


_Draw = Callable[[np.random.Generator], list[np.ndarray]]


def _drawing(codes: np.ndarray, clusters: np.ndarray, groups: int) -> tuple[_Draw, np.ndarray, str]:
    """What draws rows for each group, what each group's interval rests on ``(groups,)``, and in words."""
    held = np.array([_held(codes, clusters, place) for place in range(groups)])
    total = len(np.unique(clusters))
    if total >= MIN_GROUPS and held.sum() > total:
        together = cluster_by(clusters)

        def crossing(generator: np.random.Generator) -> list[np.ndarray]:
            rows = together.members(generator.integers(0, total, size=total))
            return [rows[codes[rows] == place] for place in range(groups)]

        return crossing, held, f"95 % cluster bootstrap over {total} clusters with clips in several groups"
    whole = MIN_GROUPS <= total < len(codes) and held.min() > 1
    places = [np.flatnonzero(codes == place) for place in range(groups)]
    parts = [cluster_by(clusters[rows] if whole else np.arange(len(rows))) for rows in places]

    def within(generator: np.random.Generator) -> list[np.ndarray]:
        return [rows[_members(part, generator)] for rows, part in zip(places, parts, strict=True)]

    unit = "clusters" if whole else "clips"
    return within, np.array([len(part) for part in parts]), f"95 % bootstrap over {unit} within each group"


def _members(part: Clusters, generator: np.random.Generator) -> np.ndarray:
    return part.members(generator.integers(0, len(part), size=len(part)))


def _held(codes: np.ndarray, clusters: np.ndarray, place: int) -> int:
    return len(np.unique(clusters[codes == place]))


def _ends(draws: np.ndarray, clusters: int) -> tuple[float, float]:
    return percentile_ends(draws, clusters=clusters) if clusters > 1 else (float("nan"), float("nan"))


def _gap(names: np.ndarray, values: np.ndarray, draws: np.ndarray, counts: np.ndarray) -> Gap | None:
    if len(names) < 2:
        return None
    top, bottom = int(values.argmax()), int(values.argmin())
    value = float(values[top] - values[bottom])
    # The largest error of a difference between any two groups is the range of the groups' own errors.
    errors = np.ptp(draws - values, axis=1)
    known = errors[~np.isnan(errors)]
    if known.size < MIN_DEFINED * errors.size:
        return Gap(str(names[top]), str(names[bottom]), value, float("nan"), float("nan"))
    half = float(np.quantile(known, 1 - 2 * tail_share(int(counts.min()))))
    return Gap(str(names[top]), str(names[bottom]), value, max(0.0, value - half), value + half)


def _notes(clips: np.ndarray, used: np.ndarray, small: np.ndarray, min_clips: int) -> tuple[str, ...]:
    notes = []
    if lost := int(clips.sum()) - len(used):
        notes.append(f"{lost} clips left out whose group is unknown")
    if small.size:
        notes.append(
            f"not in the gap, fewer than {min_clips} clips, a single speaker or no value: {', '.join(small)}"
        )
    return tuple(notes)
