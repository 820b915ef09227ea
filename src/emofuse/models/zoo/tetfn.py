"""TETFN, a text-enhanced transformer fusion network (Wang et al. 2023, https://doi.org/10.1016/j.patcog.2022.109259).

Every pair of modalities meets in a cross-modal transformer; where the main one is not of the pair, one side asks it
first and the other asks the answer. A head for each modality learns the labels that `self_mm` generates. Values of MMSA
for MOSI, 1,254,224 parameters on 768 + 5 + 20 features with ``widths = {video = 64}, owns = {video = 16}``, as there
without BERT. Differs: convolutions keep the length, padding is never seen, and an absent modality adds nothing.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders import ENCODERS
from emofuse.models.encoders.pooling import masked_max
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.naming import by_name, leading
from emofuse.models.recipe import Recipe, make
from emofuse.models.zoo.mult import CrossStack
from emofuse.models.zoo.multitask import DeepHead
from emofuse.models.zoo.self_mm import GeneratedLabels
from emofuse.types import Batch, Output, TaskSpec

Frames = Mapping[str, Tensor]


class Convolved(nn.Module):
    """An encoder's frames or an LSTM's states, or what came in where ``reader`` is None, through a convolution."""

    def __init__(self, reader: nn.Module | None, dim: int, *, width: int, kernel: int) -> None:
        super().__init__()
        self.reader = reader
        self.convolve = nn.Conv1d(dim, width, kernel, padding="same", bias=False)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, time, dim)`` and its mask to ``(batch, time, width)`` and its mask; there may be fewer frames."""
        if isinstance(self.reader, nn.LSTM):
            values = run_valid(self.reader, values, mask)
        elif self.reader is not None:
            values = self.reader.frames(values, mask)  # type: ignore[operator]
        mask = mask[:, : values.shape[1]]
        blank = torch.where(mask.unsqueeze(2), values, torch.zeros_like(values))
        return self.convolve(blank.transpose(1, 2)).transpose(1, 2), mask


class Enhanced(nn.Module):
    """One modality told what another one says after that has asked the main one."""

    def __init__(self, lower: CrossStack, upper: CrossStack) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, names: tuple[str, str, str], frames: Frames, masks: Frames) -> Tensor:
        """``names`` are the one that is told, the other and the main one: ``(batch, time, width)`` of the first."""
        told, asking, main = names
        answer = self.lower(frames[asking], masks[asking], frames[main], masks[main])
        return self.upper(frames[told], masks[told], answer, masks[asking])


class Tetfn(nn.Module):
    """``parts`` holds ``features.<modality>``, ``scores.<modality>`` and ``ratings.<modality>``."""

    def __init__(
        self, inputs: Mapping[str, Convolved], *, pairs: Mapping[str, Mapping[str, nn.Module]],
        memories: Mapping[str, CrossStack], head: DeepHead, heads: Mapping[str, DeepHead],
    ) -> None:  # fmt: skip
        super().__init__()
        self.main, *_ = inputs
        self.inputs = nn.ModuleDict(inputs)
        self.pairs = nn.ModuleDict({name: nn.ModuleDict(stacks) for name, stacks in pairs.items()})
        self.memories, self.head, self.heads = nn.ModuleDict(memories), head, nn.ModuleDict(heads)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused feature ``(batch, fused)``."""
        frames, masks = {}, {}
        for name, part in self.inputs.items():
            frames[name], masks[name] = part(batch.values[name], batch.masks[name])
        lasts = [self._last(name, frames, masks) for name in self.inputs]
        fused = self.head.first(torch.cat(lasts, dim=1))
        scores, ratings = self.head.head(fused)
        parts: dict[str, Tensor] = {}
        for name in self.heads:
            own: Any = self.heads[name]
            parts[f"features.{name}"] = own.first(masked_max(frames[name], masks[name]))
            parts[f"scores.{name}"], parts[f"ratings.{name}"] = own.head(parts[f"features.{name}"])
        return Output(scores, ratings, fused, parts=parts)

    def _last(self, name: str, frames: Frames, masks: Frames) -> Tensor:
        """One modality after all others spoke to it: its last frame, ``(batch, streams * width)``."""
        stacks: Any = self.pairs[name]
        told = [
            stack((name, other, self.main), frames, masks)
            if isinstance(stack, Enhanced)
            else stack(frames[name], masks[name], frames[other], masks[other])
            for other, stack in stacks.items()
        ]
        memory: Any = self.memories[name]
        return memory.last(torch.cat(told, dim=2), masks[name])


def tetfn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    main_encoder: Mapping[str, Any] | None = None,
    width: int = 50,
    heads: int = 5,
    layers: int = 2,
    hidden: int = 16,
    widths: Mapping[str, int] | None = None,
    kernel: int = 1,
    kernels: Mapping[str, int] | None = None,
    fused: int = 64,
    own: int = 32,
    owns: Mapping[str, int] | None = None,
    causal: bool = True,
    attention_dropout: float = 0.1,
    residual_dropout: float = 0.1,
    inner_dropout: float = 0.0,
    embed_dropout: float = 0.0,
    dropout: float = 0.0,
    floor: float = 0.0,
    own_weight: float = 1.0,
) -> Recipe:
    """``main_encoder`` is any encoder with frames for the main modality (none: its frames as they are). The others'
    LSTMs are ``hidden`` wide, convolutions over ``kernel`` frames ``width``, the modalities' heads ``own``, or what
    ``widths``, ``kernels`` and ``owns`` say by name; ``own_weight`` and ``floor`` are of `GeneratedLabels`.

    Raises:
        ConfigError: a name is not there, the encoder gives no frames, or heads do not divide the width.
    """
    first, *others = names = leading(dims, main)
    sizes, spans, owned = (
        by_name(dims, hidden, widths),
        by_name(dims, kernel, kernels),
        by_name(dims, own, owns),
    )
    dropouts = {
        "attention_dropout": attention_dropout, "residual_dropout": residual_dropout,
        "inner_dropout": inner_dropout, "embed_dropout": embed_dropout,
    }  # fmt: skip

    def stack(times: int, depth: int) -> CrossStack:
        return CrossStack(times * width, layers=depth, heads=heads, causal=causal, **dropouts)

    reader, dim = _main_reader(main_encoder, dims[first])
    inputs = {first: Convolved(reader, dim, width=width, kernel=spans[first])}
    for name in others:
        network = nn.LSTM(dims[name], sizes[name], batch_first=True)
        inputs[name] = Convolved(network, sizes[name], width=width, kernel=spans[name])
    sources = {name: [other for other in names if other != name] or [name] for name in names}
    pairs: dict[str, dict[str, nn.Module]] = {
        name: {
            other: stack(1, layers) if first in (name, other) else Enhanced(stack(1, 1), stack(1, layers))
            for other in found
        }
        for name, found in sources.items()
    }
    total = width * sum(len(found) for found in sources.values())
    model = Tetfn(
        inputs, pairs=pairs, memories={name: stack(len(found), layers) for name, found in sources.items()},
        head=DeepHead(total, task, hidden=fused, dropout=dropout),
        heads={name: DeepHead(width, task, hidden=owned[name], dropout=dropout) for name in names},
    )  # fmt: skip
    low, high = task.rating_range
    labels = GeneratedLabels(
        names, middle=(low + high) / 2, limit=(high - low) / 2, floor=floor, weight=own_weight
    )
    return Recipe(model, auxiliary=labels)


def _main_reader(part: Mapping[str, Any] | None, dim: int) -> tuple[nn.Module | None, int]:
    if not part:
        return None, dim
    encoder = make(ENCODERS, part, dim)
    if getattr(encoder, "frame_dim", None) is None:
        raise ConfigError(f"main_encoder {part['name']} gives one vector a clip; frames are needed here")
    return encoder, encoder.frame_dim
