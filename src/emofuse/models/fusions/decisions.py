"""What decision-level fusions read: the scores and ratings of one head a modality, side by side."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from emofuse.models.fusions.presence import flags


class Decisions(NamedTuple):
    """``logs`` ``(batch, modalities, classes)`` are log-probabilities, ``ratings`` is ``(batch, modalities,
    ratings)``, ``present`` ``(batch, modalities)``; what is absent holds zeros.
    """

    logs: Tensor
    ratings: Tensor
    present: Tensor


def outputs_of(dims: Mapping[str, int], classes: int | None) -> tuple[int, int]:
    """The number of outputs that every modality gives, and how many of them are classes (all by default).

    Raises:
        ValueError: modalities give different numbers, or fewer than ``classes``.
    """
    widths = set(dims.values())
    if len(widths) != 1:
        raise ValueError(f"each modality must decide on the same outputs, got {dict(dims)}")
    width = widths.pop()
    if classes is not None and not 0 <= classes <= width:
        raise ValueError(f"{classes} classes in {width} outputs")
    return width, width if classes is None else classes


def read(
    given: Mapping[str, Tensor], presence: Mapping[str, Tensor], names: Iterable[str], *, classes: int
) -> Decisions:
    """Part ``{name: (batch, classes + ratings)}`` into `Decisions`."""
    names = tuple(names)
    present = flags(presence, names)
    stacked = torch.stack([given[name] for name in names], dim=1).float()
    stacked = torch.where(present.unsqueeze(2), stacked, torch.zeros_like(stacked))
    logs = torch.log_softmax(stacked[..., :classes], dim=2) * present.unsqueeze(2)
    return Decisions(logs, stacked[..., classes:], present)


def mean_of(ratings: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over modalities, ``(batch, ratings)``; ``weights`` ``(batch, modalities)`` may sum to anything,
    and to 0 where nothing is present.
    """
    weights = weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return (ratings * weights.unsqueeze(2)).sum(dim=1)


def mixed(decisions: Decisions, weights: Tensor) -> Tensor:
    """``log sum_m w_m p_m`` beside the mean of the ratings; ``weights`` ``(batch, modalities)`` sum to 1."""
    logs = decisions.logs + torch.log(weights.clamp_min(1e-12)).unsqueeze(2)
    logs = logs.masked_fill(~decisions.present.unsqueeze(2), -1e4)
    some = decisions.present.any(dim=1, keepdim=True)
    pooled = torch.where(some, torch.logsumexp(logs, dim=1), torch.zeros_like(logs[:, 0]))
    return torch.cat([pooled, mean_of(decisions.ratings, weights)], dim=1)
