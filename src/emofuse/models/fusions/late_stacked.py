"""Stacked generalisation (Wolpert 1992): a small network reads what each modality decided.

It is trained together with them, on the training clips; whoever wants it on held-out decisions freezes the rest.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.decisions import outputs_of, read


class LateStacked(nn.Module):
    """Log-probabilities, ratings and presence of all modalities through one hidden layer."""

    over_decisions = True

    def __init__(self, dims: Mapping[str, int], *, hidden: int = 32, classes: int | None = None) -> None:
        super().__init__()
        self.names = tuple(dims)
        self.out_dim, self.classes = outputs_of(dims, classes)
        self.layers = nn.Sequential(
            nn.Linear(len(dims) * (self.out_dim + 1), hidden), nn.ReLU(), nn.Linear(hidden, self.out_dim)
        )

    def forward(self, decisions: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """Scores and ratings ``{name: (batch, outputs)}`` to ``(batch, outputs)``."""
        found = read(decisions, presence, self.names, classes=self.classes)
        seen = torch.cat([found.logs, found.ratings, found.present.unsqueeze(2).float()], dim=2)
        return self.layers(seen.flatten(1))
