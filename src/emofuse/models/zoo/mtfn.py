"""Multi-task tensor fusion on CH-SIMS (Yu et al. 2020, https://aclanthology.org/2020.acl-main.343; the fusion is
Zadeh et al. 2017, https://arxiv.org/abs/1707.07250).

An LSTM for the main modality, a three-layer network for the mean of every other, the outer product of all; a head
for the clip and one for each modality. Differs: a scale and a shift in the place of BatchNorm; an absent modality is
``[1; 0]``; all known ratings weigh alike (the paper's weights: 0.6 clip, 0.4 text, 0 audio, 1.0 video); widths of
64, 32, 64 in the place of the paper's 256, 32, 256, whose first layer after the product alone holds 139 million.
9,205,684 parameters on CH-SIMS features (768, 33, 709).
"""

from collections.abc import Mapping

from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.fusions.tensor import TensorFusion
from emofuse.models.naming import by_name
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.multitask import MultiTask, own_errors
from emofuse.types import TaskSpec


def mtfn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 32,
    widths: Mapping[str, int] | None = None,
    main_out: int = 64,
    head: int = 64,
    own_head: int = 16,
    own_heads: Mapping[str, int] | None = None,
    dropout: float = 0.2,
    head_dropout: float = 0.2,
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
        encoders, TensorFusion(encoders.out_dims), task, hidden=head, own_hidden=by_name(dims, own_head, own_heads),
        dropout=head_dropout, unimodal=unimodal,
    )  # fmt: skip
    return Recipe(model, auxiliary=None if unimodal else own_errors(own_weight))
