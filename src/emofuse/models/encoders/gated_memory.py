"""The multi-view gated memory of MFN (Zadeh et al. 2018, https://arxiv.org/abs/1802.00927), which Graph-MFN has too.

``u_t = keep_t * u_{t-1} + write_t * proposal_t``; both gates read the attended views and ``u_{t-1}``. Nothing
else recurs, so the loop over time holds only what the memory feeds, and its gradient is worked out by hand: the
weights' is one product over all frames.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from emofuse.models.encoders.steps import Steps
from emofuse.models.products import linear, product, summed


class Gate(nn.Module):
    """Linear, ReLU, dropout, linear, sigmoid on the attended views and the memory side by side."""

    def __init__(self, dim: int, memory: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dim + memory, hidden), nn.Linear(hidden, memory)
        self.drop = nn.Dropout(dropout)


class GatedMemory(nn.Module):
    """``memory`` wide; the gates (keep, write) have a hidden layer and a dropout each."""

    def __init__(
        self,
        dim: int,
        memory: int,
        *,
        hidden: Sequence[int] = (256, 32),
        dropouts: Sequence[float] = (0.7, 0.5),
    ) -> None:
        super().__init__()
        self.dim = dim
        self.keep, self.write = (
            Gate(dim, memory, hidden=width, dropout=rate)
            for width, rate in zip(hidden, dropouts, strict=True)
        )

    def forward(self, attended: Tensor, proposal: Tensor, steps: Steps) -> Tensor:
        """The memory after each row's last frame, ``(batch, memory)``, from all frames' attended views
        ``(frames, dim)`` and proposals ``(frames, memory)``.
        """
        gates = self.keep, self.write
        weight, bias = (
            torch.cat([getattr(gate.first, name) for gate in gates]) for name in ("weight", "bias")
        )
        seen, own = linear(attended, weight[:, : self.dim], bias), weight[:, self.dim :]
        layers = [one for gate in gates for one in (gate.second.weight, gate.second.bias)]
        dropped = self._dropped(seen)
        with torch.autocast(seen.device.type, enabled=False):
            memories: Tensor = _Memory.apply(
                steps, dropped, seen.to(own.dtype), proposal.to(own.dtype), own, *layers
            )
        return memories[steps.last]

    def _dropped(self, seen: Tensor) -> Tensor | None:
        """What the dropouts multiply the hidden values of both gates by, like ``seen``."""
        if not (self.training and any(gate.drop.p for gate in (self.keep, self.write))):
            return None
        ones = (
            seen.new_ones(())
            .expand_as(seen)
            .split([gate.first.out_features for gate in (self.keep, self.write)], dim=1)
        )
        return torch.cat([self.keep.drop(ones[0]), self.write.drop(ones[1])], dim=1)


class _Memory(Function):
    """The dropout's factors or None, then of all frames what both gates' hidden layers hear of the views ``(frames,
    hidden)`` and the proposals, then those layers' weights on the memory and the layers behind them.
    """

    @staticmethod
    def forward(ctx: Any, steps: Steps, dropped: Tensor | None, *given: Tensor) -> Tensor:
        """The memories, ``(frames, memory)``."""
        seen, new, own, keep, keep_bias, write, write_bias = given
        width, middle = new.shape[1], keep.shape[1]
        hidden, opened = torch.empty_like(seen), new.new_empty(len(new), 2 * width)
        memories = torch.empty_like(new)
        memory = new.new_zeros(steps.sizes[0], width)
        for first, size in steps.spans():
            here = slice(first, first + size)
            heard = torch.add(seen[here], product(memory[:size], own), out=hidden[here]).relu_()
            if dropped is not None:
                heard *= dropped[here]
            gates = opened[here]
            gates[:, :width] = product(heard[:, :middle], keep, keep_bias)
            gates[:, width:] = product(heard[:, middle:], write, write_bias)
            gates.sigmoid_()
            memory = torch.mul(gates[:, :width], memory[:size], out=memories[here])
            memory.addcmul_(gates[:, width:], new[here])
        ctx.save_for_backward(new, own, keep, write, dropped, hidden, opened, memories)
        ctx.steps = steps
        return memories

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_memories: Tensor) -> tuple[Tensor | None, ...]:
        """The slopes of all that is told to `forward`."""
        new, own, keep, write, dropped, hidden, opened, memories = ctx.saved_tensors
        steps, width, middle = ctx.steps, new.shape[1], keep.shape[1]
        before = ctx.steps.previous(memories)
        kept, written = opened.chunk(2, dim=1)
        # What a change of the memory does to the gates before their squashing, and a change of the hidden
        # values behind the ReLU to those before it.
        slopes = torch.cat([before * kept * (1 - kept), new * written * (1 - written)], dim=1)
        of_seen = (hidden > 0).to(hidden.dtype)
        if dropped is not None:
            of_seen *= dropped
        of_new = written.clone()
        turned = [one.t().contiguous() for one in (keep, write, own)]
        slope = new.new_zeros(0, width)
        for first, size in reversed(steps.spans()):
            here = slice(first, first + size)
            memory = of_memories[here].clone()
            memory[: len(slope)] += slope
            of_new[here] *= memory
            gates, heard = slopes[here], of_seen[here]
            gates.view(size, 2, width).mul_(memory.unsqueeze(1))
            heard[:, :middle] *= product(gates[:, :width], turned[0])
            heard[:, middle:] *= product(gates[:, width:], turned[1])
            slope = product(heard, turned[2]).addcmul_(memory, kept[here])
        of_keep, of_write = (
            (summed(gates, values), gates.sum(dim=0))
            for gates, values in (
                (slopes[:, :width], hidden[:, :middle]),
                (slopes[:, width:], hidden[:, middle:]),
            )
        )
        return None, None, of_seen, of_new, summed(of_seen, before), *of_keep, *of_write
