"""An LSTM over flat frames that gives its cells as well, which torch's own keeps to itself.

MFN attends to cells. Its gradient is worked out by hand: the loop over time holds what recurs and no more,
and needs neither a graph nor a second pass over the gates.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from emofuse.models.encoders.steps import Steps


def run_lstm(network: nn.LSTM, flat: Tensor, steps: Steps) -> tuple[Tensor, Tensor]:
    """Hidden states and cells, both ``(frames, hidden)``, of a one-layer LSTM over ``(frames, dim)``."""
    input_weight, weight, bias, state_bias = network.all_weights[0]
    gates = functional.linear(flat, input_weight, bias + state_bias)
    return _Lstm.apply(gates.to(weight.dtype), weight, steps)


class _Lstm(Function):
    """Gates from the input ``(frames, 4 * hidden)`` in torch's order (write, forget, new, out)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, steps: Steps) -> tuple[Tensor, Tensor]:
        """States and cells, ``(frames, hidden)``."""
        width = weight.shape[1]
        states, cells = gates.new_empty(len(gates), width), gates.new_empty(len(gates), width)
        opened = torch.empty_like(gates)
        state = cell = gates.new_zeros(steps.sizes[0], width)
        turned = weight.t()
        for first, size in steps.spans():
            here = slice(first, first + size)
            act = torch.addmm(gates[here], state[:size], turned, out=opened[here])
            act[:, : 2 * width].sigmoid_()
            act[:, 2 * width : 3 * width].tanh_()
            act[:, 3 * width :].sigmoid_()
            write, forget, new, out = act.chunk(4, dim=1)
            cell = torch.mul(forget, cell[:size], out=cells[here]).addcmul_(write, new)
            state = torch.mul(out, cell.tanh(), out=states[here])
        ctx.save_for_backward(weight, opened, states, cells)
        ctx.steps = steps
        return states, cells

    @staticmethod
    def backward(ctx: Any, of_states: Tensor, of_cells: Tensor) -> tuple[Tensor, Tensor, None]:
        """The slopes of the gates and of their weights on the state."""
        weight, opened, states, cells = ctx.saved_tensors
        steps, width = ctx.steps, weight.shape[1]
        write, forget, new, out = opened.chunk(4, dim=1)
        seen = cells.tanh()
        # What a change of the cell (three) and of the state (one) does to each gate before its squashing.
        slopes = torch.cat(
            [
                new * write * (1 - write),
                steps.previous(cells) * forget * (1 - forget),
                write * (1 - new.square()),
                seen * out * (1 - out),
            ],
            dim=1,
        )
        reach = out * (1 - seen.square())
        state_slope, cell_slope = (seen.new_zeros(0, width) for _ in range(2))
        for first, size in reversed(steps.spans()):
            here = slice(first, first + size)
            state = of_states[here].clone()
            state[: len(state_slope)] += state_slope
            cell = torch.addcmul(of_cells[here], state, reach[here])
            cell[: len(cell_slope)] += cell_slope
            slope = slopes[here].view(size, 4, width)
            slope[:, :3] *= cell.unsqueeze(1)
            slope[:, 3] *= state
            state_slope, cell_slope = slopes[here] @ weight, cell * forget[here]
        return slopes, slopes.t() @ steps.previous(states), None
