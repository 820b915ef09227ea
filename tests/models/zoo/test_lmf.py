import torch

from emofuse.models.zoo.lmf import lmf
from emofuse.types import TaskSpec

DIMS = {"a": 2, "b": 3}


def test_the_outputs_are_the_sum_over_ranks_of_products(batch_of):
    torch.manual_seed(0)
    task = TaskSpec(labels=("x", "y"), ratings=("valence",))
    model = lmf(DIMS, task, hidden=4, rank=2).model.eval()
    batch = batch_of(DIMS, {"a": 3, "b": 2}, {"a": 1, "b": 4})
    output = model(batch)
    embedded = model.encoders(batch)
    wanted = model.fusion.bias.expand(2, 3).clone()
    for rank in range(2):
        product = torch.ones(2, 3)
        for name, factor in model.fusion.factors.items():
            with_one = torch.cat([torch.ones(2, 1), embedded[name]], dim=1)
            product = product * (with_one @ factor[rank])
        wanted = wanted + model.fusion.rank_weights[0, rank] * product
    torch.testing.assert_close(output.scores, wanted[:, :2])
    torch.testing.assert_close(output.ratings, wanted[:, 2:])


def test_the_low_rank_product_is_a_full_tensor_of_that_rank(batch_of):
    # sum_r w_r prod_m (W_mr [1; h_m]) is the outer product read with the tensor sum_r w_r (x)_m W_mr.
    torch.manual_seed(0)
    model = lmf(DIMS, TaskSpec(ratings=("valence",)), hidden=4, rank=3).model.eval()
    batch = batch_of(DIMS, {"a": 3, "b": 2})
    a, b = (torch.cat([torch.ones(1, 1), one], dim=1) for one in model.encoders(batch).values())
    factor_a, factor_b = model.fusion.factors.values()
    tensor = torch.einsum("r,rio,rjo->ijo", model.fusion.rank_weights[0], factor_a, factor_b)
    wanted = torch.einsum("ni,nj,ijo->no", a, b, tensor) + model.fusion.bias
    torch.testing.assert_close(model(batch).ratings, wanted)


def test_the_embedding_of_the_main_modality_is_half_as_wide_unless_told():
    task = TaskSpec(labels=("x", "y"))
    assert lmf(DIMS, task, hidden=8).model.encoders.out_dims == {"a": 4, "b": 8}
    assert lmf(DIMS, task, hidden=8, main="b", main_dim=3).model.encoders.out_dims == {"b": 3, "a": 8}
