"""LMF: low-rank tensor fusion straight to the outputs.

Paper: Liu et al. 2018, https://arxiv.org/abs/1806.00064; values of MMSA 2.2.1 for MOSI, 505,071 parameters on
768 + 5 + 20 features with ``widths = {audio = 16}``, as there. The fusion's outputs are the scores and the
ratings, as in the paper's code. An absent modality is left out of the product.
"""

from collections.abc import Mapping

from torch import nn

from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.fusions.low_rank import LowRank
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class Lmf(nn.Module):
    """Embeddings, low-rank fusion, and its outputs told apart."""

    def __init__(self, encoders: ClipEncoders, fusion: LowRank, classes: int) -> None:
        super().__init__()
        self.encoders, self.fusion, self.classes = encoders, fusion, classes

    def forward(self, batch: Batch) -> Output:
        """``fused`` is all outputs side by side, ``(batch, classes + ratings)``."""
        fused = self.fusion(self.encoders(batch), batch.presence)
        return Output(fused[:, : self.classes], fused[:, self.classes :], fused)


def lmf(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 128,
    widths: Mapping[str, int] | None = None,
    main_dim: int | None = None,
    rank: int = 3,
    dropout: float = 0.3,
) -> Recipe:
    """``main`` (the first by default) is read by an LSTM whose embedding is ``main_dim`` wide, half of
    ``hidden`` by default; ``widths`` are those parts, by name, that are not ``hidden`` wide.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there.
    """
    encoders = ClipEncoders(
        dims, main=main, hidden=hidden, widths=widths, main_dim=main_dim or hidden // 2, dropout=dropout
    )
    fusion = LowRank(encoders.out_dims, out_dim=len(task.labels) + len(task.ratings), rank=rank)
    return Recipe(Lmf(encoders, fusion, len(task.labels)))
