"""One- and two-dimensional convolutional networks on spectrograms, as a student project on MELD describes them.

Both standardise a clip by itself (instance normalisation over valid frames), convolve, pool by two, put one linear
layer on each frame and average. What its text leaves open is ours: the long kernel keeps the channels, and the 2-D
network's maps are laid side by side over bands before the linear layer.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.pooling import masked_mean


class Cnn1d(nn.Module):
    """Convolutions over time, bands as channels: ``dim`` to ``widen * dim``, kernels of ``kernels`` frames."""

    def __init__(
        self, dim: int, *, widen: int = 4, kernels: tuple[int, ...] | list[int] = (3, 128), out_dim: int = 64,
        dropout: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__()
        self.out_dim, self.kernels = out_dim, tuple(kernels)
        self.drop = nn.Dropout(dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(dim if number == 0 else widen * dim, widen * dim, kernel)
            for number, kernel in enumerate(kernels)
        )
        self.project = nn.Linear(widen * dim if kernels else dim, out_dim)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        hidden = self.drop(_standard(values, mask, axis=1)).transpose(1, 2)
        for convolve, kernel in zip(self.convolutions, self.kernels, strict=True):
            hidden = convolve(functional.pad(_blank(hidden, mask), ((kernel - 1) // 2, kernel // 2)))
            hidden, mask = _even(hidden, mask)
            # Blanked padding is 0, which after the ReLU never exceeds a valid neighbour.
            hidden = torch.relu(functional.max_pool1d(_blank(hidden, mask), 2))
            mask = mask[:, ::2]
        return masked_mean(self.project(hidden.transpose(1, 2)), mask)


class Cnn2d(nn.Module):
    """3x3 convolutions over time and bands; each block halves both."""

    def __init__(
        self, dim: int, *, channels: int = 20, blocks: int = 2, out_dim: int = 64, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if dim < 2**blocks:
            raise ValueError(f"{blocks} blocks need {2**blocks} bands or more, got {dim}")
        self.out_dim = out_dim
        self.convolutions = nn.ModuleList(
            nn.Conv2d(1 if number == 0 else channels, channels, 3, padding=1) for number in range(blocks)
        )
        width = (dim // 2**blocks) * (channels if blocks else 1)
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        maps = _standard(values, mask, axis=(1, 2)).unsqueeze(1)
        for convolve in self.convolutions:
            maps, mask = _even(convolve(_blank(maps, mask)), mask)
            maps = torch.relu(functional.max_pool2d(_blank(maps, mask), 2))
            mask = mask[:, ::2]
        return masked_mean(self.project(maps.transpose(1, 2).flatten(2)), mask)


def _standard(values: Tensor, mask: Tensor, *, axis: int | tuple[int, int]) -> Tensor:
    """Mean 0 and deviation 1 of each clip over ``axis``, valid frames only; 0 at padding."""
    valid = mask.unsqueeze(2).to(values.dtype)
    values = torch.where(mask.unsqueeze(2), values, torch.zeros_like(values))
    count = valid.expand_as(values).sum(dim=axis, keepdim=True).clamp_min(1.0)
    centred = (values - values.sum(dim=axis, keepdim=True) / count) * valid
    return centred / (centred.square().sum(dim=axis, keepdim=True) / count + 1e-5).sqrt()


def _blank(maps: Tensor, mask: Tensor) -> Tensor:
    """Channels first, time third: ``(batch, channels, time, ...)`` with zeros at padding."""
    shape = (len(mask), 1, mask.shape[1]) + (1,) * (maps.dim() - 3)
    return torch.where(mask.view(shape), maps, torch.zeros_like(maps))


def _even(maps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """One frame of padding more where time is odd, so that no last frame is cut off by a pooling of two."""
    if mask.shape[1] % 2 == 0:
        return maps, mask
    behind_time = (0, 0) * (maps.dim() - 3)
    return functional.pad(maps, (*behind_time, 0, 1)), functional.pad(mask, (0, 1))
