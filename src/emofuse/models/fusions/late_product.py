"""The product rule of late fusion (Kittler et al. 1998): probabilities of the present modalities multiplied.

Ratings are averaged.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.decisions import mean_of, outputs_of, read


class LateProduct(nn.Module):
    """Sum of log-probabilities; it has nothing to learn."""

    over_decisions = True

    def __init__(self, dims: Mapping[str, int], *, classes: int | None = None) -> None:
        super().__init__()
        self.names = tuple(dims)
        self.out_dim, self.classes = outputs_of(dims, classes)

    def forward(self, decisions: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """Scores and ratings ``{name: (batch, outputs)}`` to ``(batch, outputs)``; scores are logarithms."""
        found = read(decisions, presence, self.names, classes=self.classes)
        pooled = torch.log_softmax(found.logs.sum(dim=1), dim=1)
        return torch.cat([pooled, mean_of(found.ratings, found.present.to(pooled.dtype))], dim=1)
