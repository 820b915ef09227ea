"""Multi-task late-fusion network on CH-SIMS (Yu et al. 2020, https://aclanthology.org/2020.acl-main.343).

An LSTM for the main modality and a three-layer network for the mean of every other, concatenated; a head for the
clip and one for each modality. Differs: LayerNorm in the place of BatchNorm, a learned vector where a modality is
absent, all known ratings weigh alike (the paper's weights: 0.6 clip, 0.2 text, 0.8 audio, 0.8 video). 283,516
parameters on CH-SIMS features (768, 33, 709).
"""

from collections.abc import Mapping

from emofuse.models.fusions.concat import Concat
from emofuse.models.recipe import Recipe
from emofuse.models.widths import by_modality, main_of
from emofuse.models.zoo.multitask import MultiTask, own_errors, subnets
from emofuse.types import TaskSpec


def mlf_dnn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int | Mapping[str, int] = 64,
    main_out: int = 32,
    head: int = 32,
    own_head: int | Mapping[str, int] = 16,
    dropout: float = 0.3,
    head_dropout: float = 0.5,
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
    fusion = Concat({name: encoder.out_dim for name, encoder in encoders.items()})
    model = MultiTask(
        encoders, fusion, task, hidden=head, own_hidden=by_modality(own_head, dims, "own_head"),
        dropout=head_dropout, unimodal=unimodal,
    )  # fmt: skip
    return Recipe(model, auxiliary=None if unimodal else own_errors(own_weight))
