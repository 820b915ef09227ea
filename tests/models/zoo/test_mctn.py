from dataclasses import replace

import pytest
import torch

from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.mctn import Decoder, translation_errors
from emofuse.types import Output, TaskSpec

DIMS = {"text": 3, "audio": 2, "video": 4}
TASK = TaskSpec(labels=("a", "b"))
ALL = {"text": 3, "audio": 5, "video": 2}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return make(MODELS, {"name": "mctn", "hidden": 8, "dropout": 0.0}, DIMS, TASK).model


def test_only_the_main_modality_is_read_in_use(model, batch_of):
    batch = batch_of(DIMS, ALL, {"audio": 3})
    other = replace(batch, values={**batch.values, "audio": batch.values["audio"] + 1.0})
    assert torch.equal(model.eval()(batch).scores, model(other).scores)
    assert not model(batch).parts


def test_each_modality_is_translated_on_its_own_frames(model, batch_of):
    parts = model.train()(batch_of(DIMS, ALL, {"text": 1, "video": 6})).parts
    assert {name: tuple(one.shape) for name, one in parts.items()} == {
        "translated.audio": (2, 5, 2), "translated.video": (2, 6, 4), "returned.text": (2, 3, 3),
    }  # fmt: skip


def test_a_decoder_never_sees_the_frame_that_it_says():
    torch.manual_seed(0)
    decoder = Decoder(2, hidden=4, heads=1, dropout=0.0)
    states, mask = torch.rand(1, 3, 4), torch.ones(1, 3, dtype=torch.bool)
    target = torch.rand(1, 4, 2)
    here = torch.ones(1, 4, dtype=torch.bool)
    before = decoder(states, mask, target, here)
    target[:, 2] += 1.0
    moved = (decoder(states, mask, target, here) - before).abs().sum(dim=2)[0]
    assert moved[:3].max() == 0.0 and moved[3] > 0.0


def test_errors_are_of_clips_with_both_sides(batch_of):
    dims = {"text": 1, "audio": 1}
    batch = batch_of(dims, {"text": 2, "audio": 1}, {"text": 1}, {"audio": 2})
    parts = {
        "translated.audio": batch.values["audio"] + 2.0,
        "returned.text": batch.values["text"] + 3.0,
    }
    output = Output(torch.zeros(3, 2), torch.zeros(3, 0), parts=parts)
    errors = translation_errors("text", translated=1.0, returned=0.1)
    assert errors(output, batch).item() == pytest.approx(4.0 + 0.9)
    # A clip without its other side does not count: what is said of it is free.
    parts["translated.audio"][2] += 7.0
    parts["returned.text"][1] += 7.0
    assert errors(output, batch).item() == pytest.approx(4.0 + 0.9)


def test_the_way_back_starts_from_what_was_said(model, batch_of):
    model.train()(batch_of(DIMS, ALL)).parts["returned.text"].sum().backward()
    assert model.decoders["audio"].project.weight.grad.abs().sum() > 0
    assert model.encoders[0].weight_ih_l0.grad.abs().sum() > 0


def test_one_modality_has_nothing_to_be_translated_into(batch_of):
    recipe = make(MODELS, {"name": "mctn", "hidden": 4}, {"audio": 2}, TASK)
    batch = batch_of({"audio": 2}, {"audio": 3})
    assert recipe.auxiliary(recipe.model.train()(batch), batch) == 0.0
