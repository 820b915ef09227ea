import pytest
import torch

from emofuse.models.encoders.gru_attention import GruAttention, SelfAttention, attention_weights


def given(dim=4):
    torch.manual_seed(0)
    mask = torch.arange(5)[None] < torch.tensor([5, 2, 0])[:, None]
    return torch.randn(3, 5, dim), mask


def test_attention_is_really_called_with_both_recurrences_around_it():
    encoder = GruAttention(4, hidden=6, out_dim=3)
    called = []
    for name in ("first", "attention", "norm", "second", "pool", "project"):
        getattr(encoder, name).register_forward_hook(lambda *_, name=name: called.append(name))
    encoder(*given())
    assert called == ["first", "attention", "norm", "second", "pool", "project"]


def test_its_output_depends_on_the_attention():
    encoder = GruAttention(4, hidden=6).eval()
    before = encoder(*given())
    with torch.no_grad():
        encoder.attention.value.weight.mul_(3)
    assert not torch.allclose(encoder(*given())[:2], before[:2], atol=1e-4)


def test_weights_sum_to_one_over_valid_frames_and_reproduce_the_layer():
    layer = SelfAttention(4)
    values, mask = given()
    weights = attention_weights(layer, values, mask)
    torch.testing.assert_close(weights[:2].sum(dim=2), torch.ones(2, 5))
    assert not weights[1, :, 2:].any() and not weights[2].any()
    by_hand = (weights @ layer.value(values)) * mask[:, :, None]
    torch.testing.assert_close(layer(values, mask), by_hand)


@pytest.mark.parametrize("scaled", [True, False])
def test_the_scale_is_a_choice(scaled):
    layer = SelfAttention(4, scaled=scaled)
    values, _ = given()
    mask = torch.ones(3, 5, dtype=torch.bool)
    energy = layer.query(values) @ layer.key(values).transpose(1, 2) * (0.5 if scaled else 1.0)
    torch.testing.assert_close(layer(values, mask), energy.softmax(dim=2) @ layer.value(values))
    torch.testing.assert_close(attention_weights(layer, values, mask), energy.softmax(dim=2))


def test_both_directions_give_their_last_state():
    encoder = GruAttention(4, hidden=6, bidirectional=True).eval()
    encoder.project = torch.nn.Identity()
    values, mask = given()
    hidden = encoder.first(values[:1])[0]
    attended = encoder.norm(hidden + encoder.attention(hidden, mask[:1]))
    state = encoder.second(attended)[1]
    torch.testing.assert_close(encoder(values, mask)[0], torch.cat([state[0, 0], state[1, 0]]))
