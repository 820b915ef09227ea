"""The thesis on MOSI, MOSEI and CH-SIMS as its code runs it: a GRU's last state and a linear layer for each modality,
low-rank tensor fusion, a perceptron of 512. `gru_attention_fusion` is what its text describes.

2,285,345 parameters on 300 + 74 + 35 features. The thesis states 1,486,465: its fusion factors (798,720), rank
weights (32) and bias (128) are plain tensors that no optimiser sees; here they are registered and learn.
"""

from collections.abc import Mapping

from emofuse.models.composed import joined
from emofuse.models.encoders.recurrent import GruWithLinear
from emofuse.models.naming import by_name, leading
from emofuse.models.recipe import Recipe
from emofuse.types import TaskSpec


def gru_fusion_as_coded(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    main_hidden: int = 512,
    main_dim: int = 128,
    hidden: int = 128,
    widths: Mapping[str, int] | None = None,
    embedding: int = 32,
    out_dim: int = 128,
    rank: int = 32,
    head: int = 512,
    dropout: float = 0.1,
) -> Recipe:
    """``main`` (the first by default) has a GRU of ``main_hidden`` and an embedding of ``main_dim``, the others
    ``hidden`` (or what ``widths`` says by name; the thesis: 128 audio, 64 video) and ``embedding``.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there.
    """
    first, *_ = leading(dims, main)
    sizes = by_name(dims, hidden, widths)
    encoders = {
        name: GruWithLinear(
            dim, hidden=main_hidden if name == first else sizes[name],
            out_dim=main_dim if name == first else embedding, dropout=dropout,
        )
        for name, dim in dims.items()
    }  # fmt: skip
    fusion = {"name": "low_rank", "out_dim": out_dim, "rank": rank}
    return Recipe(joined(encoders, task, fusion=fusion, hidden=head, dropout=0.0))
