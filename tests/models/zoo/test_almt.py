import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.almt import Guided, TakeIn, almt
from emofuse.types import TaskSpec

TASK = TaskSpec(labels=("a", "b"))
SMALL = {"width": 4, "tokens": 2, "heads": 2, "head_dim": 2, "feedforward": 4}


def test_a_step_adds_what_the_main_tokens_find_in_the_others():
    torch.manual_seed(0)
    step = Guided(("audio", "video"), 4, heads=1, dropout=0.0).eval()
    hyper, main, audio, video = torch.randn(4, 2, 3, 4)
    here = torch.tensor([True, True])
    found = step(
        hyper, main, {"audio": audio, "video": video}, {"audio": here, "video": torch.tensor([True, False])}
    )

    def told(row, name, given):
        source = step.norms[name](given[row])
        query = step.query(step.norm(main[row]))
        # One head of 4: softmax(q k' / 2) v.
        weights = torch.softmax(query @ step.keys[name](source).T / 2, dim=1)
        return weights @ step.values[name](source)

    both = told(0, "audio", audio) + told(0, "video", video)
    torch.testing.assert_close(found[0], hyper[0] + step.out(both))
    torch.testing.assert_close(found[1], hyper[1] + step.out(told(1, "audio", audio)))


def test_tokens_that_alone_pass_the_last_layer_are_those_of_the_whole_sequence(batch_of):
    torch.manual_seed(0)
    model = almt({"text": 3}, TASK, **SMALL, input_layers=2).model.eval()
    part = model.inputs["text"]
    assert isinstance(part, TakeIn)
    batch = batch_of({"text": 3}, {"text": 5})
    values, mask = batch.values["text"], batch.masks["text"]
    seen = torch.ones(1, 7, dtype=torch.bool)
    first, last = part.layers
    entered = []
    handle = first.register_forward_pre_hook(lambda module, given: entered.append(given[0]))
    found = part(values, mask)
    handle.remove()
    whole = first(entered[0], entered[0], seen)
    torch.testing.assert_close(found, last(whole, whole, seen)[:, :2])


def test_the_others_are_heard_where_the_main_modality_is_absent(batch_of):
    torch.manual_seed(0)
    model = almt({"text": 3, "audio": 2}, TASK, **SMALL).model.eval()
    one, other = (
        model(batch_of({"text": 3, "audio": 2}, {"audio": 4}, seed=seed)).scores for seed in (1, 2)
    )
    assert not torch.allclose(one, other)


def test_one_modality_alone_and_what_cannot_be(batch_of):
    model = almt({"audio": 2}, TASK, **SMALL).model.eval()
    assert model(batch_of({"audio": 2}, {"audio": 3}, {})).scores.isfinite().all()
    with pytest.raises(ConfigError, match="main"):
        almt({"audio": 2}, TASK, main="text")
    for wrong in ({"width": 5}, {"tokens": 0}, {"steps": 0}):
        with pytest.raises(ValueError, match="at least"):
            almt({"audio": 2}, TASK, **{**SMALL, **wrong})
