"""The acoustic and lexical BLSTM classifiers of a course project on IEMOCAP (after Aguilar et al. 2019,
https://arxiv.org/abs/1906.10198): two bidirectional layers, one vector a clip, a linear layer.

Differs: pooling reads no padding, and "last" takes the backward direction where it has ended; the project takes both
at the last frame, which is "last_frame" here. With several modalities the logits are averaged. 595,972 parameters on
65 acoustic descriptors, 1,315,844 on BERT's 768; 16,512 more with attention.
"""

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import AttentionPool, Pool
from emofuse.models.encoders.recurrent import pooled
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.singles import Singles
from emofuse.types import TaskSpec

POOLINGS = ("last", "last_frame", "first", "mean", "attention")


class Blstm(nn.Module):
    """A bidirectional LSTM and a pooling of `POOLINGS`; ``out_dim`` is twice ``hidden``.

    Raises:
        ValueError: the pooling is not known.
    """

    def __init__(
        self, dim: int, *, hidden: int, layers: int, pooling: str, attention_dim: int, dropout: float
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}, got {pooling!r}")
        self.pooling, self.out_dim = pooling, 2 * hidden
        self.network = nn.LSTM(dim, hidden, layers, batch_first=True, bidirectional=True)
        self.pool: AttentionPool | Pool = (
            AttentionPool(2 * hidden, attention_dim=attention_dim)
            if pooling == "attention"
            else Pool(2 * hidden, pooling.removesuffix("_frame"))
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.attend(values, mask)[0]

    def attend(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """The embedding ``(batch, out_dim)`` and, where pooling is attention, its weights ``(batch, time)``."""
        states = run_valid(self.network, values, mask)
        if isinstance(self.pool, AttentionPool):
            weights = self.pool.weights(states, mask)
            return self.drop(torch.einsum("bt,btd->bd", weights, states)), weights
        if self.pooling == "last":
            return self.drop(pooled(self.pool, states, mask, network=self.network)), None
        return self.drop(self.pool(states, mask)), None


def blstm(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    pooling: str = "attention",
    hidden: int = 128,
    layers: int = 2,
    attention_dim: int = 64,
    dropout: float = 0.0,
) -> Recipe:
    """``pooling`` is "last", "last_frame", "first" (where BERT puts its [CLS]), "mean" or "attention"; with
    "attention" the output's ``parts`` hold the weights of the frames. Of "first" and "last_frame" one direction of
    the upper layer has seen a single frame, so that its recurrent weights never act.

    Raises:
        ValueError: the pooling is not known.
    """
    encoders = {
        name: Blstm(
            dim, hidden=hidden, layers=layers, pooling=pooling, attention_dim=attention_dim, dropout=dropout
        )
        for name, dim in dims.items()
    }
    return Recipe(Singles(encoders, task))
