"""Gated multimodal unit (GMU): each modality through a tanh, mixed by a gate for every unit.

Paper: Arevalo et al. 2017, https://arxiv.org/abs/1702.01992. Two modalities share one gate,
``h = z tanh(W_a a) + (1 - z) tanh(W_b b)`` with ``z = sigmoid(W_z [a; b])``; any other number have one each.
Differs: a row with one of the two has that one alone, with gate 1, and layers have biases.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.presence import flags, side_by_side


class Gmu(nn.Module):
    """Sum of gated tanh projections."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int = 128) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.project = nn.ModuleDict({name: nn.Linear(dim, out_dim) for name, dim in dims.items()})
        gated = list(dims)[:1] if len(dims) == 2 else list(dims)
        self.gates = nn.ModuleDict({name: nn.Linear(sum(dims.values()), out_dim) for name in gated})

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        return self.weigh(embeddings, presence)[0]

    def weigh(
        self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The fused ``(batch, out_dim)`` and each modality's mean gate ``(batch, modalities)``."""
        present = flags(presence, self.project).unsqueeze(2)
        joint = side_by_side(embeddings, presence, self.project)
        gates = torch.stack([torch.sigmoid(gate(joint)) for gate in self.gates.values()], dim=1)
        if len(self.project) == 2:
            gates = torch.cat([gates, 1 - gates], dim=1)
            # Which of the two is not a question where there is only one.
            gates = torch.where(present.sum(dim=1, keepdim=True) == 1, torch.ones_like(gates), gates)
        gates = gates * present.to(gates.dtype)
        values = torch.stack(
            [torch.tanh(linear(embeddings[name])) for name, linear in self.project.items()], dim=1
        )
        values = torch.where(present, values, torch.zeros_like(values))
        return (gates * values).sum(dim=1), gates.mean(dim=2)
