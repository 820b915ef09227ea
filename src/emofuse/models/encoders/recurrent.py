"""GRU and LSTM over valid frames; the backward direction starts at the last valid frame."""

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.valid_frames import run_valid


def pooled(pool: Pool, outputs: Tensor, mask: Tensor, *, network: nn.GRU | nn.LSTM) -> Tensor:
    """``(batch, time, width)`` to ``(batch, width)``; the backward direction ends at the first frame."""
    if not network.bidirectional or pool.how != "last":
        return pool(outputs, mask)
    forward, backward = outputs.chunk(2, dim=-1)
    return torch.cat([pool(forward, mask), backward[:, 0]], dim=-1)


class _Recurrent(nn.Module):
    network: nn.GRU | nn.LSTM

    def __init__(self, width: int, *, directions: int, out_dim: int, pooling: str, dropout: float) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.pool = Pool(width * directions, pooling)
        self.frame_dim = self.pool.frame_dim(out_dim)
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.pool.out_dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        outputs = run_valid(self.network, values, mask)
        return self.project(pooled(self.pool, outputs, mask, network=self.network))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, frame_dim)``."""
        return self.project(run_valid(self.network, values, mask))


class Gru(_Recurrent):
    """GRU (Cho et al. 2014), pooled over time, then dropout and a linear layer."""

    def __init__(
        self, dim: int, *, hidden: int = 64, layers: int = 1, bidirectional: bool = True,
        pooling: str = "last", out_dim: int = 64, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        directions = 2 if bidirectional else 1
        super().__init__(hidden, directions=directions, out_dim=out_dim, pooling=pooling, dropout=dropout)
        self.network = nn.GRU(dim, hidden, layers, batch_first=True, bidirectional=bidirectional)


class Lstm(_Recurrent):
    """LSTM (Hochreiter & Schmidhuber 1997), pooled over time, then dropout and a linear layer."""

    def __init__(
        self, dim: int, *, hidden: int = 64, layers: int = 1, bidirectional: bool = True,
        pooling: str = "last", out_dim: int = 64, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        directions = 2 if bidirectional else 1
        super().__init__(hidden, directions=directions, out_dim=out_dim, pooling=pooling, dropout=dropout)
        self.network = nn.LSTM(dim, hidden, layers, batch_first=True, bidirectional=bidirectional)


class GruWithLinear(_Recurrent):
    """One forward GRU, its last state, dropout, a linear layer: the encoder that the published code of the thesis
    on MOSI, MOSEI and CH-SIMS runs, for comparison. The attention that some of its builds allocate and never call
    is left out.
    """

    def __init__(self, dim: int, *, hidden: int = 64, out_dim: int = 32, dropout: float = 0.1) -> None:
        super().__init__(hidden, directions=1, out_dim=out_dim, pooling="last", dropout=dropout)
        self.network = nn.GRU(dim, hidden, batch_first=True)
