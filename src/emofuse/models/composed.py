"""The one composed model: encoders by modality name, one fusion, one head."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

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
        self.over_time = getattr(fusion, "over_time", False)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the fused ``(batch, dim)`` and, where the
        fusion has them, its weights ``(batch, modalities)``.
        """
        if self.over_time:
            fused, weights = _weighed(self.fusion, *self._frames(batch))
        else:
            fused, weights = _weighed(self.fusion, _embedded(self.encoders, batch), batch.presence)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused, weights)

    def _frames(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        frames, masks = {}, {}
        for name, encoder in self.encoders.items():
            mask = batch.masks[name] & batch.presence[name].unsqueeze(1)
            frames[name] = encoder.frames(batch.values[name], mask)  # type: ignore[operator]
            masks[name] = mask[:, : frames[name].shape[1]]
        return frames, masks


class Decided(nn.Module):
    """Encode each modality, let a head of its own decide on it, fuse the decisions of what is present."""

    def __init__(
        self, encoders: Mapping[str, nn.Module], heads: Mapping[str, nn.Module], fusion: nn.Module
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict(heads)
        self.fusion = fusion

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, both side by side as what was fused, and,
        where the fusion has them, its weights ``(batch, modalities)``.
        """
        decided = {
            name: self.heads[name](embedding) for name, embedding in _embedded(self.encoders, batch).items()
        }
        joined = {name: torch.cat(pair, dim=1) for name, pair in decided.items()}
        fused, weights = _weighed(self.fusion, joined, batch.presence)
        classes = next(iter(decided.values()))[0].shape[1]
        return Output(fused[:, :classes], fused[:, classes:], fused, weights)


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
        ConfigError: the encoders do not match the modalities of the data, or give no frames where the fusion
            works over time.
    """
    if set(encoders) != set(dims):
        raise ConfigError(f"encoders are named for {sorted(encoders)}, the features are {sorted(dims)}")
    parts = {name: make(ENCODERS, part, dims[name]) for name, part in encoders.items()}
    return Recipe(joined(parts, task, fusion=fusion or {"name": "concat"}, hidden=hidden, dropout=dropout))


def joined(
    encoders: Mapping[str, nn.Module],
    task: TaskSpec,
    *,
    fusion: Mapping[str, Any],
    hidden: int,
    dropout: float,
) -> nn.Module:
    """Encoders, the fusion that ``fusion`` names, and a head (or one a modality, where it fuses decisions).

    Raises:
        ConfigError: the fusion works over time and an encoder has no frames to give, or it is not known.
    """
    kind = FUSIONS.load(fusion["name"]) if "name" in fusion else None
    if getattr(kind, "over_decisions", False):
        heads = {
            name: Head(part.out_dim, task, hidden=hidden, dropout=dropout)  # type: ignore[arg-type]
            for name, part in encoders.items()
        }
        classes = len(task.labels)
        outputs = dict.fromkeys(encoders, classes + len(task.ratings))
        return Decided(encoders, heads, make(FUSIONS, {**fusion, "classes": classes}, outputs))
    over_time = getattr(kind, "over_time", False)
    widths = {
        name: _frame_dim(part, name, str(fusion["name"])) if over_time else part.out_dim
        for name, part in encoders.items()
    }
    joint = make(FUSIONS, fusion, widths)
    return Composed(encoders, joint, Head(joint.out_dim, task, hidden=hidden, dropout=dropout))


def _frame_dim(encoder: nn.Module, name: str, fusion: str) -> int:
    found = getattr(encoder, "frame_dim", None)
    if not isinstance(found, int):
        raise ConfigError(
            f"fusion {fusion} works over time; the encoder of {name} ({type(encoder).__name__}) gives one vector "
            f"a clip with these options: use one with frames (frames, gru, lstm, transformer, tcn) that neither "
            f"pools by attention nor by statistics"
        )
    return found


def _embedded(encoders: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
    return {name: encoder(batch.values[name], batch.masks[name]) for name, encoder in encoders.items()}


def _weighed(
    fusion: nn.Module, given: Mapping[str, Tensor], there: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor | None]:
    weigh = getattr(fusion, "weigh", None)
    return (fusion(given, there), None) if weigh is None else weigh(given, there)
