"""What is not there at all: modalities by name, frames of every modality."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from emofuse.perturbations.batch import closed_up, one_true
from emofuse.perturbations.ranges import checked_rate, checked_strength
from emofuse.perturbations.sensors import chosen
from emofuse.types import Batch


class MissingModality:
    """The named ``modalities`` are absent together, from every clip at strength 1, below from so large a share.

    A clip that has nothing else is left with nothing; a model that takes an empty clip answers it by what it
    has learnt of clips in general.
    """

    kind = "batch"

    def __init__(self, modalities: Sequence[str], *, strength: float = 1.0) -> None:
        if isinstance(modalities, str) or not modalities:
            raise ValueError(f"name the modalities that go missing in a list, got {modalities!r}")
        self.modalities, self.strength = tuple(modalities), checked_strength(strength)

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with presence, masks and values of the absent modalities cleared."""
        if self.strength == 0:
            return given
        draw = torch.rand(len(given), generator=generator, device=generator.device)
        values, masks, presence = dict(given.values), dict(given.masks), dict(given.presence)
        for name in chosen(given, self.modalities):
            kept = draw.to(masks[name].device) >= self.strength
            values[name] = values[name] * kept[:, None, None].to(values[name].dtype)
            masks[name] = masks[name] & kept[:, None]
            presence[name] = presence[name] & kept
        return replace(given, values=values, masks=masks, presence=presence)


class MissingFrames:
    """At strength 1 each frame is lost with probability ``rate``; at least one of a clip and modality stays.

    The frames that are left move together at the front, so that a model is told of fewer frames and sees no
    zeros (`StructuredDrop` writes zeros). ``modalities`` are all by default, each drawn for by itself.
    """

    kind = "batch"

    def __init__(
        self, *, strength: float = 1.0, rate: float = 0.9, modalities: Sequence[str] | None = None
    ) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)
        self.modalities = modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with shorter sequences in the same padded shape."""
        share = self.strength * self.rate
        if share == 0:
            return given
        values, masks = dict(given.values), dict(given.masks)
        for name in chosen(given, self.modalities):
            draw = torch.rand(masks[name].shape, generator=generator, device=generator.device)
            draw = draw.to(masks[name].device)
            stays = torch.where(masks[name], draw, -1.0).argmax(dim=1)
            kept = masks[name] & ((draw >= share) | one_true(stays, draw.shape[1]))
            values[name], masks[name] = closed_up(values[name], kept)
        return replace(given, values=values, masks=masks)
