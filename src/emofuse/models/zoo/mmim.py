"""MMIM: mutual information kept at two levels (Han et al. 2021, https://arxiv.org/abs/2109.00412).

Between the main modality and each other one a lower bound (Barber & Agakov) ``E[log q(y|x)] + H(Y)``, whose Gaussian
q has a pass of its own over the clips in every epoch; between the fused vector and each modality a contrast with the
other clips of the batch. H(Y) is of one Gaussian a class (or sign of the first rating), over the batch and the last
``memory`` embeddings. Differs: q's likelihood holds its log variance, which the authors' code leaves out; H(Y) is of
the embeddings, not of a projection; in several processes each has its own memory. 281,537 parameters beside BERT on
CMU-MOSI (768, 5, 20).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders import ENCODERS
from emofuse.models.encoders.recurrent import Lstm
from emofuse.models.fusions.presence import side_by_side
from emofuse.models.heads import Head
from emofuse.models.naming import by_name, leading
from emofuse.models.recipe import Phase, Recipe, make
from emofuse.types import Batch, Output, TaskSpec


class Gaussian(nn.Module):
    """``q(y|x)`` with mean and log variance from perceptrons."""

    def __init__(self, dim: int, out_dim: int) -> None:
        super().__init__()
        self.mean, self.log_variance = (
            nn.Sequential(nn.Linear(dim, out_dim), nn.ReLU(), nn.Linear(out_dim, out_dim)) for _ in range(2)
        )

    def forward(self, given: Tensor, value: Tensor) -> Tensor:
        """``log q`` of ``value (batch, out_dim)`` for ``given (batch, dim)``, less a constant: ``(batch,)``."""
        spread = torch.tanh(self.log_variance(given)).float()
        apart = (value.float() - self.mean(given).float()).square()
        return -(apart / spread.exp() + spread).sum(dim=1) / 2


class Mmim(nn.Module):
    """While it trains ``parts`` holds ``given.<modality>`` and ``foretold.<modality>`` (what the fused vector says of
    it) ``(batch, dim)``, and ``likelihood.<modality>`` ``(batch,)`` for all but the main one, which comes first.
    """

    def __init__(self, encoders: Mapping[str, Any], task: TaskSpec, *, fused: int, dropout: float) -> None:
        super().__init__()
        dims = {name: int(encoder.out_dim) for name, encoder in encoders.items()}
        self.main = next(iter(dims))
        self.encoders = nn.ModuleDict(encoders)
        self.fuse = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(sum(dims.values()), fused),
            nn.Tanh(),
            nn.Linear(fused, fused),
            nn.Tanh(),
        )
        self.head = Head(fused, task)
        self.bounds = nn.ModuleDict(
            {name: Gaussian(dims[self.main], dim) for name, dim in dims.items() if name != self.main}
        )
        self.foretell = nn.ModuleDict({name: nn.Linear(fused, dim) for name, dim in dims.items()})

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused ``(batch, fused)``."""
        given = {
            name: encoder(batch.values[name], batch.masks[name]) for name, encoder in self.encoders.items()
        }
        fused = self.fuse(side_by_side(given, batch.presence, given))
        scores, ratings = self.head(fused)
        parts = {}
        if self.training:
            parts = {f"given.{name}": value for name, value in given.items()}
            parts |= {f"foretold.{name}": layer(fused) for name, layer in self.foretell.items()}
            parts |= {
                f"likelihood.{name}": bound(given[self.main], given[name])
                for name, bound in self.bounds.items()
            }
        return Output(scores, ratings, fused, parts=parts)


def contrast(foretold: Tensor, given: Tensor) -> Tensor:
    """How badly each row of ``foretold (n, dim)`` tells its own row of ``given (n, dim)`` from the others, by the
    cosine: a scalar.
    """
    alike = functional.normalize(given.float(), dim=1) @ functional.normalize(foretold.float(), dim=1).T
    return functional.cross_entropy(alike, torch.arange(len(alike), device=alike.device))


def mixture_entropy(values: Tensor, groups: Tensor, *, ridge: float = 1e-4) -> Tensor:
    """Half the mean log determinant of the covariances of the groups (0, 1, ...; -1 is in none) of ``(n, dim)``: the
    entropy of equal Gaussians less a constant. A group of one clip takes no part; 0 where none is left.
    """
    found = []
    for group in groups[groups >= 0].unique():
        # Double: few clips in many dimensions leave nothing but the ridge, and half precision not even that.
        inside = values[groups == group].double()
        if len(inside) > 1:
            centred = inside - inside.mean(dim=0)
            covariance = centred.T @ centred / (len(inside) - 1)
            floor = ridge * torch.eye(values.shape[1], dtype=inside.dtype, device=values.device)
            found.append(torch.linalg.cholesky(covariance + floor).diagonal().log().sum())
    return torch.stack(found).mean().float() if found else values.float().sum() * 0.0


def sides(batch: Batch, middle: float) -> Tensor:
    """The class of each clip, or the sign of its first rating about ``middle``, ``(batch,)``; -1 if unknown."""
    if batch.shares.shape[1]:
        known = batch.shares.isfinite().all(dim=1)
        return torch.where(known, batch.shares.nan_to_num().argmax(dim=1), -1)
    rating = batch.ratings[:, 0]
    return torch.where(rating.isfinite(), (rating > middle).long(), -1)


class Information(nn.Module):
    """The contrasts, and the bounds with the memory that their entropies need."""

    def __init__(self, main: str, *, contrasts: float, bounds: float, memory: int, middle: float) -> None:
        super().__init__()
        self.main, self.contrasts, self.bounds = main, contrasts, bounds
        self.memory, self.middle = memory, middle
        self.kept: dict[str, Tensor] = {}

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """A scalar; where gradients flow the batch is remembered."""
        loss = output.scores.sum() * 0.0
        for key, given in output.parts.items():
            kind, _, name = key.partition(".")
            rows = batch.presence[name]
            if kind == "given" and rows.any():
                loss = loss + self.contrasts * contrast(output.parts[f"foretold.{name}"][rows], given[rows])
            rows = rows & batch.presence[self.main]
            if kind == "likelihood" and rows.any():
                entropy = self._entropy(
                    name, output.parts[f"given.{name}"][rows], sides(batch, self.middle)[rows]
                )
                loss = loss - self.bounds * (given[rows].mean() + entropy)
        return loss

    def _entropy(self, name: str, values: Tensor, groups: Tensor) -> Tensor:
        values = values.float()
        rows = torch.cat([values, groups.unsqueeze(1).to(values.dtype)], dim=1)
        if name in self.kept:
            rows = torch.cat([rows, self.kept[name].to(rows)])
        if torch.is_grad_enabled():
            self.kept[name] = rows[: self.memory].detach()
        return mixture_entropy(rows[:, :-1], rows[:, -1].long())

    def get_extra_state(self) -> dict[str, Tensor]:
        """The memory."""
        return dict(self.kept)

    def set_extra_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `get_extra_state` gave."""
        self.kept = dict(state)


def unlikelihood(output: Output, batch: Batch) -> Tensor:
    """What q misses, summed over modalities: a scalar."""
    main = next(key.removeprefix("given.") for key in output.parts if key.startswith("given."))
    loss = output.scores.sum() * 0.0
    for key, value in output.parts.items():
        kind, _, name = key.partition(".")
        rows = batch.presence[name] & batch.presence[main]
        if kind == "likelihood":
            loss = loss - (value[rows].mean() if rows.any() else value.sum() * 0.0)
    return loss


def mmim(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    main_encoder: Mapping[str, Any] | None = None,
    main_out: int = 64,
    hidden: int = 16,
    widths: Mapping[str, int] | None = None,
    fused: int = 128,
    dropout: float = 0.1,
    contrasts: float = 0.1,
    bounds: float = 0.1,
    memory: int = 64,
) -> Recipe:
    """``main_encoder`` is any encoder by name for the main modality (a bidirectional LSTM to ``main_out`` without it;
    the others' are ``hidden`` wide, or what ``widths`` says by name). ``contrasts`` and ``bounds`` weigh the losses.

    Raises:
        ConfigError: ``main``, the encoder or a name in ``widths`` is not there.
    """
    first, *others = leading(dims, main)
    sizes = by_name(dims, hidden, widths)
    usual = {"name": "lstm", "hidden": main_out, "out_dim": main_out, "dropout": dropout}
    encoders: dict[str, Any] = {first: make(ENCODERS, main_encoder or usual, dims[first])}
    encoders |= {
        name: Lstm(dims[name], hidden=sizes[name], out_dim=sizes[name], dropout=dropout) for name in others
    }
    model = Mmim(encoders, task, fused=fused, dropout=dropout)
    losses = Information(
        first, contrasts=contrasts, bounds=bounds, memory=memory, middle=sum(task.rating_range) / 2
    )
    if not others:
        return Recipe(model, auxiliary=losses)
    trained = ("encoders.", "fuse.", "head.", "foretell.")
    phases = (
        Phase("likelihood", trains=("bounds.",), objective=unlikelihood),
        Phase("main", trains=trained),
    )
    return Recipe(model, auxiliary=losses, phases=phases)
