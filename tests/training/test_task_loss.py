import math

import numpy as np
import pytest
import torch

from emofuse.training.objectives.task import TaskLoss
from emofuse.types import Batch, Output, TaskSpec

LABELS = TaskSpec(labels=("a", "b"))
RATINGS = TaskSpec(ratings=("valence", "arousal"))
NO = math.nan


def loss_of(loss, *, scores=None, shares=None, ratings=None, truth=None, weights=None):
    rows = len(shares if shares is not None else truth)
    empty = [[] for _ in range(rows)]
    given = [
        torch.tensor(one if one is not None else empty, dtype=torch.float32)
        for one in (scores, ratings, shares, truth)
    ]
    batch = Batch(tuple("x" * rows), {}, {}, {}, given[2], given[3], torch.tensor(weights or [1.0] * rows))
    return loss(Output(given[0], given[1]), batch).item()


# Scores of log 3 and 0 are probabilities of 3/4 and 1/4.
SCORES = [[math.log(3), 0.0], [0.0, 0.0]]


def test_cross_entropy_by_hand():
    found = loss_of(TaskLoss(LABELS), scores=SCORES, shares=[[1, 0], [0, 1]])
    assert found == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    soft = loss_of(TaskLoss(LABELS), scores=SCORES[:1], shares=[[0.5, 0.5]])
    assert soft == pytest.approx(0.5 * math.log(4 / 3) + 0.5 * math.log(4))


def test_smoothing_by_hand():
    found = loss_of(TaskLoss(LABELS, smoothing=0.2), scores=SCORES[:1], shares=[[1, 0]])
    assert found == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(SCORES[:1]), torch.tensor([0]), label_smoothing=0.2
    )
    assert found == pytest.approx(theirs.item())


def test_class_weights_multiply_a_share():
    found = loss_of(TaskLoss(LABELS, class_weights=[2, 3]), scores=SCORES, shares=[[1, 0], [0.5, 0.5]])
    assert found == pytest.approx((2 * math.log(4 / 3) + 2.5 * math.log(2)) / 2)


def test_clips_weigh_as_they_should_and_unlabelled_ones_not_at_all():
    shares = [[1, 0], [0, 1], [NO, NO]]
    found = loss_of(
        TaskLoss(LABELS), scores=[*SCORES, [50.0, -50.0]], shares=shares, weights=[3.0, 1.0, 9.0]
    )
    assert found == pytest.approx((3 * math.log(4 / 3) + math.log(2)) / 4)


@pytest.mark.parametrize(("kind", "wanted"), [("mse", (0.25 + 1 + 0.04) / 3), ("mae", (0.5 + 1 + 0.2) / 3)])
def test_known_ratings_by_hand(kind, wanted):
    loss = TaskLoss(RATINGS, rating_loss=kind)
    found = loss_of(loss, ratings=[[0.5, 1.0], [9.0, 0.2]], truth=[[0.0, 0.0], [NO, 0.0]])
    assert found == pytest.approx(wanted, abs=1e-6)


def test_ccc_by_hand():
    # Means 2 and 3, both variances 2/3, covariance 2/3: ccc is (4/3) / (4/3 + 1).
    given = [[1.0, 0], [2.0, 0], [3.0, 0], [7.0, 0]]
    truth = [[2.0, NO], [3.0, NO], [4.0, NO], [NO, NO]]
    assert loss_of(TaskLoss(RATINGS, rating_loss="ccc"), ratings=given, truth=truth) == pytest.approx(
        1 - 4 / 7
    )


def test_ccc_of_one_clip_is_no_loss_and_of_constants_is_one():
    loss = TaskLoss(RATINGS, rating_loss="ccc")
    assert loss_of(loss, ratings=[[0.3, 0.1]], truth=[[1.0, 1.0]]) == 0.0
    assert loss_of(loss, ratings=[[0.3, 0.3]] * 2, truth=[[0.3, 0.3]] * 2) == pytest.approx(1.0)


def test_the_weight_of_ratings():
    task = TaskSpec(labels=("a", "b"), ratings=("valence",))
    given = {"scores": SCORES[:1], "shares": [[1, 0]], "ratings": [[1.0]], "truth": [[0.0]]}
    assert loss_of(TaskLoss(task, rating_weight=0.5), **given) == pytest.approx(math.log(4 / 3) + 0.5)


def test_the_gradient_is_probabilities_minus_shares():
    scores = torch.tensor(SCORES, requires_grad=True)
    shares = torch.tensor([[1.0, 0.0], [0.3, 0.7]])
    batch = Batch(("x", "y"), {}, {}, {}, shares, torch.zeros(2, 0), torch.ones(2))
    TaskLoss(LABELS)(Output(scores, torch.zeros(2, 0)), batch).backward()
    wanted = (np.array([[0.75, 0.25], [0.5, 0.5]]) - shares.numpy()) / 2
    assert scores.grad.numpy() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"class_weights": [1.0]}, {"class_weights": [1.0, -1.0]}, {"class_weights": [0, 0]}, {"smoothing": 2},
        {"smoothing": -0.1}, {"gamma": -1.0}, {"rating_weight": -1.0}, {"rating_loss": "rmse"},
    ],
)  # fmt: skip
def test_options_that_do_not_hold(options):
    with pytest.raises(ValueError):
        TaskLoss(LABELS, **options)


def test_the_other_losses_on_labels_by_hand():
    focal = loss_of(TaskLoss(LABELS, label_loss="focal", gamma=2.0), scores=SCORES[:1], shares=[[1, 0]])
    assert focal == pytest.approx(math.log(4 / 3) / 16)
    binary = loss_of(TaskLoss(LABELS, label_loss="binary"), scores=SCORES[:1], shares=[[0.5, 0.5]])
    assert binary == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    three = TaskSpec(labels=("low", "middle", "high"))
    flat = [[0.0, 0.0, 0.0]]
    ordinal = TaskLoss(three, label_loss="ordinal")
    assert loss_of(ordinal, scores=flat, shares=[[1, 0, 0]]) == pytest.approx(4 / 9 + 1 / 9)
    assert loss_of(ordinal, scores=flat, shares=[[0, 1, 0]]) == pytest.approx(1 / 9 + 1 / 9)


def test_focal_without_gamma_is_cross_entropy():
    given = {"scores": SCORES, "shares": [[1, 0], [0.3, 0.7]]}
    assert loss_of(TaskLoss(LABELS, label_loss="focal", gamma=0.0), **given) == pytest.approx(
        loss_of(TaskLoss(LABELS), **given)
    )


@pytest.mark.parametrize(
    "options",
    [{"label_loss": "hinge"}, {"rating_loss": "rmse"}, {"label_loss": "binary", "smoothing": 0.1}],
)
def test_losses_that_do_not_hold_say_so(options):
    with pytest.raises(ValueError, match=r"label_loss|rating_loss"):
        TaskLoss(LABELS, **options)
