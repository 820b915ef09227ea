"""Whether an attribution tells what the model really uses: deletion and insertion curves (Petsiuk et al. 2018,
https://arxiv.org/abs/1806.07421), against taking frames in random order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation.attribution import Target
from emofuse.evaluation.frame_attribution import FrameAttribution, targets_of, with_frames
from emofuse.evaluation.intervals import Interval
from emofuse.evaluation.passes import Subject
from emofuse.types import Sample


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Curves over ``fractions`` ``(points,)`` of all frames, from 0 to 1, averaged over clips.

    ``deletion`` ``(points,)`` is the target as the frames go that speak most for it, ``insertion`` as they come;
    the ``random_`` ones take any order. The areas are the means under the curves: a faithful attribution has a small
    area of deletion and a large one of insertion. The gains say by how much it is better than random order, clip by
    clip, with the 95 % interval of their mean.
    """

    fractions: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray
    deletion_area: float
    insertion_area: float
    deletion_gain: Interval
    insertion_gain: Interval


def measure_faithfulness(
    subject: Subject,
    samples: Sequence[Sample],
    attributions: Sequence[FrameAttribution],
    *,
    target: Target | None = None,
    points: int = 11,
    orders: int = 5,
    seed: int = 0,
) -> Faithfulness:
    """Delete and insert frames by their attribution, and in ``orders`` random orders of the same clip.

    Frames are cut out of the clip; at the fraction 1 of deletion (0 of insertion) nothing is left, so that the curve
    ends at what the model says of nothing. The default target is the probability of the class that was explained.

    Raises:
        ConfigError: the attributions are not those of the samples, or fewer than 2 points.
        DatasetError: there is no clip.
    """
    goal = target or Target("probability")
    if [one.id for one in attributions] != [sample.id for sample in samples]:
        raise ConfigError("there must be one attribution for each clip, in the same order")
    if points < 2 or orders < 1:
        raise ConfigError(f"need 2 points and 1 order or more, got {points} and {orders}")
    if not len(samples):
        raise DatasetError(f"{subject.name}: there is no clip to try an attribution on")
    fractions = np.linspace(0, 1, points)
    draws = np.random.default_rng(seed)
    rows = []
    for sample, given in zip(samples, attributions, strict=True):
        frames = [(name, place) for name, values in given.values.items() for place in range(len(values))]
        strength = np.concatenate([given.values[name] for name in given.values])
        ranked = np.argsort(-strength, kind="stable")
        shuffled = [draws.permutation(len(frames)) for _ in range(orders)]
        curves = _curves(subject, sample, frames, (ranked, *shuffled), goal, given.column, fractions)
        rows.append((curves[0, 0], curves[0, 1], curves[1:, 0].mean(axis=0), curves[1:, 1].mean(axis=0)))
    deletion, insertion, random_deletion, random_insertion = (
        np.stack(part) for part in zip(*rows, strict=True)
    )
    areas = [_area(part, fractions) for part in (deletion, insertion, random_deletion, random_insertion)]
    return Faithfulness(
        fractions, deletion.mean(axis=0), insertion.mean(axis=0),
        random_deletion.mean(axis=0), random_insertion.mean(axis=0),
        deletion_area=float(areas[0].mean()), insertion_area=float(areas[1].mean()),
        deletion_gain=_mean_interval(areas[2] - areas[0]), insertion_gain=_mean_interval(areas[1] - areas[3]),
    )  # fmt: skip


def _curves(
    subject: Subject,
    sample: Sample,
    frames: Sequence[tuple[str, int]],
    orders: Sequence[np.ndarray],
    goal: Target,
    column: int,
    fractions: np.ndarray,
) -> np.ndarray:
    """``(orders, 2, points)``: the target under deletion and under insertion."""
    counts = np.round(fractions * len(frames)).astype(int)
    variants = []
    for order in orders:
        for count in counts:
            variants.append(_only(sample, frames, order[count:]))
        for count in counts:
            variants.append(_only(sample, frames, order[:count]))
    _, values = targets_of(subject, variants, target=goal, column=column)
    return values.reshape(len(orders), 2, len(fractions))


def _only(sample: Sample, frames: Sequence[tuple[str, int]], chosen: np.ndarray) -> Sample:
    kept: dict[str, list[int]] = {name: [] for name, _ in frames}
    for place in np.sort(chosen):
        name, frame = frames[place]
        kept[name].append(frame)
    return with_frames(sample, {name: np.array(places, dtype=int) for name, places in kept.items()})


def _area(curves: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Area ``(n,)`` under ``(n, points)`` curves by trapezia."""
    return ((curves[:, 1:] + curves[:, :-1]) / 2 * np.diff(fractions)).sum(axis=1)


def _mean_interval(values: np.ndarray) -> Interval:
    """The mean of clips with Student's 95 % interval; NaN ends for a single one."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, float("nan"), float("nan"))
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)
