"""The interval algebra: tracks of any rate to given intervals (words, turns), to a rate, to one axis."""

from collections.abc import Mapping, Sequence

import numpy as np

from emofuse.types import Track

REDUCTIONS = ("mean", "max", "first", "last")


def to_intervals(
    track: Track, intervals: Sequence[tuple[float, float]] | np.ndarray, *, reduce: str = "mean"
) -> Track:
    """One frame an interval ``[start_s, end_s)``, of words for instance; the frames whose times lie inside are
    reduced, and an interval without a frame takes the one nearest to its middle.

    ``intervals`` is ``(intervals, 2)``, in any order, overlapping or not. Returns values ``(intervals, dim)``
    float32; times are the middles of the intervals.

    Raises:
        ValueError: an unknown reduction, an interval that ends before it starts or is not finite, an empty
            track, or one whose times run backwards.
    """
    if reduce not in REDUCTIONS:
        raise ValueError(f"reduce must be one of {REDUCTIONS}, got {reduce!r}")
    spans = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    _check(track, spans)
    first, last = np.searchsorted(track.times, spans.ravel(), side="left").reshape(-1, 2).T
    middles = spans.mean(axis=1)
    empty = last <= first
    starts = np.where(empty, _nearest(track.times, middles), first)
    ends = np.where(empty, starts + 1, last)
    return Track(_reduced(track.values, starts, ends, reduce), middles)


def to_rate(track: Track, rate: float, *, start_s: float = 0.0, end_s: float | None = None) -> Track:
    """The track at ``rate`` frames a second from ``start_s`` to ``end_s`` (the last frame if None)."""
    if rate <= 0:
        raise ValueError(f"rate must be positive, got {rate}")
    stop = end_s if end_s is not None else float(track.times[-1]) + 0.5 / rate if len(track) else start_s
    count = max(1, round((stop - start_s) * rate))
    edges = start_s + np.arange(count + 1) / rate
    return to_intervals(track, np.stack([edges[:-1], edges[1:]], axis=1))


def to_common_axis(tracks: Mapping[str, Track], rate: float) -> dict[str, Track]:
    """Every track at ``rate`` frames a second, from the earliest start to the latest end of all of them; a
    ``rate`` of 0 leaves each on its own axis.
    """
    if not rate:
        return dict(tracks)
    present = {name: track for name, track in tracks.items() if len(track)}
    if not present:
        return {}
    start_s = min(0.0, *(float(track.times[0]) for track in present.values()))
    end_s = max(float(track.times[-1]) for track in present.values()) + 0.5 / rate
    return {name: to_rate(track, rate, start_s=start_s, end_s=end_s) for name, track in present.items()}


def nearest(times: np.ndarray, time_s: float) -> int:
    """Index of the frame whose time is nearest; of two, the earlier."""
    return int(_nearest(times, np.array([time_s]))[0])


def overlap_s(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Seconds that two intervals share; 0 where they do not touch."""
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _check(track: Track, spans: np.ndarray) -> None:
    if not np.isfinite(spans).all():
        raise ValueError(f"interval {spans[~np.isfinite(spans).all(axis=1)][0].tolist()} is not finite")
    if (spans[:, 1] < spans[:, 0]).any():
        raise ValueError(f"interval {spans[spans[:, 1] < spans[:, 0]][0].tolist()} ends before it starts")
    if not len(track):
        raise ValueError("the track has no frames")
    # Written so that a time that is no number is refused too.
    if not (track.times[1:] >= track.times[:-1]).all() or not np.isfinite(track.times[0]):
        raise ValueError("the times of the track run backwards, or are not finite")


def _nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    after = np.searchsorted(times, wanted)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(times) - 1)
    return np.where(times[after] - wanted < wanted - times[before], after, before)


def _reduced(values: np.ndarray, starts: np.ndarray, ends: np.ndarray, how: str) -> np.ndarray:
    """Rows ``starts`` to ``ends`` of ``values``, none of them empty, each to one row."""
    if how in ("first", "last"):
        return values[starts if how == "first" else ends - 1].astype(np.float32)
    if not len(starts):
        return np.zeros((0, *values.shape[1:]), np.float32)
    # `reduceat` wants every bound to be a row: one more is there for the last.
    rows = np.concatenate([values, values[-1:]])
    bounds = np.stack([starts, ends], axis=1).ravel()
    if how == "max":
        return np.maximum.reduceat(rows, bounds)[::2].astype(np.float32)
    sums = np.add.reduceat(rows, bounds, dtype=np.float64)[::2]
    return (sums / (ends - starts)[:, None]).astype(np.float32)
