"""What every objective keeps: a finite scalar with a gradient, whatever targets are there."""

import math

import pytest
import torch

from emofuse.models.recipe import make
from emofuse.training.objectives import OBJECTIVES
from emofuse.types import Batch, Output, TaskSpec

TASK = TaskSpec(labels=("a", "b", "c"), ratings=("valence", "arousal"))
CASES = {
    "task": [
        {},
        {"smoothing": 0.1, "class_weights": [1.0, 2.0, 3.0]},
        {"rating_loss": "mae", "rating_weight": 0.5},
        {"rating_loss": "ccc"},
        {"rating_loss": "huber", "label_loss": "focal", "gamma": 1.5},
        {"label_loss": "ordinal"},
        {"label_loss": "binary"},
    ]
}
EACH = [
    pytest.param({"name": name, **options}, id=f"{name}-{i}")
    for name in CASES
    for i, options in enumerate(CASES[name])
]


def batch_of(shares, ratings, weights=None):
    shares, ratings = torch.tensor(shares), torch.tensor(ratings)
    weights = torch.ones(len(shares)) if weights is None else torch.tensor(weights)
    return Batch(tuple(map(str, range(len(shares)))), {}, {}, {}, shares, ratings, weights)


def output_of(rows):
    torch.manual_seed(0)
    return Output(torch.randn(rows, 3, requires_grad=True), torch.randn(rows, 2, requires_grad=True))


NO = math.nan
BATCHES = {
    "all": batch_of([[1.0, 0, 0], [0.0, 0.5, 0.5], [0, 0, 1.0]], [[0.1, 0.2], [-0.4, 0.9], [0.5, -0.5]]),
    "some": batch_of([[1.0, 0, 0], [NO, NO, NO], [0, 0, 1.0]], [[NO, NO], [-0.4, NO], [0.5, -0.5]]),
    "none": batch_of([[NO, NO, NO]] * 3, [[NO, NO]] * 3),
    "one": batch_of([[1.0, 0, 0]], [[0.1, 0.2]]),
    "weightless": batch_of([[1.0, 0, 0]], [[0.1, 0.2]], [0.0]),
}


def test_every_name_has_a_case_and_a_line():
    built_in = {name for name in OBJECTIVES if OBJECTIVES[name].place.startswith("emofuse.")}
    assert built_in == set(CASES)
    assert all(OBJECTIVES[name].about for name in OBJECTIVES)


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("part", EACH)
def test_a_finite_scalar_with_a_finite_gradient(part, kind):
    batch = BATCHES[kind]
    output = output_of(len(batch))
    loss = make(OBJECTIVES, part, TASK)(output, batch)
    assert loss.shape == () and loss.isfinite()
    loss.backward()
    for given in (output.scores, output.ratings):
        assert given.grad is not None and given.grad.isfinite().all()
    if kind == "none":
        assert loss.item() == 0.0
    if kind == "all":
        assert output.scores.grad.abs().sum() > 0 and output.ratings.grad.abs().sum() > 0


@pytest.mark.parametrize("part", EACH)
def test_the_order_of_clips_does_not_matter(part):
    output, batch = output_of(3), BATCHES["some"]
    order = torch.tensor([2, 0, 1])
    turned = Output(output.scores[order], output.ratings[order])
    moved = batch_of(batch.shares[order].tolist(), batch.ratings[order].tolist())
    objective = make(OBJECTIVES, part, TASK)
    torch.testing.assert_close(objective(turned, moved), objective(output, batch))


@pytest.mark.parametrize("part", EACH)
def test_half_precision_scores_are_taken(part):
    output = Output(*(value.bfloat16() for value in output_of(3)[:2]))
    assert make(OBJECTIVES, part, TASK)(output, BATCHES["all"]).isfinite()
