import math

import pytest
import torch

from emofuse.models.encoders.transformer import Transformer, TransformerLayer, sinusoids


@pytest.mark.parametrize("dim", [6, 5])
def test_positions_by_the_formula(dim):
    table = sinusoids(4, dim)
    assert table.shape == (4, dim)
    for place in range(4):
        for pair in range(dim // 2):
            angle = place / 10000 ** (2 * pair / dim)
            assert table[place, 2 * pair] == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[place, 2 * pair + 1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_a_layer_equals_that_of_torch():
    torch.manual_seed(0)
    ours = TransformerLayer(8, heads=2, dropout=0.0).eval()
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    pairs = {
        "self_attn.in_proj_weight": ours.project_in.weight, "self_attn.in_proj_bias": ours.project_in.bias,
        "self_attn.out_proj.weight": ours.project_out.weight, "self_attn.out_proj.bias": ours.project_out.bias,
        "linear1.weight": ours.forward_block[0].weight, "linear1.bias": ours.forward_block[0].bias,
        "linear2.weight": ours.forward_block[3].weight, "linear2.bias": ours.forward_block[3].bias,
        "norm1.weight": ours.norm_attention.weight, "norm1.bias": ours.norm_attention.bias,
        "norm2.weight": ours.norm_forward.weight, "norm2.bias": ours.norm_forward.bias,
    }  # fmt: skip
    theirs.load_state_dict(pairs)
    values = torch.randn(2, 5, 8)
    mask = torch.arange(5)[None] < torch.tensor([[5], [3]])
    wanted = theirs(values, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(values, mask)[mask], wanted[mask], atol=1e-5, rtol=1e-5)


def test_order_matters():
    torch.manual_seed(0)
    encoder = Transformer(3, hidden=8, heads=2, layers=1).eval()
    values, mask = torch.randn(1, 4, 3), torch.ones(1, 4, dtype=torch.bool)
    assert not torch.allclose(encoder(values, mask), encoder(values.flip(1), mask), atol=1e-4)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="heads"):
        Transformer(3, hidden=10, heads=4)
