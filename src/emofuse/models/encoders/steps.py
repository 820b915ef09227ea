"""The valid frames of a batch laid flat, one time step after the other, longest rows first.

What does not recur is then one call over all valid frames, and a loop over time sees no padding. It is the
layout of torch's packed sequences, with the places that a loop needs.
"""

from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Steps:
    """``sizes`` are the rows of each step. For each of the flat frames ``rows`` is its row in the batch,
    ``times`` its step and ``before`` the place of the same row's frame one step earlier, which is their
    number where there is none. ``last`` is each row's last place, ``(batch,)``. A row without a frame has
    one of zeros.
    """

    sizes: list[int]
    rows: Tensor
    times: Tensor
    before: Tensor
    last: Tensor

    def spans(self) -> list[tuple[int, int]]:
        """Where each step begins among the flat frames, and its rows."""
        return list(zip(accumulate([0, *self.sizes]), self.sizes, strict=False))

    def flat(self, values: Tensor) -> Tensor:
        """``(batch, time, dim)`` to ``(frames, dim)``."""
        return values[self.rows, self.times]

    def previous(self, flat: Tensor) -> Tensor:
        """What stood at the same row one step earlier, ``(frames, dim)``; zeros at the first."""
        return torch.cat([flat, flat.new_zeros(1, flat.shape[1])]).index_select(0, self.before)


def steps_of(mask: Tensor) -> Steps:
    """From ``(batch, time)``; valid frames come first."""
    lengths, order = mask.sum(dim=1).clamp_min(1).sort(descending=True, stable=True)
    times = torch.arange(int(lengths[0]), device=mask.device).unsqueeze(1)
    valid = times < lengths
    places = (valid.flatten().cumsum(0) - 1).view_as(valid)
    earlier = torch.full_like(places, int(lengths.sum()))
    earlier[1:] = places[:-1]
    ends = torch.empty_like(order)
    ends[order] = places.gather(0, (lengths - 1).unsqueeze(0)).squeeze(0)
    return Steps(
        sizes=valid.sum(dim=1).tolist(),
        rows=order.expand_as(valid)[valid],
        times=times.expand_as(valid)[valid],
        before=earlier[valid],
        last=ends,
    )
