"""Stacking and low-rank tensor fusion side by side, as the thesis's text combines them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.low_rank import LowRank
from emofuse.models.fusions.stack import Stack


class StackLowRank(nn.Module):
    """Both fusions of the same embeddings, concatenated."""

    def __init__(
        self, dims: Mapping[str, int], *, width: int = 64, heads: int = 4, out_dim: int = 128,
        rank: int = 32, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stack = Stack(dims, width=width, heads=heads, dropout=dropout)
        self.low_rank = LowRank(dims, out_dim=out_dim, rank=rank)
        self.out_dim = self.stack.out_dim + self.low_rank.out_dim

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        return torch.cat([self.stack(embeddings, presence), self.low_rank(embeddings, presence)], dim=1)
