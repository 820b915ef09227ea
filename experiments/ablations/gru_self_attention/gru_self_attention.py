"""GRU and self-attention over time: `GruAttention` without its second GRU, all else equal."""

from torch import Tensor, nn

from emofuse.models.encoders.gru_attention import SelfAttention
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.recurrent import pooled
from emofuse.models.encoders.valid_frames import run_valid


class GruSelfAttention(nn.Module):
    """One GRU over all frames, masked self-attention with residual and layer norm, pooling, dropout, linear."""

    def __init__(
        self, dim: int, *, hidden: int = 64, out_dim: int = 64, dropout: float = 0.1, pooling: str = "last",
        bidirectional: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        width = hidden * (2 if bidirectional else 1)
        self.out_dim = out_dim
        self.network = nn.GRU(dim, hidden, batch_first=True, bidirectional=bidirectional)
        self.attention = SelfAttention(width)
        self.norm = nn.LayerNorm(width)
        self.pool = Pool(width, pooling)
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.pool.out_dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        outputs = run_valid(self.network, values, mask)
        attended = self.norm(outputs + self.attention(outputs, mask))
        return self.project(pooled(self.pool, attended, mask, network=self.network))
