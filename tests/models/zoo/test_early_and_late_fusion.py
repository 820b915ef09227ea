import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.ef_lstm import ef_lstm
from emofuse.models.zoo.ef_transformer import ef_transformer
from emofuse.models.zoo.lf_dnn import lf_dnn
from emofuse.models.zoo.lf_lstm import lf_lstm
from emofuse.models.zoo.lf_transformer import lf_transformer
from emofuse.types import TaskSpec

DIMS = {"a": 2, "b": 3}
TASK = TaskSpec(labels=("x", "y"))


def test_early_fusion_reads_frames_side_by_side(batch_of):
    torch.manual_seed(0)
    model = ef_lstm(DIMS, TASK, hidden=4, layers=2).model.eval()
    batch = batch_of(DIMS, {"a": 4, "b": 2}, {"a": 1, "b": 3})
    # Two frames over four are each held for two; the main modality's frames are kept.
    b = batch.values["b"][0, [0, 0, 1, 1]]
    states = model.network(torch.cat([batch.values["a"][0], b], dim=1).unsqueeze(0))[1][0]
    torch.testing.assert_close(model(batch).fused[0], states[-1, 0])
    # One frame meets the mean of three.
    joined = torch.cat([batch.values["a"][1, :1], batch.values["b"][1].mean(dim=0, keepdim=True)], dim=1)
    torch.testing.assert_close(model(batch).fused[1], model.network(joined.unsqueeze(0))[1][0][-1, 0])


def test_the_other_modality_sets_the_pace_where_the_main_one_is_absent(batch_of):
    model = ef_lstm(DIMS, TASK, hidden=4, layers=1).model.eval()
    batch = batch_of(DIMS, {"a": 2}, {"b": 3})
    joined = torch.cat([torch.zeros(3, 2), batch.values["b"][1]], dim=1)
    torch.testing.assert_close(model(batch).fused[1], model.network(joined.unsqueeze(0))[1][0][-1, 0])


@pytest.mark.parametrize("builder", [ef_lstm, ef_transformer, lf_dnn])
def test_a_main_modality_that_is_not_there_is_refused(builder):
    with pytest.raises(ConfigError, match="main is 'c'"):
        builder(DIMS, TASK, main="c")


@pytest.mark.parametrize("builder", [lf_lstm, lf_transformer, lf_dnn])
def test_each_part_is_as_wide_as_told(builder, batch_of):
    model = builder(DIMS, TASK, hidden=10, widths={"b": 5}).model.eval()
    parts = model.encoders if builder is not lf_dnn else model.encoders.parts
    assert parts["b"].out_dim == 5
    assert model(batch_of(DIMS, {"a": 2, "b": 1})).scores.shape == (1, 2)


def test_late_fusion_joins_what_each_modality_says_alone(batch_of):
    model = lf_lstm(DIMS, TASK, hidden=4).model.eval()
    both = batch_of(DIMS, {"a": 2, "b": 3})
    alone = batch_of(DIMS, {"a": 2})
    assert torch.equal(both.values["a"], alone.values["a"])
    torch.testing.assert_close(model(both).fused[:, :4], model(alone).fused[:, :4])
