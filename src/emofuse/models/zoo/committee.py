"""Our recommended model: a committee of small members that look at the same clip in different ways.

Members read the frames of a modality in their order (GRU, self-attention, GRU), or what the frames amount to (mean,
deviation, quantiles, movement, means of three thirds: the functionals of paralinguistics), or one vector a clip, as it
is or through smooth thresholds. Joint members fuse all modalities, in turn by stacking with low-rank products and by
concatenation; lone ones know one modality. Each learns from a loss of its own. One third of the answer is the logarithm
of the joint members' mean probabilities, two thirds are the sum of the lone ones' over the present modalities: an
ensemble (Lakshminarayanan et al. 2017, arXiv 1612.01474) with a product of experts (Hinton 2002) in one training.
Ratings are taken together likewise: what modalities say independently adds up, as each alone keeps close to the mean.
Widths are our choice; kinds, numbers and shares too, by the loss on RAVDESS's validation actors. 2,481,936 parameters
there: 158 speech features a frame, 35 action units.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as operations

from emofuse.errors import ConfigError
from emofuse.models.encoders.gru_attention import GruAttention
from emofuse.models.encoders.pooling import Mlp, masked_mean
from emofuse.models.encoders.soft_bins import SoftBins
from emofuse.models.fusions.concat import Concat
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


class Joined(nn.Module):
    """Concatenation, dropout, one layer with a ReLU."""

    def __init__(self, dims: Mapping[str, int], *, out_dim: int, dropout: float) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.concat = Concat(dims)
        self.layer = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.concat.out_dim, out_dim), nn.ReLU())

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        return self.layer(self.concat(embeddings, presence))


class Joint(nn.Module):
    """Encoders by modality, a fusion, one linear layer of outputs."""

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


class Lone(nn.Module):
    """An encoder of one modality and one linear layer of outputs."""

    def __init__(self, name: str, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.name, self.encoder, self.head = name, encoder, head

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Scores ``(batch, classes)`` and ratings ``(batch, ratings)``."""
        scores, ratings = self.head(self.encoder(batch.values[self.name], batch.masks[self.name]))
        return scores, ratings


class Committee(nn.Module):
    """Joint and lone members; ``lone_share`` of the answer is the lone ones' where there are joint ones too. ``parts``
    hold each one's ``scores`` ``(members, batch, classes)`` and ``ratings`` ``(members, batch, ratings)``, joint first.
    """

    def __init__(self, joint: Sequence[Joint], lone: Sequence[Lone], *, lone_share: float) -> None:
        super().__init__()
        self.lone_share = lone_share
        self.joint, self.lone = nn.ModuleList(joint), nn.ModuleList(lone)
        self.names = tuple(member.name for member in lone)

    def forward(self, batch: Batch) -> Output:
        """Scores, mean ratings, and all joint members' fused embeddings (None without one)."""
        together = [member(batch) for member in self.joint]
        apart = [member(batch) for member in self.lone]
        scores, ratings = [], []
        if together:
            scores.append(_mean_probabilities([one[0] for one in together]))
            ratings.append(torch.stack([one[1] for one in together]).mean(dim=0))
        if apart:
            present = torch.stack([batch.presence[name] for name in dict.fromkeys(self.names)]).unsqueeze(2)
            said, rated = self._by_name(apart)
            scores.append((said * present).sum(dim=0))
            ratings.append((rated * present).sum(dim=0))
        return Output(
            self._shared(scores),
            self._shared(ratings),
            torch.cat([one[2] for one in together], dim=1) if together else None,
            parts={
                "scores": torch.stack([one[0] for one in (*together, *apart)]),
                "ratings": torch.stack([one[1] for one in (*together, *apart)]),
            },
        )

    def _by_name(self, apart: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """What the members of each modality say together, scores and ratings, each ``(names, batch, outputs)``."""
        groups = [
            [one for member, one in zip(self.names, apart, strict=True) if member == name]
            for name in dict.fromkeys(self.names)
        ]
        said = [_mean_probabilities([one[0] for one in group]) for group in groups]
        rated = [torch.stack([one[1] for one in group]).mean(dim=0) for group in groups]
        return torch.stack(said), torch.stack(rated)

    def _shared(self, said: Sequence[Tensor]) -> Tensor:
        """What the joint and the lone members say, by their shares; one kind alone has all of it."""
        if len(said) == 1:
            return said[0]
        return torch.lerp(said[0], said[1].to(said[0].dtype), self.lone_share)


def _mean_probabilities(scores: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean of several softmaxes, ``(batch, classes)``."""
    logs = torch.stack(list(scores)).float().log_softmax(dim=2)
    return logs.logsumexp(dim=0) - math.log(len(scores))


def committee(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    recurrent: int = 1,
    functional: int = 1,
    lone: int = 3,
    lone_share: float = 2 / 3,
    hidden: int = 96,
    embedding: int = 96,
    functional_hidden: int = 128,
    width: int = 64,
    rank: int = 8,
    out_dim: int = 64,
    joined: int = 128,
    dropout: float = 0.25,
    input_dropout: float = 0.2,
    single_frame: tuple[str, ...] | list[str] = (),
    binned: tuple[str, ...] | list[str] = (),
) -> Recipe:
    """``recurrent`` and ``functional`` joint members of the two kinds, whose fusions take turns, and ``lone`` ones
    for each modality, which read frames in their order and have ``lone_share``, in [0, 1], of the answer where there
    are joint ones too. ``single_frame`` names the modalities whose track is one vector a clip, which all members read
    with a multilayer perceptron; ``binned`` names those among them whose few values are skewed, as action units are:
    read through `SoftBins`.

    Raises:
        ConfigError: there is no member, ``lone_share`` is not in [0, 1], ``single_frame`` names a modality that is not
            there, or ``binned`` one that ``single_frame`` does not.
    """
    _check_names(single_frame, binned, sorted(dims))
    _check_numbers((recurrent, functional, lone), lone_share)

    def encoder(name: str, *, in_order: bool) -> nn.Module:
        """What reads one modality."""
        dim = dims[name]
        if name in binned:
            return SoftBins(dim, hidden=functional_hidden, out_dim=embedding, dropout=dropout)
        if name in single_frame:
            return Mlp(dim, hidden=functional_hidden, out_dim=embedding, dropout=dropout)
        if not in_order:
            return Functionals(
                dim,
                hidden=functional_hidden,
                out_dim=embedding,
                dropout=dropout,
                input_dropout=input_dropout,
            )
        return GruAttention(
            dim, hidden=hidden, out_dim=embedding, dropout=dropout, input_dropout=input_dropout,
            pooling="attention", bidirectional=True,
        )  # fmt: skip

    widths = dict.fromkeys(dims, embedding)
    joint = []
    for number, in_order in enumerate([True] * recurrent + [False] * functional):
        fusion = (
            Joined(widths, out_dim=joined, dropout=dropout)
            if number % 2
            else StackLowRank(widths, width=width, rank=rank, out_dim=out_dim, dropout=dropout)
        )
        encoders = {name: encoder(name, in_order=in_order) for name in dims}
        joint.append(Joint(encoders, fusion, Head(fusion.out_dim, task)))
    alone = [
        Lone(name, encoder(name, in_order=True), Head(embedding, task))
        for _ in range(lone)
        for name in dims
    ]
    return Recipe(Committee(joint, alone, lone_share=lone_share), judged=each_member)


def _check_names(single_frame: Sequence[str], binned: Sequence[str], there: Sequence[str]) -> None:
    if unknown := sorted(set(single_frame) - set(there)):
        raise ConfigError(f"single_frame names {', '.join(unknown)}; the features are {', '.join(there)}")
    if others := sorted(set(binned) - set(single_frame)):
        raise ConfigError(f"binned names {', '.join(others)}, wanted names of single_frame")


def _check_numbers(counts: tuple[int, int, int], lone_share: float) -> None:
    if min(counts) < 0 or not any(counts):
        recurrent, functional, lone = counts
        raise ConfigError(
            f"a committee of {recurrent} recurrent, {functional} functional and {lone} lone is none"
        )
    if not 0 <= lone_share <= 1:
        raise ConfigError(f"lone_share lies in [0, 1], got {lone_share}")


def each_member(output: Output) -> list[Output]:
    """What every member says by itself."""
    both = zip(output.parts["scores"], output.parts["ratings"], strict=True)
    return [Output(scores, ratings) for scores, ratings in both]
