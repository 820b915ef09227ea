"""Multi-task low-rank fusion on CH-SIMS (Yu et al. 2020, https://aclanthology.org/2020.acl-main.343; the fusion is
Liu et al. 2018, https://arxiv.org/abs/1806.00064).

An LSTM for the main modality, a three-layer network for the mean of every other, low-rank fusion of rank 3; a head
for the clip and one for each modality. Differs: the fusion gives a vector that a head reads, not the rating itself;
LayerNorm in the place of BatchNorm; an absent modality is left out of the product; all known ratings weigh alike
(the paper's weights: 0.2 clip, 1.0 text, 0.4 audio, 0.8 video).
1,454,535 parameters on CH-SIMS features (768, 33, 709).
"""

from collections.abc import Mapping

from emofuse.models.fusions.low_rank import LowRank
from emofuse.models.recipe import Recipe
from emofuse.models.widths import by_modality, main_of
from emofuse.models.zoo.multitask import MultiTask, own_errors, subnets
from emofuse.types import TaskSpec


def mlmf(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int | Mapping[str, int] = 128,
    main_out: int = 128,
    rank: int = 3,
    fused: int = 32,
    head: int = 32,
    own_head: int | Mapping[str, int] = 16,
    dropout: float = 0.3,
    head_dropout: float = 0.4,
    unimodal: Mapping[str, str] | None = None,
    own_weight: float = 1.0,
) -> Recipe:
    """``unimodal`` maps a modality to the rating that is its own label (``{"audio": "sentiment_audio"}``); without
    it every modality's head learns the clip's label, with ``own_weight`` in the loss.

    Raises:
        ConfigError: a modality or rating is not there.
    """
    encoders = subnets(
        dims,
        by_modality(hidden, dims, "hidden"),
        main=main_of(main, dims),
        main_out=main_out,
        dropout=dropout,
    )
    widths = {name: encoder.out_dim for name, encoder in encoders.items()}
    model = MultiTask(
        encoders, LowRank(widths, out_dim=fused, rank=rank), task, hidden=head,
        own_hidden=by_modality(own_head, dims, "own_head"), dropout=head_dropout, unimodal=unimodal,
    )  # fmt: skip
    return Recipe(model, auxiliary=None if unimodal else own_errors(own_weight))
