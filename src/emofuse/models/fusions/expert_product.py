"""Product of calibrated experts inside a model: log-linear pooling with learned weights.

``log p(c) = log prior(c) + sum_m w_m (log p_m(c) - log prior(c))``, after Kittler et al. 1998, where ``p_m`` is the
softmax of the modality's scores over a learned temperature (Guo et al. 2017). Ratings are averaged by the weights.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.fusions.decisions import mean_of, outputs_of, read

# softplus of this is 1: the plain product at the start.
ONE = 0.5413248546


class ExpertProduct(nn.Module):
    """Temperature, weight and common prior are learned; an absent expert says nothing."""

    over_decisions = True

    def __init__(self, dims: Mapping[str, int], *, classes: int | None = None) -> None:
        super().__init__()
        self.names = tuple(dims)
        self.out_dim, self.classes = outputs_of(dims, classes)
        self.trust = nn.Parameter(torch.full((len(dims),), ONE))
        if self.classes:
            self.temperature = nn.Parameter(torch.full((len(dims),), ONE))
            self.prior = nn.Parameter(torch.zeros(self.classes))

    def forward(self, decisions: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """Scores and ratings ``{name: (batch, outputs)}`` to ``(batch, outputs)``; scores are logarithms."""
        return self.weigh(decisions, presence)[0]

    def weigh(
        self, decisions: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The pooled ``(batch, outputs)`` and each expert's share of the weights ``(batch, modalities)``."""
        found = read(decisions, presence, self.names, classes=self.classes)
        trust = functional.softplus(self.trust) * found.present
        pooled = found.logs[:, 0]
        if self.classes:
            prior = torch.log_softmax(self.prior, dim=0)
            heat = functional.softplus(self.temperature).view(1, -1, 1)
            evidence = torch.log_softmax(found.logs / heat, dim=2) - prior
            pooled = torch.log_softmax(prior + (trust.unsqueeze(2) * evidence).sum(dim=1), dim=1)
        joined = torch.cat([pooled, mean_of(found.ratings, trust)], dim=1)
        return joined, trust / trust.sum(dim=1, keepdim=True).clamp_min(1e-6)
