"""Tensor fusion (TFN): the outer product of all embeddings, each with a one in front.

Paper: Zadeh et al. 2017, https://arxiv.org/abs/1707.07250. The ones keep every product of fewer modalities. An
absent modality is ``[1; 0]``: only the products without it are left. ``width`` brings each embedding down first.
"""

from collections.abc import Mapping
from math import prod

from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.fusions.presence import blanked

LARGEST = 1_000_000


class TensorFusion(nn.Module):
    """``(dim_1 + 1) * (dim_2 + 1) * ...`` products, the last modality's index running fastest."""

    def __init__(self, dims: Mapping[str, int], *, width: int | None = None) -> None:
        super().__init__()
        self.out_dim = prod((width or dim) + 1 for dim in dims.values())
        if self.out_dim > LARGEST:
            raise ValueError(
                f"the outer product of {list(dims.values())} has {self.out_dim} entries; set a smaller width"
            )
        self.reduce = nn.ModuleDict(
            {name: nn.Linear(dim, width) if width else nn.Identity() for name, dim in dims.items()}
        )

    def forward(self, embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> Tensor:
        """``{name: (batch, dim)}`` and ``{name: (batch,)}`` to ``(batch, out_dim)``."""
        reduced = {name: layer(embeddings[name]) for name, layer in self.reduce.items()}
        product: Tensor | None = None
        for name in reduced:
            factor = functional.pad(blanked(reduced, presence, name), (1, 0), value=1.0)
            product = factor if product is None else (product.unsqueeze(2) * factor.unsqueeze(1)).flatten(1)
        assert product is not None, "there is at least one modality"
        return product
