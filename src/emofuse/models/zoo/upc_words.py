"""Word vectors that a model learns itself, as the text models of a student project on MELD do."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from emofuse.errors import ConfigError, FeatureError


class Words(nn.Module):
    """Ids of one a frame to vectors of ``width``; with ``vocabulary`` None any frame through a linear layer without
    a bias, which for a frame of one hot number is the same. Id 0 is padding.

    Raises:
        ConfigError: there is a vocabulary, and frames are not of one id.
    """

    def __init__(self, dim: int, *, width: int, vocabulary: int | None) -> None:
        super().__init__()
        if vocabulary is not None and dim != 1:
            raise ConfigError(
                f"a vocabulary is for tracks of one id a frame; this one is {dim} wide: leave vocabulary out"
            )
        self.vocabulary = vocabulary
        self.table: nn.Embedding | nn.Linear = (
            nn.Linear(dim, width, bias=False)
            if vocabulary is None
            else nn.Embedding(vocabulary, width, padding_idx=0)
        )

    def forward(self, values: Tensor) -> Tensor:
        """``(batch, time, dim)`` to ``(batch, time, width)``.

        Raises:
            FeatureError: an id is not in the vocabulary.
        """
        if self.vocabulary is None:
            return self.table(values)
        ids = values[..., 0].long()
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= self.vocabulary:
            raise FeatureError(
                f"ids {low} to {high}; the model's vocabulary has 0 to {self.vocabulary - 1}"
            )
        return self.table(ids)


def sizes_of(names: Iterable[str], vocabulary: Mapping[str, int] | None) -> dict[str, int | None]:
    """The vocabulary of every name, None where it has none.

    Raises:
        ConfigError: ``vocabulary`` names what is not there.
    """
    names, given = tuple(names), vocabulary or {}
    if unknown := sorted(set(given) - set(names)):
        raise ConfigError(f"vocabulary names {', '.join(unknown)}; the features are {', '.join(names)}")
    return {name: given.get(name) for name in names}
