"""The one composed model: encoders by modality name, one fusion, one head."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from emofuse.errors import ConfigError
from emofuse.models.encoders import ENCODERS
from emofuse.models.fusions import FUSIONS
from emofuse.models.heads import Head
from emofuse.models.recipe import Recipe, make
from emofuse.types import Batch, Output, TaskSpec


class Composed(nn.Module):
    """Encode each modality, fuse what is present, read the head."""

    def __init__(self, encoders: Mapping[str, nn.Module], fusion: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.fusion = fusion
        self.head = head

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused ``(batch, dim)``."""
        embeddings = {
            name: encoder(batch.values[name], batch.masks[name]) for name, encoder in self.encoders.items()
        }
        fused = self.fusion(embeddings, batch.presence)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)


def composed(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    encoders: Mapping[str, Mapping[str, Any]],
    fusion: Mapping[str, Any] | None = None,
    hidden: int = 0,
    dropout: float = 0.1,
) -> Recipe:
    """One encoder a modality by name (`ENCODERS`), a fusion by name (`FUSIONS`, concat by default), a head.

    Raises:
        ConfigError: the encoders do not match the modalities of the data.
    """
    if set(encoders) != set(dims):
        raise ConfigError(f"encoders are named for {sorted(encoders)}, the features are {sorted(dims)}")
    parts = {name: make(ENCODERS, part, dims[name]) for name, part in encoders.items()}
    joint = make(
        FUSIONS, fusion or {"name": "concat"}, {name: part.out_dim for name, part in parts.items()}
    )
    return Recipe(Composed(parts, joint, Head(joint.out_dim, task, hidden=hidden, dropout=dropout)))
