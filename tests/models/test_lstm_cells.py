import torch

from emofuse.models.encoders.lstm_cells import run_lstm
from emofuse.models.encoders.steps import steps_of

LENGTHS = [2, 4, 0, 3]
MASK = torch.arange(5) < torch.tensor(LENGTHS).unsqueeze(1)


def test_states_and_cells_are_those_of_torch_on_each_row_alone():
    torch.manual_seed(0)
    network = torch.nn.LSTM(3, 4, batch_first=True)
    values = torch.randn(4, 5, 3)
    steps = steps_of(MASK)
    states, cells = run_lstm(network, steps.flat(values), steps)
    for row, length in enumerate(LENGTHS):
        if length:
            outputs, (_, cell) = network(values[row : row + 1, :length])
            torch.testing.assert_close(states[steps.rows == row], outputs[0])
            torch.testing.assert_close(cells[steps.last[row]], cell[0, 0])


def test_the_gradient_is_that_of_torch():
    torch.manual_seed(0)
    network = torch.nn.LSTM(3, 4, batch_first=True).double()
    values = torch.randn(4, 5, 3, dtype=torch.double, requires_grad=True)
    steps = steps_of(MASK)
    weights = torch.randn(4, 5, 4, dtype=torch.double)
    for row, length in enumerate(LENGTHS):
        if length:
            outputs, _ = network(values[row : row + 1, :length])
            (outputs * weights[row, :length]).sum().backward()
    wanted = [one.grad.clone() for one in (*network.parameters(), values)]
    network.zero_grad()
    values.grad = None
    states, _ = run_lstm(network, steps.flat(values), steps)
    (states * steps.flat(weights) * steps.flat(MASK.double().unsqueeze(2))).sum().backward()
    for one, grad in zip((*network.parameters(), values), wanted, strict=True):
        torch.testing.assert_close(one.grad, grad)


def test_the_gradient_of_cells_and_states_together_is_the_numerical_one():
    torch.manual_seed(0)
    network = torch.nn.LSTM(2, 3, batch_first=True).double()
    steps = steps_of(MASK)
    flat = torch.randn(sum(steps.sizes), 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda given, *_: run_lstm(network, given, steps), (flat, *network.parameters())
    )
