"""MFM: factors that generate each modality and one that tells the label (Tsai et al. 2019,
https://arxiv.org/abs/1806.06176).

A memory fusion network gives the code of the label, an LSTM a modality its own code; from factors of both a decoder
rebuilds the modality. Codes are held to a standard normal by maximum mean discrepancy. Differs: decoders read the
factors at every frame and not their own last one, so that there is no loop; an absent modality is neither rebuilt
nor held to anything; one weight for the reconstruction of all modalities. 1,709,370 parameters on CMU-MOSI
(768, 5, 20) with ``widths = {audio = 32}``.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from emofuse.models.encoders.recurrent import Lstm
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.heads import Head
from emofuse.models.naming import by_name, leading
from emofuse.models.recipe import Objective, Recipe
from emofuse.models.zoo.mfn import mfn
from emofuse.types import Batch, Output, TaskSpec


class Factor(nn.Module):
    """A code to a factor: linear, ReLU, dropout, linear."""

    def __init__(self, code: int, factor: int, *, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(code, factor), nn.ReLU(), nn.Dropout(dropout), nn.Linear(factor, factor)
        )

    def forward(self, code: Tensor) -> Tensor:
        """``(batch, code)`` to ``(batch, factor)``."""
        return self.layers(code)


class Decoder(nn.Module):
    """An LSTM that reads the factors at every frame."""

    def __init__(self, factors: int, dim: int, *, hidden: int) -> None:
        super().__init__()
        self.network = nn.LSTM(factors, hidden, batch_first=True)
        self.project = nn.Linear(hidden, dim)

    def forward(self, factors: Tensor, mask: Tensor) -> Tensor:
        """``(batch, factors)`` and ``(batch, time)`` to ``(batch, time, dim)``."""
        repeated = factors.unsqueeze(1).expand(-1, mask.shape[1], -1)
        return self.project(run_valid(self.network, repeated, mask))


class Mfm(nn.Module):
    """While it trains ``parts`` holds ``code.`` (of the label) and ``code.<modality>`` ``(batch, code)``, and
    ``rebuilt.<modality>`` ``(batch, time, dim)``.
    """

    def __init__(
        self, joint: nn.Module, joint_dim: int, dims: Mapping[str, int], task: TaskSpec, *,
        widths: Mapping[str, int], code: int, factor: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.joint, self.code = joint, nn.Linear(joint_dim, code)
        self.label = Factor(code, factor, dropout=dropout)
        self.encoders = nn.ModuleDict(
            {
                name: Lstm(dim, hidden=widths[name], bidirectional=False, out_dim=code)
                for name, dim in dims.items()
            }
        )
        self.factors = nn.ModuleDict({name: Factor(code, factor, dropout=dropout) for name in dims})
        self.decoders = nn.ModuleDict(
            {name: Decoder(2 * factor, dim, hidden=widths[name]) for name, dim in dims.items()}
        )
        self.head = Head(factor, task, hidden=factor, dropout=dropout)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the label's factor ``(batch, factor)``."""
        code = self.code(self.joint(batch).fused)
        fused = self.label(code)
        scores, ratings = self.head(fused)
        parts = {}
        if self.training:
            parts["code."] = code
            for name, encoder in self.encoders.items():
                parts[f"code.{name}"] = encoder(batch.values[name], batch.masks[name])
                factors = torch.cat([self.factors[name](parts[f"code.{name}"]), fused], dim=1)
                parts[f"rebuilt.{name}"] = self.decoders[name](factors, batch.masks[name])
        return Output(scores, ratings, fused, parts=parts)


def discrepancy(left: Tensor, right: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of ``(n, dim)`` and ``(m, dim)`` under ``exp(-mean square distance / dim)``."""

    def kernel(one: Tensor, other: Tensor) -> Tensor:
        apart = (one.unsqueeze(1) - other.unsqueeze(0)).square().mean(dim=2)
        return torch.exp(-apart / one.shape[1]).mean()

    return kernel(left, left) + kernel(right, right) - 2 * kernel(left, right)


def generation_errors(*, rebuilt: float, normal: float) -> Objective:
    """``rebuilt`` times the mean squared errors of the modalities, ``normal`` times the codes' discrepancy."""

    def errors(output: Output, batch: Batch) -> Tensor:
        """A scalar."""
        loss = output.scores.sum() * 0.0
        for key, found in output.parts.items():
            kind, _, name = key.partition(".")
            rows = (
                batch.presence[name]
                if name
                else torch.ones(len(batch), dtype=torch.bool, device=found.device)
            )
            if kind == "code" and rows.any():
                codes = found[rows].float()
                loss = loss + normal * discrepancy(codes, torch.randn_like(codes))
            if kind == "rebuilt" and rows.any():
                apart = (found.float() - batch.values[name].float()).square()
                loss = loss + rebuilt * apart[batch.masks[name]].mean()
        return loss

    return errors


def mfm(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 128,
    widths: Mapping[str, int] | None = None,
    code: int = 80,
    factor: int = 64,
    dropout: float = 0.5,
    memory: Mapping[str, Any] | None = None,
    rebuilt: float = 0.5,
    normal: float = 10.0,
) -> Recipe:
    """``hidden`` is the width of every LSTM (``widths`` by name), ``memory`` are options of `mfn`; ``rebuilt`` and
    ``normal`` weigh the losses.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there.
    """
    sizes = by_name(dims, hidden, widths)
    options = {"memory": 64, "attention": (32, 64), "gates": (32, 64), **(memory or {})}
    joint = mfn(dims, TaskSpec(), main=main, hidden=hidden, widths=widths, head=0, **options).model
    ordered = {name: dims[name] for name in leading(dims, main)}
    model = Mfm(
        joint, sum(sizes.values()) + int(options["memory"]), ordered, task, widths=sizes, code=code, factor=factor,
        dropout=dropout,
    )  # fmt: skip
    return Recipe(model, auxiliary=generation_errors(rebuilt=rebuilt, normal=normal))
