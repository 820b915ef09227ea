"""Where a model's own attention over time lay: read off its layers, without changing what they do.

Attention says where a model looked, not what that changed: `emofuse.evaluation.frame_attribution` says that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.evaluation.frame_attribution import FrameAttribution
from emofuse.evaluation.passes import Subject
from emofuse.models.encoders.gru_attention import SelfAttention, attention_weights
from emofuse.models.encoders.pooling import FramePool
from emofuse.types import Sample

Layer = FramePool | SelfAttention


def attention_over_time(subject: Subject, sample: Sample) -> FrameAttribution:
    """The attention that each frame of a clip gets, by modality; it sums to 1 over the frames of a modality.

    Where a model tells its attention itself (``attention.<modality>`` of `Output.parts`), that; else of a modality
    whose encoder pools by attention, that attention; else what each frame gets of the encoder's self-attention,
    averaged over the frames that ask. Where a layer sees several frames as one, they share. Modalities without
    attention over time are left out. ``column`` is -1: attention is not given to a class.

    Raises:
        ConfigError: nothing in the model attends over the time of a modality that the clip has.
    """
    if not isinstance(subject.model, nn.Module):
        raise ConfigError(f"{subject.name}: attention is read off the layers of a torch module")
    seen: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_hook(
            lambda one, given, _, name=name: seen.__setitem__(name, _weights(one, *given))
        )
        for name, layer in dict(_layers(subject.model, tuple(subject.dims))).items()
    ]
    subject.model.eval()
    try:
        with torch.no_grad(), subject.engine.autocast():
            told = subject.model(collate([sample], subject.dims).to(subject.engine.device)).parts
    finally:
        for hook in hooks:
            hook.remove()
    seen |= {name: told[f"attention.{name}"] for name in subject.dims if f"attention.{name}" in told}
    values = {
        name: _on_frames(seen[name][0].float().cpu().numpy(), len(sample.tracks[name]))
        for name in subject.dims
        if name in sample.tracks and name in seen
    }
    if not values:
        raise ConfigError(f"{subject.name} has no attention over the time of {', '.join(sample.tracks)}")
    nan = float("nan")
    times = {name: sample.tracks[name].times for name in values}
    return FrameAttribution(sample.id, "attention", -1, values, times, output=nan, base=nan, gap=nan)


def _layers(model: nn.Module, names: tuple[str, ...]) -> Iterator[tuple[str, Layer]]:
    """The attention layer of each modality whose name is part of the layer's; pooling comes before self-attention."""
    for kind in (SelfAttention, FramePool):
        for path, layer in model.named_modules():
            name = next((part for part in path.split(".") if part in names), None)
            if isinstance(layer, kind) and name is not None:
                yield name, layer


def _weights(layer: Layer, values: Tensor, mask: Tensor) -> Tensor:
    """``(batch, time)``, summing to 1 over valid frames."""
    if isinstance(layer, FramePool):
        return layer.weights(values, mask)
    asking = mask.unsqueeze(2).to(values.dtype)
    given = attention_weights(layer, values, mask) * asking
    return given.sum(dim=1) / asking.sum(dim=1).clamp_min(1.0)


def _on_frames(weights: np.ndarray, frames: int) -> np.ndarray:
    """Weights of a layer's steps, shared by the frames that each step stands for: layers that shorten time halve it
    again and again, the last step may be padded.
    """
    each = 1
    while each * len(weights) < frames:
        each *= 2
    spread = np.repeat(weights, each)[:frames]
    return spread / spread.sum() if spread.sum() > 0 else spread
