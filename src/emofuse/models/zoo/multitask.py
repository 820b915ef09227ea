"""What the multi-task models of Yu et al. 2020 (https://aclanthology.org/2020.acl-main.343) share: an encoder
and a head for each modality, and a head for what is fused.

A head of one modality learns that modality's own label where the corpus has one (``unimodal`` names its rating),
and the label of the whole clip otherwise.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.fusions.concat import Concat
from emofuse.models.fusions.low_rank import LowRank
from emofuse.models.fusions.tensor import TensorFusion
from emofuse.models.heads import Head
from emofuse.models.recipe import Objective
from emofuse.models.supervision import task_error
from emofuse.types import Batch, Output, TaskSpec


class DeepHead(nn.Module):
    """Dropout, a linear layer with ReLU, and a `Head` with one more."""

    def __init__(self, dim: int, task: TaskSpec, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, hidden), nn.ReLU())
        self.head = Head(hidden, task, hidden=hidden, dropout=0.0)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, dim)`` to scores ``(batch, classes)`` and ratings ``(batch, ratings)``."""
        return self.head(self.first(values))


class MultiTask(nn.Module):
    """Encoders, a fusion, a head for what is fused and one for each modality.

    ``parts`` holds ``scores.<modality>`` and ``ratings.<modality>`` where the heads of single modalities learn
    the label of the whole clip.

    Raises:
        ConfigError: ``unimodal`` names a modality or a rating that is not there, or leaves nothing to be fused.
    """

    def __init__(
        self,
        encoders: ClipEncoders,
        fusion: Concat | LowRank | TensorFusion,
        task: TaskSpec,
        *,
        hidden: int,
        own_hidden: Mapping[str, int],
        dropout: float,
        unimodal: Mapping[str, str] | None,
    ) -> None:
        super().__init__()
        widths = encoders.out_dims
        self.own, self.columns = dict(unimodal or {}), task.ratings
        rest = _rest(task, self.own, widths)
        self.encoders, self.fusion = encoders, fusion
        self.head = DeepHead(fusion.out_dim, rest, hidden=hidden, dropout=dropout)
        tasks = {name: replace(task, labels=(), ratings=(rating,)) for name, rating in self.own.items()}
        self.heads = nn.ModuleDict(
            {
                name: DeepHead(widths[name], own_task, hidden=own_hidden[name], dropout=dropout)
                for name, own_task in (tasks or dict.fromkeys(widths, task)).items()
            }
        )

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the fused ``(batch, dim)``."""
        embeddings = self.encoders(batch)
        fused = self.fusion(embeddings, batch.presence)
        scores, ratings = self.head(fused)
        said = {name: head(embeddings[name]) for name, head in self.heads.items()}
        if self.own:
            return Output(scores, self._joined(ratings, said), fused)
        parts = {f"scores.{name}": one for name, (one, _) in said.items()}
        parts |= {f"ratings.{name}": one for name, (_, one) in said.items()}
        return Output(scores, ratings, fused, parts=parts)

    def _joined(self, ratings: Tensor, said: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        owners = {rating: name for name, rating in self.own.items()}
        rest = iter(ratings.split(1, dim=1))
        return torch.cat(
            [said[owners[name]][1] if name in owners else next(rest) for name in self.columns], dim=1
        )


def own_errors(weight: float) -> Objective:
    """``weight`` times the sum over modalities of what their heads miss, in the rows that have the modality."""

    def errors(output: Output, batch: Batch) -> Tensor:
        """A scalar."""
        names = [key.removeprefix("scores.") for key in output.parts if key.startswith("scores.")]
        lost = [
            task_error(
                output.parts[f"scores.{name}"], output.parts[f"ratings.{name}"], batch,
                rows=batch.presence[name],
            )
            for name in names
        ]  # fmt: skip
        return weight * sum(lost, output.scores.sum() * 0.0)

    return errors


def _rest(task: TaskSpec, own: Mapping[str, str], widths: Mapping[str, int]) -> TaskSpec:
    if odd := sorted(set(own) - set(widths)):
        raise ConfigError(f"unimodal names {', '.join(odd)}; the features are {sorted(widths)}")
    if odd := sorted(set(own.values()) - set(task.ratings)):
        raise ConfigError(f"unimodal names the ratings {', '.join(odd)}; the task has {list(task.ratings)}")
    if len(set(own.values())) < len(own):
        raise ConfigError(f"unimodal gives one rating to several modalities: {own}")
    rest = replace(task, ratings=tuple(name for name in task.ratings if name not in own.values()))
    if not rest.labels and not rest.ratings:
        raise ConfigError("unimodal takes every rating of the task; what is fused has nothing to say")
    return rest
