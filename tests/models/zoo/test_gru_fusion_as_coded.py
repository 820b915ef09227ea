import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.gru_fusion_as_coded import gru_fusion_as_coded
from emofuse.types import TaskSpec

TASK = TaskSpec(ratings=("sentiment",))
DIMS = {"video": 2, "audio": 3, "text": 4}
SMALL = {"main_hidden": 5, "main_dim": 4, "hidden": 3, "embedding": 2, "out_dim": 3, "rank": 2, "head": 6}


def test_the_number_that_the_thesis_states_is_the_model_without_its_fusion():
    dims = {"video": 35, "audio": 74, "text": 300}
    model = gru_fusion_as_coded(dims, TASK, main="text", widths={"video": 64}).model
    by_part = {name: sum(one.numel() for one in part.parameters()) for name, part in model.named_children()}
    assert by_part["encoders"] + by_part["head"] == 1_486_465
    assert by_part["fusion"] == 798_720 + 32 + 128


def test_the_whole_by_hand(batch_of):
    torch.manual_seed(0)
    model = gru_fusion_as_coded(DIMS, TASK, main="text", **SMALL).model.eval()
    batch = batch_of(DIMS, {"video": 2, "audio": 3, "text": 4})
    product = torch.ones(2, 3)
    for name in DIMS:
        encoder = model.encoders[name]
        last = encoder.network(batch.values[name])[0][0, -1]
        embedded = encoder.project[1](last)
        with_one = torch.cat([torch.ones(1), embedded])
        product = product * torch.einsum("d,rdo->ro", with_one, model.fusion.factors[name])
    fused = model.fusion.rank_weights[0] @ product + model.fusion.bias
    torch.testing.assert_close(model(batch).fused[0], fused)
    first = model.head.hidden[0]
    wanted = model.head.ratings(torch.relu(first.weight @ fused + first.bias))
    torch.testing.assert_close(model(batch).ratings[0], wanted)


def test_the_main_modality_is_the_first_unless_it_is_named():
    assert gru_fusion_as_coded(DIMS, TASK, **SMALL).model.encoders["video"].network.hidden_size == 5
    model = gru_fusion_as_coded(DIMS, TASK, main="text", **SMALL, widths={"audio": 7}).model
    assert {name: one.network.hidden_size for name, one in model.encoders.items()} == {
        "video": 3, "audio": 7, "text": 5,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="main"):
        gru_fusion_as_coded(DIMS, TASK, main="face", **SMALL)
