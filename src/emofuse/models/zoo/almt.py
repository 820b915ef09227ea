"""ALMT, language-guided adaptive hyper-modality (Zhang et al. 2023, https://arxiv.org/abs/2310.05804): every modality
is taken in by a few tokens; those of the main one, layer by layer, ask the others what to add to a hyper-modality;
one token of the main modality's then reads that.

Differs from the authors' code: positions are sinusoids, so that clips may have any length; an attention norms query
and source, not key and value apart; the hyper-modality is added to as it is, as in the paper, not normed first. An
absent modality adds nothing. 2,476,289 parameters on CMU-MOSI (768, 5, 20), without BERT.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.transformer import sinusoids
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


def attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of ``(batch, time, heads * size)``; ``mask`` ``(batch, other time)`` is what is
    seen, None for all of it.
    """
    query, key, value = (one.unflatten(2, (heads, -1)).transpose(1, 2) for one in (query, key, value))
    seen = None if mask is None else mask[:, None, None]
    found = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    return found.transpose(1, 2).flatten(2)


class Layer(nn.Module):
    """Pre-norm attention of a target to a source, which may be the target itself, and a feed-forward block."""

    def __init__(self, dim: int, *, heads: int, head_dim: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_target, self.norm_source = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query = nn.Linear(dim, heads * head_dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * heads * head_dim, bias=False)
        self.out = nn.Sequential(nn.Linear(heads * head_dim, dim), nn.Dropout(dropout))
        self.forward_block = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, feedforward), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(feedforward, dim), nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, target: Tensor, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, other time, dim)`` to ``(batch, time, dim)``."""
        key, value = self.key_value(self.norm_source(source)).chunk(2, dim=2)
        query = self.query(self.norm_target(target))
        target = target + self.out(attend(query, key, value, heads=self.heads, mask=mask))
        return target + self.forward_block(target)

    def few(self, target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """The same for a few targets and many sources, whose keys and values are never laid out: ``q . W x`` is
        ``W' q . x``, and a mean of ``W x`` is W of their mean.
        """
        source = self.norm_source(source)
        to_key, to_value = self.key_value.weight.unflatten(0, (2, self.heads, -1))
        query = self.query(self.norm_target(target)).unflatten(2, (self.heads, -1))
        asked = torch.einsum("bnhk,hkd->bhnd", query, to_key.to(query.dtype))
        found = functional.scaled_dot_product_attention(
            asked.flatten(1, 2), source, source, attn_mask=mask.unsqueeze(1), scale=query.shape[3] ** -0.5
        ).view_as(asked)
        attended = torch.einsum("bhnd,hkd->bnhk", found, to_value.to(found.dtype)).flatten(2)
        target = target + self.out(attended)
        return target + self.forward_block(target)


class TakeIn(nn.Module):
    """Frames of one modality into a few learned tokens, which stand in front of them in a transformer."""

    def __init__(self, dim: int, width: int, *, tokens: int, layers: nn.ModuleList) -> None:
        super().__init__()
        self.project, self.layers = nn.Linear(dim, width), layers
        self.tokens = nn.Parameter(torch.randn(tokens, width))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, tokens, width)``."""
        frames = self.project(values)
        frames = frames + sinusoids(frames.shape[1], frames.shape[2]).to(frames)
        count = len(self.tokens)
        hidden = torch.cat([self.tokens.to(frames).expand(len(values), -1, -1), frames], dim=1)
        seen = functional.pad(mask, (count, 0), value=True)
        for layer in self.layers[:-1]:
            hidden = layer(hidden, hidden, seen)
        # Nothing reads the frames behind the last layer: only the tokens pass it.
        last = self.layers[-1]
        assert isinstance(last, Layer)
        return last.few(hidden[:, :count], hidden, seen)


class Guided(nn.Module):
    """One step of the hyper-modality: what the main modality's tokens find in each other one is added to it."""

    def __init__(self, others: tuple[str, ...], dim: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.norms = nn.ModuleDict({name: nn.LayerNorm(dim) for name in others})
        self.query = nn.Linear(dim, dim, bias=False)
        self.keys = nn.ModuleDict({name: nn.Linear(dim, dim, bias=False) for name in others})
        self.values = nn.ModuleDict({name: nn.Linear(dim, dim, bias=False) for name in others})
        self.out = nn.Sequential(nn.Linear(dim, dim), nn.Dropout(dropout))

    def forward(
        self, hyper: Tensor, main: Tensor, others: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> Tensor:
        """All ``(batch, tokens, dim)``; ``presence`` is ``{name: (batch,)}``."""
        query = self.query(self.norm(main))
        found = torch.zeros_like(query)
        for name, norm in self.norms.items():
            source = norm(others[name])
            told = attend(query, self.keys[name](source), self.values[name](source), heads=self.heads)
            found = found + torch.where(presence[name][:, None, None], told, torch.zeros_like(told))
        return hyper + self.out(found)


class Almt(nn.Module):
    """Tokens, guidance, and a token that reads the hyper-modality beside the main one."""

    def __init__(
        self, inputs: Mapping[str, TakeIn], scales: nn.ModuleList, guided: nn.ModuleList,
        fusion: nn.ModuleList, task: TaskSpec,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs = nn.ModuleDict(inputs)
        self.main, *_ = inputs
        self.scales, self.guided, self.fusion = scales, guided, fusion
        tokens, width = inputs[self.main].tokens.shape
        self.hyper = nn.Parameter(torch.randn(tokens, width))
        self.token = nn.Parameter(torch.randn(1, width))
        self.head = Head(width, task)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the reading token ``(batch, width)``."""
        taken = {name: part(batch.values[name], batch.masks[name]) for name, part in self.inputs.items()}
        main = taken.pop(self.main)
        hyper = self.hyper.to(main).expand(len(batch), -1, -1)
        scales = [main]
        for layer in self.scales:
            scales.append(layer(scales[-1], scales[-1]))
        for step, scale in zip(self.guided, scales, strict=True):
            hyper = step(hyper, scale, taken, batch.presence)
        token = self.token.to(main).expand(len(batch), -1, -1)
        target, source = torch.cat([token, scales[-1]], dim=1), torch.cat([token, hyper], dim=1)
        for layer in self.fusion:
            target = layer(target, source)
        fused = target[:, 0]
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)


def almt(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    width: int = 128,
    tokens: int = 8,
    heads: int = 8,
    head_dim: int = 64,
    feedforward: int = 128,
    input_layers: int = 1,
    steps: int = 3,
    fusion_layers: int = 2,
    dropout: float = 0.0,
) -> Recipe:
    """``steps`` of guidance with one layer of the main modality between each two; a head of a transformer layer is
    ``head_dim`` wide, of the guidance ``width / heads`` (the authors' code; the fusion has 2 layers for MOSI, 4 for
    MOSEI and CH-SIMS).

    Raises:
        ConfigError: ``main`` is not there.
        ValueError: no layer, step or token, or heads do not divide ``width``.
    """
    if width % heads or min(tokens, input_layers, steps, fusion_layers) < 1:
        raise ValueError(f"width {width} for {heads} heads; one token, step and layer at least")
    names = leading(dims, main)

    def layers(count: int) -> nn.ModuleList:
        return nn.ModuleList(
            Layer(width, heads=heads, head_dim=head_dim, feedforward=feedforward, dropout=dropout)
            for _ in range(count)
        )

    inputs = {name: TakeIn(dims[name], width, tokens=tokens, layers=layers(input_layers)) for name in names}
    guided = nn.ModuleList(Guided(names[1:], width, heads=heads, dropout=dropout) for _ in range(steps))
    return Recipe(Almt(inputs, layers(steps - 1), guided, layers(fusion_layers), task))
