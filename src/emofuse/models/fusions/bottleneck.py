"""Bottleneck transformer (MBT): modalities exchange what passes through a few shared tokens.

Paper: Nagrani et al. 2021, https://arxiv.org/abs/2107.00135: ``own_layers`` without exchange, then layers in which
each modality attends to its frames and to the bottleneck, whose new tokens are averaged over modalities; the result is
the mean of the modalities' class tokens. Differs: small sizes, and absent modalities are left out of both means.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.transformer import TransformerLayer, sinusoids
from emofuse.models.fusions.presence import flags


class Bottleneck(nn.Module):
    """A class token and the frames of each modality, and ``tokens`` shared ones between them."""

    over_time = True

    def __init__(
        self, dims: Mapping[str, int], *, width: int = 64, heads: int = 4, layers: int = 3,
        own_layers: int = 1, tokens: int = 4, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        if layers - own_layers < 2:
            raise ValueError(
                f"what one modality wrote into the bottleneck is read a layer later: 2 shared layers are "
                f"wanted, got {layers} layers of which {own_layers} own"
            )
        self.out_dim, self.own_layers = width, own_layers
        self.project = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})
        self.first = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.02) for name in dims})
        self.tokens = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: TransformerLayer(width, heads=heads, dropout=dropout) for name in dims})
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, frames: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, time, dim)}`` and ``{name: (batch, time)}`` to ``(batch, width)``."""
        states = {name: self._begin(name, frames[name]) for name in self.project}
        present = flags({name: masks[name].any(dim=1) for name in self.project}, self.project)
        share = present.to(self.tokens.dtype) / present.sum(dim=1, keepdim=True).clamp_min(1)
        shared = self.tokens.expand(len(present), -1, -1)
        for number, layer in enumerate(self.layers):
            if number < self.own_layers:
                states = {
                    name: layer[name](states[name], functional.pad(masks[name], (1, 0), value=True))  # type: ignore[index]
                    for name in states
                }
                continue
            states, shared = _exchange(layer, states, masks, shared=shared, share=share)  # type: ignore[arg-type]
        firsts = torch.stack([self.norm(state[:, 0]) for state in states.values()], dim=1)
        return (firsts * share.unsqueeze(2)).sum(dim=1)

    def _begin(self, name: str, frames: Tensor) -> Tensor:
        hidden = self.project[name](frames)
        hidden = hidden + sinusoids(*hidden.shape[1:]).to(hidden)
        first = self.first[name].to(hidden).expand(len(hidden), 1, -1)
        return torch.cat([first, hidden], dim=1)


def _exchange(
    layer: nn.ModuleDict, states: Mapping[str, Tensor], masks: Mapping[str, Tensor], *, shared: Tensor,
    share: Tensor,
) -> tuple[dict[str, Tensor], Tensor]:  # fmt: skip
    """One layer in which each modality also attends to the bottleneck ``shared`` ``(batch, tokens, width)``; its
    new tokens are averaged by ``share`` ``(batch, modalities)``.
    """
    count = shared.shape[1]
    told, written = {}, []
    for name, state in states.items():
        both = torch.cat([shared.to(state), state], dim=1)
        mixed = layer[name](both, functional.pad(masks[name], (count + 1, 0), value=True))
        told[name] = mixed[:, count:]
        written.append(mixed[:, :count])
    return told, torch.einsum("bmtd,bm->btd", torch.stack(written, dim=1), share.to(written[0]))
