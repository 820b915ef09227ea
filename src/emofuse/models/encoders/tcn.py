"""Temporal convolutional network: residual blocks of two dilated convolutions, the dilation doubled each block.

Paper: Bai et al. 2018, https://arxiv.org/abs/1803.01271. Differs: a clip is seen whole, so convolutions look both
ways, and layer normalisation over channels stands in for weight normalisation. Padding is blanked before each one.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import Pool


class _Block(nn.Module):
    def __init__(self, before: int, width: int, *, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, width, kernel, padding="same", dilation=dilation)
            for channels in (before, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.drop = nn.Dropout(dropout)
        self.shortcut = nn.Identity() if before == width else nn.Linear(before, width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, before)`` and ``(batch, time)`` to ``(batch, time, width)``."""
        hidden = values
        for convolve, norm in zip(self.convolutions, self.norms, strict=True):
            blank = torch.where(mask.unsqueeze(2), hidden, torch.zeros_like(hidden))
            hidden = self.drop(torch.relu(norm(convolve(blank.transpose(1, 2)).transpose(1, 2))))
        return torch.relu(hidden + self.shortcut(values))


class Tcn(nn.Module):
    """Blocks of ``widths`` channels, pooling, dropout, linear."""

    def __init__(
        self, dim: int, *, widths: tuple[int, ...] | list[int] = (64, 64, 64), kernel: int = 3,
        pooling: str = "mean", out_dim: int = 64, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        if not widths or kernel % 2 == 0:
            raise ValueError(f"a block and an odd kernel are wanted, got widths {widths}, kernel {kernel}")
        self.out_dim = out_dim
        self.blocks = nn.ModuleList(
            _Block(before, width, kernel=kernel, dilation=2**number, dropout=dropout)
            for number, (before, width) in enumerate(pairwise((dim, *widths)))
        )
        self.pool = Pool(widths[-1], pooling)
        self.frame_dim = self.pool.frame_dim(out_dim)
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.pool.out_dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.project(self.pool(self._states(values, mask), mask))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, frame_dim)``."""
        return self.project(self._states(values, mask))

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        for block in self.blocks:
            values = block(values, mask)
        return values
