import pytest
import torch
from torch.nn import functional

from emofuse.models.encoders.pooling import masked_mean
from emofuse.models.encoders.valid_frames import run_packed
from emofuse.models.fusions.bottleneck import Bottleneck
from emofuse.models.fusions.co_attention import CoAttention
from emofuse.models.fusions.cross_attention import CrossAttention
from emofuse.models.fusions.cross_modal import CrossModal
from emofuse.models.fusions.early import Early
from emofuse.models.fusions.hybrid import Hybrid

DIMS = {"a": 2, "b": 3}


def given(lengths=((3, 5), (1, 2)), seed=0):
    generator = torch.Generator().manual_seed(seed)
    frames, masks = {}, {}
    for place, (name, dim) in enumerate(DIMS.items()):
        counts = torch.tensor([row[place] for row in lengths])
        longest = max(1, int(counts.max()))
        frames[name] = torch.randn(len(lengths), longest, dim, generator=generator)
        masks[name] = torch.arange(longest) < counts[:, None]
    return frames, masks


def test_cross_attention_is_torchs():
    torch.manual_seed(0)
    layer = CrossAttention(8, heads=2, dropout=0.0)
    reference = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([layer.query.weight, layer.key_value.weight]))
        reference.in_proj_bias.copy_(torch.cat([layer.query.bias, layer.key_value.bias]))
        reference.out_proj.load_state_dict(layer.project_out.state_dict())
    values, source = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    wanted = reference(values, source, source, key_padding_mask=~mask)[0]
    torch.testing.assert_close(layer(values, source, mask), wanted)
    assert not layer(values, source, torch.zeros(2, 5, dtype=torch.bool)).any()


def test_co_attention_is_a_residual_and_a_norm_in_both_directions():
    torch.manual_seed(0)
    fusion = CoAttention(DIMS, width=4, heads=1, dropout=0.0)
    frames, masks = given(((3, 5),))
    a, b = (fusion.project[name](frames[name]) for name in "ab")
    to_b, to_a = fusion.attention[0](a, b, masks["b"]), fusion.attention[1](b, a, masks["a"])
    wanted = [functional.layer_norm(one, (4,)).mean(dim=1) for one in (a + to_b, b + to_a)]
    torch.testing.assert_close(fusion(frames, masks), torch.cat(wanted, dim=1))


@pytest.mark.parametrize("kind", [CoAttention, CrossModal])
def test_without_the_other_a_modality_is_told_nothing(kind):
    torch.manual_seed(0)
    fusion = kind(DIMS, width=8, heads=2).eval()
    frames, masks = given(((3, 0),))
    half = fusion(frames, masks).chunk(2, dim=1)
    assert half[0].any() and not half[1].any()
    other = {**frames, "b": frames["b"] + 7}
    torch.testing.assert_close(fusion(other, masks), fusion(frames, masks))


def test_cross_modal_gives_the_last_valid_frame_of_each_direction():
    torch.manual_seed(0)
    fusion = CrossModal(DIMS, width=8, heads=2, layers=2, memory_layers=1).eval()
    assert fusion.out_dim == 16
    frames, masks = given()
    together = fusion(frames, masks)
    alone = {name: value[1:, : int(masks[name][1].sum())] for name, value in frames.items()}
    full = {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in alone.items()}
    torch.testing.assert_close(fusion(alone, full)[0], together[1], atol=1e-5, rtol=1e-5)


def test_three_modalities_have_six_directions():
    fusion = CrossModal({**DIMS, "c": 4}, width=8, heads=2)
    assert fusion.out_dim == 48 and fusion.sources == {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"]}


def test_order_of_frames_matters_to_cross_modal_transformers():
    torch.manual_seed(0)
    fusion = CrossModal(DIMS, width=8, heads=2).eval()
    frames, masks = given(((3, 5),))
    turned = {**frames, "b": frames["b"].flip(1)}
    assert not torch.allclose(fusion(turned, masks), fusion(frames, masks), atol=1e-4)


def test_modalities_meet_only_in_the_bottleneck():
    torch.manual_seed(0)
    fusion = Bottleneck(DIMS, width=8, heads=2, layers=2, own_layers=0, tokens=2, dropout=0.0).eval()
    frames, masks = given(((3, 5),))
    states = {name: fusion._begin(name, frames[name]) for name in DIMS}
    shared = fusion.tokens[None]
    ones = torch.ones(1, 1, dtype=torch.bool)
    for layer in fusion.layers:
        seen = {
            name: layer[name](
                torch.cat([shared, state], dim=1), ones.expand(1, shared.shape[1] + state.shape[1])
            )
            for name, state in states.items()
        }
        states = {name: value[:, 2:] for name, value in seen.items()}
        shared = (seen["a"][:, :2] + seen["b"][:, :2]) / 2
    wanted = sum(fusion.norm(state[:, 0]) for state in states.values()) / 2
    torch.testing.assert_close(fusion(frames, masks), wanted, atol=1e-5, rtol=1e-5)


def test_a_bottleneck_that_nobody_reads_is_refused():
    with pytest.raises(ValueError, match="2 shared"):
        Bottleneck(DIMS, layers=2, own_layers=1)


def test_early_lays_frames_of_another_rate_on_the_first_axis():
    torch.manual_seed(0)
    fusion = Early(DIMS, hidden=4, bidirectional=False).eval()
    frames, masks = given(((2, 4),))
    halves = frames["b"].view(1, 2, 2, 3).mean(dim=2)
    both = torch.cat([frames["a"], halves], dim=2)
    states = run_packed(fusion.network.network, both, masks["a"])
    torch.testing.assert_close(fusion(frames, masks), fusion.network.project(states[:, -1]))


def test_early_can_take_the_axis_of_another():
    frames, masks = given(((2, 4),))
    torch.manual_seed(0)
    first = Early(DIMS, hidden=4).eval()
    other = Early(DIMS, main="b", hidden=4).eval()
    other.load_state_dict(first.state_dict())
    assert not torch.allclose(first(frames, masks), other(frames, masks), atol=1e-4)
    with pytest.raises(ValueError, match="main"):
        Early(DIMS, main="c")


def test_hybrid_is_early_beside_late():
    torch.manual_seed(0)
    fusion = Hybrid(DIMS, hidden=4, early_dim=5, late_dim=3).eval()
    frames, masks = given()
    means = {name: masked_mean(frames[name], masks[name]) for name in DIMS}
    present = {name: mask.any(dim=1) for name, mask in masks.items()}
    wanted = torch.cat([fusion.early(frames, masks), fusion.late(means, present)], dim=1)
    torch.testing.assert_close(fusion(frames, masks), wanted)
    assert fusion.out_dim == 8
