"""Multi-task tensor fusion on CH-SIMS (Yu et al. 2020, https://aclanthology.org/2020.acl-main.343; the fusion is
Zadeh et al. 2017, https://arxiv.org/abs/1707.07250).

An LSTM for the main modality, a three-layer network for the mean of every other, the outer product of all; a head
for the clip and one for each modality. Differs: LayerNorm in the place of BatchNorm; an absent modality is
``[1; 0]``; all known ratings weigh alike (the paper's weights: 0.6 clip, 0.4 text, 0 audio, 1.0 video); widths of
64, 32, 64 in the place of the paper's 256, 32, 256, whose first layer after the product alone holds 139 million.
9,205,684 parameters on CH-SIMS features (768, 33, 709).
"""

from collections.abc import Mapping

from emofuse.models.fusions.tensor import TensorFusion
from emofuse.models.recipe import Recipe
from emofuse.models.widths import by_modality, main_of
from emofuse.models.zoo.multitask import MultiTask, own_errors, subnets
from emofuse.types import TaskSpec


def mtfn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int | Mapping[str, int] = 32,
    main_out: int = 64,
    head: int = 64,
    own_head: int | Mapping[str, int] = 16,
    dropout: float = 0.2,
    head_dropout: float = 0.2,
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
    fusion = TensorFusion({name: encoder.out_dim for name, encoder in encoders.items()})
    model = MultiTask(
        encoders, fusion, task, hidden=head, own_hidden=by_modality(own_head, dims, "own_head"),
        dropout=head_dropout, unimodal=unimodal,
    )  # fmt: skip
    return Recipe(model, auxiliary=None if unimodal else own_errors(own_weight))
