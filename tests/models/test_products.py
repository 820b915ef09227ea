import pytest
import torch

from emofuse.models import products
from emofuse.models.products import Dense, linear, product, summed

# Above one block of rows, with a rest that is filled up.
ROWS = products.BLOCK + 37


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setattr(products, "FEW", 1)
    torch.manual_seed(0)


def test_values_and_gradients_are_those_of_torch():
    layer, plain = Dense(24, 40), torch.nn.Linear(24, 40)
    plain.load_state_dict(layer.state_dict())
    values, weights = torch.randn(ROWS, 24), torch.randn(ROWS, 40)
    found = []
    for one in (layer, plain):
        given = values.clone().requires_grad_()
        output = one(given)
        (output * weights).sum().backward()
        found.append([output, given.grad, one.weight.grad, one.bias.grad])
    for ours, wanted in zip(*found, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 8, 9, 33, ROWS])
def test_parts_of_wider_matrices_and_turned_ones(rows):
    wide, weights = torch.randn(rows, 60), torch.randn(16, 60)
    torch.testing.assert_close(
        product(wide[:, 4:28], weights[:, 10:34]),
        wide[:, 4:28] @ weights[:, 10:34].t(),
        rtol=1e-4,
        atol=1e-4,
    )
    turned = torch.randn(24, 16)
    torch.testing.assert_close(
        product(wide[:, :24], turned.t()), wide[:, :24] @ turned, rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(
        summed(wide[:, :20], wide[:, 30:37]), wide[:, :20].t() @ wide[:, 30:37], rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_are_left_to_torch(dtype):
    values, weight = torch.randn(9, 5).to(dtype), torch.randn(4, 5).to(dtype)
    assert torch.equal(product(values, weight), torch.nn.functional.linear(values, weight))


def test_switched_off_and_under_autocast_it_is_torch(monkeypatch):
    def refuse(*given):
        raise AssertionError("oneDNN was called")

    products._there()
    monkeypatch.setattr(products, "_call", refuse)
    values, weight = torch.randn(9, 5), torch.randn(4, 5)
    with torch.backends.mkldnn.flags(enabled=False):
        assert torch.equal(linear(values, weight), torch.nn.functional.linear(values, weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(values, weight).dtype == torch.bfloat16


def test_only_wanted_gradients_are_worked_out():
    weight = torch.randn(4, 5, requires_grad=True)
    values = torch.randn(9, 5)
    linear(values, weight).sum().backward()
    torch.testing.assert_close(weight.grad, values.sum(dim=0).expand(4, 5))
    assert values.grad is None
