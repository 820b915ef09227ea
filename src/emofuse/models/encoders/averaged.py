"""The sub-networks of tensor fusion (Zadeh et al. 2017, https://arxiv.org/abs/1707.07250), which late fusion
and low-rank fusion share: an LSTM over the main modality, a perceptron on the mean of each other one.

The paper's batch normalisation in front of a perceptron is a scale and a shift here: alignment takes out the
statistics, those of the training split, and a batch of one trains.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean
from emofuse.models.encoders.recurrent import Lstm
from emofuse.models.naming import by_name, leading
from emofuse.types import Batch


class Averaged(nn.Module):
    """Mean over time, scale and shift, dropout, three linear layers with a ReLU each."""

    def __init__(self, dim: int, *, out_dim: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.scale, self.shift = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(dim, out_dim), nn.ReLU(),
            nn.Linear(out_dim, out_dim), nn.ReLU(),
            nn.Linear(out_dim, out_dim), nn.ReLU(),
        )  # fmt: skip

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.layers(masked_mean(values, mask) * self.scale + self.shift)


class ClipEncoders(nn.Module):
    """One embedding a modality, the main one first; ``out_dims`` are their widths by name.

    Every part is ``hidden`` wide, or as wide as ``widths`` says by name. The main modality has an LSTM
    (``main_hidden`` wide where that is given) and a linear layer to ``main_dim``, the others perceptrons.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        *,
        main: str | None = None,
        hidden: int = 128,
        widths: Mapping[str, int] | None = None,
        main_hidden: int | None = None,
        main_dim: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        sizes = by_name(dims, hidden, widths)
        first, *others = leading(dims, main)
        width = main_hidden or sizes[first]
        parts: dict[str, nn.Module] = {
            first: Lstm(dims[first], hidden=width, bidirectional=False, out_dim=main_dim, dropout=dropout),
            **{name: Averaged(dims[name], out_dim=sizes[name], dropout=dropout) for name in others},
        }
        self.parts = nn.ModuleDict(parts)
        self.out_dims = {first: main_dim, **{name: sizes[name] for name in others}}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """``{name: (batch, out_dim)}``; zeros where a modality is absent."""
        embedded = {}
        for name, part in self.parts.items():
            found = part(batch.values[name], batch.masks[name])
            embedded[name] = found * batch.presence[name].unsqueeze(1).to(found.dtype)
        return embedded
