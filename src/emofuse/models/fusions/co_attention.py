"""Co-attention over frames: each modality asks every other one, in both directions.

After Lu et al. 2016 (https://arxiv.org/abs/1606.00061) in the form of multi-head attention (Lu et al. 2019,
ViLBERT): query from one, key and value from the other, residual and layer norm. What the public code for MELD calls
co-attention is self-attention over pieces of the concatenation; this is not that.
"""

from collections.abc import Mapping
from itertools import permutations

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean
from emofuse.models.fusions.cross_attention import CrossAttention


class CoAttention(nn.Module):
    """``norm(x_a + sum over b of attention(x_a, x_b))``, averaged over the frames of a, side by side."""

    over_time = True

    def __init__(
        self, dims: Mapping[str, int], *, width: int = 64, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.out_dim = width * len(dims)
        self.project = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})
        self.pairs = tuple(permutations(dims, 2))
        self.attention = nn.ModuleList(
            CrossAttention(width, heads=heads, dropout=dropout) for _ in self.pairs
        )
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in dims})

    def forward(self, frames: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, time, dim)}`` and ``{name: (batch, time)}`` to ``(batch, modalities * width)``."""
        states = {name: linear(frames[name]) for name, linear in self.project.items()}
        joint = dict(states)
        for (one, other), attend in zip(self.pairs, self.attention, strict=True):
            joint[one] = joint[one] + attend(states[one], states[other], masks[other])
        return torch.cat(
            [masked_mean(norm(joint[name]), masks[name]) for name, norm in self.norms.items()], dim=1
        )
