import pytest
import torch

from emofuse.models.encoders.recurrent import Gru, Lstm, pooled, run_packed

LENGTHS = [4, 1, 3]


def given(dim=3):
    torch.manual_seed(0)
    values = torch.randn(3, 5, dim)
    mask = torch.arange(5)[None] < torch.tensor(LENGTHS)[:, None]
    return values, mask


@pytest.mark.parametrize("kind", [Gru, Lstm])
def test_the_last_state_is_that_of_torch_on_the_sequence_alone(kind):
    encoder = kind(3, hidden=4, bidirectional=True, out_dim=8)
    encoder.project = torch.nn.Identity()
    values, mask = given()
    output = encoder(values, mask)
    for row, length in enumerate(LENGTHS):
        state = encoder.network(values[row : row + 1, :length])[1]
        state = state[0] if kind is Lstm else state
        torch.testing.assert_close(output[row], torch.cat([state[0, 0], state[1, 0]]))


def test_the_upper_layer_gives_the_last_state():
    encoder = Gru(3, hidden=4, layers=2, bidirectional=False)
    encoder.project = torch.nn.Identity()
    values, mask = given()
    state = encoder.network(values[2:3, :3])[1]
    torch.testing.assert_close(encoder(values, mask)[2], state[-1, 0])


def test_the_backward_direction_begins_at_the_last_valid_frame():
    network = torch.nn.GRU(3, 4, batch_first=True, bidirectional=True)
    values, mask = given()
    outputs = run_packed(network, values, mask)
    turned = torch.nn.GRU(3, 4, batch_first=True)
    turned.load_state_dict(
        {k.removesuffix("_reverse"): v for k, v in network.state_dict().items() if k.endswith("_reverse")}
    )
    backward = turned(values[0:1, :4].flip(1))[0].flip(1)
    torch.testing.assert_close(outputs[0, :4, 4:], backward[0])
    assert not outputs[0, 4:].any()


@pytest.mark.parametrize("how", ["first", "mean", "max", "attention"])
def test_only_last_is_taken_at_both_ends(how):
    from emofuse.models.encoders.pooling import Pool

    network = torch.nn.GRU(3, 4, batch_first=True, bidirectional=True)
    values, mask = given()
    outputs = run_packed(network, values, mask)
    pool = Pool(8, how)
    torch.testing.assert_close(pooled(pool, outputs, mask, network=network), pool(outputs, mask))
