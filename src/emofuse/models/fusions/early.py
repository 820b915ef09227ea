"""Early fusion: frames side by side on one time axis, then one recurrent network over them.

The axis is that of the first modality that a row has (`resample`), so that tracks of different rates meet;
frames of an absent modality are zeros.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emofuse.models.encoders.recurrent import Gru
from emofuse.models.encoders.resample import common_axis, to_length


class Early(nn.Module):
    """Concatenated frames through a GRU; ``main`` names the modality whose axis comes first."""

    over_time = True

    def __init__(
        self, dims: Mapping[str, int], *, main: str | None = None, hidden: int = 64, bidirectional: bool = True,
        pooling: str = "last", out_dim: int = 64, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        if main is not None and main not in dims:
            raise ValueError(f"main is {main!r}, the modalities are {', '.join(dims)}")
        self.out_dim = out_dim
        self.names = tuple(dims)
        self.order = tuple(sorted(dims, key=lambda name: name != main))
        self.network = Gru(
            sum(dims.values()), hidden=hidden, bidirectional=bidirectional, pooling=pooling,
            out_dim=out_dim, dropout=dropout,
        )  # fmt: skip

    def forward(self, frames: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, time, dim)}`` and ``{name: (batch, time)}`` to ``(batch, out_dim)``."""
        axis = common_axis({name: masks[name] for name in self.order})
        joined = torch.cat([to_length(frames[name], masks[name], axis) for name in self.names], dim=2)
        return self.network(joined, axis)
