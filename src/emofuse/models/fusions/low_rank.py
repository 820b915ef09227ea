"""Low-rank multimodal fusion (LMF).

Paper: Liu et al. 2018, https://arxiv.org/abs/1806.00064. The product over modalities of
``[1; h] W_m`` is summed over ranks; a modality that is absent is left out of the product. The factors are
registered parameters, which the thesis code's are not.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Factors(nn.Module):
    """One linear projection a modality and rank, multiplied over modalities."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int = 128, rank: int = 32) -> None:
        super().__init__()
        if rank < 1:
            raise ValueError(f"rank must be at least 1, got {rank}")
        self.out_dim = out_dim
        self.factors = nn.ParameterDict(
            {
                name: nn.Parameter(nn.init.xavier_normal_(torch.empty(rank, dim + 1, out_dim)))
                for name, dim in dims.items()
            }
        )

    def _product(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``(batch, rank, out_dim)``."""
        product = next(iter(self.factors.values())).new_ones(())
        for name, factor in self.factors.items():
            padded = functional.pad(embeddings[name], (1, 0), value=1.0)
            projected = torch.einsum("bd,rdo->bro", padded, factor.to(padded))
            product = product * torch.where(
                presence[name][:, None, None], projected, torch.ones_like(projected)
            )
        return product


class LowRank(_Factors):
    """Sum over ranks with a learned weight each, as the authors' code has it."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int = 128, rank: int = 32) -> None:
        super().__init__(dims, out_dim=out_dim, rank=rank)
        self.rank_weights = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, rank)))
        self.bias = nn.Parameter(torch.zeros(out_dim))

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        product = self._product(embeddings, presence)
        return torch.einsum("qr,bro->bo", self.rank_weights.to(product), product) + self.bias.to(product)


class LowRankUnit(_Factors):
    """Plain sum over ranks, as the paper's equation has it."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int = 128, rank: int = 32) -> None:
        super().__init__(dims, out_dim=out_dim, rank=rank)
        self.bias = nn.Parameter(torch.zeros(out_dim))

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        product = self._product(embeddings, presence)
        return product.sum(dim=1) + self.bias.to(product)
