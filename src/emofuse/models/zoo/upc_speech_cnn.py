"""The speech networks of a student project on MELD: convolutions over a log-mel spectrogram that is standardised clip
by clip, a linear layer on each frame, averaged. The project reports that they did not learn MELD.

Differs: the linear layer gives ``width`` numbers, a second one the classes; several modalities: the mean of their
logits. On 40 bands and 7 classes 17,139 parameters in two dimensions, 3,307,079 in one. See `Cnn1d` and `Cnn2d`.
"""

from torch import nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.spectrogram_cnn import Cnn1d, Cnn2d
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.singles import Singles
from emofuse.types import TaskSpec


def upc_speech_cnn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    directions: int = 2,
    channels: int = 20,
    blocks: int = 2,
    widen: int = 4,
    kernels: tuple[int, ...] | list[int] = (3, 128),
    width: int = 64,
    dropout: float = 0.5,
) -> Recipe:
    """Convolutions in 2 ``directions``, time and bands (``channels`` maps in ``blocks``), or in 1, time (``widen``
    times the bands, ``kernels`` frames long).

    Raises:
        ConfigError: there are other directions than 1 and 2.
        ValueError: there are fewer bands than the blocks halve.
    """
    if directions not in (1, 2):
        raise ConfigError(f"directions is 1 (time) or 2 (time and bands), got {directions}")
    encoders: dict[str, nn.Module] = {
        name: Cnn2d(dim, channels=channels, blocks=blocks, out_dim=width, dropout=dropout)
        if directions == 2
        else Cnn1d(dim, widen=widen, kernels=kernels, out_dim=width, dropout=dropout)
        for name, dim in dims.items()
    }
    return Recipe(Singles(encoders, task))
