"""Cross-modal transformers: every modality is told again by every other one, in the manner of MulT.

Paper: Tsai et al. 2019, https://arxiv.org/abs/1906.00295: directional blocks whose query is one modality and whose
key and value are another's frames, unaligned; their results side by side through self-attention; the last frame.
Differs: the sizes are ours, and any number of modalities works, one alone included.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_last
from emofuse.models.encoders.transformer import TransformerLayer, sinusoids
from emofuse.models.fusions.cross_attention import CrossAttention


class CrossLayer(nn.Module):
    """Pre-norm attention to another modality and a feed-forward block, each added to what came in."""

    def __init__(self, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_query, self.norm_source = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CrossAttention(width, heads=heads, dropout=dropout)
        self.forward_block = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4 * width, width),
        )  # fmt: skip

    def forward(self, values: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """``(batch, time, width)`` with ``(batch, other time, width)`` and its mask to ``(batch, time, width)``."""
        attended = self.attention(self.norm_query(values), self.norm_source(source), source_mask)
        values = values + attended
        return values + self.forward_block(values)


class CrossModal(nn.Module):
    """Directional blocks of ``layers`` each, then ``memory_layers`` of self-attention for each modality."""

    over_time = True

    def __init__(
        self, dims: Mapping[str, int], *, width: int = 40, heads: int = 4, layers: int = 2,
        memory_layers: int = 1, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.sources = {name: [other for other in dims if other != name] or [name] for name in dims}
        wide = width * max(1, len(dims) - 1)
        self.out_dim = wide * len(dims)
        self.project = nn.ModuleDict(
            {name: nn.Linear(dim, width, bias=False) for name, dim in dims.items()}
        )
        self.cross = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    nn.ModuleList(CrossLayer(width, heads=heads, dropout=dropout) for _ in range(layers))
                    for _ in sources
                )
                for name, sources in self.sources.items()
            }
        )
        self.memory = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    TransformerLayer(wide, heads=heads, dropout=dropout) for _ in range(memory_layers)
                )
                for name in dims
            }
        )
        self.norms = nn.ModuleDict({name: nn.LayerNorm(wide) for name in dims})

    def forward(self, frames: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, time, dim)}`` and ``{name: (batch, time)}`` to ``(batch, out_dim)``."""
        states = {}
        for name, linear in self.project.items():
            hidden = linear(frames[name])
            states[name] = hidden * hidden.shape[2] ** 0.5 + sinusoids(*hidden.shape[1:]).to(hidden)
        return torch.cat([self._told(name, states, masks) for name in self.project], dim=1)

    def _told(self, name: str, states: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """The last valid frame of one modality after all others spoke to it, ``(batch, wide)``."""
        directions = []
        for source, layers in zip(self.sources[name], self.cross[name], strict=True):  # type: ignore[call-overload]
            hidden = states[name]
            for layer in layers:
                hidden = layer(hidden, states[source], masks[source])
            directions.append(hidden)
        joined = torch.cat(directions, dim=2)
        for layer in self.memory[name]:  # type: ignore[attr-defined]
            joined = layer(joined, masks[name])
        return masked_last(self.norms[name](joined), masks[name])
