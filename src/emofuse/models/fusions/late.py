"""Late fusion inside one model: each modality votes with a vector of its own, averaged over the present."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Late(nn.Module):
    """One hidden layer and one linear vote a modality; the mean over present modalities."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.votes = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(dim, out_dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(out_dim, out_dim)
                )
                for name, dim in dims.items()
            }
        )

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        votes = torch.stack([vote(embeddings[name]) for name, vote in self.votes.items()], dim=1)
        present = torch.stack([presence[name] for name in self.votes], dim=1).unsqueeze(2).to(votes.dtype)
        return (votes * present).sum(dim=1) / present.sum(dim=1).clamp_min(1.0)
