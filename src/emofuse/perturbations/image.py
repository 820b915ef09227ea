"""Faces in other poses, light and company: what a camera does to a crop."""

from dataclasses import replace
from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional

from emofuse.errors import FeatureError
from emofuse.perturbations.ranges import checked_strength
from emofuse.types import Batch


class FaceWarp:
    """Square grey pictures of ``modality`` (flattened, 0 to ``white``) warped, relit and partly hidden.

    All frames of a clip are treated alike. At strength 1: mirrored with probability ``flip``, turned up to
    ``rotate_deg`` either way, moved up to ``shift`` of the side, scaled by up to ``1 + zoom`` either way,
    contrast and gamma by up to ``1 + contrast`` and ``1 + gamma`` either way, up to ``brightness`` of white
    lighter or darker, and with probability ``erase`` a square of 15 to 40 % of the side in the mean grey.
    A smaller strength shrinks every range.
    """

    kind = "batch"

    def __init__(
        self,
        modality: str,
        *,
        strength: float = 1.0,
        white: float = 255.0,
        flip: float = 0.5,
        rotate_deg: float = 15.0,
        shift: float = 0.08,
        zoom: float = 0.15,
        brightness: float = 0.15,
        contrast: float = 0.3,
        gamma: float = 0.3,
        erase: float = 0.25,
    ) -> None:
        if min(rotate_deg, shift, zoom, brightness, contrast, gamma) < 0 or white <= 0:
            raise ValueError("ranges must not be negative, and white is above 0")
        if not (0 <= flip <= 1 and 0 <= erase <= 1):
            raise ValueError(f"flip and erase are probabilities, got {flip} and {erase}")
        self.modality, self.strength, self.white = modality, checked_strength(strength), white
        self.flip, self.rotate_deg, self.shift, self.zoom = flip, rotate_deg, shift, zoom
        self.brightness, self.contrast, self.gamma, self.erase = brightness, contrast, gamma, erase

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with other pictures; masks and padding are as before.

        Raises:
            FeatureError: the frames are not square pictures.
        """
        if self.strength == 0 or self.modality not in given.values:
            return given
        values, mask = given.values[self.modality], given.masks[self.modality]
        side = isqrt(values.shape[2])
        if side * side != values.shape[2]:
            raise FeatureError(
                f"{self.modality}: frames of {values.shape[2]} values are no square pictures"
            )
        draws = torch.rand((len(values), 13), generator=generator, device=generator.device)
        # One row of draws a clip, repeated for each of its valid frames.
        draws = draws.to(values.device)[mask.nonzero()[:, 0]]
        pictures = values[mask].float().reshape(-1, 1, side, side)
        pictures = self._moved(pictures, draws[:, :6])
        pictures = self._relit(pictures, draws[:, 6:9])
        pictures = self._hidden(pictures, draws[:, 9:])
        changed = values.clone()
        changed[mask] = pictures.reshape(-1, side * side).to(values.dtype)
        return replace(given, values={**given.values, self.modality: changed})

    def _moved(self, pictures: Tensor, draws: Tensor) -> Tensor:
        either = 2 * draws - 1
        angle = torch.deg2rad(self.strength * self.rotate_deg * either[:, 0])
        scale = _factor(self.zoom, self.strength * either[:, 1])
        mirrored = torch.where(draws[:, 2] < self.strength * self.flip, -1.0, 1.0)
        # The sampling grid spans 2, so that a shift by the whole side is 2.
        offset = 2 * self.strength * self.shift * either[:, 3:5]
        cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
        rows = (cosine * mirrored, -sine, offset[:, 0], sine * mirrored, cosine, offset[:, 1])
        grid = functional.affine_grid(
            torch.stack(rows, dim=1).reshape(-1, 2, 3), list(pictures.shape), align_corners=False
        )
        return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)

    def _relit(self, pictures: Tensor, draws: Tensor) -> Tensor:
        either = self.strength * (2 * draws - 1)[:, :, None, None, None]
        bent = (pictures / self.white).clamp(0, 1) ** _factor(self.gamma, either[:, 0])
        mean = bent.mean(dim=(2, 3), keepdim=True)
        relit = (bent - mean) * _factor(self.contrast, either[:, 1]) + mean + self.brightness * either[:, 2]
        return self.white * relit.clamp(0, 1)

    def _hidden(self, pictures: Tensor, draws: Tensor) -> Tensor:
        side = pictures.shape[-1]
        extent = 0.15 + 0.25 * draws[:, 1]
        place = torch.arange(side, device=pictures.device) / side
        top, left = draws[:, 2] * (1 - extent), draws[:, 3] * (1 - extent)
        in_row = (place >= top[:, None]) & (place < (top + extent)[:, None])
        in_column = (place >= left[:, None]) & (place < (left + extent)[:, None])
        chosen = draws[:, 0] < self.strength * self.erase
        covered = chosen[:, None, None] & in_row[:, :, None] & in_column[:, None, :]
        mean = pictures.mean(dim=(2, 3), keepdim=True)
        return torch.where(covered[:, None], mean, pictures)


def _factor(reach: float, share: Tensor) -> Tensor:
    """Between ``1 / (1 + reach)`` and ``1 + reach`` for shares of -1 to 1."""
    return (1.0 + reach) ** share
