"""What fusions ask of presence: which modalities a row has, and embeddings that are blank where absent."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def blanked(embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor], name: str) -> Tensor:
    """The embedding ``(batch, dim)`` of one modality, 0 in rows that lack it, whatever stands there."""
    given = embeddings[name]
    return torch.where(presence[name].unsqueeze(1), given, torch.zeros_like(given))


def side_by_side(
    embeddings: Mapping[str, Tensor], presence: Mapping[str, Tensor], names: Iterable[str]
) -> Tensor:
    """``(batch, sum of dims)`` in the order of ``names``, 0 where one is absent."""
    return torch.cat([blanked(embeddings, presence, name) for name in names], dim=1)


def flags(presence: Mapping[str, Tensor], names: Iterable[str]) -> Tensor:
    """``(batch, modalities)`` bool in the order of ``names``."""
    return torch.stack([presence[name] for name in names], dim=1)


def shares(energies: Tensor, present: Tensor) -> Tensor:
    """Softmax of ``(..., modalities)`` over what is present; 0 for what is not, and where nothing is."""
    low = energies.masked_fill(~present, torch.finfo(energies.dtype).min)
    return torch.softmax(low, dim=-1) * present.to(low.dtype)
