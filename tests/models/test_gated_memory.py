import math

import torch

from emofuse.models.encoders.gated_memory import GatedMemory
from emofuse.models.encoders.steps import steps_of


def test_the_update_by_hand():
    # One attended view, a memory of one, gates with one hidden unit and weights told.
    memory = GatedMemory(1, 1, hidden=(1, 1), dropouts=(0.0, 0.0))
    told = {
        "keep.first.weight": [[1.0, 2.0]], "keep.first.bias": [0.0], "keep.second.weight": [[1.0]],
        "keep.second.bias": [0.0], "write.first.weight": [[0.0, 1.0]], "write.first.bias": [1.0],
        "write.second.weight": [[2.0]], "write.second.bias": [-1.0],
    }  # fmt: skip
    memory.load_state_dict({key: torch.tensor(value) for key, value in told.items()})
    steps = steps_of(torch.tensor([[True, True]]))
    found = memory(torch.tensor([[1.0], [-1.0]]), torch.tensor([[0.5], [-0.2]]), steps)

    def squash(x):
        return 1 / (1 + math.exp(-x))

    # u_1 = squash(2 * relu(0 + 1) - 1) * 0.5; u_2 = keep * u_1 + write * (-0.2).
    first = squash(1.0) * 0.5
    keep = squash(max(-1.0 + 2.0 * first, 0.0))
    write = squash(2.0 * (first + 1.0) - 1.0)
    torch.testing.assert_close(found, torch.tensor([[keep * first - 0.2 * write]]))


def test_the_gates_read_views_and_memory_side_by_side():
    torch.manual_seed(0)
    memory = GatedMemory(3, 2, hidden=(4, 5), dropouts=(0.0, 0.0))
    views, proposal = torch.randn(2, 3), torch.randn(2, 2)
    found = memory(views, proposal, steps_of(torch.ones(1, 2, dtype=torch.bool)))
    state = torch.zeros(1, 2)
    for frame in range(2):
        both = torch.cat([views[frame : frame + 1], state], dim=1)
        keep, write = (
            torch.sigmoid(gate.second(torch.relu(gate.first(both)))) for gate in (memory.keep, memory.write)
        )
        state = keep * state + write * proposal[frame]
    torch.testing.assert_close(found, state)


def test_rows_of_other_lengths_end_at_their_own_frame():
    torch.manual_seed(0)
    memory = GatedMemory(3, 2, hidden=(4, 5), dropouts=(0.0, 0.0))
    mask = torch.tensor([[True, False, False], [True, True, True]])
    views, proposal = torch.randn(2, 3, 3), torch.randn(2, 3, 2)
    steps = steps_of(mask)
    together = memory(steps.flat(views), steps.flat(proposal), steps)
    for row, length in enumerate([1, 3]):
        alone = steps_of(mask[row : row + 1, :length])
        one = memory(views[row, :length], proposal[row, :length], alone)
        torch.testing.assert_close(together[row], one[0])
