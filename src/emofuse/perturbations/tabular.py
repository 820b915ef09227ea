"""Tables with faults: entries of a feature vector that are lost, or stand in their neighbour's place.

After the tabular noises of MultiBench (Liang et al. 2021, https://arxiv.org/abs/2107.07502). Differs:
neighbours really change places, where that code copies one over the other.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from emofuse.perturbations.ranges import checked_rate, checked_strength
from emofuse.perturbations.sensors import chosen, zeroed
from emofuse.types import Batch


class TabularDrop:
    """At strength 1 each entry of a clip's vectors is zero, in all of its frames, with probability ``rate``.

    ``modalities`` are all by default. `RandomDrop` draws anew in every frame.
    """

    kind = "batch"

    def __init__(
        self, *, strength: float = 1.0, rate: float = 1.0, modalities: Sequence[str] | None = None
    ) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)
        self.modalities = modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with zeros in it; masks are as before."""
        share = self.strength * self.rate
        if share == 0:
            return given
        values = dict(given.values)
        for name in chosen(given, self.modalities):
            values[name] = zeroed(values[name], _hit(values[name], share, generator)[:, None])
        return replace(given, values=values)


class TabularSwap:
    """At strength 1 each entry of a clip's vectors, from the second on, changes places with the one before it
    with probability ``rate``, one after the other, alike in all of its frames.

    An entry that was moved can be moved on. ``modalities`` are all by default.
    """

    kind = "batch"

    def __init__(
        self, *, strength: float = 1.0, rate: float = 0.5, modalities: Sequence[str] | None = None
    ) -> None:
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)
        self.modalities = modalities

    def __call__(self, given: Batch, generator: torch.Generator) -> Batch:
        """The batch with entries in other places; masks are as before."""
        share = self.strength * self.rate
        if share == 0:
            return given
        values = dict(given.values)
        for name in chosen(given, self.modalities):
            order = _order(_hit(values[name], share, generator))
            values[name] = torch.gather(values[name], 2, order[:, None].expand_as(values[name]))
        return replace(given, values=values)


def _hit(values: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """True for a ``share`` of the entries ``(batch, dim)`` of ``(batch, time, dim)``."""
    shape = (len(values), values.shape[2])
    return torch.rand(shape, generator=generator, device=generator.device).to(values.device) < share


def _order(swapped: Tensor) -> Tensor:
    """Which entry stands where ``(batch, dim)``, after swaps with the one before from left to right.

    An unbroken run of swaps carries the entry before it to its end and moves the others one to the left.
    """
    size = swapped.shape[1]
    here = torch.arange(size, device=swapped.device).expand_as(swapped)
    carried = swapped.clone()
    carried[:, 0] = False
    # The last place up to here without a swap is the one whose entry is being carried.
    origin = torch.where(carried, 0, here).cummax(dim=1).values
    goes_on = torch.zeros_like(carried)
    goes_on[:, :-1] = carried[:, 1:]
    return torch.where(goes_on, here + 1, origin)
