"""The multimodal model of a student project on MELD: the dialogue LSTM of each modality, their states side by side at
each turn, and an LSTM over those, with a linear layer on its state at the turn that is judged.

As in `upc_dialogue` a frame is one utterance. The project trains one after the other, or by turns an epoch each;
``training = "together"`` is plain training of the whole. Differs: a modality with other frames than the first is
brought to those of the first. 12,910,437 parameters on 64 + 600 features and 7 classes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import masked_last
from emofuse.models.encoders.resample import common_axis, to_length
from emofuse.models.heads import Head
from emofuse.models.naming import by_name
from emofuse.models.recipe import Phase, Recipe
from emofuse.models.zoo.multitask import own_errors
from emofuse.models.zoo.singles import staged
from emofuse.models.zoo.upc_dialogue import Context
from emofuse.types import Batch, Output, TaskSpec

TRAININGS = ("stages", "alternating", "together")


class UpcMultimodal(nn.Module):
    """``parts`` holds ``scores.<modality>`` and ``ratings.<modality>``, what each modality's own head says."""

    def __init__(
        self,
        contexts: Mapping[str, Context],
        heads: Mapping[str, Head],
        fusion: Context,
        head: Head,
    ) -> None:
        super().__init__()
        self.contexts, self.heads = nn.ModuleDict(contexts), nn.ModuleDict(heads)
        self.fusion, self.head = fusion, head

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the last joint state ``(batch, dim)``."""
        states: dict[str, Tensor] = {
            name: context.turns(batch.values[name], batch.masks[name])  # type: ignore[operator]
            for name, context in self.contexts.items()
        }
        parts: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            parts[f"scores.{name}"], parts[f"ratings.{name}"] = head(
                masked_last(states[name], batch.masks[name])
            )
        axis = common_axis({name: batch.masks[name] for name in states})
        joined = [to_length(one, batch.masks[name], axis) for name, one in states.items()]
        fused = self.fusion(torch.cat(joined, dim=2), axis)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused, parts=parts)


def upc_multimodal(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    training: str = "stages",
    pretraining: float = 0.5,
    hidden: int = 0,
    widths: Mapping[str, int] | None = None,
    fused_hidden: int = 0,
    layers: int = 2,
    dropout: float = 0.3,
    turn_dropout: float = 0.5,
) -> Recipe:
    """``training`` is "stages" (single modalities for the share ``pretraining`` of the epochs, then what fuses them),
    "alternating" (both in each epoch) or "together". ``hidden``, ``widths`` and ``fused_hidden`` are the widths of
    the LSTMs, 0 that of their input (the project's first variant: 32 fused).

    Raises:
        ConfigError: the training is not known, or a name in ``widths`` is not there.
        ValueError: ``pretraining`` leaves no epoch for the fusion.
    """
    if training not in TRAININGS:
        raise ConfigError(f"training is one of {', '.join(TRAININGS)}, got {training!r}")
    sizes = by_name(dims, hidden, widths)

    def context(dim: int, width: int) -> Context:
        return Context(dim, hidden=width, layers=layers, dropout=dropout, turn_dropout=turn_dropout)

    contexts = {name: context(dim, sizes[name]) for name, dim in dims.items()}
    alone = training != "together"
    heads = {name: Head(one.out_dim, task) for name, one in contexts.items()} if alone else {}
    fusion = context(sum(one.out_dim for one in contexts.values()), fused_hidden)
    model = UpcMultimodal(contexts, heads, fusion, Head(fusion.out_dim, task))
    return Recipe(model, phases=_phases(training, pretraining))


def _phases(training: str, pretraining: float) -> tuple[Phase, ...]:
    single, fused = ("contexts", "heads"), ("fusion", "head.")
    if training == "together":
        return (Phase(),)
    if training == "alternating":
        return (Phase("single", trains=single, objective=own_errors(1.0)), Phase("fused", trains=fused))
    if pretraining == 0:
        raise ValueError("pretraining is 0: the single modalities would never learn; take another training")
    return staged(pretraining, single=single, fused=fused)
