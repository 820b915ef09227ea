"""MCTN: a joint embedding from translating one modality into the others and back (Pham et al. 2019,
https://arxiv.org/abs/1812.07809).

The main modality is translated into the second and, from what came out, back; the embedding of that is translated
into the third, and so on; a GRU over the last embedding predicts. Only the main modality is read in use: a clip
without it gets the same answer whatever else it has. Differs: decoders are told the true frames before each one
(no loop over time), and attend with projections. 243,610 parameters on CMU-MOSI (768, 5, 20).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_last
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.fusions.cross_attention import CrossAttention
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Objective, Recipe
from emofuse.types import Batch, Output, TaskSpec


class Decoder(nn.Module):
    """Frames from the frames before them and attention to an encoder's states."""

    def __init__(self, dim: int, *, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.network = nn.GRU(dim, hidden, batch_first=True)
        self.attention = CrossAttention(hidden, heads=heads, dropout=dropout)
        self.project = nn.Linear(2 * hidden, dim)

    def forward(self, states: Tensor, states_mask: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, hidden)`` and the true ``(batch, target time, dim)`` to what is said of the latter."""
        before = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], dim=1)
        query = run_valid(self.network, before, mask)
        return self.project(torch.cat([query, self.attention(query, states, states_mask)], dim=2))


class Mctn(nn.Module):
    """While it trains ``parts`` holds ``translated.<modality>`` for all but the main one, which comes first, and
    ``returned.<main>``: frames ``(batch, time, dim)``.
    """

    def __init__(
        self, dims: Mapping[str, int], task: TaskSpec, *, hidden: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.main, *targets = dims
        widths = [dims[self.main], *([hidden] * len(targets))][: max(1, len(targets))]
        self.encoders = nn.ModuleList(nn.GRU(width, hidden, batch_first=True) for width in widths)

        def decoder(name: str) -> Decoder:
            return Decoder(dims[name], hidden=hidden, heads=heads, dropout=dropout)

        self.decoders = nn.ModuleDict({name: decoder(name) for name in targets})
        self.back_encoder = nn.GRU(dims[targets[0]], hidden, batch_first=True) if targets else None
        self.back_decoder = decoder(self.main) if targets else None
        self.predict = nn.GRU(hidden, hidden, batch_first=True)
        self.absent = nn.Parameter(torch.zeros(hidden))
        self.drop, self.head = nn.Dropout(dropout), Head(hidden, task)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused ``(batch, hidden)``."""
        states, mask = batch.values[self.main], batch.masks[self.main]
        levels = []
        for encoder in self.encoders:
            assert isinstance(encoder, nn.GRU)
            states = run_valid(encoder, states, mask)
            levels.append(states)
        last = masked_last(run_valid(self.predict, states, mask), mask)
        fused = torch.where(mask.any(dim=1, keepdim=True), last, self.absent.to(last.dtype))
        scores, ratings = self.head(self.drop(fused))
        return Output(
            scores, ratings, fused, parts=self._translations(levels, batch) if self.training else {}
        )

    def _translations(self, levels: list[Tensor], batch: Batch) -> dict[str, Tensor]:
        mask = batch.masks[self.main]
        parts = {
            f"translated.{name}": decoder(states, mask, batch.values[name], batch.masks[name])
            for states, (name, decoder) in zip(levels, self.decoders.items(), strict=False)
        }
        if self.back_encoder is not None and self.back_decoder is not None:
            first = next(iter(self.decoders))
            states = run_valid(self.back_encoder, parts[f"translated.{first}"], batch.masks[first])
            parts[f"returned.{self.main}"] = self.back_decoder(
                states, batch.masks[first], batch.values[self.main], mask
            )
        return parts


def translation_errors(main: str, *, translated: float, returned: float) -> Objective:
    """The mean squared errors of the translations, of clips that have both sides, and of the way back."""

    def errors(output: Output, batch: Batch) -> Tensor:
        """A scalar."""
        loss = output.scores.sum() * 0.0
        names = [key.partition(".")[2] for key in output.parts if key.startswith("translated.")]
        for key, found in output.parts.items():
            kind, _, name = key.partition(".")
            other = names[0] if kind == "returned" else main
            frames = batch.masks[name] & batch.presence[other].unsqueeze(1)
            apart = (found.float() - batch.values[name].float()).square().mean(dim=2)
            weight = returned if kind == "returned" else translated
            loss = loss + weight * (apart * frames).sum() / frames.sum().clamp_min(1)
        return loss

    return errors


def mctn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 32,
    heads: int = 1,
    dropout: float = 0.1,
    translated: float = 0.1,
    returned: float = 0.1,
) -> Recipe:
    """``main`` is what is translated, into the others in their order; the last two weigh the losses of the way there
    and back.

    Raises:
        ConfigError: ``main`` is not there.
    """
    names = leading(dims, main)
    model = Mctn({name: dims[name] for name in names}, task, hidden=hidden, heads=heads, dropout=dropout)
    return Recipe(model, auxiliary=translation_errors(names[0], translated=translated, returned=returned))
