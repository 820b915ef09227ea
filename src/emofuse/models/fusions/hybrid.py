"""Hybrid fusion: early fusion of frames and late fusion of each modality's own summary, side by side."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean
from emofuse.models.fusions.early import Early
from emofuse.models.fusions.late import Late


class Hybrid(nn.Module):
    """`Early` over frames beside `Late` over their masked means."""

    over_time = True

    def __init__(
        self, dims: Mapping[str, int], *, main: str | None = None, hidden: int = 64, pooling: str = "last",
        early_dim: int = 64, late_dim: int = 64, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.early = Early(
            dims, main=main, hidden=hidden, pooling=pooling, out_dim=early_dim, dropout=dropout
        )
        self.late = Late(dims, out_dim=late_dim, dropout=dropout)
        self.out_dim = early_dim + late_dim

    def forward(self, frames: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, time, dim)}`` and ``{name: (batch, time)}`` to ``(batch, out_dim)``."""
        means = {name: masked_mean(frames[name], mask) for name, mask in masks.items()}
        present = {name: mask.any(dim=1) for name, mask in masks.items()}
        return torch.cat([self.early(frames, masks), self.late(means, present)], dim=1)
