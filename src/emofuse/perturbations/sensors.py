"""Sensors that hiss, drop out or run late: the time-series noises of MultiBench (Liang et al. 2021,
https://arxiv.org/abs/2107.07502) on batches.

Differs: that code draws one number for a whole clip and writes it into the padding too; here a
``granularity`` says what is drawn for, and padding is never touched.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from emofuse.perturbations.ranges import checked_rate, checked_strength
from emofuse.types import Batch

GRANULARITIES = ("timestep", "sample")


class WhiteNoise:
    """One Gaussian number of deviation ``strength * deviation``, added to all features of a frame.

    ``granularity`` "timestep" draws a number for each frame; "sample" one for each clip and modality, as
    the thesis on MOSI, MOSEI and CH-SIMS does. The deviation is in the features' own units. ``modalities``
    are all by default. `FeatureNoise` draws for each feature by itself.
    """

    kind = "batch"

    def __init__(
        self,
        *,
        strength: float = 1.0,
        deviation: float = 1.0,
        granularity: str = "timestep",
        modalities: Sequence[str] | None = None,
    ) -> None:
        if deviation < 0:
            raise ValueError(f"deviation is 0 or more, got {deviation}")
        self.strength, self.deviation = checked_strength(strength), deviation
        self.granularity, self.modalities = checked_granularity(granularity), modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with other values; masks are as before and padding stays zero."""
        scale = self.strength * self.deviation
        if scale == 0:
            return given
        values = dict(given.values)
        for name in chosen(given, self.modalities):
            mask = given.masks[name]
            shape = mask.shape if self.granularity == "timestep" else (len(mask), 1)
            noise = torch.randn(shape, generator=generator, device=generator.device).to(mask.device)
            added = (scale * noise * mask)[:, :, None]
            values[name] = values[name] + added.to(values[name].dtype)
        return replace(given, values=values)


class RandomDrop:
    """At strength 1 each single entry of each frame is zero with probability ``rate``.

    The frames stay valid: a model sees the zeros. ``modalities`` are all by default.
    """

    kind = "batch"

    def __init__(
        self, *, strength: float = 1.0, rate: float = 1.0, modalities: Sequence[str] | None = None
    ) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)
        self.modalities = modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with zeros in it; masks are as before."""
        share = self.strength * self.rate
        if share == 0:
            return given
        values = dict(given.values)
        for name in chosen(given, self.modalities):
            draw = torch.rand(values[name].shape, generator=generator, device=generator.device)
            values[name] = zeroed(values[name], draw.to(values[name].device) < share)
        return replace(given, values=values)


class StructuredDrop:
    """At strength 1 each whole frame is zero with probability ``rate``.

    ``granularity`` "timestep" draws for each frame, "sample" for each clip and modality. The frames stay
    valid: a model sees the zeros (`MissingFrames` takes them away). ``modalities`` are all by default.
    """

    kind = "batch"

    def __init__(
        self,
        *,
        strength: float = 1.0,
        rate: float = 1.0,
        granularity: str = "timestep",
        modalities: Sequence[str] | None = None,
    ) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)
        self.granularity, self.modalities = checked_granularity(granularity), modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with frames of zeros in it; masks are as before."""
        share = self.strength * self.rate
        if share == 0:
            return given
        values = dict(given.values)
        for name in chosen(given, self.modalities):
            mask = given.masks[name]
            shape = mask.shape if self.granularity == "timestep" else (len(mask), 1)
            draw = torch.rand(shape, generator=generator, device=generator.device).to(mask.device)
            values[name] = zeroed(values[name], (draw < share)[:, :, None])
        return replace(given, values=values)


class ThesisNoise:
    """The thesis's noise on series: one number for each clip and modality, then whole clips of zeros.

    Of deviation ``strength`` and with probability ``strength``, both shrunk by ``level``. Differs from that
    code in that padding stays padding (there it becomes noise, so that every clip grows to 50 frames) and no
    clip is deleted.
    """

    kind = "batch"

    def __init__(
        self, *, strength: float = 1.0, level: float = 1.0, modalities: Sequence[str] | None = None
    ) -> None:
        self.strength, self.level = checked_strength(strength), checked_rate(level)
        share = strength * level
        self._steps = (
            WhiteNoise(strength=share, granularity="sample", modalities=modalities),
            StructuredDrop(strength=share, granularity="sample", modalities=modalities),
        )

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with other values; masks are as before and padding stays zero."""
        for step in self._steps:
            given = step(given, generator)
        return given


class Misalign:
    """``modality`` runs ahead of or behind the others by ``strength * frames``, or ``strength * shift_s``.

    Each clip's direction is drawn; ``frames`` and ``shift_s`` (with the track's ``rate`` in Hz) state the
    shift at strength 1. A clip keeps its length: its first or last frame is held where nothing is left.
    """

    kind = "batch"

    def __init__(
        self,
        modality: str,
        *,
        strength: float = 1.0,
        frames: int = 10,
        shift_s: float | None = None,
        rate: float | None = None,
    ) -> None:
        if (shift_s is None) != (rate is None):
            raise ValueError("a shift in seconds needs both shift_s and the rate of the track in Hz")
        if shift_s is not None and rate is not None:
            frames = round(shift_s * rate)
        if frames < 0:
            raise ValueError(f"a shift is 0 or more, got {frames} frames")
        self.modality, self.strength, self.frames = modality, checked_strength(strength), frames

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with one modality moved in time; masks are as before."""
        shift = round(self.strength * self.frames)
        if shift == 0 or self.modality not in given.values:
            return given
        values, mask = given.values[self.modality], given.masks[self.modality]
        draw = torch.rand(len(mask), generator=generator, device=generator.device).to(mask.device)
        moved = torch.where(draw < 0.5, shift, -shift)
        last = (mask.sum(dim=1) - 1).clamp_min(0)
        places = torch.arange(mask.shape[1], device=mask.device)[None] - moved[:, None]
        places = torch.minimum(places.clamp_min(0), last[:, None])
        shifted = torch.gather(values, 1, places[:, :, None].expand_as(values))
        # Beyond a clip's end stands padding, which is as it was.
        shifted = torch.where(mask[:, :, None], shifted, values)
        return replace(given, values={**given.values, self.modality: shifted})


def chosen(given: Batch, modalities: Sequence[str] | None) -> list[str]:
    """Those of ``modalities`` that the batch has; all of the batch's where none are named."""
    return [name for name in given.values if modalities is None or name in modalities]


def zeroed(values: Tensor, where: Tensor) -> Tensor:
    """``values`` with zeros at ``where``."""
    return values.masked_fill(where, 0)


def checked_granularity(granularity: str) -> str:
    """``granularity`` itself.

    Raises:
        ValueError: it is none of `GRANULARITIES`.
    """
    if granularity not in GRANULARITIES:
        raise ValueError(f"granularity is one of {GRANULARITIES}, got {granularity!r}")
    return granularity
