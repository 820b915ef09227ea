"""A small convolutional network on square grey faces, in the manner of VGG with batch normalisation.

Faces come as flattened pixels 0..255; each is standardised by itself, so that light matters less. The
design follows what Khaireddin & Chen 2021 (arXiv 2105.03588) found to work on FER2013, at about a
thirtieth of the size; the widths are our choice.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean

# Faces that are looked at together in prediction: the maps of the first block take 0.3 MB a face.
PIECE = 256


class FaceCnn(nn.Module):
    """Blocks of two 3x3 convolutions with pooling, averaged over the valid frames of a track."""

    def __init__(
        self,
        dim: int,
        *,
        widths: Sequence[int] = (32, 64, 128, 256),
        out_dim: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.side_px = round(dim**0.5)
        if self.side_px**2 != dim:
            raise ValueError(f"faces must be square, got {dim} pixels")
        if self.side_px < 2 ** len(widths):
            raise ValueError(
                f"{len(widths)} blocks need faces of {2 ** len(widths)} px or more, got {self.side_px}"
            )
        self.out_dim = out_dim
        self.blocks = nn.Sequential(
            *(_block(before, width) for before, width in zip((1, *widths), widths, strict=False))
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.project = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * widths[-1], out_dim), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Pixels ``(batch, time, side * side)`` in 0..255 and ``(batch, time)`` to ``(batch, out_dim)``."""
        flat = values[mask]
        if not len(flat):
            return values.new_zeros(len(values), self.out_dim)
        standard = (flat - flat.mean(dim=1, keepdim=True)) / flat.std(dim=1, keepdim=True).clamp_min(1.0)
        # In training all are looked at together, for batch normalisation.
        pieces = standard.split(len(standard) if self.training else PIECE)
        embedded = self.project(torch.cat([self._pooled(piece) for piece in pieces]).float())
        frames = embedded.new_zeros(*mask.shape, self.out_dim)
        frames[mask] = embedded
        return masked_mean(frames, mask)

    def _pooled(self, flat: Tensor) -> Tensor:
        pictures = flat.view(-1, 1, self.side_px, self.side_px)
        maps = self.blocks(pictures.contiguous(memory_format=torch.channels_last))
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


def _block(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout2d(0.1),
    )  # fmt: skip
