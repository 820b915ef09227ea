"""The dialogue LSTM of a student project on MELD: dropout, two forward layers over the turns of a conversation, a
linear layer on the state at the turn that is judged.

A frame of a track is one utterance here: the turns of the conversation up to and including the clip's own, as
``features.<modality>.context`` with ``own = true`` makes them. The LSTM runs forward, so that this is what it says at
that turn when it is fed the whole conversation. Differs: several modalities: the mean of their logits. 67,015
parameters on 64 features of text and 7 classes, 5,773,807 on 600 of audio.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_last
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.naming import by_name
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.singles import Singles
from emofuse.types import TaskSpec


class Context(nn.Module):
    """Dropout and a forward LSTM; its state at the last turn. ``out_dim`` is ``hidden``, by default ``dim``."""

    def __init__(
        self, dim: int, *, hidden: int = 0, layers: int = 2, dropout: float = 0.3, turn_dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.out_dim = hidden or dim
        self.drop = nn.Dropout(turn_dropout)
        self.network = nn.LSTM(
            dim, self.out_dim, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )

    def turns(self, values: Tensor, mask: Tensor) -> Tensor:
        """The state at each turn, ``(batch, turns, out_dim)``."""
        return run_valid(self.network, self.drop(values), mask)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, turns, dim)`` and ``(batch, turns)`` to ``(batch, out_dim)``."""
        return masked_last(self.turns(values, mask), mask)


def upc_dialogue(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    hidden: int = 0,
    widths: Mapping[str, int] | None = None,
    layers: int = 2,
    dropout: float = 0.3,
    turn_dropout: float = 0.5,
) -> Recipe:
    """``hidden`` is the width of the LSTMs (0: that of their input), ``widths`` by name where it differs;
    ``turn_dropout`` acts on what comes in, ``dropout`` between the layers.

    Raises:
        ConfigError: a name in ``widths`` is not there.
    """
    sizes = by_name(dims, hidden, widths)
    encoders = {
        name: Context(dim, hidden=sizes[name], layers=layers, dropout=dropout, turn_dropout=turn_dropout)
        for name, dim in dims.items()
    }
    return Recipe(Singles(encoders, task))
