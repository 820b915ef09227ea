from itertools import pairwise

import numpy as np
import pytest
import torch

from emofuse.models.recipe import Total
from emofuse.models.zoo.blstm import blstm
from emofuse.models.zoo.mm_b import mm_b
from emofuse.models.zoo.mmmla import mmmla
from emofuse.training.engine import Engine
from emofuse.training.loop import fit
from emofuse.training.objectives.task import TaskLoss
from emofuse.training.phases import Schedule
from emofuse.types import Metric, Sample, TaskSpec, Track

DIMS = {"audio": 3, "text": 4}
TASK = TaskSpec(labels=("a", "b"))
ACCURACY = Metric("accuracy", "labels", lambda truth, found, classes: float((truth == found).mean()))


def states(network, values):
    """All states of one clip without any padding or packing, ``(time, 2 * hidden)``."""
    return network(torch.as_tensor(values).unsqueeze(0))[0][0]


@pytest.mark.parametrize("pooling", ["last", "last_frame", "first", "mean"])
def test_each_pooling_takes_the_frames_that_it_says(pooling, batch_of):
    torch.manual_seed(0)
    model = blstm({"text": 4}, TASK, pooling=pooling, hidden=3).model.eval()
    batch = batch_of({"text": 4}, {"text": 5}, {"text": 2})
    output = model(batch)
    for row, length in ((0, 5), (1, 2)):
        found = states(model.encoders["text"].network, batch.values["text"][row, :length])
        wanted = {
            "last": torch.cat([found[-1, :3], found[0, 3:]]), "last_frame": found[-1],
            "first": found[0], "mean": found.mean(dim=0),
        }[pooling]  # fmt: skip
        torch.testing.assert_close(output.fused[row], wanted)


def test_context_based_attention_by_hand(batch_of):
    torch.manual_seed(0)
    model = blstm({"text": 4}, TASK, hidden=3, attention_dim=2).model.eval()
    batch = batch_of({"text": 4}, {"text": 3}, {"text": 1})
    output = model(batch)
    encoder = model.encoders["text"]
    found = states(encoder.network, batch.values["text"][0])
    project, score = encoder.pool.project, encoder.pool.score
    energies = torch.tanh(found @ project.weight.T + project.bias) @ score.weight[0]
    weights = energies.exp() / energies.exp().sum()
    torch.testing.assert_close(output.parts["attention.text"][0], weights)
    torch.testing.assert_close(output.fused[0], (weights.unsqueeze(1) * found).sum(dim=0))
    assert output.parts["attention.text"][1].tolist() == [1.0, 0.0, 0.0]


def test_logits_are_averaged_over_what_is_present(batch_of):
    torch.manual_seed(0)
    model = blstm(DIMS, TASK, hidden=3).model.eval()
    output = model(batch_of(DIMS, {"audio": 2, "text": 3}, {"text": 2}, {}))
    both = (output.parts["scores.audio"] + output.parts["scores.text"]) / 2
    torch.testing.assert_close(output.scores[0], both[0])
    torch.testing.assert_close(output.scores[1], output.parts["scores.text"][1])
    assert output.scores[2].tolist() == [0.0, 0.0]
    assert output.weights.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="pooling"):
        blstm(DIMS, TASK, pooling="cls")


def test_the_fusion_layer_of_mm_b_is_the_classifiers_side_by_side(batch_of):
    torch.manual_seed(0)
    model = mm_b(DIMS, TASK, hidden=3).model.eval()
    output = model(batch_of(DIMS, {"audio": 2, "text": 3}, {"audio": 4, "text": 1}))
    heads = [model.heads[name].scores for name in DIMS]
    layer = torch.cat([one.weight for one in heads], dim=1)
    bias = sum(one.bias for one in heads)
    torch.testing.assert_close(output.scores, output.fused @ layer.T + bias)


def test_gates_and_attention_of_mmmla_are_told(batch_of):
    torch.manual_seed(0)
    model = mmmla(DIMS, TASK, hidden=3, attention_dim=2, out_dim=4).model.eval()
    output = model(batch_of(DIMS, {"audio": 2, "text": 3}, {"text": 2}))
    torch.testing.assert_close(output.weights.sum(dim=1), torch.ones(2))
    assert output.weights[1].tolist() == [0.0, 1.0]
    torch.testing.assert_close(output.parts["attention.text"].sum(dim=1), torch.ones(2))
    assert output.parts["attention.audio"][1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("builder", [mm_b, mmmla])
def test_there_has_to_be_an_epoch_for_the_whole_model(builder):
    with pytest.raises(ValueError, match="pretraining"):
        builder(DIMS, TASK, pretraining=1.0)
    assert [phase.name for phase in builder(DIMS, TASK, pretraining=0.0).phases] == ["fused"]


def clips(count):
    drawn = np.random.default_rng(0)
    shares = np.eye(2, dtype=np.float32)
    return [
        Sample(
            str(number),
            {
                name: Track(
                    (drawn.normal(size=(3, dim)) + number % 2).astype(np.float32), np.arange(3.0)
                )
                for name, dim in DIMS.items()
            },
            shares[number % 2],
            np.zeros(0, np.float32),
        )
        for number in range(count)
    ]  # fmt: skip


def test_pretraining_leaves_what_fuses_alone_and_fine_tuning_the_classifiers():
    torch.manual_seed(0)
    recipe = mmmla(DIMS, TASK, hidden=3, attention_dim=2, out_dim=4, pretraining=0.5)
    seen = []
    fit(
        recipe.model, Total(TaskLoss(TASK)), train=[[one] for one in clips(8)], valid=clips(4), dims=DIMS,
        watch=ACCURACY, schedule=Schedule(epochs=4, batch_size=4, learning_rate=0.05),
        engine=Engine(torch.device("cpu")), phases=recipe.phases,
        progress=lambda row: seen.append({k: v.clone() for k, v in recipe.model.state_dict().items()}),
    )  # fmt: skip
    moved = [
        {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
        for before, after in pairwise(seen)
    ]
    assert moved == [{"encoders", "heads"}, {"encoders", "fusion", "head"}, {"encoders", "fusion", "head"}]
