"""A recurrent network, multi-head self-attention over its states, and a layer norm of both added up: the encoder that
the MELD study of co-attention fusion calls BiGRU with attention.

It reads valid frames alone, where the study's runs read the clips of a batch as if they were frames of one sequence.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.recurrent import pooled
from emofuse.models.encoders.valid_frames import run_valid

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class MultiHeadAttention(nn.Module):
    """Self-attention of several heads over valid frames (Vaswani et al. 2017), with an output projection."""

    def __init__(self, dim: int, *, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.project_in, self.project_out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, dim)``; 0 if none is valid."""
        split = self.project_in(values).unflatten(2, (3, self.heads, -1))
        query, key, value = split.permute(2, 0, 3, 1, 4)
        # A row without a valid frame would be a softmax over nothing: let it see itself, then blank it.
        visible = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None]
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=visible, dropout_p=self.dropout if self.training else 0.0
        )
        joined = self.project_out(attended.transpose(1, 2).flatten(2))
        return joined * mask.unsqueeze(-1).to(joined.dtype)


class RecurrentAttention(nn.Module):
    """``cell`` (gru or lstm) over the frames, attention, layer norm of the sum, dropout, pooling, linear.

    Raises:
        ConfigError: ``cell`` is another, or the width of the states is no multiple of ``heads``.
    """

    def __init__(
        self, dim: int, *, cell: str = "gru", hidden: int = 64, heads: int = 8, bidirectional: bool = True,
        pooling: str = "mean", out_dim: int = 64, dropout: float = 0.2,
    ) -> None:  # fmt: skip
        super().__init__()
        width = hidden * (2 if bidirectional else 1)
        if cell not in CELLS:
            raise ConfigError(f"cell = {cell!r}; there are {', '.join(CELLS)}")
        if heads < 1 or width % heads:
            raise ConfigError(f"states of {width} values cannot be shared by {heads} heads")
        self.out_dim = out_dim
        self.network = CELLS[cell](dim, hidden, batch_first=True, bidirectional=bidirectional)
        self.attention = MultiHeadAttention(width, heads=heads)
        self.norm = nn.LayerNorm(width)
        self.pool = Pool(width, pooling)
        self.frame_dim = self.pool.frame_dim(out_dim)
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.pool.out_dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.project(pooled(self.pool, self._states(values, mask), mask, network=self.network))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, frame_dim)``."""
        return self.project(self._states(values, mask))

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        states = run_valid(self.network, values, mask)
        normed: Tensor = self.norm(states + self.attention(states, mask))
        return torch.where(mask.unsqueeze(-1), normed, torch.zeros_like(normed))
