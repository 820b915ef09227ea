"""The text transformer of a student project on MELD: learned word vectors, dropout, sinusoidal positions, two layers
of eight heads, the mean over time, a linear layer.

Differs: layers normalise first and the last states once more (256 parameters), since the project's do not train when
there are more than two; the mean reads no padding; several modalities: the mean of their logits. 1,176,583
parameters on 6,085 words and 7 classes.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean
from emofuse.models.encoders.transformer import TransformerLayer, sinusoids
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.singles import Singles
from emofuse.models.zoo.upc_words import Words, sizes_of
from emofuse.types import TaskSpec


class WordTransformer(nn.Module):
    """Words, dropout, positions, layers, masked mean."""

    def __init__(
        self, words: Words, *, width: int, heads: int, layers: int, dropout: float, word_dropout: float
    ) -> None:
        super().__init__()
        self.words, self.out_dim = words, width
        self.word_drop, self.drop = nn.Dropout(word_dropout), nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads=heads, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        hidden = self.word_drop(self.words(values))
        hidden = self.drop(hidden + sinusoids(hidden.shape[1], hidden.shape[2]).to(hidden))
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return masked_mean(self.norm(hidden), mask)


def upc_transformer(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    vocabulary: Mapping[str, int] | None = None,
    embedding: int = 128,
    heads: int = 8,
    layers: int = 2,
    dropout: float = 0.1,
    word_dropout: float = 0.5,
) -> Recipe:
    """``vocabulary`` is the number of ids of those modalities whose tracks are ids, one a frame.

    Raises:
        ConfigError: ``vocabulary`` names what is not there or has more than an id a frame.
        ValueError: ``embedding`` is not a multiple of ``heads``.
    """
    encoders = {
        name: WordTransformer(
            Words(dims[name], width=embedding, vocabulary=size),
            width=embedding, heads=heads, layers=layers, dropout=dropout, word_dropout=word_dropout,
        )
        for name, size in sizes_of(dims, vocabulary).items()
    }  # fmt: skip
    return Recipe(Singles(encoders, task))
