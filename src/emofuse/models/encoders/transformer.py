"""Pre-norm transformer encoder (Vaswani et al. 2017) with sinusoidal positions and masked pooling."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.pooling import Pool


def sinusoids(length: int, dim: int) -> Tensor:
    """Positions ``(length, dim)``: sines in the even columns, cosines in the odd ones."""
    places = torch.arange(length).unsqueeze(1)
    rates = torch.exp(torch.arange(0, dim, 2) * (-torch.log(torch.tensor(10000.0)) / dim))
    table = torch.zeros(length, dim)
    table[:, 0::2] = torch.sin(places * rates)
    table[:, 1::2] = torch.cos(places * rates)[:, : dim // 2]
    return table


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward block, each normalised before and added after."""

    def __init__(self, dim: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim {dim} is not a multiple of {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.norm_attention, self.norm_forward = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.project_in, self.project_out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.forward_block = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * dim, dim)
        )

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, dim)``."""
        batch, time, dim = values.shape
        split = self.project_in(self.norm_attention(values)).view(
            batch, time, 3, self.heads, dim // self.heads
        )
        query, key, value = split.permute(2, 0, 3, 1, 4)
        visible = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None]
        rate = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=visible, dropout_p=rate
        )
        values = values + self.project_out(attended.transpose(1, 2).reshape(batch, time, dim))
        return values + self.forward_block(self.norm_forward(values))


class Transformer(nn.Module):
    """Linear, positions, layers, pooling; no frame sees padding."""

    def __init__(
        self, dim: int, *, hidden: int = 64, heads: int = 4, layers: int = 2, pooling: str = "mean",
        out_dim: int = 64, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.out_dim = out_dim
        self.project_in = nn.Linear(dim, hidden)
        self.layers = nn.ModuleList(
            TransformerLayer(hidden, heads=heads, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.pool = Pool(hidden, pooling)
        self.frame_dim = self.pool.frame_dim(out_dim)
        self.project_out = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.pool.out_dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.project_out(self.pool(self._states(values, mask), mask))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, frame_dim)``."""
        return self.project_out(self._states(values, mask))

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        hidden = self.project_in(values)
        hidden = hidden + sinusoids(hidden.shape[1], hidden.shape[2]).to(hidden)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.norm(hidden)
