"""CubeMLP: frames x modalities x features as one cube, mixed by perceptrons along each of its three axes.

Paper: Sun et al. 2022, https://arxiv.org/abs/2207.14087; values of the authors' code, 1,053,620 parameters on
768 + 74 + 47 features beside their BERT, whose vectors are read here. Their cube is as long as the longest padded
clip; here every clip is brought to ``frames`` by relative time, so that padding is never mixed in. An absent
modality is a slice of zeros.
"""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.resample import to_length
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class AxisMix(nn.Module):
    """Two linear layers with a GELU along one axis, a linear residual beside them, a norm after."""

    def __init__(self, axis: int, width: int, out: int, *, dropout: float, bias: bool) -> None:
        super().__init__()
        self.axis = axis
        self.layers = nn.Sequential(
            nn.Linear(width, out, bias=bias), nn.GELU(), nn.Linear(out, out, bias=bias), nn.Dropout(dropout)
        )
        self.residual = nn.Linear(width, out, bias=False)
        self.norm = nn.LayerNorm(out)

    def forward(self, cube: Tensor) -> Tensor:
        """``width`` of the axis to ``out``."""
        along = cube.movedim(self.axis, -1)
        return self.norm(self.layers(along) + self.residual(along)).movedim(-1, self.axis)


class Sequenced(nn.Module):
    """Two bidirectional GRU layers whose directions are added, norm, ReLU: ``(batch, time, width)``."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.network = nn.GRU(dim, width, 2, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Frames ``(batch, time, dim)`` as they are heard from both ends."""
        there, back = run_valid(self.network, values, mask).chunk(2, dim=2)
        return torch.relu(self.norm(there + back))


class CubeMlp(nn.Module):
    """Frames of every modality, the cube, blocks of three mixes, head over the flat cube."""

    def __init__(
        self, main: tuple[str, nn.Linear], others: Mapping[str, Sequenced], blocks: nn.Sequential, head: Head,
        *, frames: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.main, self.linear = main
        self.others, self.blocks, self.head = nn.ModuleDict(others), blocks, head
        self.frames, self.drop = frames, nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the last block's cube, flat."""
        slices = [self._slice(self.main, self.linear(batch.values[self.main]), batch)]
        for name, encoder in self.others.items():
            slices.append(self._slice(name, encoder(batch.values[name], batch.masks[name]), batch))
        fused = self.blocks(torch.stack(slices, dim=2)).flatten(1)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)

    def _slice(self, name: str, values: Tensor, batch: Batch) -> Tensor:
        axis = batch.presence[name].unsqueeze(1).expand(-1, self.frames)
        return to_length(self.drop(values), batch.masks[name], axis)


def cubemlp(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    width: int = 128,
    frames: int = 100,
    shapes: Sequence[Sequence[int]] = ((10, 2, 64), (5, 2, 32)),
    bias: bool = False,
    head: int = 128,
    mix_dropout: float = 0.5,
    dropout: float = 0.5,
) -> Recipe:
    """``shapes`` are the cubes (frames, modalities, features) that each block makes; ``main``, the first by
    default, is read by a linear layer, the others by GRUs.

    Raises:
        ConfigError: ``main`` is not there, or a shape has not three axes of 2 or more.
    """
    first, *others = leading(dims, main)
    blocks: list[nn.Module] = []
    before: Sequence[int] = (frames, len(dims), width)
    for shape in shapes:
        if len(shape) != 3 or min(shape) < 2:
            raise ConfigError(
                f"a cube has three axes, and the norm leaves nothing of one of 1; got {list(shape)}"
            )
        blocks += [
            AxisMix(axis + 1, before[axis], shape[axis], dropout=mix_dropout, bias=bias)
            for axis in range(3)
        ]
        before = shape
    model = CubeMlp(
        (first, nn.Linear(dims[first], width, bias=False)),
        {name: Sequenced(dims[name], width) for name in others},
        nn.Sequential(*blocks),
        Head(prod(before), task, hidden=head, dropout=dropout),
        frames=frames,
        dropout=dropout,
    )
    return Recipe(model)
