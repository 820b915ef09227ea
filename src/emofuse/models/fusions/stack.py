"""Stacking: each modality is one token, the tokens attend to one another, and are laid side by side.

The thesis on MOSI, MOSEI and CH-SIMS names stacking without defining it; this is our reading.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.encoders.transformer import TransformerLayer


class Stack(nn.Module):
    """Linear to a common width, one self-attention layer over the present tokens, concatenation."""

    def __init__(
        self, dims: Mapping[str, int], *, width: int = 64, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.out_dim = width * len(dims)
        self.project = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})
        self.names = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.02) for name in dims})
        self.layer = TransformerLayer(width, heads=heads, dropout=dropout)

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, modalities * width)``."""
        tokens = torch.stack(
            [linear(embeddings[name]) + self.names[name] for name, linear in self.project.items()], dim=1
        )
        present = torch.stack([presence[name] for name in self.project], dim=1)
        mixed = self.layer(tokens * present.unsqueeze(2).to(tokens.dtype), present)
        return (mixed * present.unsqueeze(2).to(mixed.dtype)).flatten(1)
