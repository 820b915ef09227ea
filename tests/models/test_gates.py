from math import exp, tanh

import pytest
import torch

from emofuse.models.fusions.gated import Gated, GatedSoftmax
from emofuse.models.fusions.gmu import Gmu
from emofuse.models.fusions.modality_attention import ModalityAttention

HERE, GONE = torch.tensor([True]), torch.tensor([False])
BOTH = {"a": HERE, "b": HERE}


def sigmoid(x):
    return 1 / (1 + exp(-x))


def fill(linear, weight, bias):
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        linear.bias.copy_(torch.tensor(bias))


@pytest.fixture
def gmu():
    fusion = Gmu({"a": 1, "b": 1}, out_dim=1)
    fill(fusion.project["a"], [[0.5]], [0.1])
    fill(fusion.project["b"], [[-1.0]], [0.0])
    fill(fusion.gates["a"], [[1.0, 2.0]], [-1.0])
    return fusion


def test_gmu_of_two_by_hand(gmu):
    values = {"a": torch.tensor([[2.0]]), "b": torch.tensor([[0.3]])}
    gate = sigmoid(2.0 + 0.6 - 1.0)
    fused, weights = gmu.weigh(values, BOTH)
    assert fused.item() == pytest.approx(gate * tanh(1.1) + (1 - gate) * tanh(-0.3))
    assert weights.tolist()[0] == pytest.approx([gate, 1 - gate])


def test_gmu_with_one_of_two_is_that_one_alone(gmu):
    values = {"a": torch.tensor([[2.0]]), "b": torch.tensor([[float("nan")]])}
    fused, weights = gmu.weigh(values, {"a": HERE, "b": GONE})
    assert fused.item() == pytest.approx(tanh(1.1)) and weights.tolist() == [[1, 0]]
    fused, weights = gmu.weigh({**values, "b": torch.tensor([[0.3]])}, {"a": GONE, "b": HERE})
    assert fused.item() == pytest.approx(tanh(-0.3)) and weights.tolist() == [[0, 1]]


def test_gmu_of_three_has_a_gate_each():
    fusion = Gmu({"a": 1, "b": 1, "c": 1}, out_dim=1)
    for number, name in enumerate("abc"):
        fill(fusion.project[name], [[1.0]], [0.0])
        fill(fusion.gates[name], [[0.0, 1.0, 0.0]], [float(number)])
    values = {name: torch.tensor([[value]]) for name, value in zip("abc", (0.2, 0.4, 0.6), strict=True)}
    wanted = sum(sigmoid(0.4 + number) * tanh(0.2 * (number + 1)) for number in range(3))
    assert fusion(values, dict.fromkeys("abc", HERE)).item() == pytest.approx(wanted)
    without = sigmoid(0.0) * tanh(0.2) + sigmoid(2.0) * tanh(0.6)
    assert fusion(values, {"a": HERE, "b": GONE, "c": HERE}).item() == pytest.approx(without)


def test_gmu_has_the_sizes_of_the_two_level_attention_model():
    # Two projections 256 -> 128 and one gate 512 -> 128.
    found = sum(one.numel() for one in Gmu({"a": 256, "b": 256}, out_dim=128).parameters())
    assert found == 2 * (256 * 128 + 128) + 512 * 128 + 128


@pytest.mark.parametrize("kind", [Gated, GatedSoftmax])
def test_gated_by_hand(kind):
    fusion = kind({"a": 1, "b": 1}, hidden=1, width=2)
    fill(fusion.gates[0], [[1.0, -1.0]], [0.5])
    fill(fusion.gates[1], [[2.0], [-1.0]], [0.0, 0.3])
    fill(fusion.project["a"], [[1.0], [0.0]], [0.0, 1.0])
    fill(fusion.project["b"], [[2.0], [1.0]], [0.0, 0.0])
    values = {"a": torch.tensor([[3.0]]), "b": torch.tensor([[1.5]])}
    energies = [2 * (3 - 1.5 + 0.5), -(3 - 1.5 + 0.5) + 0.3]
    gates = [sigmoid(one) for one in energies]
    if kind is GatedSoftmax:
        gates = [exp(one) / sum(map(exp, energies)) for one in energies]
    fused, weights = fusion.weigh(values, BOTH)
    assert weights.tolist()[0] == pytest.approx(gates)
    # a is projected to (3, 1), b to (3, 1.5).
    assert fused.tolist()[0] == pytest.approx(
        [3 * gates[0] + 3 * gates[1], gates[0] + 1.5 * gates[1]], rel=1e-5
    )


def test_softmax_gates_sum_to_one_over_what_is_present():
    torch.manual_seed(0)
    fusion = GatedSoftmax({"a": 2, "b": 3, "c": 1})
    values = {name: torch.randn(3, dim) for name, dim in (("a", 2), ("b", 3), ("c", 1))}
    presence = dict(zip("abc", torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 0]]).bool().T, strict=True))
    sums = fusion.weigh(values, presence)[1].sum(dim=1)
    torch.testing.assert_close(sums, torch.tensor([1.0, 1.0, 0.0]))


def test_the_gates_have_the_sizes_of_the_code_for_meld():
    fusion = Gated({name: 768 for name in "abc"}, hidden=128)
    assert sum(one.numel() for one in fusion.gates.parameters()) == 2304 * 128 + 128 + 128 * 3 + 3


def test_modality_attention_is_torchs_over_what_is_present():
    torch.manual_seed(0)
    fusion = ModalityAttention({"a": 2, "b": 3, "c": 1}, width=8, heads=2)
    reference = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(fusion.project_in.weight)
        reference.in_proj_bias.copy_(fusion.project_in.bias)
        reference.out_proj.weight.copy_(fusion.project_out.weight)
        reference.out_proj.bias.copy_(fusion.project_out.bias)
    values = {name: torch.randn(1, dim) for name, dim in (("a", 2), ("b", 3), ("c", 1))}
    tokens = torch.stack([fusion.project[name](values[name]) + fusion.names[name] for name in "ac"], dim=1)
    wanted, attention = reference(tokens, tokens, tokens)
    fused, weights = fusion.weigh(values, {"a": HERE, "b": GONE, "c": HERE})
    torch.testing.assert_close(fused, wanted.mean(dim=1))
    torch.testing.assert_close(weights[0, [0, 2]], attention[0].mean(dim=0))
    assert weights[0, 1] == 0


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="heads"):
        ModalityAttention({"a": 2}, width=6, heads=4)
