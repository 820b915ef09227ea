"""Tracks of other lengths on one time axis, by relative time, inside a model.

Models that read their modalities in step (memory fusion, early fusion, mixing over time) were published on
data aligned to words. Here frame j of m takes what lies in the share ``[j / m, (j + 1) / m)`` of the clip: a
mean over frames that are shorter, a repetition of one that is longer, and the frames themselves where both
lengths are equal.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from emofuse.types import Batch


def in_step(batch: Batch, order: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
    """Every modality of ``order`` on one time axis by `common_axis`: ``{name: (batch, time, dim)}`` with zeros
    where it is absent, and the ``(batch, time)`` mask of all of them.
    """
    axis = common_axis({name: batch.masks[name] for name in order})
    return {name: to_length(batch.values[name], batch.masks[name], axis) for name in order}, axis


def to_length(values: Tensor, mask: Tensor, other_mask: Tensor) -> Tensor:
    """``(batch, time, dim)`` and its ``(batch, time)`` to ``(batch, other time, dim)`` on the frames of
    ``other_mask``; 0 at its padding and in rows where either side has no frame. Valid frames come first.
    """
    if mask.shape == other_mask.shape and torch.equal(mask, other_mask):
        return values * mask.unsqueeze(-1).to(values.dtype)
    return torch.bmm(shares(mask, other_mask).to(values.dtype), values)


def shares(mask: Tensor, other_mask: Tensor) -> Tensor:
    """What each frame of ``mask`` gives to each of ``other_mask``: ``(batch, other time, time)`` float32,
    whose valid rows sum to 1.
    """
    count, wanted = (one.sum(dim=1).view(-1, 1, 1) for one in (mask, other_mask))
    here = torch.arange(mask.shape[1], device=mask.device).view(1, 1, -1)
    there = torch.arange(other_mask.shape[1], device=mask.device).view(1, -1, 1)
    # Both axes in steps of 1 / (count * wanted) of the clip, so that the overlaps are whole numbers.
    ends = torch.minimum((here + 1) * wanted, (there + 1) * count)
    overlap = (ends - torch.maximum(here * wanted, there * count)).clamp_min(0)
    valid = mask.unsqueeze(1) & other_mask.unsqueeze(2)
    return overlap * valid / count.clamp_min(1)


def common_axis(masks: Mapping[str, Tensor]) -> Tensor:
    """The frames that all modalities of a row are brought to, ``(batch, longest time)``: those of the first
    of ``masks`` that the row has. None where it has nothing.
    """
    lengths = None
    for mask in masks.values():
        found = mask.sum(dim=1)
        lengths = found if lengths is None else torch.where(lengths > 0, lengths, found)
    assert lengths is not None, "there is at least one modality"
    longest = max(1, int(lengths.max())) if len(lengths) else 1
    return torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)
