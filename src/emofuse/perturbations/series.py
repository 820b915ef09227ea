"""Noise on feature tracks."""

from dataclasses import replace

import torch

from emofuse.perturbations.ranges import checked_strength
from emofuse.types import Batch


class FeatureNoise:
    """Gaussian noise of deviation ``strength * deviation`` on every feature of every valid frame.

    The deviation is in the features' own units: 1.0 is their spread where they are z-scores. With
    ``constant`` one number is drawn for a whole clip and modality and added to all of its features, as
    the thesis on MOSI, MOSEI and CH-SIMS does (which shifts features more than it blurs them).
    ``modalities`` are all by default.
    """

    kind = "batch"

    def __init__(
        self,
        *,
        strength: float = 1.0,
        deviation: float = 0.5,
        constant: bool = False,
        modalities: list[str] | None = None,
    ) -> None:
        if deviation < 0:
            raise ValueError(f"deviation is 0 or more, got {deviation}")
        self.strength, self.deviation = checked_strength(strength), deviation
        self.constant, self.modalities = constant, modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with other values; masks are as before and padding stays zero."""
        scale = self.strength * self.deviation
        if scale == 0:
            return given
        values = dict(given.values)
        for name in values if self.modalities is None else self.modalities:
            if name not in values:
                continue
            value, mask = values[name], given.masks[name]
            shape = (len(value), 1, 1) if self.constant else value.shape
            noise = torch.randn(shape, generator=generator, device=generator.device).to(value.device)
            values[name] = value + scale * noise * mask[:, :, None]
        return replace(given, values=values)
