import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emofuse.errors import ConfigError, InputError
from emofuse.evaluation import METRICS
from emofuse.models.recipe import Phase
from emofuse.training.engine import Engine
from emofuse.training.objectives.task import TaskLoss
from emofuse.training.prediction import check_watch, predict, validation_loss, watched
from emofuse.types import Metric, Sample


def equal(one, other):
    first, second = one.model.state_dict(), other.model.state_dict()
    assert one.history == other.history and one.best_epoch == other.best_epoch
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


class Scripted:
    """A metric whose values are told beforehand."""

    def __init__(self, *values):
        self.values = iter(values)

    def __call__(self, *given):
        return next(self.values)


def scripted(*values, higher=True):
    return Metric("told", "labels", Scripted(*values), higher_is_better=higher)


def test_it_learns_and_says_what_happened(toy):
    fitted = toy.train(epochs=12)
    assert [row["epoch"] for row in fitted.history] == list(range(12))
    assert set(fitted.history[0]) == {"epoch", "train_loss", "valid_loss", "valid_accuracy"}
    assert fitted.history[-1]["train_loss"] < fitted.history[0]["train_loss"]
    assert not fitted.model.training
    assert fitted.history[fitted.best_epoch]["valid_accuracy"] == max(
        row["valid_accuracy"] for row in fitted.history
    )


def test_the_same_seed_gives_the_same_bits_and_another_does_not(toy):
    equal(toy.train(), toy.train())
    assert toy.train(seed=1).history != toy.train().history


@pytest.mark.parametrize(
    ("values", "higher", "best"),
    [
        ((0.5, 0.9, 0.9, 0.2), True, 1),
        ((0.5, 0.9, 0.1, 0.2), False, 2),
        ((math.nan, 0.1, math.nan, 0.05), True, 1),
    ],
)
def test_the_weights_of_the_best_epoch_on_validation_are_kept(toy, values, higher, best):
    fitted = toy.train(watch=scripted(*values, higher=higher))
    assert fitted.best_epoch == best
    # A run that ends there has the same weights, as the schedule does not depend on its length.
    plan = {"schedule": "constant", "warmup": 0.0}
    whole = toy.train(watch=scripted(*values, higher=higher), **plan).model.state_dict()
    short = toy.train(
        watch=scripted(*values[: best + 1], higher=higher), epochs=best + 1, **plan
    ).model.state_dict()
    assert all(torch.equal(whole[name], short[name]) for name in whole)


def test_a_training_that_diverges_says_in_which_epoch(toy):
    with pytest.raises(ConfigError, match=r"epoch 1.*learning_rate"):
        toy.train(learning_rate=1e30, optimiser="sgd", clip_norm=1e30)


def test_patience_counts_epochs_without_a_better_score(toy):
    fitted = toy.train(watch=scripted(0.1, 0.5, 0.4, 0.5, 0.9), epochs=9, patience=2)
    assert len(fitted.history) == 4 and fitted.best_epoch == 1


def test_a_running_mean_of_the_weights_is_kept(toy):
    plan = {"epochs": 1, "batch_size": 21, "schedule": "constant", "warmup": 0.0, "optimiser": "sgd"}
    start = toy.model().state_dict()
    last = toy.train(**plan).model.state_dict()
    mean = toy.train(average=0.9, **plan).model.state_dict()
    # After one step the decay is (1 + 1) / (10 + 1).
    for name in start:
        torch.testing.assert_close(mean[name], start[name] * 2 / 11 + last[name] * 9 / 11)


def test_a_gradient_is_clipped(toy):
    plan = {"epochs": 1, "batch_size": 21, "schedule": "constant", "warmup": 0.0, "optimiser": "sgd",
            "weight_decay": 0.0, "learning_rate": 1.0, "clip_norm": 1e-3}  # fmt: skip
    start, end = toy.model().state_dict(), toy.train(**plan).model.state_dict()
    moved = math.sqrt(sum((end[name] - start[name]).square().sum().item() for name in start))
    # Nesterov's momentum of 0.9 makes the first step 1.9 times as long.
    assert moved == pytest.approx(1.9e-3, rel=1e-3)


def test_batches_are_perturbed_in_training_only(toy):
    seen = []

    def perturb(batch, generator):
        seen.append((len(batch), torch.rand(1, generator=generator).item()))
        return batch

    toy.train(options={"perturb": [perturb]}, epochs=2)
    assert sum(count for count, _ in seen) == 2 * 21
    first = list(seen)
    seen.clear()
    toy.train(options={"perturb": [perturb]}, epochs=2)
    assert seen == first and len({draw for _, draw in seen}) > 2


def test_what_perturb_gives_is_what_is_learnt(toy):
    def garble(batch, generator):
        return replace(batch, shares=batch.shares.flip(1))

    assert toy.train(options={"perturb": [garble]}).history[-1]["valid_accuracy"] < 0.5
    assert toy.train().history[-1]["valid_accuracy"] > 0.5


def test_each_epoch_draws_one_copy_of_each_clip(toy):
    names = []

    def look(batch, generator):
        names.extend(batch.ids)
        return batch

    copies = [
        [replace(one, id=f"{place}/{copy}") for copy in range(3)]
        for place, one in enumerate(toy.draw(20, 1))
    ]
    toy.train(copies=copies, options={"perturb": [look]}, epochs=3)
    for epoch in range(3):
        assert sorted(int(name.split("/")[0]) for name in names[epoch * 20 : epoch * 20 + 20]) == list(
            range(20)
        )
    assert len(set(names)) > 30


def of_one_rare_class(toy):
    """Sixteen clips of the first class and four of the second."""
    common = [one for one in toy.draw(40, 1) if one.shares[0] == 1]
    return [*common[:16], *[one for one in toy.draw(40, 1) if one.shares[1] == 1][:4]]


@pytest.mark.parametrize(("sampling", "share"), [(0.0, 0.2), (0.5, 1 / 3), (1.0, 0.5)])
def test_rare_clips_are_drawn_more_often(toy, sampling, share):
    rare, seen = [], []

    def look(batch, generator):
        rare.extend(batch.shares[:, 1].tolist())
        seen.extend(batch.ids)
        return batch

    toy.train(samples=of_one_rare_class(toy), options={"perturb": [look]}, epochs=30, sampling=sampling)
    assert len(rare) == 30 * 20 and len(set(seen)) == 20
    # Four deviations of the mean of 600 draws.
    assert np.mean(rare) == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 600))
    epochs = [tuple(sorted(seen[place : place + 20])) for place in range(0, 600, 20)]
    assert len(set(epochs)) > 25


def test_sampling_is_resumed(toy, tmp_path):
    path = tmp_path / "state.pt"

    def break_off(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    plan = {"samples": of_one_rare_class(toy), "epochs": 4, "sampling": 1.0}
    with pytest.raises(KeyboardInterrupt):
        toy.train(options={"state_path": path, "progress": break_off}, **plan)
    resumed, whole = toy.train(options={"state_path": path}, **plan), toy.train(**plan)
    equal(resumed, whole)
    plain = toy.train(**{**plan, "sampling": None})
    assert plain.history != whole.history


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("stop", [0, 2, 4])
def test_a_run_that_was_cut_off_ends_as_an_undisturbed_one(toy, tmp_path, stop, average):
    path = tmp_path / "state.pt"

    def break_off(row):
        if row["epoch"] == stop:
            raise KeyboardInterrupt

    plan = {"epochs": 5, "average": average, "optimiser": "adamw"}
    with pytest.raises(KeyboardInterrupt):
        toy.train(options={"state_path": path, "progress": break_off}, **plan)
    equal(toy.train(options={"state_path": path}, **plan), toy.train(**plan))


def test_patience_is_not_forgotten_over_a_cut(toy, tmp_path):
    path = tmp_path / "state.pt"
    told = {"epochs": 9, "patience": 2}
    done = toy.train(watch=scripted(0.5, 0.4, 0.3), options={"state_path": path}, **told)
    again = toy.train(watch=scripted(), options={"state_path": path}, **told)
    assert len(done.history) == 3
    equal(again, done)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import conftest

def die(row):
    if row["epoch"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)

conftest.train(epochs=4, options={"state_path": Path(sys.argv[2]), "progress": die})
"""


def test_a_run_that_was_killed_ends_as_an_undisturbed_one(toy, tmp_path):
    path, here = tmp_path / "state.pt", Path(__file__).parent
    ended = subprocess.run([sys.executable, "-c", KILLED, str(here), str(path)], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL and path.is_file()
    equal(toy.train(epochs=4, options={"state_path": path}), toy.train(epochs=4))


def test_a_state_of_another_model_is_an_input_error(toy, tmp_path):
    path = tmp_path / "state.pt"
    toy.train(epochs=1, options={"state_path": path})
    from torch import nn

    with pytest.raises(InputError, match=r"state\.pt"):
        toy.train(given=nn.Linear(2, 2), options={"state_path": path})
    torch.save({"something": 1}, path)
    with pytest.raises(InputError, match="fit"):
        toy.train(options={"state_path": path})


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_watched(toy, metric):
    fitted = toy.train(watch=metric, epochs=2)
    assert all(math.isfinite(row[f"valid_{metric}"]) for row in fitted.history)


def test_every_metric_survives_a_cut(toy, tmp_path):
    for metric in METRICS:
        path = tmp_path / f"{metric}.pt"
        toy.train(watch=metric, epochs=1, options={"state_path": path})
        assert len(toy.train(watch=metric, epochs=2, options={"state_path": path}).history) == 2


def clips(shares, ratings=None):
    ratings = [[]] * len(shares) if ratings is None else ratings
    return [
        Sample(str(n), {}, np.array(one, np.float32), np.array(other, np.float32))
        for n, (one, other) in enumerate(zip(shares, ratings, strict=True))
    ]


NO = math.nan
SHARES = [[1, 0], [0, 1], [0.5, 0.5], [NO, NO], [0, 1]]
SCORES = np.log(np.array([[0.8, 0.2], [0.4, 0.6], [0.9, 0.1], [0.9, 0.1], [0.7, 0.3]]))


def test_labels_are_compared_on_clips_with_one_label():
    given = clips(SHARES)
    seen = {}

    def keep(truth, *rest):
        seen.update(truth=truth, rest=rest)
        return np.float64(0.5)

    assert watched(METRICS.load("accuracy"), SCORES, np.zeros((5, 0)), given) == pytest.approx(2 / 3)
    value = watched(Metric("m", "probabilities", keep), SCORES, np.zeros((5, 0)), given)
    assert type(value) is float
    assert seen["truth"].tolist() == [0, 1, 1]
    assert seen["rest"][0] == pytest.approx(np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]]))


def test_shares_are_compared_on_all_labelled_clips():
    # At 0.3 the first names {0}, the second both, the third {0}, the last both.
    # Class 0: 2 hits of 2 wanted and 4 found. Class 1: 2 hits of 3 wanted and 2 found.
    found = watched(METRICS.load("multilabel_macro_f1"), SCORES, np.zeros((5, 0)), clips(SHARES))
    assert found == pytest.approx((4 / 6 + 4 / 5) / 2)


def test_ratings_are_the_mean_over_columns_that_are_known():
    given = clips([[]] * 3, [[0.0, NO, NO], [1.0, 0.5, NO], [NO, 0.5, NO]])
    predicted = np.array([[0.5, 9, 0], [1.0, 0.5, 0], [9, 0.0, 0]])
    assert watched(METRICS.load("mae"), np.zeros((3, 0)), predicted, given) == pytest.approx(
        (0.25 + 0.25) / 2
    )


@pytest.mark.parametrize(
    ("metric", "given"),
    [
        ("uar", clips([[]], [[0.5]])),
        ("uar", clips([[0.5, 0.5]])),
        ("ccc", clips([[1, 0]])),
        ("ccc", clips([[1, 0]], [[NO]])),
    ],
)
def test_a_metric_that_has_nothing_to_compare_is_a_config_error(metric, given):
    with pytest.raises(ConfigError, match=metric):
        check_watch(METRICS.load(metric), given)


def test_training_does_not_begin_with_such_a_metric(toy):
    valid = [replace(one, shares=np.full(2, np.nan, np.float32)) for one in toy.draw(4, 2)]
    with pytest.raises(ConfigError, match="uar"):
        toy.train(valid=valid, watch="uar", options={"progress": lambda row: pytest.fail("trained")})


def test_validation_loss_by_hand():
    scores, no = np.log(np.array([[0.75, 0.25], [0.5, 0.5]])), np.zeros((2, 0))
    assert validation_loss(scores, no, clips([[1, 0], [NO, NO]])) == pytest.approx(math.log(4 / 3))
    ratings = clips([[]] * 2, [[0.5, NO], [0.0, 1.0]])
    assert validation_loss(np.zeros((2, 0)), np.array([[0.0, 9], [0, 0]]), ratings) == pytest.approx(
        (0.25 + 1) / 3
    )


def test_predictions_come_in_the_order_of_the_clips(toy):
    model, samples = toy.model(), toy.draw(9, 3)
    scores, ratings = predict(model.train(), samples, dims=toy.dims, engine=toy.cpu, batch_size=2)
    assert scores.shape == (9, 2) and ratings.shape == (9, 1)
    for row, one in enumerate(samples):
        alone = predict(model, [one], dims=toy.dims, engine=toy.cpu)
        assert scores[row] == pytest.approx(alone[0][0], abs=1e-6)
        assert ratings[row] == pytest.approx(alone[1][0], abs=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains(toy, precision):
    fitted = toy.train(engine=Engine.pick("cpu", precision), epochs=6)
    assert all(math.isfinite(row["train_loss"]) for row in fitted.history)
    assert all(value.dtype == torch.float32 for value in fitted.model.state_dict().values())
    plain = toy.train(epochs=6)
    # A first step may overflow, the others are those of float32 but for rounding.
    assert fitted.history[-1]["train_loss"] == pytest.approx(plain.history[-1]["train_loss"], rel=0.1)


def test_float16_is_resumed_with_its_scale(toy, tmp_path):
    path, half = tmp_path / "state.pt", Engine.pick("cpu", "float16")

    def break_off(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    plan = {"epochs": 4, "engine": half}
    with pytest.raises(KeyboardInterrupt):
        toy.train(options={"state_path": path, "progress": break_off}, **plan)
    kept = torch.load(path, weights_only=True)
    # Four batches an epoch: one overflowed and halved the scale, the seven after it did not.
    assert (kept["scaler"]["scale"], kept["scaler"]["_growth_tracker"]) == (32768, 7)
    assert kept["stages"][0]["rates"]["last_epoch"] == 7
    torch.save({**kept, "scaler": {**kept["scaler"], "scale": 1024.0}}, path)
    toy.train(options={"state_path": path}, **plan)
    assert torch.load(path, weights_only=True)["scaler"] == {
        **kept["scaler"], "scale": 1024.0, "_growth_tracker": 15,
    }  # fmt: skip
    torch.save(kept, path)
    equal(toy.train(options={"state_path": path}, **plan), toy.train(**plan))


def test_only_float16_keeps_a_scale(toy, tmp_path):
    toy.train(epochs=1, options={"state_path": tmp_path / "state.pt"})
    assert "scaler" not in torch.load(tmp_path / "state.pt", weights_only=True)


def test_gradients_that_overflow_move_nothing_but_the_scale(toy, tmp_path):
    path, given, task = tmp_path / "state.pt", toy.model(), TaskLoss(toy.task)
    before = {name: value.clone() for name, value in given.state_dict().items()}
    phases = (Phase(objective=lambda output, batch: 1e35 * task(output, batch)),)
    plan = {"epochs": 1, "batch_size": 4, "engine": Engine.pick("cpu", "float16")}
    options = {"state_path": path, "phases": phases}
    fitted = toy.train(samples=toy.draw(4, 1), given=given, options=options, **plan)
    assert all(torch.equal(value, before[name]) for name, value in fitted.model.state_dict().items())
    assert torch.load(path, weights_only=True)["scaler"]["scale"] == 65536 / 2


def test_float16_with_everything_frozen_stands_still(toy):
    frozen = {"encoders": 1.0, "head": 1.0}
    fitted = toy.train(engine=Engine.pick("cpu", "float16"), epochs=2, frozen=frozen)
    assert all(torch.equal(one, two) for one, two in zip(
        fitted.model.state_dict().values(), toy.model().state_dict().values(), strict=True
    ))  # fmt: skip
