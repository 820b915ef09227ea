import math

import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.mult import CrossLayer, CrossStack, mult, visible
from emofuse.types import TaskSpec

DIMS = {"a": 2, "b": 3}
TASK = TaskSpec(ratings=("valence",))
QUIET = {
    "input_dropout": 0.0, "embed_dropout": 0.0, "attention_dropout": 0.0, "inner_dropout": 0.0,
    "residual_dropout": 0.0, "dropout": 0.0,
}  # fmt: skip


def mask_of(*lengths):
    return torch.arange(max(1, *lengths)) < torch.tensor(lengths).unsqueeze(1)


def layer_of(dim=6, heads=2, attention_dropout=0.0):
    torch.manual_seed(0)
    return CrossLayer(
        dim, heads=heads, attention_dropout=attention_dropout, inner_dropout=0.0, residual_dropout=0.0
    )


def test_the_block_is_the_formula_of_the_paper():
    """Z + softmax(Q K' / sqrt(d)) V over each head, then the feed-forward block, both after a norm."""
    layer = layer_of()
    values, others = torch.randn(1, 3, 6), torch.randn(1, 4, 6)
    seen = torch.tensor([[[[True, True, False, True]]]])
    found = layer(values, others, seen, None)[0]
    query = layer.query(layer.norm_attention(values))[0]
    key, value = layer.key_value(layer.norm_attention(others))[0].chunk(2, dim=1)
    heads = []
    for head in (slice(0, 3), slice(3, 6)):
        energy = query[:, head] @ key[:, head].t() / math.sqrt(3)
        weights = torch.softmax(energy.masked_fill(~seen[0, 0], -torch.inf), dim=1)
        heads.append(weights @ value[:, head])
    after = values[0] + layer.out(torch.cat(heads, dim=1))
    first, _, _, second = layer.forward_block
    wanted = after + second(torch.relu(first(layer.norm_forward(after))))
    torch.testing.assert_close(found, wanted)


def test_attention_by_hand():
    # Weights of zero in query and key: the mean of the values; out and feed-forward told.
    layer = layer_of(dim=2, heads=1)
    with torch.no_grad():
        for one in (layer.query, layer.key_value, layer.out, layer.forward_block[3]):
            one.weight.zero_()
            one.bias.zero_()
        layer.key_value.weight[2:] = torch.eye(2)
        layer.out.weight.copy_(torch.eye(2))
    # Each pair is normalised to (1, -1), (-1, 1) or (1, -1): their mean is (1/3, -1/3).
    others = torch.tensor([[[3.0, 1.0], [0.0, 2.0], [5.0, 4.0]]])
    found = layer(torch.zeros(1, 1, 2), others, torch.ones(1, 1, 1, 3, dtype=torch.bool), None)
    torch.testing.assert_close(found, torch.tensor([[[1 / 3, -1 / 3]]]), atol=1e-4, rtol=0)


def test_without_others_the_block_only_feeds_forward():
    layer = layer_of()
    values = torch.randn(1, 2, 6)
    found = layer(
        values, torch.randn(1, 1, 6), torch.ones(1, 1, 1, 1, dtype=torch.bool), torch.zeros(1, 1, 1)
    )
    torch.testing.assert_close(found, values + layer.forward_block(layer.norm_forward(values)))


def test_attention_dropout_drops_frames_and_keeps_the_mean():
    layer = layer_of(attention_dropout=0.5)
    values, others = torch.randn(1, 1, 6), torch.randn(1, 4, 6)
    seen = torch.ones(4000, 1, 1, 4, dtype=torch.bool)
    layer.forward_block = torch.nn.Identity()
    with torch.no_grad():
        wanted = layer.eval()(values, others, seen[:1], None)
        many = layer.train()(values.expand(4000, -1, -1), others.expand(4000, -1, -1), seen, None)
    assert (many[0] != many[1]).any()
    torch.testing.assert_close(many.mean(dim=0), wanted[0], atol=0.05, rtol=0)


def test_frames_see_no_further_than_their_place_and_the_difference_of_lengths():
    found = visible(mask_of(2, 3), mask_of(4, 1), causal=True)[:, 0].int().tolist()
    # Two frames over four: the last sees all. Three over one: padding is never seen.
    assert found[0] == [[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert found[1] == [[1, 0, 0, 0]] * 3
    assert visible(mask_of(2, 3), mask_of(4, 1), causal=False)[:, 0, 0].int().tolist() == [
        [1, 1, 1, 1],
        [1, 0, 0, 0],
    ]


def test_a_row_without_others_sees_padding_and_is_blanked_elsewhere():
    assert visible(mask_of(2), torch.zeros(1, 3, dtype=torch.bool), causal=True).any(dim=3).all()


@pytest.mark.parametrize("causal", [True, False])
def test_the_last_frame_alone_is_the_last_of_all_frames(causal):
    torch.manual_seed(0)
    stack = CrossStack(
        6, layers=2, heads=2, causal=causal, embed_dropout=0.0, attention_dropout=0.0, inner_dropout=0.0,
        residual_dropout=0.0,
    )  # fmt: skip
    values, mask = torch.randn(2, 4, 6), mask_of(4, 2)
    every = stack._placed(values)
    for layer in stack.layers:
        every = layer(every, every, visible(mask, mask, causal=causal), None)
    every = stack.norm(every)
    torch.testing.assert_close(stack.last(values, mask), torch.stack([every[0, 3], every[1, 1]]))


def test_positions_tell_frames_apart_and_each_pair_has_its_own_stack(batch_of):
    torch.manual_seed(0)
    model = mult({"a": 2, "b": 3, "c": 2}, TASK, width=4, heads=2, layers=1, memory_layers=1, **QUIET).model
    assert {name: list(stacks) for name, stacks in model.pairs.items()} == {
        "a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"],
    }  # fmt: skip
    assert model.residual[0].in_features == 24
    batch = batch_of({"a": 2, "b": 3, "c": 2}, {"a": 3, "b": 5, "c": 2})
    turned = batch_of({"a": 2, "b": 3, "c": 2}, {"a": 3, "b": 5, "c": 2})
    turned.values["b"][:] = turned.values["b"].flip(1)
    assert not torch.allclose(model(batch).fused, model(turned).fused)


def test_one_modality_attends_to_itself(batch_of):
    model = mult({"a": 2}, TASK, width=4, heads=2, layers=1).model
    assert {name: list(stacks) for name, stacks in model.pairs.items()} == {"a": ["a"]}
    assert model(batch_of({"a": 2}, {"a": 3}, {})).ratings.isfinite().all()


def test_heads_must_divide_the_width():
    with pytest.raises(ConfigError, match="7 features"):
        mult(DIMS, TASK, width=7, heads=2)
