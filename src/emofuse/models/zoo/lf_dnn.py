"""LF-DNN: an LSTM over the main modality, a perceptron on the mean of each other one, joined, two layers.

The late-fusion baseline of MMSA (after Cambria et al. 2017, https://arxiv.org/abs/1707.09538); its values for
MOSI: 597,171 parameters on 768 + 5 + 20 features with ``widths = {audio = 16}``, as there. MMSA's dropout on
the LSTM's last state never acts; here it does. Batch normalisation is a scale and a shift (see `Averaged`);
an absent modality is zeros.
"""

from collections.abc import Mapping

import torch
from torch import nn

from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.heads import Head
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class LfDnn(nn.Module):
    """Embeddings side by side, dropout, a layer with a ReLU, head with another."""

    def __init__(self, encoders: ClipEncoders, head: Head, *, post: int, dropout: float) -> None:
        super().__init__()
        self.encoders, self.head = encoders, head
        self.join = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(sum(encoders.out_dims.values()), post), nn.ReLU()
        )

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the first joint layer, ``(batch, post)``."""
        fused = self.join(torch.cat(list(self.encoders(batch).values()), dim=1))
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)


def lf_dnn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 128,
    widths: Mapping[str, int] | None = None,
    main_dim: int = 256,
    post: int = 128,
    dropout: float = 0.2,
) -> Recipe:
    """``main`` (the first by default) is read by an LSTM; ``widths`` are those parts, by name, that are not
    ``hidden`` wide; ``main_dim`` is the LSTM's embedding and ``post`` the joint layers.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there.
    """
    encoders = ClipEncoders(
        dims, main=main, hidden=hidden, widths=widths, main_dim=main_dim, dropout=dropout
    )
    return Recipe(LfDnn(encoders, Head(post, task, hidden=post, dropout=0.0), post=post, dropout=dropout))
