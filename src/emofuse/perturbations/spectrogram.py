"""SpecAugment: Park et al. 2019, https://arxiv.org/abs/1904.08779.

Differs: no time warping, and what is blanked takes the clip's own mean, so that no scaling is assumed.
"""

from dataclasses import replace

import torch
from torch import Tensor

from emofuse.perturbations.ranges import checked_strength
from emofuse.types import Batch


class SpecAugment:
    """Stretches of time and of neighbouring bands blanked out, in the frames of ``modality``.

    At strength 1 each of ``time_masks`` is 0 to ``frames`` long, but at most ``max_share`` of the clip, and
    each of ``band_masks`` is 0 to ``bands`` wide; at a smaller strength all widths shrink by that factor.
    """

    kind = "batch"

    def __init__(
        self,
        modality: str,
        *,
        strength: float = 1.0,
        time_masks: int = 2,
        frames: int = 20,
        band_masks: int = 2,
        bands: int = 8,
        max_share: float = 0.3,
    ) -> None:
        if min(time_masks, frames, band_masks, bands) < 0 or not 0 <= max_share <= 1:
            raise ValueError("counts and widths must not be negative, and max_share lies in [0, 1]")
        self.modality, self.strength = modality, checked_strength(strength)
        self.time_masks, self.frames = time_masks, frames
        self.band_masks, self.bands, self.max_share = band_masks, bands, max_share

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with blanks; masks and padding are as before."""
        if self.strength == 0 or self.modality not in given.values:
            return given
        values, mask = given.values[self.modality], given.masks[self.modality]
        lengths = mask.sum(dim=1)
        longest = torch.clamp(self.max_share * lengths, max=float(self.frames))
        # Frames are counted among the valid ones, wherever padding lies.
        places = mask.long().cumsum(dim=1) - 1
        every_band = torch.arange(values.shape[2], device=values.device).expand(len(values), -1)
        widest = torch.full_like(lengths, min(self.bands, values.shape[2]), dtype=torch.float32)
        in_time = self._blanks(places, lengths, longest, self.time_masks, generator)
        in_band = self._blanks(
            every_band, torch.full_like(lengths, values.shape[2]), widest, self.band_masks, generator
        )
        blank = (in_time[:, :, None] | in_band[:, None, :]) & mask[:, :, None]
        mean = (values * mask[:, :, None]).sum(dim=1, keepdim=True) / lengths.clamp(min=1)[:, None, None]
        blanked = torch.where(blank, mean.to(values.dtype), values)
        return replace(given, values={**given.values, self.modality: blanked})

    def _blanks(
        self, places: Tensor, sizes: Tensor, widest: Tensor, count: int, generator: torch.Generator
    ) -> Tensor:
        """True where one of ``count`` random stretches covers a place ``(batch, places)``."""
        blank = torch.zeros_like(places, dtype=torch.bool)
        for _ in range(count):
            draw = torch.rand((2, len(places)), generator=generator, device=generator.device).to(
                places.device
            )
            # Widths 0 to the widest, each as likely as the other.
            width = torch.floor(draw[0] * (torch.floor(self.strength * widest) + 1))
            start = torch.floor(draw[1] * (sizes - width + 1))
            blank |= (places >= start[:, None]) & (places < (start + width)[:, None])
        return blank
