"""What a model is given to measure it by: random clips of stated lengths, and one pass over clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.training.engine import Engine
from emofuse.types import Output, Sample, TaskSpec, Track


@dataclass(frozen=True, eq=False)
class Workload:
    """The ``samples`` that a model is measured on, and ``media_s``, the seconds of media that each stands for, or one
    number for all; None where that is not known.

    Raises:
        ConfigError: there is no sample, or not one length above 0 for each.
    """

    samples: Sequence[Sample]
    media_s: float | Sequence[float] | None = None

    def __post_init__(self) -> None:
        if not len(self.samples):
            raise ConfigError("no clip to measure by")
        seconds = self.seconds()
        if seconds is not None and (
            len(seconds) != len(self.samples) or not all(one > 0 for one in seconds)
        ):
            raise ConfigError(
                f"need the length of each of {len(self.samples)} clips in seconds, above 0, got {self.media_s}"
            )

    def seconds(self) -> list[float] | None:
        """The length of each clip's media."""
        if self.media_s is None:
            return None
        if isinstance(self.media_s, int | float):
            return [float(self.media_s)] * len(self.samples)
        return [float(one) for one in self.media_s]

    def lengths(self, dims: Mapping[str, int]) -> dict[str, float]:
        """Mean number of frames by modality; a clip without it counts as 0."""
        return {
            name: float(
                np.mean([len(one.tracks[name]) if name in one.tracks else 0 for one in self.samples])
            )
            for name in dims
        }


def synthetic_samples(
    dims: Mapping[str, int],
    *,
    lengths: Mapping[str, int] | int = 50,
    clips: int = 32,
    task: TaskSpec | None = None,
    model: nn.Module | None = None,
    seed: int = 0,
) -> list[Sample]:
    """Clips of normal noise with all modalities, each as many frames long as ``lengths`` says (one number for
    all). A modality that ``model`` looks up in a table of embeddings has random ids instead. With a ``task`` the
    targets are drawn too, otherwise there are none.

    Raises:
        ConfigError: a modality has no length, or one below 1.
    """
    by_name = dict.fromkeys(dims, lengths) if isinstance(lengths, int) else dict(lengths)
    if wrong := [name for name in dims if by_name.get(name, 0) < 1]:
        raise ConfigError(f"give {', '.join(wrong)} a length of 1 frame or more, got {lengths}")
    draws = np.random.default_rng(seed)
    words = {name: word_table(model, name) for name, dim in dims.items() if dim == 1}
    samples = []
    for number in range(clips):
        tracks = {}
        for name, dim in dims.items():
            shape = (by_name[name], dim)
            table = words.get(name)
            values = (
                draws.standard_normal(shape)
                if table is None
                else draws.integers(table.num_embeddings, size=shape)
            )
            tracks[name] = Track(values.astype(np.float32), np.arange(by_name[name], dtype=np.float64))
        samples.append(Sample(f"synthetic{number}", tracks, *_targets(task, draws)))
    return samples


def word_table(model: nn.Module | None, modality: str) -> nn.Embedding | None:
    """The table in which the model's encoder of that modality looks ids up: its largest one, or None."""
    encoders = getattr(model, "encoders", {})
    if modality not in encoders:
        return None
    tables = [one for one in encoders[modality].modules() if isinstance(one, nn.Embedding)]
    return max(tables, key=lambda one: one.num_embeddings, default=None)


@torch.no_grad()
def forward(
    model: nn.Module, samples: Sequence[Sample], *, dims: Mapping[str, int], engine: Engine
) -> Output:
    """Pad the samples, move them to the device, one pass without gradients, and wait for it."""
    batch = collate(samples, dims).to(engine.device)
    with engine.autocast():
        output: Output = model(batch)
    if engine.device.type == "cuda":
        torch.cuda.synchronize(engine.device)
    return output


def sized(samples: Sequence[Sample], count: int) -> list[Sample]:
    """``count`` samples, from the beginning again where there are fewer."""
    return [samples[place % len(samples)] for place in range(count)]


def _targets(task: TaskSpec | None, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if task is None:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    classes = len(task.labels)
    shares = (
        np.eye(classes, dtype=np.float32)[draws.integers(classes)] if classes else np.zeros(0, np.float32)
    )
    return shares, draws.uniform(*task.rating_range, len(task.ratings)).astype(np.float32)
