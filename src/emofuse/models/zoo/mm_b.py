"""MM-B, the multimodal baseline of a course project on IEMOCAP: BLSTMs averaged over time, trained alone first, then
together under one linear layer whose weights are those of their own classifiers side by side.

A linear layer on ``[a; b]`` with weights ``[W_a W_b]`` and bias ``c_a + c_b`` is the sum of the classifiers, so it is
kept as that sum: fine-tuning starts where pre-training ends. Differs: the sum of biases stays a sum (4 parameters
more on 4 classes), and means read no padding. 1,911,816 parameters on 65 + 768 features.
"""

from torch import Tensor

from emofuse.models.recipe import Recipe
from emofuse.models.zoo.blstm import Blstm
from emofuse.models.zoo.singles import Singles, staged
from emofuse.types import TaskSpec


class Summed(Singles):
    """The heads as one linear layer on all embeddings: the sum of what those present say."""

    def shares(self, present: Tensor) -> Tensor:
        """1 for what is present, from and to ``(batch, modalities)``."""
        return present.float()


def mm_b(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    hidden: int = 128,
    layers: int = 2,
    dropout: float = 0.0,
    pretraining: float = 0.7,
) -> Recipe:
    """In the share ``pretraining`` of the epochs each encoder learns alone with its own classifier, after it all
    learn together (the project: 15 and 7 epochs).
    """
    encoders = {
        name: Blstm(dim, hidden=hidden, layers=layers, pooling="mean", attention_dim=0, dropout=dropout)
        for name, dim in dims.items()
    }
    return Recipe(Summed(encoders, task), phases=staged(pretraining, single=("",), fused=("",)))
