"""MISA, modality-invariant and -specific representations (Hazarika et al. 2020, https://arxiv.org/abs/2005.03545).

Each modality is read by two stacked bidirectional LSTMs (or the main one by ``main_encoder``, where the paper has
BERT), split into a private and a shared vector, and rebuilt from their sum; one transformer layer over all vectors.
Losses: similarity of the shared ones (central moments), difference, reconstruction. Differs: the vectors of an
absent modality are masked; the gradient of the difference goes through the vectors' lengths too, which the authors'
code takes as constants. 5,143,549 parameters on CMU-MOSI with word vectors (300, 74, 47).
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders import ENCODERS
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.recurrent import pooled
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe, make
from emofuse.types import Batch, Output, TaskSpec


class StackedLstm(nn.Module):
    """Two bidirectional LSTMs with a layer norm between; the last states of both."""

    def __init__(self, dim: int, *, hidden: int) -> None:
        super().__init__()
        self.out_dim = 4 * hidden
        self.first = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(2 * hidden)
        self.second = nn.LSTM(2 * hidden, hidden, batch_first=True, bidirectional=True)
        self.pool = Pool(2 * hidden, "last")

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, 4 * hidden)``."""
        below = run_valid(self.first, values, mask)
        above = run_valid(self.second, self.norm(below), mask)
        ends = [
            pooled(self.pool, states, mask, network=network)
            for states, network in ((below, self.first), (above, self.second))
        ]
        return torch.cat(ends, dim=1)


class Misa(nn.Module):
    """``parts`` holds ``private.<modality>``, ``shared.<modality>``, ``given.<modality>`` and
    ``rebuilt.<modality>``, each ``(batch, hidden)``.
    """

    def __init__(
        self, encoders: Mapping[str, Any], task: TaskSpec, *,
        hidden: int, heads: int, feedforward: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.project = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(encoder.out_dim, hidden), nn.ReLU(), nn.LayerNorm(hidden))
                for name, encoder in encoders.items()
            }
        )
        self.private = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in encoders})
        self.rebuild = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in encoders})
        self.shared = nn.Linear(hidden, hidden)
        self.fuse = nn.TransformerEncoderLayer(hidden, heads, feedforward, dropout, batch_first=True)
        width = 2 * len(encoders) * hidden
        self.head = Head(width, task, hidden=width // 2, dropout=dropout)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the fused ``(batch, 2 * modalities * hidden)``."""
        parts: dict[str, Tensor] = {}
        private, shared = [], []
        for name, encoder in self.encoders.items():
            given = self.project[name](encoder(batch.values[name], batch.masks[name]))
            private.append(torch.sigmoid(self.private[name](given)))
            shared.append(torch.sigmoid(self.shared(given)))
            parts |= {
                f"given.{name}": given,
                f"private.{name}": private[-1],
                f"shared.{name}": shared[-1],
                f"rebuilt.{name}": self.rebuild[name](private[-1] + shared[-1]),
            }
        present = torch.stack([batch.presence[name] for name in self.encoders], dim=1).repeat(1, 2)
        # A row without a modality would be a softmax over nothing: let it see itself, then blank it.
        hidden = ~(present | ~present.any(dim=1, keepdim=True))
        tokens = self.fuse(torch.stack([*private, *shared], dim=1), src_key_padding_mask=hidden)
        fused = (tokens * present.unsqueeze(2).to(tokens.dtype)).flatten(1)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused, parts=parts)


def moment_gap(left: Tensor, right: Tensor, *, moments: int = 5) -> Tensor:
    """Central moment discrepancy of two sets ``(n, dim)``, ``(m, dim)`` of values between 0 and 1: the distance
    of their means plus those of their central moments of order 2 to ``moments``.
    """
    means = left.mean(dim=0), right.mean(dim=0)
    gap = torch.linalg.vector_norm(means[0] - means[1])
    for order in range(2, moments + 1):
        of_left, of_right = (
            (values - mean).pow(order).mean(dim=0)
            for values, mean in zip((left, right), means, strict=True)
        )
        gap = gap + torch.linalg.vector_norm(of_left - of_right)
    return gap


def overlap(left: Tensor, right: Tensor) -> Tensor:
    """How far ``(n, dim)`` and ``(n, dim)`` are from orthogonal: rows centred over the batch and of length 1, the
    mean square of ``left' right`` (the authors' code; the paper writes the sum).
    """
    left, right = (functional.normalize(one - one.mean(dim=0), dim=1) for one in (left, right))
    return (left.T @ right).square().mean()


def misa_losses(output: Output, batch: Batch, *, moments: int = 5) -> dict[str, Tensor]:
    """``similar``, ``different`` and ``rebuilt``, scalars over the rows that have the modalities."""
    names = [key.removeprefix("shared.") for key in output.parts if key.startswith("shared.")]
    part = {key: value.float() for key, value in output.parts.items()}
    zero = sum((value.sum() * 0.0 for value in part.values()), torch.zeros((), device=output.scores.device))
    similar, different, rebuilt = [zero], [zero], [zero]
    for name in names:
        rows = batch.presence[name]
        if rows.any():
            different.append(overlap(part[f"private.{name}"][rows], part[f"shared.{name}"][rows]))
            rebuilt.append(functional.mse_loss(part[f"rebuilt.{name}"][rows], part[f"given.{name}"][rows]))
    for one, other in combinations(names, 2):
        rows = batch.presence[one] & batch.presence[other]
        if rows.any():
            different.append(overlap(part[f"private.{one}"][rows], part[f"private.{other}"][rows]))
            similar.append(
                moment_gap(part[f"shared.{one}"][rows], part[f"shared.{other}"][rows], moments=moments)
            )
    pairs = max(1, len(names) * (len(names) - 1) // 2)
    return {
        "similar": torch.stack(similar).sum() / pairs,
        "different": torch.stack(different).sum(),
        "rebuilt": torch.stack(rebuilt).sum() / len(names),
    }


def misa(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    main_encoder: Mapping[str, Any] | None = None,
    hidden: int = 128,
    recurrent: int | None = None,
    heads: int = 2,
    feedforward: int = 2048,
    dropout: float = 0.2,
    similar: float = 1.0,
    different: float = 0.3,
    rebuilt: float = 1.0,
    moments: int = 5,
) -> Recipe:
    """``recurrent`` is the width of the LSTMs (None: that of each input); ``main_encoder`` is any encoder by name for
    the main modality. The last four are the weights of the losses, and how many moments are compared.

    Raises:
        ConfigError: ``main`` or the encoder is not there.
    """
    encoders: dict[str, Any] = {
        name: StackedLstm(dims[name], hidden=recurrent or dims[name]) for name in leading(dims, main)
    }
    if main_encoder:
        first = next(iter(encoders))
        encoders[first] = make(ENCODERS, main_encoder, dims[first])
    model = Misa(encoders, task, hidden=hidden, heads=heads, feedforward=feedforward, dropout=dropout)

    def auxiliary(output: Output, batch: Batch) -> Tensor:
        """A scalar."""
        lost = misa_losses(output, batch, moments=moments)
        return similar * lost["similar"] + different * lost["different"] + rebuilt * lost["rebuilt"]

    return Recipe(model, auxiliary=auxiliary)
