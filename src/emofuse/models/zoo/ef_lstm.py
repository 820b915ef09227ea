"""EF-LSTM: all modalities joined frame by frame, one LSTM over them, a perceptron on its last state.

The early-fusion baseline of the field (Williams et al. 2018, https://aclanthology.org/W18-3302); values are
MMSA 2.2.1's for MOSI. Modalities of other lengths are brought to the main one's axis by relative time; an
absent one is zeros. MMSA normalises each of 50 padded steps over the batch (100 parameters): left out, since
it reads padding, and alignment standardises. Without it 885,505 parameters on 768 + 5 + 20 features.
"""

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_last
from emofuse.models.encoders.resample import in_step
from emofuse.models.encoders.valid_frames import run_valid
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class EfLstm(nn.Module):
    """LSTM layers over joined frames, the last state, dropout, head."""

    def __init__(self, names: tuple[str, ...], network: nn.LSTM, head: Head, *, dropout: float) -> None:
        super().__init__()
        self.names, self.network, self.head = names, network, head
        self.drop = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the LSTM's last state, ``(batch, hidden)``."""
        joined, mask = in_step(batch, self.names)
        states = run_valid(self.network, torch.cat(list(joined.values()), dim=2), mask)
        fused: Tensor = masked_last(states, mask)
        scores, ratings = self.head(self.drop(fused))
        return Output(scores, ratings, fused)


def ef_lstm(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 128,
    layers: int = 4,
    dropout: float = 0.5,
) -> Recipe:
    """``main`` is the modality whose frames set the pace, the first by default.

    Raises:
        ConfigError: ``main`` is not there.
    """
    between = dropout if layers > 1 else 0.0
    network = nn.LSTM(sum(dims.values()), hidden, layers, batch_first=True, dropout=between)
    head = Head(hidden, task, hidden=hidden, dropout=dropout)
    return Recipe(EfLstm(leading(dims, main), network, head, dropout=dropout))
