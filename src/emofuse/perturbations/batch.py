"""Data that goes missing: modalities, frames, words."""

from dataclasses import replace

import torch
from torch import Tensor

from emofuse.perturbations.ranges import checked_rate, checked_strength
from emofuse.types import Batch


class DropModality:
    """At strength 1 each present modality goes missing with probability ``rate``; one always stays."""

    kind = "batch"

    def __init__(self, *, strength: float = 1.0, rate: float = 0.3) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with presence, masks and values of dropped modalities cleared."""
        if self.strength == 0 or self.rate == 0:
            return given
        names = list(given.values)
        present = torch.stack([given.presence[name] for name in names], dim=1)
        draw = torch.rand(present.shape, generator=generator, device=generator.device).to(present.device)
        # The highest draw among those present stays: the last one is never dropped.
        stays = torch.where(present, draw, -1.0).argmax(dim=1)
        kept = present & (draw >= self.strength * self.rate)
        kept |= present & one_true(stays, len(names))
        flags = dict(zip(names, kept.unbind(dim=1), strict=True))
        return replace(
            given,
            values={name: value * flags[name][:, None, None] for name, value in given.values.items()},
            masks={name: mask & flags[name][:, None] for name, mask in given.masks.items()},
            presence={name: flags[name] for name in given.presence},
        )


class SwapPartners:
    """At strength 1 each modality of a clip is, with probability ``rate``, that of another clip of the batch
    with the same label.

    Clips of one label whose modalities are paired anew teach a fusion what belongs together by the label,
    rather than by whose face and voice they are. Clips without a label, or alone with theirs, stay.
    """

    kind = "batch"

    def __init__(self, *, strength: float = 1.0, rate: float = 0.5) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with values, masks and presence paired anew; targets stay where they are."""
        if self.strength == 0 or self.rate == 0 or not given.shares.shape[1]:
            return given
        labelled = given.shares.isfinite().all(dim=1)
        # A clip without a label is a class of its own: it can only be swapped with itself.
        own = torch.arange(len(given), device=given.shares.device) + given.shares.shape[1]
        label = torch.where(labelled, given.shares.nan_to_num().argmax(dim=1), own)
        values, masks, presence = dict(given.values), dict(given.masks), dict(given.presence)
        for name in values:
            partner = _partners(label, generator, share=self.strength * self.rate)
            values[name] = values[name][partner]
            masks[name] = masks[name][partner]
            presence[name] = presence[name][partner]
        return replace(given, values=values, masks=masks, presence=presence)


class DropFrames:
    """At strength 1 each frame of ``modality`` is lost with probability ``rate``; one of a clip stays.

    The frames that are left move together at the front, so that the mask has no holes.
    """

    kind = "batch"

    def __init__(self, modality: str, *, strength: float = 1.0, rate: float = 0.3) -> None:
        self.modality = modality
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with shorter sequences in the same padded shape."""
        if self.strength == 0 or self.rate == 0 or self.modality not in given.values:
            return given
        values, mask = given.values[self.modality], given.masks[self.modality]
        draw = torch.rand(mask.shape, generator=generator, device=generator.device).to(mask.device)
        stays = torch.where(mask, draw, -1.0).argmax(dim=1)
        kept = mask & ((draw >= self.strength * self.rate) | one_true(stays, mask.shape[1]))
        moved, kept = closed_up(values, kept)
        return replace(
            given,
            values={**given.values, self.modality: moved},
            masks={**given.masks, self.modality: kept},
        )


class DropWords:
    """At strength 1 each token id of ``modality`` becomes ``mask_id`` with probability ``rate``.

    The first and the last valid token, the end markers, stay as they are.
    """

    kind = "batch"

    def __init__(self, modality: str, *, mask_id: int, strength: float = 1.0, rate: float = 0.15) -> None:
        self.modality, self.mask_id = modality, mask_id
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with other ids; masks are as before."""
        if self.strength == 0 or self.rate == 0 or self.modality not in given.values:
            return given
        values, mask = given.values[self.modality], given.masks[self.modality]
        place, length = mask.long().cumsum(dim=1), mask.sum(dim=1, keepdim=True)
        inside = mask & (place > 1) & (place < length)
        draw = torch.rand(mask.shape, generator=generator, device=generator.device).to(mask.device)
        lost = inside & (draw < self.strength * self.rate)
        ids = torch.where(lost[:, :, None], torch.full_like(values, self.mask_id), values)
        return replace(given, values={**given.values, self.modality: ids})


def _partners(label: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """For each clip ``(batch,)`` itself, or with probability ``share`` one drawn from those of its label."""
    draws = torch.rand(3, len(label), generator=generator, device=generator.device).to(label.device)
    # Two orders that both run through the labels, at random within each: matched up, they pair equals.
    here, there = (torch.argsort(label + 0.5 * draw.double()) for draw in draws[:2])
    partner = torch.empty_like(here)
    partner[here] = there
    return torch.where(draws[2] < share, partner, torch.arange(len(label), device=label.device))


def one_true(places: Tensor, size: int) -> Tensor:
    """True at each row's place: ``(batch,)`` to ``(batch, size)``."""
    return places[:, None] == torch.arange(size, device=places.device)


def closed_up(values: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """The ``kept`` ``(batch, time)`` frames of ``(batch, time, dim)`` at the front, zeros behind; their mask."""
    order = torch.argsort((~kept).to(torch.int8), dim=1, stable=True)
    kept = torch.gather(kept, 1, order)
    moved = torch.gather(values, 1, order[:, :, None].expand_as(values))
    return moved * kept[:, :, None], kept
