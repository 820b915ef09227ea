"""Multi-task late-fusion network on CH-SIMS (Yu et al. 2020, https://aclanthology.org/2020.acl-main.343).

An LSTM for the main modality and a three-layer network for the mean of every other, concatenated; a head for the
clip and one for each modality. Differs: a scale and a shift in the place of BatchNorm, a learned vector where a
modality is absent, all known ratings weigh alike (the paper's weights: 0.6 clip, 0.2 text, 0.8 audio, 0.8 video).
283,516 parameters on CH-SIMS features (768, 33, 709).
"""

from collections.abc import Mapping

from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.fusions.concat import Concat
from emofuse.models.naming import by_name
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.multitask import MultiTask, own_errors
from emofuse.types import TaskSpec


def mlf_dnn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 64,
    widths: Mapping[str, int] | None = None,
    main_out: int = 32,
    head: int = 32,
    own_head: int = 16,
    own_heads: Mapping[str, int] | None = None,
    dropout: float = 0.3,
    head_dropout: float = 0.5,
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
        encoders, Concat(encoders.out_dims), task, hidden=head, own_hidden=by_name(dims, own_head, own_heads),
        dropout=head_dropout, unimodal=unimodal,
    )  # fmt: skip
    return Recipe(model, auxiliary=None if unimodal else own_errors(own_weight))
