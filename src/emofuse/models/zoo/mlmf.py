"""Multi-task low-rank fusion on CH-SIMS (Yu et al. 2020, https://aclanthology.org/2020.acl-main.343; the fusion is
Liu et al. 2018, https://arxiv.org/abs/1806.00064).

An LSTM for the main modality, a three-layer network for the mean of every other, low-rank fusion of rank 3; a head
for the clip and one for each modality. Differs: the fusion gives a vector that a head reads, not the rating itself;
a scale and a shift in the place of BatchNorm; an absent modality is left out of the product; all known ratings
weigh alike (the paper's weights: 0.2 clip, 1.0 text, 0.4 audio, 0.8 video).
1,454,535 parameters on CH-SIMS features (768, 33, 709).
"""

from collections.abc import Mapping

from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.fusions.low_rank import LowRank
from emofuse.models.naming import by_name
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.multitask import MultiTask, own_errors
from emofuse.types import TaskSpec


def mlmf(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 128,
    widths: Mapping[str, int] | None = None,
    main_out: int = 128,
    rank: int = 3,
    fused: int = 32,
    head: int = 32,
    own_head: int = 16,
    own_heads: Mapping[str, int] | None = None,
    dropout: float = 0.3,
    head_dropout: float = 0.4,
    unimodal: Mapping[str, str] | None = None,
    own_weight: float = 1.0,
) -> Recipe:
    """``unimodal`` maps a modality to the rating that is its own label (``{"audio": "sentiment_audio"}``); without
    it every modality's head learns the clip's label, with ``own_weight`` in the loss. ``widths`` and
    ``own_heads`` are for modalities that differ from ``hidden`` and ``own_head``.

    Raises:
        ConfigError: a modality or rating is not there.
    """
    encoders = ClipEncoders(
        dims, main=main, hidden=hidden, widths=widths, main_dim=main_out, dropout=dropout
    )
    model = MultiTask(
        encoders, LowRank(encoders.out_dims, out_dim=fused, rank=rank), task, hidden=head,
        own_hidden=by_name(dims, own_head, own_heads), dropout=head_dropout, unimodal=unimodal,
    )  # fmt: skip
    return Recipe(model, auxiliary=None if unimodal else own_errors(own_weight))
