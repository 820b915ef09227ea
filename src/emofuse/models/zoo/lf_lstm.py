"""LF-LSTM: an LSTM for each modality over its own frames, their last states joined, a perceptron.

The late-fusion baseline of Tsai et al. 2019 (https://arxiv.org/abs/1906.00295) and of most papers after it.
Each has its widths; these are ours: 128 everywhere, 705,025 parameters on 768 + 5 + 20 features with one
rating. A linear layer follows each LSTM, and a learned vector stands in for an absent modality.
"""

from collections.abc import Mapping

from emofuse.models.composed import Composed
from emofuse.models.encoders.recurrent import Lstm
from emofuse.models.fusions.concat import Concat
from emofuse.models.heads import Head
from emofuse.models.naming import by_name
from emofuse.models.recipe import Recipe
from emofuse.types import TaskSpec


def lf_lstm(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    hidden: int = 128,
    widths: Mapping[str, int] | None = None,
    layers: int = 1,
    bidirectional: bool = False,
    head: int = 128,
    dropout: float = 0.3,
) -> Recipe:
    """``widths`` are those modalities' LSTMs, by name, that are not ``hidden`` wide.

    Raises:
        ConfigError: ``widths`` names what is not there.
    """
    sizes = by_name(dims, hidden, widths)
    encoders = {
        name: Lstm(
            dim, hidden=sizes[name], layers=layers, bidirectional=bidirectional, out_dim=sizes[name],
            dropout=dropout,
        )
        for name, dim in dims.items()
    }  # fmt: skip
    joint = Concat(sizes)
    return Recipe(Composed(encoders, joint, Head(joint.out_dim, task, hidden=head, dropout=dropout)))
