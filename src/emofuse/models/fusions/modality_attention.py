"""Modality attention: each modality is one token; multi-head attention, then the mean over the tokens.

After the public code for MELD that calls it so (three tokens, four heads, no residual). Differs: tokens are
brought to one width and carry a learned name, and absent ones neither ask nor answer.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.fusions.presence import flags, shares


class ModalityAttention(nn.Module):
    """Self-attention over the present modalities, averaged over them."""

    def __init__(self, dims: Mapping[str, int], *, width: int = 128, heads: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.out_dim, self.heads = width, heads
        self.project = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})
        self.names = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.02) for name in dims})
        self.project_in, self.project_out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, width)``."""
        return self.weigh(embeddings, presence)[0]

    def weigh(
        self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The fused ``(batch, width)`` and the attention that each modality gets from all, averaged over
        heads, ``(batch, modalities)``: it sums to 1 over what is present.
        """
        present = flags(presence, self.project)
        tokens = torch.stack(
            [linear(embeddings[name]) + self.names[name] for name, linear in self.project.items()], dim=1
        )
        tokens = torch.where(present.unsqueeze(2), tokens, torch.zeros_like(tokens))
        batch, count, width = tokens.shape
        split = self.project_in(tokens).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        energies = query @ key.transpose(2, 3) * (width // self.heads) ** -0.5
        received = shares(energies, present[:, None, None])
        mixed = self.project_out((received @ value).transpose(1, 2).reshape(batch, count, width))
        share = present.to(mixed.dtype) / present.sum(dim=1, keepdim=True).clamp_min(1)
        fused = (mixed * share.unsqueeze(2)).sum(dim=1)
        return fused, (received.mean(dim=1) * share.unsqueeze(2)).sum(dim=1)
