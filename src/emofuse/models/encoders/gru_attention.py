"""GRU, self-attention over time, GRU: the encoder that the thesis on MOSI, MOSEI and CH-SIMS describes.

Its published code never calls the attention and has no second GRU; this follows the document. It adds
what a working version needs: padding is masked, the attention is scaled by 1/sqrt(dim) (``scaled=False``
for the paper's), and it sits in a residual with layer normalisation.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.recurrent import pooled
from emofuse.models.encoders.valid_frames import run_valid


class SelfAttention(nn.Module):
    """Single-head attention over valid frames with query, key and value projections."""

    def __init__(self, dim: int, *, scaled: bool = True) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.scale = None if scaled else 1.0

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, dim)``; 0 if none is valid."""
        # A row without a valid frame would be a softmax over nothing: let it see itself, then blank it.
        visible = (mask | ~mask.any(dim=1, keepdim=True)).unsqueeze(1)
        attended = functional.scaled_dot_product_attention(
            self.query(values), self.key(values), self.value(values), attn_mask=visible, scale=self.scale
        )
        return attended * mask.unsqueeze(-1).to(attended.dtype)


class GruAttention(nn.Module):
    """GRU-1 over all frames, masked self-attention, GRU-2, pooling, dropout, linear."""

    def __init__(
        self,
        dim: int,
        *,
        hidden: int = 64,
        out_dim: int = 32,
        dropout: float = 0.1,
        input_dropout: float = 0.0,
        pooling: str = "last",
        scaled: bool = True,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        width = hidden * (2 if bidirectional else 1)
        self.out_dim = out_dim
        self.first = nn.GRU(dim, hidden, batch_first=True, bidirectional=bidirectional)
        self.attention = SelfAttention(width, scaled=scaled)
        self.norm = nn.LayerNorm(width)
        self.second = nn.GRU(width, hidden, batch_first=True, bidirectional=bidirectional)
        self.pool = Pool(width, pooling)
        self.frame_dim = self.pool.frame_dim(out_dim)
        self.drop_input = nn.Dropout(input_dropout)
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.pool.out_dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.project(pooled(self.pool, self._states(values, mask), mask, network=self.second))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, frame_dim)``."""
        return self.project(self._states(values, mask))

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        outputs = run_valid(self.first, self.drop_input(values), mask)
        attended = self.norm(outputs + self.attention(outputs, mask))
        return run_valid(self.second, attended, mask)


def attention_weights(layer: SelfAttention, values: Tensor, mask: Tensor) -> Tensor:
    """The weights ``(batch, time, time)`` that `SelfAttention` gives, for analysis; 0 without a frame."""
    scale = layer.scale if layer.scale is not None else values.shape[-1] ** -0.5
    energy = torch.einsum("bqd,bkd->bqk", layer.query(values), layer.key(values)) * scale
    weights = torch.softmax(energy.masked_fill(~mask.unsqueeze(1), torch.finfo(energy.dtype).min), dim=-1)
    return weights * mask.unsqueeze(1).to(weights.dtype)
