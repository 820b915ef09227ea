"""A convolutional network on log-mel spectrograms with attention pooling over time.

Each band is centred on its own mean over the clip, which takes out the colour of microphone and room;
the clip's level and spread go in as two extra maps, so that loudness dynamics are kept. Our own design.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.pooling import AttentionPool, masked_mean


class MelCnn(nn.Module):
    """3x3 convolutions over time and bands, pooled; then statistics and attention over valid time."""

    def __init__(
        self,
        dim: int,
        *,
        widths: Sequence[int] = (24, 48, 96, 128),
        out_dim: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if dim < 2 ** len(widths):
            raise ValueError(f"{len(widths)} blocks need {2 ** len(widths)} bands or more, got {dim}")
        self.out_dim = out_dim
        self.steps = 2 ** len(widths)
        self.blocks = nn.ModuleList(
            _block(before, width) for before, width in zip((2, *widths), widths, strict=False)
        )
        width = widths[-1] * 2
        self.attention = AttentionPool(width)
        self.project = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * width, out_dim), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Log-mel in dB ``(batch, time, bands)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        maps, mask = self._pad(self._standardise(values, mask), mask)
        for block in self.blocks:
            # Blank the padding before each block: a convolution must not carry anything in from there.
            maps = block(maps * mask[:, None, :, None].to(maps.dtype))
            mask = functional.max_pool1d(mask.float().unsqueeze(1), 2).squeeze(1) > 0
        frames = torch.cat([maps.mean(dim=3), maps.amax(dim=3)], dim=1).transpose(1, 2).float()
        pooled = torch.cat([self.attention(frames, mask), masked_mean(frames, mask)], dim=1)
        return self.project(pooled)

    def _standardise(self, values: Tensor, mask: Tensor) -> Tensor:
        centred = values - masked_mean(values, mask).unsqueeze(1)
        level = masked_mean(values.mean(dim=2, keepdim=True), mask).unsqueeze(1)
        # 20 dB: about the spread of speech over time and bands, so that the maps are near unit size.
        return torch.stack([centred, values - level], dim=1) / 20.0

    def _pad(self, maps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        # Each block halves time and leaves a frame valid if either of its two was, so the length must be
        # a multiple of all halvings for the result not to depend on how much padding there is.
        short = -maps.shape[2] % self.steps
        return functional.pad(maps, (0, 0, 0, short)), functional.pad(mask, (0, short))


def _block(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
