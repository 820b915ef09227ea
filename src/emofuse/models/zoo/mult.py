"""MulT: every modality attends to every other over their own lengths, then to itself; the last frames are read.

Paper: Tsai et al. 2019, https://arxiv.org/abs/1906.00295; MMSA 2.2.1's values for MOSI, 2,571,551 parameters on
768 + 5 + 20 features, as there. What differs: convolutions keep the length, and padding is never seen, so that the
last frame is a real one; frames may look ahead by the difference of the real lengths, not of the padded ones;
attention dropout drops whole frames for a head, so that the fused kernel serves it, and its rate is one for all
pairs; positions are interleaved sinusoids, sine and cosine in turn, as the paper writes them (the authors' code has
all sines before all cosines). A modality without others attends to itself; what attends to an absent one goes on as
it is.
"""

from collections.abc import Mapping
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import masked_last
from emofuse.models.encoders.transformer import sinusoids
from emofuse.models.heads import Head
from emofuse.models.naming import by_name, leading
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class CrossLayer(nn.Module):
    """A block whose queries come from one sequence and whose keys and values from another: both normalised by
    one norm, attention added, a feed-forward block added.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        attention_dropout: float,
        inner_dropout: float,
        residual_dropout: float,
    ) -> None:
        super().__init__()
        self.heads, self.size = heads, dim // heads
        self.norm_attention, self.norm_forward = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query, self.key_value, self.out = (
            nn.Linear(dim, dim),
            nn.Linear(dim, 2 * dim),
            nn.Linear(dim, dim),
        )
        self.forward_block = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Dropout(inner_dropout), nn.Linear(4 * dim, dim)
        )
        # Whole frames of a head: drawn once a frame, it drops an attention weight for all queries.
        self.drop_frames = nn.Dropout1d(attention_dropout)
        self.drop = nn.Dropout(residual_dropout)

    def forward(self, values: Tensor, others: Tensor, seen: Tensor | None, there: Tensor | None) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, other time, dim)`` to ``(batch, time, dim)``.

        ``seen`` ``(batch, 1, time or 1, other time)`` says which of the others each frame sees, None for those
        that are not later; ``there`` ``(batch, 1, 1)`` is 0 where a row has no others.
        """
        query = self._split(self.query(self.norm_attention(values)), 1)[0]
        key, value = self._split(self.key_value(self.norm_attention(others)), 2)
        value = self.drop_frames(value.flatten(0, 1)).view_as(value) if self.training else value
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, is_causal=seen is None, scale=self.size**-0.5
        )[..., : self.size]
        found = self.drop(self.out(attended.transpose(1, 2).flatten(2)))
        values = values + (found if there is None else found * there.to(found.dtype))
        return values + self.drop(self.forward_block(self.norm_forward(values)))

    def _split(self, projected: Tensor, parts: int) -> tuple[Tensor, ...]:
        batch, time = projected.shape[:2]
        split = projected.view(batch, time, parts, self.heads, self.size)
        # The kernel likes eight numbers at once; zeros beside the few of a head change nothing.
        return functional.pad(split, (0, -self.size % 8)).permute(2, 0, 3, 1, 4).unbind()


class CrossStack(nn.Module):
    """Layers of one kind with positions before and a norm after."""

    def __init__(
        self, dim: int, *, layers: int, heads: int, embed_dropout: float, causal: bool, **dropouts: float
    ) -> None:
        super().__init__()
        if dim % heads:
            raise ConfigError(f"{dim} features cannot be shared by {heads} heads")
        self.causal = causal
        self.layers = nn.ModuleList(CrossLayer(dim, heads=heads, **dropouts) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.drop = nn.Dropout(embed_dropout)

    def forward(self, values: Tensor, mask: Tensor, others: Tensor, other_mask: Tensor) -> Tensor:
        """One sequence with what it finds in another, ``(batch, time, dim)``."""
        seen, there = visible(mask, other_mask, causal=self.causal), other_mask.any(dim=1)[:, None, None]
        values, others = self._placed(values), self._placed(others)
        for layer in self.layers:
            values = layer(values, others, seen, there)
        return self.norm(values)

    def last(self, values: Tensor, mask: Tensor) -> Tensor:
        """The last valid frame of a sequence that attends to itself, ``(batch, dim)``; 0 where there is none."""
        # In order, no valid frame comes after padding: what is not later is all that must be told.
        seen = None if self.causal else visible(mask, mask, causal=False)
        values = self._placed(values)
        for layer in self.layers[:-1]:
            values = layer(values, values, seen, None)
        end = self.layers[-1](
            masked_last(values, mask).unsqueeze(1), values, visible(mask, mask, causal=False), None
        )
        return self.norm(end.squeeze(1)) * mask.any(dim=1, keepdim=True).to(end.dtype)

    def _placed(self, values: Tensor) -> Tensor:
        length, dim = values.shape[1:]
        return self.drop(sqrt(dim) * values + sinusoids(length, dim).to(values))


def visible(mask: Tensor, other_mask: Tensor, *, causal: bool) -> Tensor:
    """Which frames of ``other_mask`` those of ``mask`` see, ``(batch, 1, time or 1, other time)``: the valid
    ones, and if ``causal`` those up to their own place and as many more as the real lengths differ. A row
    without others sees all of its padding, which has to be blanked.
    """
    counts = mask.sum(dim=1), other_mask.sum(dim=1)
    seen = (other_mask | (counts[1] == 0).unsqueeze(1))[:, None, None]
    if not causal:
        return seen
    here, there = (torch.arange(one.shape[1], device=mask.device) for one in (mask, other_mask))
    ahead = (counts[0] - counts[1]).abs().view(-1, 1, 1)
    return seen & (there <= here.unsqueeze(1) + ahead).unsqueeze(1)


class Mult(nn.Module):
    """Convolutions, a stack for each ordered pair, one for each modality, a residual block, head."""

    def __init__(
        self, order: tuple[str, ...], convolutions: Mapping[str, nn.Conv1d], head: nn.Module, *,
        pairs: Mapping[str, Mapping[str, CrossStack]], memories: Mapping[str, CrossStack], residual: nn.Module,
        input_dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.main = order[0]
        self.convolutions = nn.ModuleDict(convolutions)
        self.pairs = nn.ModuleDict({name: nn.ModuleDict(stacks) for name, stacks in pairs.items()})
        self.memories = nn.ModuleDict(memories)
        self.residual, self.head, self.drop_main = residual, head, nn.Dropout(input_dropout)

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the modalities' last frames after the residual block, side by side."""
        masks = batch.masks
        frames = {name: self._frames(name, batch) for name in self.convolutions}
        lasts = []
        for name, memory in self.memories.items():
            stacks = self.pairs[name]
            assert isinstance(stacks, nn.ModuleDict) and isinstance(memory, CrossStack)
            found = [
                stack(frames[name], masks[name], frames[other], masks[other])
                for other, stack in stacks.items()
            ]
            lasts.append(memory.last(torch.cat(found, dim=2), masks[name]))
        last = torch.cat(lasts, dim=1)
        fused = last + self.residual(last)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)

    def _frames(self, name: str, batch: Batch) -> Tensor:
        values = batch.values[name] * batch.masks[name].unsqueeze(2).to(batch.values[name].dtype)
        if name == self.main:
            values = self.drop_main(values)
        return self.convolutions[name](values.transpose(1, 2)).transpose(1, 2)


def mult(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    width: int = 50,
    heads: int = 10,
    layers: int = 4,
    memory_layers: int = 3,
    kernel: int = 5,
    kernels: Mapping[str, int] | None = None,
    causal: bool = True,
    input_dropout: float = 0.5,
    embed_dropout: float = 0.2,
    attention_dropout: float = 0.3,
    inner_dropout: float = 0.0,
    residual_dropout: float = 0.0,
    dropout: float = 0.5,
) -> Recipe:
    """``width`` is that of every modality after its convolution over ``kernel`` frames (``kernels`` by name);
    the stacks over what was found have ``layers`` too, or ``memory_layers`` if that is more. ``input_dropout``
    acts on ``main``, the first by default; ``causal`` hides later frames.

    Raises:
        ConfigError: ``main`` or a name in ``kernels`` is not there, or heads do not divide a width.
    """
    order = leading(dims, main)
    sources = {name: [other for other in order if other != name] or [name] for name in order}
    shared = {
        "embed_dropout": embed_dropout, "attention_dropout": attention_dropout, "inner_dropout": inner_dropout,
        "residual_dropout": residual_dropout,
    }  # fmt: skip

    def stack(times: int, depth: int) -> CrossStack:
        return CrossStack(times * width, layers=depth, heads=heads, causal=causal, **shared)

    total = width * sum(len(others) for others in sources.values())
    sizes = by_name(dims, kernel, kernels)
    model = Mult(
        order,
        {name: nn.Conv1d(dims[name], width, sizes[name], padding="same", bias=False) for name in order},
        Head(total, task),
        pairs={name: {other: stack(1, layers) for other in others} for name, others in sources.items()},
        memories={
            name: stack(len(others), max(layers, memory_layers, 1)) for name, others in sources.items()
        },
        residual=nn.Sequential(
            nn.Linear(total, total), nn.ReLU(), nn.Dropout(dropout), nn.Linear(total, total)
        ),
        input_dropout=input_dropout,
    )
    return Recipe(model)
