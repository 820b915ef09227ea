"""The text perceptron of a student project on MELD: learned word vectors, their mean, dropout, two linear layers.

Differs: the mean reads no padding; word vectors that come as features pass a linear layer in the place of the table;
several modalities: the mean of their logits. 394,247 parameters on 6,016 words and 7 classes.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.singles import Singles
from emofuse.models.zoo.upc_words import Words, sizes_of
from emofuse.types import TaskSpec


class WordMlp(nn.Module):
    """Words, masked mean, dropout, a linear layer with LeakyReLU."""

    def __init__(self, words: Words, *, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.words, self.out_dim = words, hidden
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, hidden), nn.LeakyReLU())

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.layers(masked_mean(self.words(values), mask))


def upc_mlp(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    vocabulary: Mapping[str, int] | None = None,
    embedding: int = 64,
    hidden: int = 128,
    dropout: float = 0.5,
) -> Recipe:
    """``vocabulary`` is the number of ids of those modalities whose tracks are ids, one a frame.

    Raises:
        ConfigError: ``vocabulary`` names what is not there or has more than an id a frame.
    """
    encoders = {
        name: WordMlp(
            Words(dims[name], width=embedding, vocabulary=size),
            width=embedding, hidden=hidden, dropout=dropout,
        )
        for name, size in sizes_of(dims, vocabulary).items()
    }  # fmt: skip
    return Recipe(Singles(encoders, task))
