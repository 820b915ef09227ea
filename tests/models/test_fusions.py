from itertools import product

import pytest
import torch

from emofuse.models.fusions.concat import Concat
from emofuse.models.fusions.late import Late
from emofuse.models.fusions.low_rank import LowRank
from emofuse.models.fusions.stack import Stack

HERE = torch.tensor([True])
GONE = torch.tensor([False])


def test_low_rank_by_hand():
    fusion = LowRank({"a": 1, "b": 1}, out_dim=1, rank=2)
    with torch.no_grad():
        fusion.factors["a"].copy_(torch.tensor([[[1.0], [2.0]], [[0.0], [1.0]]]))
        fusion.factors["b"].copy_(torch.tensor([[[3.0], [1.0]], [[1.0], [-1.0]]]))
        fusion.rank_weights.copy_(torch.tensor([[1.0, 10.0]]))
        fusion.bias.fill_(0.5)
    values = {"a": torch.tensor([[2.0]]), "b": torch.tensor([[3.0]])}
    # Rank 1: (1 + 2*2) * (3 + 3); rank 2: (0 + 2) * (1 - 3), ten times.
    assert fusion(values, {"a": HERE, "b": HERE}).item() == pytest.approx(30 - 40 + 0.5)
    assert fusion(values, {"a": HERE, "b": GONE}).item() == pytest.approx(5 + 20 + 0.5)


def test_low_rank_equals_the_full_tensor_that_its_factors_span():
    torch.manual_seed(0)
    dims = {"a": 2, "b": 3, "c": 2}
    fusion = LowRank(dims, out_dim=4, rank=3)
    factors = [fusion.factors[name] for name in dims]
    tensor = torch.einsum("r,rio,rjo,rko->ijko", fusion.rank_weights[0], *factors)
    values = {name: torch.randn(5, dim) for name, dim in dims.items()}
    padded = [torch.cat([torch.ones(5, 1), value], dim=1) for value in values.values()]
    wanted = torch.einsum("bi,bj,bk,ijko->bo", *padded, tensor) + fusion.bias
    found = fusion(values, dict.fromkeys(dims, torch.ones(5, dtype=torch.bool)))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_low_rank_needs_a_rank():
    with pytest.raises(ValueError, match="rank"):
        LowRank({"a": 1}, rank=0)


def test_concat_keeps_the_order_and_fills_what_is_absent():
    fusion = Concat({"a": 2, "b": 1})
    with torch.no_grad():
        fusion.absent["a"].copy_(torch.tensor([7.0, 8.0]))
    values = {"b": torch.tensor([[3.0]]), "a": torch.tensor([[1.0, 2.0]])}
    assert fusion(values, {"a": HERE, "b": HERE}).tolist() == [[1, 2, 3]]
    assert fusion(values, {"a": GONE, "b": HERE}).tolist() == [[7, 8, 3]]


@pytest.mark.parametrize("here", [row for row in product([True, False], repeat=2) if any(row)])
def test_late_is_the_mean_of_the_votes_that_are_there(here):
    torch.manual_seed(0)
    fusion = Late({"a": 2, "b": 3}, out_dim=4).eval()
    values = {"a": torch.randn(1, 2), "b": torch.randn(1, 3)}
    presence = dict(zip("ab", torch.tensor(here)[:, None], strict=True))
    votes = [fusion.votes[name](values[name]) for name, flag in zip("ab", here, strict=True) if flag]
    torch.testing.assert_close(fusion(values, presence), torch.stack(votes).mean(dim=0))


def test_an_absent_token_is_blank_in_the_stack():
    torch.manual_seed(0)
    fusion = Stack({"a": 2, "b": 3}, width=8, heads=2).eval()
    values = {"a": torch.randn(1, 2), "b": torch.randn(1, 3)}
    found = fusion(values, {"a": HERE, "b": GONE})
    assert found.shape == (1, 16) and found[0, :8].any() and not found[0, 8:].any()
