import pytest
import torch

from emofuse.models.fusions.low_rank import LowRank, LowRankUnit
from emofuse.models.fusions.multiplicative import Multiplicative
from emofuse.models.fusions.tensor import TensorFusion

HERE, GONE = torch.tensor([True]), torch.tensor([False])


def test_tensor_by_hand():
    fusion = TensorFusion({"a": 2, "b": 1})
    values = {"a": torch.tensor([[2.0, 3.0]]), "b": torch.tensor([[5.0]])}
    assert fusion.out_dim == 6
    # [1, 2, 3] by [1, 5].
    assert fusion(values, {"a": HERE, "b": HERE}).tolist() == [[1, 5, 2, 10, 3, 15]]
    assert fusion(values, {"a": HERE, "b": GONE}).tolist() == [[1, 0, 2, 0, 3, 0]]
    assert fusion(values, {"a": GONE, "b": GONE}).tolist() == [[1, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("kind", [LowRank, LowRankUnit])
def test_a_linear_layer_of_rank_r_on_the_tensor_is_low_rank_fusion(kind):
    torch.manual_seed(0)
    dims = {"a": 3, "b": 2, "c": 4}
    low, tensor = kind(dims, out_dim=5, rank=2), TensorFusion(dims)
    ranks = low.rank_weights[0] if kind is LowRank else torch.ones(2)
    weight = torch.einsum("r,rio,rjo,rko->oijk", ranks, *(low.factors[name] for name in dims)).flatten(1)
    values = {name: torch.randn(6, dim) for name, dim in dims.items()}
    present = dict.fromkeys(dims, torch.ones(6, dtype=torch.bool))
    wanted = tensor(values, present) @ weight.T + low.bias
    torch.testing.assert_close(low(values, present), wanted, atol=1e-5, rtol=1e-4)


def test_ranks_of_weight_one_are_their_plain_sum():
    torch.manual_seed(0)
    weighted, plain = (
        LowRank({"a": 2, "b": 3}, out_dim=4, rank=3),
        LowRankUnit({"a": 2, "b": 3}, out_dim=4, rank=3),
    )
    plain.load_state_dict(
        {key: value for key, value in weighted.state_dict().items() if key != "rank_weights"}
    )
    with torch.no_grad():
        weighted.rank_weights.fill_(1.0)
    values, present = {"a": torch.randn(1, 2), "b": torch.randn(1, 3)}, {"a": HERE, "b": HERE}
    torch.testing.assert_close(plain(values, present), weighted(values, present))


def test_the_sizes_of_the_published_tensor_network():
    # Its three subnetworks give 32, 32 and 128: 33 * 33 * 129 products.
    assert TensorFusion({"audio": 32, "video": 32, "text": 128}).out_dim == 140_481


def test_a_tensor_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="width"):
        TensorFusion({"a": 128, "b": 128, "c": 128})
    assert TensorFusion({"a": 128, "b": 128, "c": 128}, width=3).out_dim == 64


def test_multiplicative_by_hand():
    fusion = Multiplicative({"a": 2, "b": 1}, out_dim=1)
    with torch.no_grad():
        fusion.linear["a"].weight.copy_(torch.tensor([[1.0, -1.0]]))
        fusion.linear["b"].weight.copy_(torch.tensor([[4.0]]))
        fusion.bilinear[0].copy_(torch.tensor([[[0.5]], [[2.0]]]))
        fusion.bias.fill_(0.25)
    values = {"a": torch.tensor([[2.0, 3.0]]), "b": torch.tensor([[5.0]])}
    # 2 - 3, 4 * 5, and 5 * (0.5 * 2 + 2 * 3).
    assert fusion(values, {"a": HERE, "b": HERE}).item() == pytest.approx(-1 + 20 + 35 + 0.25)
    assert fusion(values, {"a": GONE, "b": HERE}).item() == pytest.approx(20.25)
    assert fusion(values, {"a": HERE, "b": GONE}).item() == pytest.approx(-0.75)


def test_multiplicative_has_a_form_for_each_pair():
    fusion = Multiplicative({"a": 2, "b": 3, "c": 4}, out_dim=5)
    assert [tuple(one.shape) for one in fusion.bilinear] == [(2, 3, 5), (2, 4, 5), (3, 4, 5)]
