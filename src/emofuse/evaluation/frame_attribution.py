"""How much each frame has in a prediction: integrated gradients and occlusion, for any model of the house.

Integrated gradients: Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365; Gauss-Legendre nodes instead of
equal steps. Occlusion: Zeiler & Fergus 2014, over windows of time; the frames are cut out of the clip, as if they
had not been recorded, or replaced by the clip's mean frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.evaluation.attribution import Target, check_target, columns_of, explained, said
from emofuse.evaluation.passes import Subject
from emofuse.evaluation.workload import word_table
from emofuse.types import Batch, Sample, Track

FILLS = ("cut", "mean")


@dataclass(frozen=True, eq=False)
class FrameAttribution:
    """One prediction over time. By modality that the clip has: ``values`` ``(frames,)`` what each frame adds to the
    target, at ``times`` ``(frames,)``, those of its track (seconds; positions for text).

    ``output`` is the target on the whole clip and ``base`` on the baseline, ``column`` the class or rating.
    ``gap`` is ``output - base`` minus the sum of all values: what is lost to the steps of integrated gradients
    (more nodes make it smaller); occlusion makes no promise of a sum, and its gap is NaN.
    """

    id: str
    method: str
    column: int
    values: Mapping[str, np.ndarray]
    times: Mapping[str, np.ndarray]
    output: float
    base: float
    gap: float


def integrated_gradients(
    subject: Subject,
    sample: Sample,
    *,
    target: Target | None = None,
    baselines: Mapping[str, np.ndarray] | None = None,
    nodes: int = 64,
) -> FrameAttribution:
    """Gradients along the straight path from a baseline to the clip, summed over each frame's features.

    ``baselines`` are frames ``(dim,)`` by modality, zeros where none is given (the mean of standardised features).
    Of ids that the model looks up in a table the path is one of their embeddings, from zeros. What is explained is
    a "score" (the default) or a "rating", or the softmax's "probability" or "log_odds" before calibration: a
    calibrator has no gradient here.

    Raises:
        ConfigError: the model cannot be differentiated, or lacks the target.
    """
    goal = target or Target("score")
    check_target(goal, subject)
    if not isinstance(subject.model, nn.Module):
        raise ConfigError(f"{subject.name}: integrated gradients need a torch module")
    model = subject.model.eval()
    batch = collate([sample], subject.dims).to(subject.engine.device)
    scores, _, _ = said(subject, batch)
    column = int(columns_of(replace(subject, calibrate=_same), scores, target=goal)[0])
    path = _Path(model, batch, baselines or {})
    weights, sums = _legendre(nodes), dict.fromkeys(sample.tracks, 0.0)
    totals: dict[str, Tensor] = {}
    for place, weight in weights:
        gradients = path.gradients(place, lambda output: _value(output, goal.kind, column))
        for name, gradient in gradients.items():
            totals[name] = totals.get(name, torch.zeros_like(gradient)) + weight * gradient
    values = {
        name: (totals[name] * path.steps[name])
        .sum(dim=2)[0]
        .double()
        .cpu()
        .numpy()[: len(sample.tracks[name])]
        for name in path.steps
        if name in sums
    }
    ends = [
        float(path.value(place, lambda output: _value(output, goal.kind, column))) for place in (0.0, 1.0)
    ]
    total = sum(float(one.sum()) for one in values.values())
    return FrameAttribution(
        sample.id, "integrated gradients", column, values,
        {name: sample.tracks[name].times for name in values},
        output=ends[1], base=ends[0], gap=ends[1] - ends[0] - total,
    )  # fmt: skip


def occlusion(
    subject: Subject,
    sample: Sample,
    *,
    target: Target | None = None,
    window: float | Mapping[str, float] = 0.0,
    fill: str = "cut",
) -> FrameAttribution:
    """What the target loses where a window of one modality is taken away, shared equally by the window's frames.

    ``window`` is in the unit of the track's times (seconds; tokens for text), for all modalities or by name; 0 takes
    frame by frame. ``fill`` "cut" takes the frames out, "mean" puts the clip's mean frame in their place. A clip that
    loses its last frame has lost the modality. ``base`` is NaN: nothing stands at the end of the path.

    Raises:
        ConfigError: the model lacks the target, or an unknown fill.
    """
    goal = target or Target()
    check_target(goal, subject)
    if fill not in FILLS:
        raise ConfigError(f"fill is one of {', '.join(FILLS)}, got {fill!r}")
    units = list(windows(sample, window))
    variants = [sample, *(_without_frames(sample, name, frames, fill) for name, frames in units)]
    values = targets_of(subject, variants, target=goal)
    columns, outputs = values
    attributed = {
        name: np.zeros(len(track)) for name, track in sample.tracks.items() if name in subject.dims
    }
    for (name, frames), output in zip(units, outputs[1:], strict=True):
        attributed[name][frames] = (outputs[0] - output) / len(frames)
    return FrameAttribution(
        sample.id, f"occlusion ({fill})", int(columns[0]), attributed,
        {name: sample.tracks[name].times for name in attributed},
        output=float(outputs[0]), base=float("nan"), gap=float("nan"),
    )  # fmt: skip


def windows(sample: Sample, window: float | Mapping[str, float]) -> Iterator[tuple[str, np.ndarray]]:
    """The modality and the places of the frames of each window, in order; they cover every frame once."""
    for name, track in sample.tracks.items():
        width = window.get(name, 0.0) if isinstance(window, Mapping) else window
        if not len(track):
            continue
        numbers = (
            np.arange(len(track)) if width <= 0 else ((track.times - track.times[0]) // width).astype(int)
        )
        for number in np.unique(numbers):
            yield name, np.flatnonzero(numbers == number)


def targets_of(
    subject: Subject, variants: Sequence[Sample], *, target: Target, column: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Columns ``(n,)`` and targets ``(n,)`` of variants of one clip; the first says which column is explained where
    neither ``column`` nor the target does.
    """
    parts = []
    for first in range(0, len(variants), subject.batch_size):
        chunk = collate(variants[first : first + subject.batch_size], subject.dims).to(
            subject.engine.device
        )
        parts.append(said(subject, chunk)[:2])
    scores, ratings = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    chosen = int(columns_of(subject, scores[:1], target=target)[0]) if column is None else column
    columns = np.full(len(variants), chosen)
    return columns, explained(subject, scores, ratings, target=target, columns=columns)


def _without_frames(sample: Sample, name: str, frames: np.ndarray, fill: str) -> Sample:
    track = sample.tracks[name]
    if fill == "mean" and len(frames) < len(track):
        values = track.values.copy()
        values[frames] = track.values.mean(axis=0)
        return replace(sample, tracks={**sample.tracks, name: Track(values, track.times)})
    kept = np.delete(np.arange(len(track)), frames)
    return with_frames(sample, {name: kept})


def with_frames(sample: Sample, kept: Mapping[str, np.ndarray]) -> Sample:
    """The sample with only some frames of some modalities; a modality without a frame is absent."""
    tracks = {
        name: Track(track.values[kept[name]], track.times[kept[name]]) if name in kept else track
        for name, track in sample.tracks.items()
    }
    return replace(sample, tracks={name: track for name, track in tracks.items() if len(track)})


class _Path:
    """The straight line from the baselines (0) to the clip (1), in features or in a table's embeddings."""

    def __init__(self, model: nn.Module, batch: Batch, baselines: Mapping[str, np.ndarray]) -> None:
        self._model, self._batch = model, batch
        self._tables = {
            name: table
            for name, value in batch.values.items()
            if value.shape[2] == 1 and (table := word_table(model, name)) is not None
        }
        self._starts: dict[str, Tensor] = {}
        self.steps: dict[str, Tensor] = {}
        for name, value in batch.values.items():
            if not bool(batch.presence[name].any()):
                continue
            if name in self._tables:
                value = self._tables[name](value[:, :, 0].long()).detach()
                start = torch.zeros_like(value)
            else:
                frame = torch.as_tensor(baselines.get(name, np.zeros(value.shape[2])), dtype=value.dtype)
                start = (frame.to(value.device) * batch.masks[name].unsqueeze(2)).expand_as(value)
            self._starts[name], self.steps[name] = start, value - start

    def gradients(self, place: float, read: Callable[[object], Tensor]) -> dict[str, Tensor]:
        """The gradient of what is read off the output, by modality, at a place between 0 and 1."""
        points = {
            name: (self._starts[name] + place * step).requires_grad_(True)
            for name, step in self.steps.items()
        }
        with torch.enable_grad():
            found = torch.autograd.grad(self._at(points, read), list(points.values()), allow_unused=True)
        return {
            name: torch.zeros_like(point) if one is None else one
            for (name, point), one in zip(points.items(), found, strict=True)
        }

    @torch.no_grad()
    def value(self, place: float, read: Callable[[object], Tensor]) -> Tensor:
        """What is read off the output at a place between 0 and 1."""
        return self._at(
            {name: self._starts[name] + place * step for name, step in self.steps.items()}, read
        )

    def _at(self, points: Mapping[str, Tensor], read: Callable[[object], Tensor]) -> Tensor:
        hooks = [
            table.register_forward_hook(lambda _, __, ___, point=points[name]: point)
            for name, table in self._tables.items()
            if name in points
        ]
        values = {name: points[name] for name in points if name not in self._tables}
        try:
            # Without cuDNN's recurrent layers, which have no gradient in evaluation mode.
            with torch.backends.cudnn.flags(enabled=False):
                return read(self._model(replace(self._batch, values={**self._batch.values, **values})))
        finally:
            for hook in hooks:
                hook.remove()


def _value(output: object, kind: str, column: int) -> Tensor:
    scores, ratings = output[0].double(), output[1].double()  # type: ignore[index]
    if kind == "rating":
        return ratings[0, column]
    if kind == "score":
        return scores[0, column]
    logs = scores.log_softmax(dim=1)[0]
    if kind == "probability":
        return logs[column].exp()
    others = torch.cat([logs[:column], logs[column + 1 :]])
    return logs[column] - others.logsumexp(dim=0)


def _legendre(nodes: int) -> list[tuple[float, float]]:
    """Places in (0, 1) and their weights, which sum to 1."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return [
        (float(place + 1) / 2, float(weight) / 2) for place, weight in zip(places, weights, strict=True)
    ]


def _same(scores: np.ndarray) -> np.ndarray:
    return scores
