import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.encoders.recurrent_attention import MultiHeadAttention, RecurrentAttention


def test_heads_attend_as_torch_does():
    torch.manual_seed(0)
    layer, peer = MultiHeadAttention(6, heads=2), torch.nn.MultiheadAttention(6, 2, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(layer.project_in.weight)
        peer.in_proj_bias.copy_(layer.project_in.bias)
        peer.out_proj.weight.copy_(layer.project_out.weight)
        peer.out_proj.bias.copy_(layer.project_out.bias)
    values, mask = torch.randn(3, 5, 6), torch.arange(5) < torch.tensor([5, 2, 1]).unsqueeze(1)
    wanted = peer(values, values, values, key_padding_mask=~mask)[0]
    torch.testing.assert_close(layer(values, mask)[mask], wanted[mask])
    assert not layer(values, torch.zeros_like(mask)).any()


def test_states_and_attention_are_added_and_normalised():
    torch.manual_seed(0)
    encoder = RecurrentAttention(3, hidden=4, heads=2).eval()
    values, mask = torch.randn(1, 5, 3), torch.ones(1, 5, dtype=torch.bool)
    states = encoder.network(values)[0]
    both = torch.nn.functional.layer_norm(states + encoder.attention(states, mask), (8,))
    torch.testing.assert_close(encoder(values, mask), encoder.project[1](both.mean(dim=1)))


@pytest.mark.parametrize("options", [{"cell": "rnn"}, {"hidden": 3, "heads": 4}])
def test_an_encoder_that_does_not_hold(options):
    with pytest.raises(ConfigError):
        RecurrentAttention(3, **options)
