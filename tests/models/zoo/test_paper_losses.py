"""What holds for the zoo's own losses as one: half precision, text encoders, a training that goes on."""

import numpy as np
import pytest
import torch

from emofuse.alignment.collate import collate
from emofuse.models import MODELS
from emofuse.models.recipe import Total, make
from emofuse.training.engine import Engine
from emofuse.training.loop import fit
from emofuse.training.objectives.task import TaskLoss
from emofuse.training.phases import Schedule
from emofuse.types import Metric, Sample, TaskSpec, Track

DIMS = {"text": 1, "audio": 3}
TASK = TaskSpec(labels=("a", "b"), ratings=("sentiment",))
SMALL = {
    "mlf_dnn": {"hidden": 8, "main_out": 8},
    "misa": {"hidden": 8, "recurrent": 4, "feedforward": 8},
    "self_mm": {"hidden": 8, "main_out": 8, "fused": 8, "own": 8},
    "mmim": {"hidden": 8, "main_out": 8, "fused": 8},
    "mctn": {"hidden": 8},
    "mfm": {"hidden": 8, "code": 8, "factor": 8},
    "tfr_net": {"width": 8, "heads": 2, "layers": 1, "hidden": 8, "head": 8},
}


def clips(count):
    drawn = np.random.default_rng(0)
    rows = []
    for number in range(count):
        words = drawn.integers(1, 20, size=(int(drawn.integers(1, 6)), 1)).astype(np.float32)
        sound = drawn.normal(size=(int(drawn.integers(1, 9)), 3)).astype(np.float32)
        tracks = {"text": Track(words, np.arange(len(words))), "audio": Track(sound, np.arange(len(sound)))}
        if number % 4 == 3:
            del tracks["text" if number % 8 == 3 else "audio"]
        rating = np.array([drawn.uniform(-1, 1)], np.float32)
        rows.append(Sample(str(number), tracks, np.eye(2, dtype=np.float32)[number % 2], rating))
    return rows


@pytest.mark.parametrize("name", SMALL)
def test_the_losses_are_finite_in_half_precision(name):
    torch.manual_seed(0)
    recipe = make(MODELS, {"name": name, **SMALL[name]}, DIMS, TASK)
    batch = collate(clips(12), DIMS)
    for _ in range(3):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = recipe.auxiliary(recipe.model.train()(batch), batch)
        loss.backward()
        assert loss.isfinite()
    assert all(one.grad is None or one.grad.isfinite().all() for one in recipe.model.parameters())


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("main")
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=8,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("name", ["misa", "self_mm", "mmim"])
def test_the_main_modality_may_be_read_by_a_pretrained_encoder(name, bert):
    torch.manual_seed(0)
    encoder = {"name": "pretrained_text", "source": bert, "pooling": "first"}
    options = {key: value for key, value in SMALL[name].items() if key != "main_out"}
    recipe = make(MODELS, {"name": name, "main_encoder": encoder, **options}, DIMS, TASK)
    batch = collate(clips(8), DIMS)
    output = recipe.model.train()(batch)
    Total(TaskLoss(TASK), recipe)(output, batch).backward()
    network = recipe.model.encoders["text"].network
    assert network.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    assert output.fused.isfinite().all()


class CutOff(Exception):
    pass


def trained(name, path, stop_after=None):
    torch.manual_seed(0)
    recipe = make(MODELS, {"name": name, **SMALL[name]}, DIMS, TASK)

    def progress(row):
        if row["epoch"] == stop_after:
            raise CutOff

    error = Metric("mae", "ratings", lambda truth, said: float(np.abs(truth - said).mean()), False)
    return fit(
        recipe.model, Total(TaskLoss(TASK), recipe), train=[[one] for one in clips(12)], valid=clips(12), dims=DIMS,
        watch=error, schedule=Schedule(epochs=4, batch_size=4), engine=Engine(torch.device("cpu")),
        phases=recipe.phases, state_path=path, progress=progress,
    ).model.state_dict()  # fmt: skip


@pytest.mark.parametrize("name", ["self_mm", "mmim", "mfm"])
def test_a_training_that_was_cut_off_ends_alike(name, tmp_path):
    whole = trained(name, tmp_path / "whole")
    with pytest.raises(CutOff):
        trained(name, tmp_path / "cut", stop_after=1)
    resumed = trained(name, tmp_path / "cut")
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
