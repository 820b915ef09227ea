from dataclasses import replace

import pytest
import torch

from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.self_mm import GeneratedLabels, generated, nearness
from emofuse.training.checkpoints import load_state, save_state
from emofuse.types import Batch, Output, TaskSpec

NAN = float("nan")


def given(ids, ratings, fused, own, present=None):
    count = len(ids)
    batch = Batch(
        tuple(ids), {}, {}, {"text": torch.tensor(present or [True] * count)},
        shares=torch.zeros(count, 0), ratings=torch.tensor(ratings)[:, None], weights=torch.ones(count),
    )  # fmt: skip
    parts = {
        "features.text": torch.tensor(own)[:, None],
        "scores.text": torch.zeros(count, 0),
        "ratings.text": torch.zeros(count, 1, requires_grad=True),
    }
    return Output(
        torch.zeros(count, 0), torch.zeros(count, 1), torch.tensor(fused)[:, None], parts=parts
    ), batch


def test_nearness_compares_squared_distances():
    # Squared distances 2 and 6, over the root of 4 dimensions: (3 - 1) / 1.
    features = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    positive, negative = torch.tensor([0.0, 0.0, 0.0, 0.0]), torch.tensor([3.0, 2.0, 1.0, 0.0])
    assert nearness(features, positive, negative).item() == pytest.approx(2.0, abs=1e-4)


def test_a_label_is_the_mean_of_ratio_and_difference():
    one = torch.ones(1)
    # Ratio: 1 * 2 / 1 = 2. Difference: 1 + 2 - 1 = 2. And for a rating of -2: -4 and -1.
    assert generated(one, 2 * one, one, limit=3.0).item() == pytest.approx(2.0)
    assert generated(-2 * one, 2 * one, one, limit=3.0).item() == pytest.approx(-2.5)
    assert generated(-2 * one, 4 * one, one, limit=3.0).item() == -3.0
    assert generated(one, one, 0 * one, limit=3.0).isfinite().all()


def test_labels_move_from_the_second_visit_on():
    labels = GeneratedLabels(("text",), middle=0.0, limit=3.0)
    ids, ratings = ["a", "b"], [1.0, -1.0]
    assert labels(*given(ids, ratings, [1.0, -1.0], [1.0, -1.0])).item() == 0.0
    assert labels.label("a", "text").item() == 1.0
    # Centres are 1 and -1. Fused 0.5: (2.25 - 0.25) / 0.25 = 8. Own 0.2: (1.44 - 0.64) / 0.64 = 1.25.
    # New label: 1 + (1.25 - 8) / 2 * 9 / 8 = -2.796875; the second visit takes 1/3 of the old and 2/3 of it.
    labels(*given(["a"], [1.0], [0.5], [0.2]))
    moved = (1 - 2 * 2.796875) / 3
    assert labels.label("a", "text").item() == pytest.approx(moved, abs=1e-3)
    assert labels.label("b", "text").item() == -1.0
    # A label far from the rating weighs tanh of the distance; the model said 0.
    lost = labels(*given(["a"], [1.0], [1.0], [1.0]))
    assert lost.item() == pytest.approx(torch.tanh(torch.tensor(1 - moved)).item() * -moved, abs=1e-3)


def test_where_nothing_is_known_or_present_labels_rest():
    labels = GeneratedLabels(("text",), middle=0.0, limit=3.0)
    row = given(["a", "b", "c"], [1.0, -1.0, NAN], [1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [True, True, False])
    for _ in range(3):
        loss = labels(*row)
    loss.backward()
    assert row[0].parts["ratings.text"].grad.isfinite().all()
    assert labels.label("c", "text").isnan().all()
    absent = given(["a"], [1.0], [0.3], [0.1], [False])
    before = labels.label("a", "text").item()
    labels(*absent)
    assert labels.label("a", "text").item() == before


def test_a_clip_may_stand_twice_in_a_batch():
    labels = GeneratedLabels(("text",), middle=0.0, limit=3.0)
    labels(*given(["a", "a", "b"], [1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [1.0, 1.0, -1.0]))
    labels(*given(["c"], [2.0], [1.0], [1.0]))
    assert [labels.label(clip, "text").item() for clip in "abc"] == [1.0, -1.0, 2.0]


def test_validation_moves_nothing_and_state_comes_back(tmp_path):
    labels = GeneratedLabels(("text",), middle=0.0, limit=3.0, floor=0.5)
    row = given(["a", "b"], [1.0, -1.0], [1.0, -1.0], [1.0, -1.0])
    labels(*row)
    other = given(["a"], [1.0], [0.5], [0.2])
    save_state(tmp_path / "state.pt", {"labels": labels.state_dict()})
    with torch.no_grad():
        labels(*other)
    assert labels.label("a", "text").item() == 1.0
    again = GeneratedLabels(("text",), middle=0.0, limit=3.0, floor=0.5)
    again.load_state_dict(load_state(tmp_path / "state.pt")["labels"])
    assert labels(*other).item() == again(*other).item() == pytest.approx(0.5)
    assert labels.label("a", "text").item() == again.label("a", "text").item() != 1.0


def test_neutral_is_the_middle_of_the_range(batch_of):
    torch.manual_seed(0)
    dims = {"text": 3, "audio": 2}
    task = TaskSpec(ratings=("arousal",), rating_range=(1.0, 5.0))
    recipe = make(MODELS, {"name": "self_mm", "main_out": 8, "own": 8, "fused": 8, "hidden": 8}, dims, task)
    batch = batch_of(dims, *[{"text": 4, "audio": 2}] * 4)
    batch = replace(batch, ratings=torch.tensor([[5.0], [1.0], [4.0], [2.0]]))
    for _ in range(4):
        recipe.auxiliary(recipe.model(batch), batch).backward()
    found = torch.stack([recipe.auxiliary.label(clip, "audio") for clip in batch.ids])
    assert found.min() >= 1.0 and found.max() <= 5.0 and not torch.equal(found, batch.ratings)
