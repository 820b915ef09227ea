"""MMMLA, multimodal multi-level attention of a course project on IEMOCAP (after Aguilar et al. 2019,
https://arxiv.org/abs/1906.10198): BLSTMs with context-based attention over their frames, trained alone first, then
together under a gated multimodal unit (Arevalo et al. 2017, https://arxiv.org/abs/1702.01992) and a linear layer.

Differs: attention reads no padding; the classifiers of the pre-training, if there is one, stay in the model (1,028
parameters a modality on 4 classes); a row with one modality has gate 1. 2,076,812 parameters on 65 + 768 features.
"""

from collections.abc import Mapping

from torch import nn

from emofuse.models.fusions.gmu import Gmu
from emofuse.models.heads import Head
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.blstm import Blstm
from emofuse.models.zoo.singles import read, staged
from emofuse.types import Batch, Output, TaskSpec


class Mmmla(nn.Module):
    """Both levels of attention are told: ``parts`` holds ``attention.<modality>`` ``(batch, time)``, and the output's
    weights are the mean gate of each modality. ``scores.<modality>`` and ``ratings.<modality>`` are what the
    classifiers of single modalities say.
    """

    def __init__(
        self,
        encoders: Mapping[str, Blstm],
        heads: Mapping[str, Head],
        task: TaskSpec,
        *,
        out_dim: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.encoders, self.heads = nn.ModuleDict(encoders), nn.ModuleDict(heads)
        self.fusion = Gmu({name: one.out_dim for name, one in encoders.items()}, out_dim=out_dim)
        self.drop = nn.Dropout(dropout)
        self.head = Head(out_dim, task)

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)``, the fused ``(batch, out_dim)``, gates ``(batch,
        modalities)``.
        """
        embedded, parts = read(self.encoders, batch)
        for name, head in self.heads.items():
            parts[f"scores.{name}"], parts[f"ratings.{name}"] = head(embedded[name])
        fused, gates = self.fusion.weigh(embedded, batch.presence)
        scores, ratings = self.head(self.drop(fused))
        return Output(scores, ratings, fused, gates, parts=parts)


def mmmla(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    hidden: int = 128,
    layers: int = 2,
    attention_dim: int = 64,
    out_dim: int = 128,
    dropout: float = 0.0,
    pretraining: float = 0.8,
) -> Recipe:
    """In the share ``pretraining`` of the epochs each encoder learns alone, after it all learn together (the
    project: 15 and 2 epochs).
    """
    encoders = {
        name: Blstm(
            dim, hidden=hidden, layers=layers, pooling="attention", attention_dim=attention_dim, dropout=dropout
        )
        for name, dim in dims.items()
    }  # fmt: skip
    heads = {name: Head(one.out_dim, task) for name, one in encoders.items()} if pretraining else {}
    model = Mmmla(encoders, heads, task, out_dim=out_dim, dropout=dropout)
    phases = staged(pretraining, single=("encoders", "heads"), fused=("encoders", "fusion", "head."))
    return Recipe(model, phases=phases)
