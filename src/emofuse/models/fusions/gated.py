"""Gated fusion: one scalar gate a modality, read from all embeddings together.

After the public code for MELD that calls it so: ``g = W2 (W1 [a; t; v])`` without a function between the two,
then a sigmoid, and ``sum of g_m m``. Here each modality is brought to one width first, so that widths may differ.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.presence import flags, shares, side_by_side


class _Gates(nn.Module):
    """Two linear layers to a gate a modality, and a projection of each to ``width``."""

    def __init__(self, dims: Mapping[str, int], *, hidden: int = 128, width: int = 128) -> None:
        super().__init__()
        self.out_dim = width
        self.gates = nn.Sequential(nn.Linear(sum(dims.values()), hidden), nn.Linear(hidden, len(dims)))
        self.project = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, width)``."""
        return self.weigh(embeddings, presence)[0]

    def weigh(
        self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The fused ``(batch, width)`` and the gates ``(batch, modalities)``; 0 where one is absent."""
        energies = self.gates(side_by_side(embeddings, presence, self.project))
        gates = self._gates(energies, flags(presence, self.project))
        values = torch.stack([linear(embeddings[name]) for name, linear in self.project.items()], dim=1)
        values = torch.where(flags(presence, self.project).unsqueeze(2), values, torch.zeros_like(values))
        return (gates.unsqueeze(2) * values).sum(dim=1), gates

    def _gates(self, energies: Tensor, present: Tensor) -> Tensor:
        raise NotImplementedError


class Gated(_Gates):
    """A sigmoid for each gate by itself: gates do not sum to 1."""

    def _gates(self, energies: Tensor, present: Tensor) -> Tensor:
        return torch.sigmoid(energies) * present.to(energies.dtype)


class GatedSoftmax(_Gates):
    """A softmax over the gates of what is present."""

    def _gates(self, energies: Tensor, present: Tensor) -> Tensor:
        return shares(energies, present)
