"""LF-Transformer: a transformer for each modality over its own frames, joined, a perceptron.

The late-fusion transformer of MultiBench (Liang et al. 2021, https://arxiv.org/abs/2107.07502): 5 heads, 5
layers, a perceptron of 256. There each is twice as wide as its features (``widths``), which is 20 million
parameters for 300 of them; here 40 by default. Its other differences are those of EF-Transformer; a learned
vector stands in for an absent modality. 348,793 parameters on 300 + 74 + 35 features with one rating.
"""

from collections.abc import Mapping

from emofuse.models.composed import Composed
from emofuse.models.encoders.transformer import Transformer
from emofuse.models.fusions.concat import Concat
from emofuse.models.heads import Head
from emofuse.models.naming import by_name
from emofuse.models.recipe import Recipe
from emofuse.types import TaskSpec


def lf_transformer(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    hidden: int = 40,
    widths: Mapping[str, int] | None = None,
    heads: int = 5,
    layers: int = 5,
    pooling: str = "last",
    head: int = 256,
    dropout: float = 0.1,
) -> Recipe:
    """``widths`` are those modalities' transformers, by name, that are not ``hidden`` wide.

    Raises:
        ConfigError: ``widths`` names what is not there.
    """
    sizes = by_name(dims, hidden, widths)
    encoders = {
        name: Transformer(
            dim, hidden=sizes[name], heads=heads, layers=layers, pooling=pooling, out_dim=sizes[name],
            dropout=dropout,
        )
        for name, dim in dims.items()
    }  # fmt: skip
    joint = Concat(sizes)
    return Recipe(Composed(encoders, joint, Head(joint.out_dim, task, hidden=head, dropout=dropout)))
