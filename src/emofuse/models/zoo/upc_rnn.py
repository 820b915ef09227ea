"""The text and speech BLSTMs of a student project on MELD: (learned word vectors,) two bidirectional layers, the mean
over time, a linear layer.

Differs: the mean reads no padding; several modalities: the mean of their logits; the speech model is fed frames over
time (there, by a slip, a batch of clips is one sequence). 234,951 parameters on 6,016 words and 7 classes; 6,760,207 on
1,611 audio features with ``embedding = 0, hidden = 300``.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.recurrent import pooled
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.singles import Singles
from emofuse.models.zoo.upc_words import Words, sizes_of
from emofuse.types import TaskSpec


class WordLstm(nn.Module):
    """Words (where there are any), dropout, a bidirectional LSTM, pooling."""

    def __init__(
        self, words: Words | None, dim: int, *, hidden: int, layers: int, pooling: str, dropout: float,
        word_dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.front = nn.Sequential(words or nn.Identity(), nn.Dropout(word_dropout))
        self.network = nn.LSTM(
            dim,
            hidden,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.pool = Pool(2 * hidden, pooling)
        self.out_dim = self.pool.out_dim

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        states = run_valid(self.network, self.front(values), mask)
        return pooled(self.pool, states, mask, network=self.network)


def upc_rnn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    vocabulary: Mapping[str, int] | None = None,
    embedding: int = 32,
    hidden: int = 32,
    layers: int = 2,
    pooling: str = "mean",
    dropout: float = 0.3,
    word_dropout: float = 0.5,
) -> Recipe:
    """``vocabulary`` is the number of ids of those modalities whose tracks are ids, one a frame; with ``embedding`` 0
    frames go into the LSTM as they are. ``word_dropout`` is in front of the LSTM.

    Raises:
        ConfigError: ``vocabulary`` names what is not there, has more than an id a frame, or ``embedding`` is 0.
    """
    sizes = sizes_of(dims, vocabulary)
    if vocabulary and not embedding:
        raise ConfigError("ids need word vectors: embedding is 0")
    encoders = {
        name: WordLstm(
            Words(dims[name], width=embedding, vocabulary=size) if embedding else None,
            embedding or dims[name], hidden=hidden, layers=layers, pooling=pooling, dropout=dropout,
            word_dropout=word_dropout,
        )
        for name, size in sizes.items()
    }  # fmt: skip
    return Recipe(Singles(encoders, task))
