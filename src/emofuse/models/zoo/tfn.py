"""TFN: the outer product of ``[1; h]`` over all modalities, read by a perceptron.

Paper: Zadeh et al. 2017, https://arxiv.org/abs/1707.07250; its perceptrons of 32, else MMSA 2.2.1's values for
MOSI: 9,497,043 parameters on 768 + 5 + 20 features with ``widths = {video = 128}``, as there. The whole tensor is
never laid out: the first layer's weights meet the product of all but the main modality, on which dropout acts,
then the main one. Ratings lie in the task's range by a sigmoid, as in the paper. An absent modality is
``[1; 0]``, which leaves the products of the others.
"""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.errors import ConfigError
from emofuse.models.encoders.averaged import ClipEncoders
from emofuse.models.heads import Head
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec

# More weights than this in one layer (1 GB) is a slip in the widths, not a wish.
LARGEST = 2**28


class TensorLayer(nn.Module):
    """A linear layer on the outer product of ``[1; h]`` over embeddings, the first one outermost."""

    def __init__(self, dims: Mapping[str, int], out_dim: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.main, *others = (dim + 1 for dim in dims.values())
        self.rest = prod(others)
        if self.main * self.rest * out_dim > LARGEST:
            raise ConfigError(
                f"the tensor of {' x '.join(str(dim + 1) for dim in dims.values())} with {out_dim} outputs has "
                f"more than {LARGEST} weights; make hidden or widths smaller, or take lmf"
            )
        self.linear = nn.Linear(self.main * self.rest, out_dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` to ``(batch, out_dim)``."""
        main, *others = (functional.pad(one, (1, 0), value=1.0) for one in embeddings.values())
        rest = main.new_ones(len(main), 1)
        for one in others:
            rest = torch.einsum("bi,bj->bij", rest, one).flatten(1)
        # (out, main * rest) seen as (out * main, rest): the product over the rest first, then the main one.
        weight = self.linear.weight.view(-1, self.rest)
        partial = functional.linear(self.drop(rest), weight).view(len(main), -1, self.main)
        return torch.einsum("bom,bm->bo", partial, main.to(partial.dtype)) + self.linear.bias


class Tfn(nn.Module):
    """Embeddings, tensor layer, ReLU, head; ratings squeezed into their range."""

    def __init__(
        self, encoders: ClipEncoders, tensor: TensorLayer, head: Head, bounds: tuple[float, float]
    ) -> None:
        super().__init__()
        self.encoders, self.tensor, self.head, self.bounds = encoders, tensor, head, bounds

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the first layer on the tensor, ``(batch, post)``."""
        fused = torch.relu(self.tensor(self.encoders(batch)))
        scores, ratings = self.head(fused)
        low, high = self.bounds
        return Output(scores, low + (high - low) * torch.sigmoid(ratings), fused)


def tfn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 32,
    widths: Mapping[str, int] | None = None,
    main_hidden: int = 128,
    main_dim: int = 32,
    post: int = 64,
    dropout: float = 0.3,
    post_dropout: float = 0.5,
) -> Recipe:
    """``main`` (the first by default) is read by an LSTM of ``main_hidden``, whose embedding is ``main_dim``
    wide; ``widths`` are those other parts, by name, that are not ``hidden`` wide; ``post`` are the layers on
    the tensor.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there, or the tensor is too large.
    """
    encoders = ClipEncoders(
        dims, main=main, hidden=hidden, widths=widths, main_hidden=main_hidden, main_dim=main_dim,
        dropout=dropout,
    )  # fmt: skip
    tensor = TensorLayer(encoders.out_dims, post, dropout=post_dropout)
    return Recipe(Tfn(encoders, tensor, Head(post, task, hidden=post, dropout=0.0), task.rating_range))
