"""Multiplicative interactions: ``x W z + U z + V x + b``.

Paper: Jayakumar et al. 2020, https://openreview.net/forum?id=rylnK6VtDH, for two inputs. Here each modality has
its linear term and each pair its bilinear one, so any number works; terms of an absent modality are 0.
"""

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn

from emofuse.models.fusions.presence import blanked


class Multiplicative(nn.Module):
    """Linear terms, bilinear terms of all pairs, bias."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int = 64) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.linear = nn.ModuleDict(
            {name: nn.Linear(dim, out_dim, bias=False) for name, dim in dims.items()}
        )
        self.pairs = tuple(combinations(dims, 2))
        self.bilinear = nn.ParameterList(
            torch.randn(dims[one], dims[other], out_dim) * (dims[one] * dims[other]) ** -0.5
            for one, other in self.pairs
        )
        self.bias = nn.Parameter(torch.zeros(out_dim))

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        given = {name: blanked(embeddings, presence, name) for name in self.linear}
        total = self.bias + sum(layer(given[name]) for name, layer in self.linear.items())
        for (one, other), weight in zip(self.pairs, self.bilinear, strict=True):
            half = torch.einsum("bi,ijo->bjo", given[one], weight.to(given[one]))
            total = total + torch.einsum("bjo,bj->bo", half, given[other].to(half))
        return total
