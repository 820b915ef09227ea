"""Our recommended model: a committee of small members that look at the same clip in two ways.

A member of the first kind reads each modality's frames in their order (GRU, self-attention, GRU); one of the second
reads what the frames amount to (mean, deviation, quantiles, movement, and means of three thirds: the functionals
of paralinguistics). Either fuses by stacking and low-rank products. Every member learns from a loss of its own;
the committee answers with the mean of their probabilities and ratings, as in deep ensembles (Lakshminarayanan et
al. 2017, arXiv 1612.01474), which it takes from one training. Members, kinds and widths are our choice.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as operations

from emofuse.errors import ConfigError
from emofuse.models.encoders.gru_attention import GruAttention
from emofuse.models.encoders.pooling import Mlp, masked_mean
from emofuse.models.fusions.stack_low_rank import StackLowRank
from emofuse.models.heads import Head
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
THIRDS = 3


def functionals(values: Tensor, mask: Tensor) -> Tensor:
    """Mean, deviation, five quantiles, mean step from frame to frame, and the means of three thirds of the valid
    frames: ``(batch, time, dim)`` to ``(batch, 11 * dim)``; 0 without a valid frame. Valid frames come first.
    """
    weights, lengths = mask.unsqueeze(-1).to(values.dtype), mask.sum(dim=1)
    mean = masked_mean(values, mask)
    deviation = (masked_mean((values - mean.unsqueeze(1)).square(), mask) + 1e-6).sqrt()
    steps = (values[:, 1:] - values[:, :-1]).abs() * weights[:, 1:]
    movement = steps.sum(dim=1) / (lengths - 1).clamp_min(1).unsqueeze(1)
    parts = [
        mean,
        deviation,
        *_quantiles(values, mask, lengths),
        movement,
        *_thirds(values * weights, lengths),
    ]
    return torch.cat(parts, dim=1) * (lengths > 0).unsqueeze(1).to(values.dtype)


def _quantiles(values: Tensor, mask: Tensor, lengths: Tensor) -> list[Tensor]:
    """Linear between the sorted valid values, as numpy does by default."""
    ordered = values.masked_fill(~mask.unsqueeze(-1), torch.finfo(values.dtype).max).sort(dim=1).values
    found = []
    for share in QUANTILES:
        place = share * (lengths - 1).clamp_min(0)
        low = place.floor().long()
        high = torch.minimum(low + 1, (lengths - 1).clamp_min(0))
        rows = torch.arange(len(values), device=values.device)
        below, above = ordered[rows, low], ordered[rows, high]
        found.append(torch.lerp(below, above, (place - low).unsqueeze(1).to(values.dtype)))
    return found


def _thirds(valid: Tensor, lengths: Tensor) -> list[Tensor]:
    """Means of three parts that are equally long up to a frame; a part without a frame takes its nearest one."""
    total = operations.pad(valid.cumsum(dim=1), (0, 0, 1, 0))
    rows = torch.arange(len(valid), device=valid.device)
    found = []
    for third in range(THIRDS):
        first = (lengths * third) // THIRDS
        last = torch.maximum((lengths * (third + 1)) // THIRDS, first + 1).clamp_max(valid.shape[1])
        first = torch.minimum(first, last - 1)
        found.append((total[rows, last] - total[rows, first]) / (last - first).unsqueeze(1).to(valid.dtype))
    return found


class Functionals(nn.Module):
    """`functionals`, shifted and scaled by what is learnt, then two linear layers."""

    def __init__(
        self, dim: int, *, hidden: int, out_dim: int, dropout: float, input_dropout: float
    ) -> None:
        super().__init__()
        self.out_dim = out_dim
        # What these come to on z-scored frames of speech, about: starting points, not facts.
        centre = torch.tensor([0.0, 0.8, -1.1, -0.5, 0.0, 0.5, 1.3, 0.5, 0.0, 0.0, 0.0])
        spread = torch.tensor([0.5, 0.3, 0.5, 0.5, 0.6, 0.7, 0.8, 0.2, 0.6, 0.6, 0.6])
        self.centre = nn.Parameter(centre.repeat_interleave(dim))
        self.scale = nn.Parameter((1 / spread).repeat_interleave(dim))
        self.layers = nn.Sequential(
            nn.Dropout(input_dropout), nn.Linear(11 * dim, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, out_dim), nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        scaled = (functionals(values, mask) - self.centre) * self.scale
        # One wild frame must not outshout the rest.
        return self.layers(scaled.clamp(-5.0, 5.0))


class Member(nn.Module):
    """Encoders by modality, stacking with low-rank fusion, one linear layer of outputs."""

    def __init__(self, encoders: Mapping[str, nn.Module], fusion: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoders, self.fusion, self.head = nn.ModuleDict(encoders), fusion, head

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused ``(batch, dim)``."""
        embeddings = {
            name: encoder(batch.values[name], batch.masks[name]) for name, encoder in self.encoders.items()
        }
        fused = self.fusion(embeddings, batch.presence)
        return (*self.head(fused), fused)


class Committee(nn.Module):
    """Members side by side. ``parts`` hold each one's ``scores`` ``(members, batch, classes)`` and ``ratings``."""

    def __init__(self, members: list[Member]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, batch: Batch) -> Output:
        """The logarithm of the mean probabilities as scores, the mean ratings, and all members' fused."""
        scores, ratings, fused = (
            torch.stack(part) for part in zip(*(one(batch) for one in self.members), strict=True)
        )
        together = scores.float().log_softmax(dim=2).logsumexp(dim=0) - math.log(len(self.members))
        return Output(
            together, ratings.mean(dim=0), fused.transpose(0, 1).flatten(1),
            parts={"scores": scores, "ratings": ratings},
        )  # fmt: skip


def committee(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    recurrent: int = 2,
    functional: int = 2,
    hidden: int = 64,
    embedding: int = 64,
    functional_hidden: int = 128,
    width: int = 64,
    rank: int = 8,
    out_dim: int = 64,
    dropout: float = 0.25,
    input_dropout: float = 0.2,
    single_frame: tuple[str, ...] | list[str] = (),
) -> Recipe:
    """``recurrent`` members of the first kind and ``functional`` ones of the second. ``single_frame`` names the
    modalities whose track is one vector a clip: both kinds read those with a multilayer perceptron.

    Raises:
        ConfigError: there is no member, or ``single_frame`` names a modality that is not there.
    """
    if unknown := sorted(set(single_frame) - set(dims)):
        raise ConfigError(f"single_frame names {', '.join(unknown)}; the features are {sorted(dims)}")
    if recurrent < 0 or functional < 0 or recurrent + functional < 1:
        raise ConfigError(
            f"a committee of {recurrent} recurrent and {functional} functional members is none"
        )

    def in_order(dim: int) -> nn.Module:
        return GruAttention(
            dim, hidden=hidden, out_dim=embedding, dropout=dropout, input_dropout=input_dropout,
            pooling="attention", bidirectional=True,
        )  # fmt: skip

    def summed_up(dim: int) -> nn.Module:
        return Functionals(
            dim, hidden=functional_hidden, out_dim=embedding, dropout=dropout, input_dropout=input_dropout
        )

    members = []
    for kind in [in_order] * recurrent + [summed_up] * functional:
        encoders = {
            name: Mlp(dim, hidden=functional_hidden, out_dim=embedding, dropout=dropout)
            if name in single_frame
            else kind(dim)
            for name, dim in dims.items()
        }
        fusion = StackLowRank(
            dict.fromkeys(dims, embedding), width=width, rank=rank, out_dim=out_dim, dropout=dropout
        )
        members.append(Member(encoders, fusion, Head(fusion.out_dim, task)))
    return Recipe(Committee(members), judged=each_member)


def each_member(output: Output) -> list[Output]:
    """What every member says by itself."""
    both = zip(output.parts["scores"], output.parts["ratings"], strict=True)
    return [Output(scores, ratings) for scores, ratings in both]
