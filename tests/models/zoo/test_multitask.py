import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.supervision import task_error
from emofuse.models.zoo.multitask import own_errors
from emofuse.types import Output, Sample, TaskSpec, Track

DIMS = {"text": 2, "audio": 3}
TASK = TaskSpec(labels=("a", "b"), ratings=("clip", "spoken", "written"))
NAN = float("nan")
SMALL = {"hidden": 4, "main_out": 4, "head": 4, "own_head": 4}


def sample(number, shares, ratings, names=tuple(DIMS)):
    values = np.random.default_rng(number)
    tracks = {
        name: Track(values.normal(size=(2, DIMS[name])).astype(np.float32), np.arange(2.0))
        for name in names
    }
    return Sample(str(number), tracks, np.array(shares, np.float32), np.array(ratings, np.float32))


@pytest.fixture
def batch():
    return collate(
        [
            sample(0, [1, 0], [1, 0, NAN]),
            sample(1, [NAN, NAN], [NAN, 3, NAN]),
            sample(2, [0, 1], [2, 2, 2], ["text"]),
        ],
        DIMS,
    )


def test_an_error_is_of_what_is_known(batch):
    scores, ratings = torch.zeros(3, 2), torch.zeros(3, 3)
    scores[0] = torch.tensor([math.log(3.0), 0.0])
    by_hand = -(math.log(0.75) + math.log(0.5)) / 2 + (1 + 0 + 3 + 2 + 2 + 2) / 6
    assert task_error(scores, ratings, batch).item() == pytest.approx(by_hand)
    rows = torch.tensor([True, True, False])
    assert task_error(scores, ratings, batch, rows=rows).item() == pytest.approx(
        -math.log(0.75) + (1 + 0 + 3) / 3
    )
    none = task_error(scores.requires_grad_(), ratings, batch, rows=torch.zeros(3, dtype=torch.bool))
    none.backward()
    assert none.item() == 0.0 and scores.grad is not None


@pytest.mark.parametrize("name", ["mlf_dnn", "mlmf", "mtfn"])
def test_a_rating_comes_from_the_modality_that_it_is_of(name, batch):
    torch.manual_seed(0)
    part = {"name": name, "unimodal": {"text": "written", "audio": "spoken"}, "hidden": 16, "head": 16}
    recipe = make(MODELS, part, DIMS, TASK)
    model = recipe.model.eval()
    assert recipe.auxiliary is None
    before = model(batch)
    other = model(replace(batch, values={**batch.values, "audio": batch.values["audio"].square()}))
    moved = (before.ratings != other.ratings)[:2]
    assert moved[:, :2].any(dim=0).all() and not moved[:, 2].any()
    before.ratings[:, 1].sum().backward()
    assert model.heads["audio"].first[1].weight.grad.abs().sum() > 0
    assert not model.head.first[1].weight.grad.any() and not model.heads["text"].first[1].weight.grad.any()


def test_without_labels_of_their_own_the_modalities_learn_the_clip(batch):
    torch.manual_seed(0)
    recipe = make(MODELS, {"name": "mlf_dnn", "own_weight": 0.5, **SMALL}, DIMS, TASK)
    output = recipe.model(batch)
    # The third clip has no audio: its head is not asked.
    by_hand = 0.5 * sum(
        task_error(
            output.parts[f"scores.{name}"][:rows], output.parts[f"ratings.{name}"][:rows], batch.rows(slice(rows))
        )
        for name, rows in (("text", 3), ("audio", 2))
    )  # fmt: skip
    torch.testing.assert_close(recipe.auxiliary(output, batch), by_hand)
    assert own_errors(1.0)(Output(output.scores, output.ratings), batch) == 0.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"unimodal": {"video": "spoken"}}, "video"),
        ({"unimodal": {"audio": "sung"}}, "sung"),
        ({"unimodal": {"audio": "clip", "text": "clip"}}, "several"),
        ({"main": "face"}, "face"),
        ({"own_heads": {"video": 4}}, "video"),
    ],
)
def test_what_does_not_hold_is_named(options, said):
    with pytest.raises(ConfigError, match=said):
        make(MODELS, {"name": "mlf_dnn", **options}, DIMS, TASK)


def test_something_is_left_to_be_fused():
    with pytest.raises(ConfigError, match="fused"):
        make(MODELS, {"name": "mlmf", "unimodal": {"text": "v"}}, DIMS, TaskSpec(ratings=("v",)))
