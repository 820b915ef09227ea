"""Concatenation, with a learned embedding in the place of an absent modality."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    """Embeddings side by side, in the order of ``dims``."""

    def __init__(self, dims: Mapping[str, int]) -> None:
        super().__init__()
        self.out_dim = sum(dims.values())
        self.absent = nn.ParameterDict({name: nn.Parameter(torch.zeros(dim)) for name, dim in dims.items()})

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, sum of dims)``."""
        return torch.cat(
            [
                torch.where(presence[name].unsqueeze(1), embeddings[name], absent.to(embeddings[name]))
                for name, absent in self.absent.items()
            ],
            dim=1,
        )
