"""The documented model of the thesis on MOSI, MOSEI and CH-SIMS: per modality GRU, self-attention, GRU;
stacking and/or low-rank tensor fusion; an MLP head of 512.

Its published code trains without attention, second GRU or registered fusion weights, and on its test
set; this follows the document. Widths default to the code's (encoder outputs 32, fusion 128, rank 32).
707,713 parameters on 300 + 74 + 35 features with one rating; the document states none for this design.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from emofuse.errors import ConfigError
from emofuse.models.composed import joined
from emofuse.models.encoders.gru_attention import GruAttention
from emofuse.models.encoders.pooling import Mlp
from emofuse.models.recipe import Recipe
from emofuse.types import TaskSpec


def gru_attention_fusion(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    fusion: str = "low_rank",
    hidden: int = 64,
    embedding: int = 32,
    head: int = 512,
    dropout: float = 0.1,
    input_dropout: float = 0.0,
    pooling: str = "last",
    bidirectional: bool = False,
    single_frame: tuple[str, ...] | list[str] = (),
    fusion_options: Mapping[str, Any] | None = None,
) -> Recipe:
    """Build it for any modalities. ``single_frame`` names those whose track is one vector a clip: a GRU
    over one frame is a poor multilayer perceptron, so they get a real one.

    Raises:
        ConfigError: ``single_frame`` names a modality that is not there.
    """
    if unknown := sorted(set(single_frame) - set(dims)):
        raise ConfigError(f"single_frame names {', '.join(unknown)}; the features are {sorted(dims)}")
    encoders: dict[str, nn.Module] = {
        name: Mlp(dim, hidden=2 * hidden, out_dim=embedding, dropout=max(dropout, input_dropout))
        if name in single_frame
        else GruAttention(
            dim, hidden=hidden, out_dim=embedding, dropout=dropout, input_dropout=input_dropout,
            pooling=pooling, bidirectional=bidirectional,
        )
        for name, dim in dims.items()
    }  # fmt: skip
    part = {"name": fusion, **(fusion_options or {})}
    return Recipe(joined(encoders, task, fusion=part, hidden=head, dropout=dropout))
