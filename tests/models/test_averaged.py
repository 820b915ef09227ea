import torch
from torch.nn import functional

from emofuse.models.encoders.averaged import Averaged, ClipEncoders

DIMS = {"a": 2, "b": 2}


def test_the_perceptron_reads_the_scaled_and_shifted_mean():
    network = Averaged(2, out_dim=3, dropout=0.0)
    with torch.no_grad():
        network.scale.copy_(torch.tensor([2.0, 0.5]))
        network.shift.copy_(torch.tensor([0.0, 1.0]))
    values = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [99.0, 99.0]]])
    found = network(values, torch.tensor([[True, True, False]]))
    wanted = torch.tensor([[4.0, 3.0]])
    for layer in network.layers:
        wanted = functional.relu(layer(wanted)) if isinstance(layer, torch.nn.Linear) else wanted
    torch.testing.assert_close(found, wanted)


def test_the_main_modality_has_an_lstm_and_its_own_width(batch_of):
    encoders = ClipEncoders(DIMS, main="b", hidden=5, widths={"a": 3}, main_dim=4)
    assert encoders.out_dims == {"b": 4, "a": 3}
    assert encoders.parts["b"].network.hidden_size == 5
    found = encoders(batch_of(DIMS, {"a": 2, "b": 3}))
    assert list(found) == ["b", "a"]
    assert found["a"].shape == (1, 3) and found["b"].shape == (1, 4)


def test_what_is_absent_is_zero_and_what_is_there_is_not(batch_of):
    found = ClipEncoders(DIMS).eval()(batch_of(DIMS, {"a": 2}, {"b": 3}))
    assert found["a"][0].any() and not found["a"][1].any()
    assert found["b"][1].any() and not found["b"][0].any()


def test_the_lstm_may_be_wider_than_the_perceptrons():
    encoders = ClipEncoders(DIMS, hidden=5, main_hidden=9)
    assert encoders.parts["a"].network.hidden_size == 9 and encoders.out_dims["b"] == 5
