import pytest
import torch

from emofuse.models.encoders.valid_frames import run_packed, run_unpacked, run_valid, turned

MASK = torch.arange(5) < torch.tensor([4, 1, 0, 3]).unsqueeze(1)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", [torch.nn.GRU, torch.nn.LSTM])
def test_outputs_and_gradients_are_those_of_packed_frames(kind, both, layers):
    torch.manual_seed(0)
    network = kind(3, 4, layers, batch_first=True, bidirectional=both)
    values, weights = torch.randn(4, 5, 3), torch.randn(4, 5, 8 if both else 4)
    found = {}
    for run in (run_packed, run_unpacked, run_valid):
        network.zero_grad()
        given = values.clone().requires_grad_()
        outputs = run(network, given, MASK)
        (outputs * weights).sum().backward()
        found[run] = [outputs, given.grad[MASK], *(one.grad.clone() for one in network.parameters())]
    for one, other, third in zip(*found.values(), strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one, third)


def test_padding_is_not_heard():
    torch.manual_seed(0)
    network = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    values = torch.randn(4, 5, 3)
    dirty = torch.where(MASK.unsqueeze(2), values, torch.full_like(values, 50.0))
    torch.testing.assert_close(run_unpacked(network, dirty, MASK), run_unpacked(network, values, MASK))


def test_frames_are_turned_within_their_row():
    assert turned(MASK).tolist() == [[3, 2, 1, 0, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [2, 1, 0, 3, 4]]


def test_dropout_between_layers_acts_in_training_alone():
    network = torch.nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.9)
    values = torch.randn(4, 5, 3)
    assert not torch.equal(run_unpacked(network, values, MASK), run_unpacked(network, values, MASK))
    network.eval()
    torch.testing.assert_close(run_unpacked(network, values, MASK), run_packed(network, values, MASK))
