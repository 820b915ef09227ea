"""EF-Transformer: all modalities joined frame by frame, one transformer over them, a perceptron.

The early-fusion transformer of MultiBench (Liang et al. 2021, https://arxiv.org/abs/2107.07502), with its
widths: 300, 5 heads, 5 layers, a perceptron of 128. Here the layers normalise first, are four times as wide
inside (there 2,048), know their positions, and the last valid frame is read, not padding. Modalities of other
lengths are brought to the main one's axis by relative time; an absent one is zeros. 5,672,057 parameters on
300 + 74 + 35 features with one rating.
"""

import torch
from torch import nn

from emofuse.models.encoders.resample import in_step
from emofuse.models.encoders.transformer import Transformer
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class EfTransformer(nn.Module):
    """A transformer over joined frames, head."""

    def __init__(self, names: tuple[str, ...], encoder: Transformer, head: Head) -> None:
        super().__init__()
        self.names, self.encoder, self.head = names, encoder, head

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the last frame's state, ``(batch, hidden)``."""
        joined, mask = in_step(batch, self.names)
        fused = self.encoder(torch.cat(list(joined.values()), dim=2), mask)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)


def ef_transformer(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 300,
    heads: int = 5,
    layers: int = 5,
    pooling: str = "last",
    head: int = 128,
    dropout: float = 0.1,
) -> Recipe:
    """``main`` is the modality whose frames set the pace, the first by default.

    Raises:
        ConfigError: ``main`` is not there.
    """
    encoder = Transformer(
        sum(dims.values()), hidden=hidden, heads=heads, layers=layers, pooling=pooling, out_dim=hidden,
        dropout=dropout,
    )  # fmt: skip
    return Recipe(
        EfTransformer(leading(dims, main), encoder, Head(hidden, task, hidden=head, dropout=dropout))
    )
