"""The interval algebra: tracks of any rate to given intervals (words, turns), to a rate, to one axis."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from emofuse.types import Track

REDUCTIONS = ("mean", "max", "first", "last")


def to_intervals(track: Track, intervals: Sequence[tuple[float, float]], *, reduce: str = "mean") -> Track:
    """One frame an interval ``[start_s, end_s)``; the frames inside are reduced, and an interval without
    a frame takes the nearest one.

    Returns values ``(intervals, dim)`` float32; times are the middles of the intervals.

    Raises:
        ValueError: an unknown reduction, an interval that ends before it starts, or an empty track.
    """
    if reduce not in REDUCTIONS:
        raise ValueError(f"reduce must be one of {REDUCTIONS}, got {reduce!r}")
    spans = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    if (spans[:, 1] < spans[:, 0]).any():
        raise ValueError(f"interval {spans[spans[:, 1] < spans[:, 0]][0].tolist()} ends before it starts")
    if not len(track):
        raise ValueError("the track has no frames")
    first = np.searchsorted(track.times, spans[:, 0], side="left")
    last = np.searchsorted(track.times, spans[:, 1], side="left")
    middles = spans.mean(axis=1)
    rows = [
        _reduce(track.values[a:b], reduce) if b > a else track.values[nearest(track.times, middle)]
        for a, b, middle in zip(first, last, middles, strict=True)
    ]
    values = np.stack(rows).astype(np.float32) if rows else np.zeros((0, track.values.shape[1]), np.float32)
    return Track(values, middles)


def to_rate(track: Track, rate: float, *, start_s: float = 0.0, end_s: float | None = None) -> Track:
    """The track at ``rate`` frames a second from ``start_s`` to ``end_s`` (the last frame if None)."""
    if rate <= 0:
        raise ValueError(f"rate must be positive, got {rate}")
    stop = end_s if end_s is not None else float(track.times[-1]) + 0.5 / rate if len(track) else start_s
    count = max(1, round((stop - start_s) * rate))
    edges = start_s + np.arange(count + 1) / rate
    return to_intervals(track, list(pairwise(edges)))


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
    after = int(np.searchsorted(times, time_s))
    if after == 0:
        return 0
    if after == len(times):
        return len(times) - 1
    return after if times[after] - time_s < time_s - times[after - 1] else after - 1


def overlap_s(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Seconds that two intervals share; 0 where they do not touch."""
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _reduce(values: np.ndarray, how: str) -> np.ndarray:
    if how == "mean":
        return values.mean(axis=0)
    if how == "max":
        return values.max(axis=0)
    return values[0] if how == "first" else values[-1]
