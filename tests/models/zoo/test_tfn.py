import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.tfn import TensorLayer, tfn
from emofuse.types import TaskSpec


def test_the_layer_is_a_linear_one_on_the_outer_product():
    torch.manual_seed(0)
    layer = TensorLayer({"a": 2, "b": 1, "c": 3}, 4)
    given = {"a": torch.randn(5, 2), "b": torch.randn(5, 1), "c": torch.randn(5, 3)}
    one = torch.ones(5, 1)
    a, b, c = (torch.cat([one, given[name]], dim=1) for name in "abc")
    tensor = torch.einsum("ni,nj,nk->nijk", a, b, c)
    torch.testing.assert_close(layer(given), layer.linear(tensor.flatten(1)))


def test_the_outer_product_by_hand():
    # [1, 2] x [1, 3] is 1, 3, 2, 6: the constant, each alone, and their product.
    layer = TensorLayer({"a": 1, "b": 1}, 4)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.eye(4))
        layer.linear.bias.zero_()
    assert layer({"a": torch.tensor([[2.0]]), "b": torch.tensor([[3.0]])}).tolist() == [
        [1.0, 3.0, 2.0, 6.0]
    ]


def test_an_absent_modality_leaves_the_products_of_the_others():
    torch.manual_seed(0)
    both, alone = TensorLayer({"a": 2, "b": 2}, 3), TensorLayer({"a": 2}, 3)
    with torch.no_grad():
        # The entries with the 1 of "b".
        alone.linear.weight.copy_(both.linear.weight.view(3, 3, 3)[:, :, 0])
        alone.linear.bias.copy_(both.linear.bias)
    given = torch.randn(4, 2)
    torch.testing.assert_close(both({"a": given, "b": torch.zeros(4, 2)}), alone({"a": given}))


def test_dropout_keeps_the_mean():
    torch.manual_seed(0)
    layer = TensorLayer({"a": 1, "b": 1}, 1, dropout=0.5)
    given = {"a": torch.ones(20000, 1), "b": torch.ones(20000, 1)}
    wanted = layer.eval()(given).mean()
    torch.testing.assert_close(layer.train()(given).mean(), wanted, atol=0.02, rtol=0)


def test_a_tensor_without_end_is_refused():
    dims = dict.fromkeys("abcde", 4)
    with pytest.raises(ConfigError, match="129 x 33 x 33"):
        tfn(dims, TaskSpec(labels=("x", "y")), main_dim=128)


def test_ratings_stay_in_the_range(batch_of):
    dims = {"a": 2, "b": 3}
    model = tfn(dims, TaskSpec(ratings=("sentiment",), rating_range=(-3.0, 3.0))).model.eval()
    with torch.no_grad():
        model.head.ratings.bias.fill_(50.0)
    torch.testing.assert_close(model(batch_of(dims, {"a": 4, "b": 2})).ratings, torch.tensor([[3.0]]))
