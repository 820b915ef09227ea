"""MAG-BERT: a gate inside a transformer by which other modalities shift each token (Rahman et al. 2020,
https://arxiv.org/abs/1908.05787).

With ``pretrained`` (a folder or hub name of BERT's family) the main modality is token ids and the gate lies between
the network's embeddings and its layers, as in the authors' code; without it the main modality is vectors, read by a
small transformer. Other lengths are brought to the tokens by relative time; a clip without the main modality is one
learned token. The gate has 1,370,112 parameters at the paper's sizes (768 with 74 and 47).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.pretrained import freeze, open_network
from emofuse.models.encoders.resample import to_length
from emofuse.models.encoders.transformer import TransformerLayer, sinusoids
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class AdaptationGate(nn.Module):
    """The sum over other modalities of ``relu(W_g [z; m]) * W m`` is added to each token, not longer than ``shift``
    times the token; then layer norm and dropout.
    """

    def __init__(self, width: int, dims: Mapping[str, int], *, shift: float, dropout: float) -> None:
        super().__init__()
        self.shift = shift
        self.gates = nn.ModuleDict({name: nn.Linear(width + dim, width) for name, dim in dims.items()})
        self.moves = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})
        self.norm, self.drop = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, others: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> Tensor:
        """``(batch, time, width)`` with ``{name: (batch, time, dim)}`` of the same time to ``(batch, time, width)``."""
        moved = torch.zeros_like(tokens)
        for name, gate in self.gates.items():
            opened = torch.relu(gate(torch.cat([tokens, others[name].to(tokens.dtype)], dim=2)))
            step = opened * self.moves[name](others[name])
            moved = moved + step * presence[name][:, None, None].to(step.dtype)
        lengths = [torch.linalg.vector_norm(one.float(), dim=2, keepdim=True) for one in (tokens, moved)]
        share = (lengths[0] / lengths[1].clamp_min(1e-6) * self.shift).clamp_max(1.0)
        return self.drop(self.norm(tokens + share * moved))


class FrameTransformer(nn.Module):
    """The backbone for vectors: linear, positions, gate, pre-norm layers, pooling."""

    def __init__(
        self, dim: int, *, width: int, layers: int, heads: int, pooling: str, dropout: float
    ) -> None:
        super().__init__()
        self.width, self.longest = width, None
        self.project = nn.Linear(dim, width)
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads=heads, dropout=dropout) for _ in range(layers)
        )
        self.norm, self.pool = nn.LayerNorm(width), Pool(width, pooling)
        self.out_dim = self.pool.out_dim

    def tokens(self, values: Tensor) -> Tensor:
        """``(batch, time, dim)`` to ``(batch, time, width)``."""
        tokens = self.project(values)
        return tokens + sinusoids(tokens.shape[1], tokens.shape[2]).to(tokens)

    def read(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, width)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return self.pool(self.norm(tokens), mask)


class TokenTransformer(nn.Module):
    """The backbone for token ids: a published network, its embeddings and its layers called apart."""

    def __init__(self, dim: int, *, source: str, train_layers: int) -> None:
        super().__init__()
        if dim != 1:
            raise ConfigError(f"pretrained reads token ids, one a frame; the main track is {dim} wide")
        self.network: Any = open_network(source, "text encoder")
        if not hasattr(self.network, "embeddings") or not hasattr(self.network, "encoder"):
            raise ConfigError(f"{source}: no embeddings and encoder to put a gate between")
        freeze(self.network, train_layers)
        self.width = self.out_dim = int(self.network.config.hidden_size)
        self.longest: int | None = int(self.network.config.max_position_embeddings)

    def tokens(self, values: Tensor) -> Tensor:
        """Ids ``(batch, time, 1)`` to ``(batch, time, width)``."""
        return self.network.embeddings(input_ids=values[:, :, 0].long())

    def read(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, width)`` and ``(batch, time)`` to ``(batch, width)``: of the first token."""
        bias = torch.zeros_like(tokens[:, None, None, :, 0])
        bias = bias.masked_fill(~mask[:, None, None], torch.finfo(bias.dtype).min)
        states = self.network.encoder(tokens, attention_mask=bias).last_hidden_state
        pooler = getattr(self.network, "pooler", None)
        return states[:, 0] if pooler is None else pooler(states)


class MagBert(nn.Module):
    """A backbone over the main modality with a gate for the others."""

    def __init__(
        self, backbone: FrameTransformer | TokenTransformer, task: TaskSpec, *,
        main: str, others: Mapping[str, int], shift: float, gate_dropout: float, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.main, self.backbone = main, backbone
        self.absent = nn.Parameter(torch.randn(backbone.width) * 0.02)
        self.gate = AdaptationGate(backbone.width, others, shift=shift, dropout=gate_dropout)
        self.drop, self.head = nn.Dropout(dropout), Head(backbone.out_dim, task)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused ``(batch, out_dim)``."""
        mask = batch.masks[self.main][:, : self.backbone.longest]
        here = batch.presence[self.main]
        tokens = self.backbone.tokens(batch.values[self.main][:, : self.backbone.longest])
        tokens = torch.where(here[:, None, None], tokens, self.absent.to(tokens.dtype))
        # A clip without the main modality is one token.
        mask = mask | (~here.unsqueeze(1) & (torch.arange(mask.shape[1], device=mask.device) == 0))
        others = {name: to_length(batch.values[name], batch.masks[name], mask) for name in self.gate.gates}
        fused = self.backbone.read(self.gate(tokens, others, batch.presence), mask)
        scores, ratings = self.head(self.drop(fused))
        return Output(scores, ratings, fused)


def mag_bert(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    pretrained: str | None = None,
    train_layers: int = -1,
    width: int = 128,
    layers: int = 4,
    heads: int = 4,
    pooling: str = "mean",
    shift: float = 1.0,
    gate_dropout: float = 0.5,
    dropout: float = 0.1,
) -> Recipe:
    """``train_layers`` of the pretrained network are trained (all if negative); ``width``, ``layers``, ``heads`` and
    ``pooling`` are of the transformer that stands in its place without it. ``shift`` is the paper's beta.

    Raises:
        ConfigError: ``main`` is not there, or the network cannot be read or has no place for the gate.
    """
    first, *others = leading(dims, main)
    backbone: FrameTransformer | TokenTransformer
    if pretrained is None:
        backbone = FrameTransformer(
            dims[first], width=width, layers=layers, heads=heads, pooling=pooling, dropout=dropout
        )
    else:
        backbone = TokenTransformer(dims[first], source=pretrained, train_layers=train_layers)
    model = MagBert(
        backbone, task, main=first, others={name: dims[name] for name in others}, shift=shift,
        gate_dropout=gate_dropout, dropout=dropout,
    )  # fmt: skip
    return Recipe(model)
