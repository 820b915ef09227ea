"""Models of single modalities side by side: an encoder and a head for each, and what the heads say as one answer.

The unimodal models of a paper are this with one modality; with more it is their plainest fusion.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from emofuse.models.fusions.presence import flags, side_by_side
from emofuse.models.heads import Head
from emofuse.models.recipe import Phase
from emofuse.models.zoo.multitask import own_errors
from emofuse.types import Batch, Output, TaskSpec


class Singles(nn.Module):
    """The mean of the heads' scores and ratings over what is present.

    ``parts`` holds ``scores.<modality>`` and ``ratings.<modality>``, which each head says by itself, and
    ``attention.<modality>`` ``(batch, time)`` of an encoder that weighs its frames.
    """

    def __init__(self, encoders: Mapping[str, Any], task: TaskSpec) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict({name: Head(one.out_dim, task) for name, one in encoders.items()})

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the embeddings side by side, and the share of
        each modality in the answer ``(batch, modalities)``.
        """
        embedded, parts = read(self.encoders, batch)
        said = {name: head(embedded[name]) for name, head in self.heads.items()}
        for name, (scores, ratings) in said.items():
            parts |= {f"scores.{name}": scores, f"ratings.{name}": ratings}
        shares = self.shares(flags(batch.presence, self.heads))
        scores, ratings = (
            torch.einsum("bm,bmo->bo", shares.to(rows[0].dtype), torch.stack(rows, dim=1))
            for rows in zip(*said.values(), strict=True)
        )
        return Output(
            scores, ratings, side_by_side(embedded, batch.presence, self.heads), shares, parts=parts
        )

    def shares(self, present: Tensor) -> Tensor:
        """What each head counts in the answer, from and to ``(batch, modalities)``."""
        counted = present.float()
        return counted / counted.sum(dim=1, keepdim=True).clamp_min(1.0)


def read(encoders: nn.ModuleDict, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """``{name: (batch, dim)}`` and, as ``attention.<name>``, the weights of encoders that have ``attend``."""
    embedded, parts = {}, {}
    for name, encoder in encoders.items():
        values, mask = batch.values[name], batch.masks[name]
        if hasattr(encoder, "attend"):
            embedded[name], weights = encoder.attend(values, mask)  # type: ignore[operator]
            if weights is not None:
                parts[f"attention.{name}"] = weights
        else:
            embedded[name] = encoder(values, mask)
    return embedded, parts


def staged(share: float, *, single: tuple[str, ...], fused: tuple[str, ...]) -> tuple[Phase, ...]:
    """Heads of single modalities first, the whole model after ``share`` of the epochs; ``single`` and ``fused`` are
    what each phase trains.

    Raises:
        ValueError: ``share`` leaves no epoch for the whole model.
    """
    if not 0 <= share < 1:
        raise ValueError(f"pretraining is a share of the epochs, at least 0 and below 1, got {share}")
    last = Phase("fused", trains=fused, start=share)
    first = Phase("single", trains=single, objective=own_errors(1.0), stop=share)
    return (first, last) if share else (last,)
