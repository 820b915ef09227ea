"""The sum rule of late fusion: a weighted mean of each modality's probabilities and ratings.

`LateWeighted` takes the weights as given (equal ones make the plain mean of probabilities), `LateLearned` learns
them. Weights of absent modalities go to the others in proportion.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.decisions import mixed, outputs_of, read
from emofuse.models.fusions.presence import shares


class _Mixture(nn.Module):
    """Softmax of a number a modality over what is present, as weights of a mixture."""

    over_decisions = True
    logs: Tensor

    def __init__(self, dims: Mapping[str, int], classes: int | None) -> None:
        super().__init__()
        self.names = tuple(dims)
        self.out_dim, self.classes = outputs_of(dims, classes)

    def forward(self, decisions: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """Scores and ratings ``{name: (batch, outputs)}`` to ``(batch, outputs)``; scores are logarithms."""
        return self.weigh(decisions, presence)[0]

    def weigh(
        self, decisions: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The pooled ``(batch, outputs)`` and the weights ``(batch, modalities)``, which sum to 1."""
        found = read(decisions, presence, self.names, classes=self.classes)
        weights = shares(self.logs.float().expand(found.present.shape), found.present)
        return mixed(found, weights), weights


class LateWeighted(_Mixture):
    """Weights as given by name, 1 for each that is not; they need not sum to 1."""

    def __init__(
        self,
        dims: Mapping[str, int],
        *,
        weights: Mapping[str, float] | None = None,
        classes: int | None = None,
    ) -> None:
        super().__init__(dims, classes)
        given = dict.fromkeys(dims, 1.0) | dict(weights or {})
        if set(given) != set(dims) or min(given.values()) <= 0:
            raise ValueError(f"weights are wanted above 0 for {sorted(dims)}, got {dict(weights or {})}")
        self.register_buffer("logs", torch.tensor([given[name] for name in dims]).log())


class LateLearned(_Mixture):
    """One learned weight a modality, equal at the start."""

    def __init__(self, dims: Mapping[str, int], *, classes: int | None = None) -> None:
        super().__init__(dims, classes)
        self.logs = nn.Parameter(torch.zeros(len(dims)))
