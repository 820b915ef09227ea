"""One pass of a model over clips, clean and in many worse ways.

Clips stream by in batches: each is padded once, made worse in every way that is asked for, judged, and
forgotten. What is kept is each way's answers, so that memory grows with clips x ways x outputs, not with
the features.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import DatasetError
from emofuse.evaluation.conditions import Condition, MediaCondition
from emofuse.evaluation.report import scorer
from emofuse.models.calibrators import softmax
from emofuse.training.engine import Engine
from emofuse.training.samplers import in_order
from emofuse.types import Batch, Metric, Output, Predictions, Sample, TaskSpec


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured: ``model`` ``Batch -> Output``, the width of its modalities' tracks by name, its task, and
    how its scores ``(n, classes)`` become probabilities (its calibrator; plain softmax by default).
    """

    name: str
    model: Callable[[Batch], Output]
    dims: Mapping[str, int]
    task: TaskSpec
    calibrate: Callable[[np.ndarray], np.ndarray] = softmax
    engine: Engine = field(default_factory=lambda: Engine.pick("cpu"))
    batch_size: int = 64


class Way(NamedTuple):
    """A condition at one strength with one seed."""

    condition: Condition | MediaCondition
    strength: float
    seed: int


class Answers:
    """The targets of all clips, and what was said of them clean (first) and in each way."""

    def __init__(self, clips: int, ways: int, task: TaskSpec) -> None:
        self.ids, self.groups = [""] * clips, [""] * clips
        self.truth = np.empty((clips, len(task.labels)), np.float32)
        self.rating_truth = np.empty((clips, len(task.ratings)), np.float32)
        self.said = np.empty((ways + 1, clips, len(task.labels)), np.float32)
        self.rated = np.empty((ways + 1, clips, len(task.ratings)), np.float32)
        self.empty = np.zeros((ways + 1, clips), dtype=bool)

    def note(self, places: Sequence[int], samples: Sequence[Sample]) -> None:
        """Keep what is known of some clips."""
        for place, sample in zip(places, samples, strict=True):
            self.ids[place], self.groups[place] = sample.id, sample.group
            self.truth[place], self.rating_truth[place] = sample.shares, sample.ratings

    def scores(self, subject: Subject, metrics: Sequence[Metric]) -> list[dict[str, float]]:
        """By way, the clean one first, each metric's value."""
        found = []
        for said, rated, empty in zip(self.said, self.rated, self.empty, strict=True):
            said[empty], rated[empty] = self.said[0].mean(axis=0), self.rated[0].mean(axis=0)
            made = Predictions(
                ids=tuple(self.ids), task=subject.task, scores=said,
                probabilities=subject.calibrate(said) if subject.task.labels else said,
                truth=self.truth, ratings=rated, rating_truth=self.rating_truth, groups=tuple(self.groups),
            )  # fmt: skip
            row = {}
            for metric in metrics:
                clips, compute = scorer(metric, made)
                row[metric.name] = compute(np.flatnonzero(clips))
            found.append(row)
        return found


@torch.no_grad()
def judge(
    subject: Subject, samples: Sequence[Sample], ways: Sequence[Way], progress: Callable[[float], None]
) -> Answers:
    """One pass: every batch is padded once and judged clean and in every way."""
    if not len(samples):
        raise DatasetError(f"{subject.name}: there is no clip to measure on")
    if isinstance(subject.model, nn.Module):
        subject.model.eval()
    answers = Answers(len(samples), len(ways), subject.task)
    done = 0
    for number, places in enumerate(in_order(samples, subject.batch_size)):
        chunk = [samples[place] for place in places]
        answers.note(places, chunk)
        clean = collate(chunk, subject.dims).to(subject.engine.device)
        for row, batch in enumerate(_batches(chunk, clean, ways, number)):
            with subject.engine.autocast():
                output = subject.model(batch)
            answers.said[row, places] = output.scores.float().cpu().numpy()
            answers.rated[row, places] = output.ratings.float().cpu().numpy()
            answers.empty[row, places] = _emptied(batch, clean)
        done += len(places)
        progress(done / len(samples))
    return answers


def _batches(chunk: Sequence[Sample], clean: Batch, ways: Sequence[Way], number: int) -> Iterator[Batch]:
    """The batch as it is, then in every way, one at a time."""
    yield clean
    for way in ways:
        yield way.condition.worsened(chunk, clean, strength=way.strength, seed=way.seed, number=number)


def _emptied(batch: Batch, clean: Batch) -> np.ndarray:
    """Which clips ``(batch,)`` had something, and have nothing left."""
    had, has = (torch.stack(list(one.presence.values())).any(dim=0) for one in (clean, batch))
    return (had & ~has).cpu().numpy()
