import pytest
import torch

from emofuse.models.encoders.recurrent import Gru, GruWithLinear, Lstm, pooled
from emofuse.models.encoders.valid_frames import run_packed

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


@pytest.mark.parametrize(
    ("dim", "pooling", "wanted"),
    [(65, "last", 595_972), (768, "first", 1_315_844), (65, "mean", 595_972), (65, "attention", 612_484)],
)
def test_the_sizes_of_the_published_classifiers_on_iemocap(dim, pooling, wanted):
    encoder = Lstm(dim, hidden=128, layers=2, pooling=pooling, out_dim=4)
    assert sum(one.numel() for one in encoder.parameters()) == wanted


def test_the_sizes_of_the_published_encoders_on_mosi():
    sizes = ((35, 64, 32), (74, 128, 32), (300, 512, 128))
    encoders = [GruWithLinear(dim, hidden=hidden, out_dim=out_dim) for dim, hidden, out_dim in sizes]
    # With its head of 128, 512 and 1 outputs; weights of the fusion are not counted there.
    head = 128 * 512 + 512 + 512 + 1
    assert sum(one.numel() for encoder in encoders for one in encoder.parameters()) + head == 1_486_465


def test_gru_with_linear_is_the_last_state_through_a_linear_layer():
    encoder = GruWithLinear(3, hidden=4, out_dim=2).eval()
    values, mask = given()
    for row, length in enumerate(LENGTHS):
        state = encoder.network(values[row : row + 1, :length])[1][-1, 0]
        torch.testing.assert_close(encoder(values, mask)[row], encoder.project[1](state))


def test_the_first_frame_of_two_directions_holds_the_whole_of_the_backward_one():
    encoder = Lstm(3, hidden=4, pooling="first")
    encoder.project = torch.nn.Identity()
    values, mask = given()
    output, (state, _) = encoder.network(values[:1, :4])
    torch.testing.assert_close(encoder(values, mask)[0], output[0, 0])
    torch.testing.assert_close(encoder(values, mask)[0, 4:], state[1, 0])
