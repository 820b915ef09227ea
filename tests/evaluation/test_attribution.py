"""Shapley values over modalities: by hand, exact sums, a planted signal, absent modalities, refused questions."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation.attribution import Target, attribute_modalities, log_odds
from emofuse.evaluation.passes import Subject
from emofuse.evaluation.shapley import sampled_shapley, shapley_values
from emofuse.models import MODELS
from emofuse.models.calibrators import Temperature
from emofuse.models.recipe import make
from emofuse.types import Output, Sample, TaskSpec, Track

TASK = TaskSpec(labels=("low", "high"), ratings=("valence",))
DIMS = {"voice": 3, "face": 3, "words": 3}


def clips(count, *, names=tuple(DIMS), planted=None, seed=0):
    """Noise; where a modality is ``planted``, its first feature follows the label."""
    draws = np.random.default_rng(seed)
    made = []
    for number in range(count):
        label = number % 2
        tracks = {}
        for name in names:
            values = draws.standard_normal((4 + number % 3, 3)).astype(np.float32)
            if name == planted:
                values[:, 0] += 3 * (2 * label - 1)
            tracks[name] = Track(values, np.arange(len(values)) / 10)
        shares = np.eye(2, dtype=np.float32)[label]
        made.append(Sample(f"clip{number}", tracks, shares, np.array([label], np.float32)))
    return made


def model(dims=DIMS, name="composed", **options):
    torch.manual_seed(0)
    part = {"name": name, **options}
    if name == "composed":
        part["encoders"] = {one: {"name": "mean", "out_dim": 8} for one in dims}
    return make(MODELS, part, dims, TASK).model


class Product(nn.Module):
    """The score of "high" is the product of the first values of what is there, 0 where nothing is."""

    def forward(self, batch):
        here = torch.stack([flag.float() for flag in batch.presence.values()], dim=1)
        first = torch.stack([value[:, 0, 0] for value in batch.values.values()], dim=1)
        score = torch.where(here > 0, first, torch.ones_like(first)).prod(dim=1) * (here.sum(dim=1) > 0)
        return Output(torch.stack([torch.zeros_like(score), score], dim=1), score[:, None])


def single(**values):
    tracks = {
        name: Track(np.full((1, 1), value, np.float32), np.zeros(1)) for name, value in values.items()
    }
    return Sample("one", tracks, np.array([0, 1], np.float32), np.zeros(1, np.float32))


def test_two_modalities_by_hand():
    # v() = 0, v(a) = 2, v(b) = 3, v(a, b) = 6: a has ((2 - 0) + (6 - 3)) / 2 and b ((3 - 0) + (6 - 2)) / 2.
    subject = Subject("product", Product(), {"a": 1, "b": 1}, TASK)
    found = attribute_modalities(subject, [single(a=2.0, b=3.0)], target=Target("score", column=1))
    assert found.values[0] == pytest.approx([2.5, 3.5])
    assert (found.outputs[0], found.bases[0]) == (6.0, 0.0)
    assert found.baseline == "the model with nothing"


def test_three_players_match_the_mean_over_all_orders():
    named = {"": 1, "a": 3, "b": 2, "c": 0, "ab": 9, "ac": 4, "bc": 5, "abc": 20}
    worths = {frozenset(some): value for some, value in named.items()}
    found = shapley_values("abc", lambda some: np.array([worths[some]], float))
    for player in "abc":
        gains = [
            worths[frozenset(order[: order.index(player) + 1])]
            - worths[frozenset(order[: order.index(player)])]
            for order in permutations("abc")
        ]
        assert found[player][0] == pytest.approx(np.mean(gains))
    assert sum(found.values())[0] == pytest.approx(19)


def test_players_must_be_few_and_different():
    with pytest.raises(ValueError, match="different names"):
        shapley_values("aa", lambda some: np.zeros(1))
    with pytest.raises(ValueError, match="12 players"):
        shapley_values([str(number) for number in range(13)], lambda some: np.zeros(1))


@pytest.mark.parametrize("kind", ["score", "probability", "log_odds", "rating"])
@pytest.mark.parametrize("fusion", ["gated", "late", "tensor"])
def test_values_add_up_to_the_output(kind, fusion):
    subject = Subject("toy", model(fusion={"name": fusion}), DIMS, TASK, calibrate=Temperature(0.7))
    some = clips(7) + clips(2, names=("voice",), seed=1)
    found = attribute_modalities(subject, some, target=Target(kind))
    assert found.values.sum(axis=1) == pytest.approx(found.outputs - found.bases, abs=1e-6)
    assert (found.values[-1, 1:] == 0).all() and not found.present[-1, 1:].any()
    assert (found.weights is None) == (fusion != "gated")


def test_the_explained_number_is_the_recogniser_s_own():
    subject = Subject("toy", model(), DIMS, TASK, calibrate=Temperature(2.0), batch_size=2)
    some = clips(5)
    found = attribute_modalities(subject, some, target=Target("probability"))
    from emofuse.training.prediction import predict

    scores, _ = predict(subject.model, some, dims=DIMS, engine=subject.engine)
    probabilities = Temperature(2.0)(scores)
    assert found.columns.tolist() == probabilities.argmax(axis=1).tolist()
    assert found.outputs == pytest.approx(probabilities.max(axis=1), abs=1e-6)
    assert found.ids == tuple(sample.id for sample in some)


def test_a_prior_stands_for_nothing():
    subject = Subject("toy", model(), DIMS, TASK)
    found = attribute_modalities(subject, clips(4), target=Target("log_odds", column=1), prior=(0.8, 0.2))
    assert found.bases == pytest.approx(np.log(0.2 / 0.8))
    assert found.baseline == "the prior"
    assert found.values.sum(axis=1) == pytest.approx(found.outputs - found.bases, abs=1e-6)


def test_a_planted_modality_gets_nearly_all():
    subject = Subject("trained", trained(clips(1500, planted="face")), DIMS, TASK)
    found = attribute_modalities(subject, clips(100, planted="face", seed=5), target=Target("log_odds"))
    shares = dict(zip(found.names, found.shares(), strict=True))
    assert shares["face"] > 0.95
    assert sum(shares.values()) == pytest.approx(1)


def test_a_modality_that_is_not_read_gets_nothing():
    class Deaf(Product):
        def forward(self, batch):
            score = batch.values["a"][:, 0, 0] * batch.presence["a"]
            return Output(torch.stack([-score, score], dim=1), score[:, None])

    found = attribute_modalities(Subject("deaf", Deaf(), {"a": 1, "b": 1}, TASK), [single(a=2.0, b=3.0)])
    assert found.values[0].tolist() == [pytest.approx(4.0), 0.0]
    assert found.shares().tolist() == [1.0, 0.0]


def trained(samples, steps=150):
    from emofuse.alignment.collate import collate
    from emofuse.training.objectives.task import TaskLoss

    learner = model(fusion={"name": "concat"})
    batch, loss = collate(samples, DIMS), TaskLoss(TASK, rating_weight=0.0)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=0.01, weight_decay=0.5)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(learner(batch), batch).backward()
        optimiser.step()
    return learner.eval()


def test_what_cannot_be_explained_is_refused():
    subject = Subject("toy", model(), DIMS, TASK)
    with pytest.raises(ValueError, match="explain one of"):
        Target("logit")
    with pytest.raises(ConfigError, match="column 2"):
        attribute_modalities(subject, clips(1), target=Target("score", column=2))
    with pytest.raises(ConfigError, match="no ratings"):
        attribute_modalities(
            replace(subject, task=TaskSpec(labels=("a", "b"))), clips(1), target=Target("rating")
        )
    with pytest.raises(ConfigError, match="a prior has 2 shares"):
        attribute_modalities(subject, clips(1), prior=(0.5, 0.6))
    with pytest.raises(DatasetError, match="no clip"):
        attribute_modalities(subject, [])


class NoAnswer(Product):
    def forward(self, batch):
        nothing = ~torch.stack(list(batch.presence.values())).any(dim=0)
        output = super().forward(batch)
        return output._replace(scores=output.scores.masked_fill(nothing[:, None], float("nan")))


def test_a_model_without_an_answer_to_nothing_needs_a_prior():
    subject = Subject("no answer", NoAnswer(), {"a": 1, "b": 1}, TASK)
    with pytest.raises(ConfigError, match="give a prior"):
        attribute_modalities(subject, [single(a=2.0, b=3.0)], target=Target("score", column=1))
    found = attribute_modalities(
        subject, [single(a=2.0, b=3.0)], target=Target("score", column=1), prior=(0.5, 0.5)
    )
    assert found.values.sum() == pytest.approx(6 - np.log(0.5))


def test_log_odds_of_certainty_are_finite():
    assert log_odds(np.array([0.5])) == pytest.approx([0.0])
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


class TestSampled:
    def test_two_players_are_exact(self):
        worths = {frozenset(): 0.0, frozenset({0}): 2.0, frozenset({1}): 3.0, frozenset({0, 1}): 6.0}
        found = sampled_shapley(2, lambda sets: np.array([[worths[one]] for one in sets]), orders=1)
        assert found[:, 0] == pytest.approx([2.5, 3.5])

    def test_a_sum_of_players_is_exact_and_every_set_is_asked_for_once(self):
        gains, asked = np.array([1.0, -2.0, 0.5, 4.0, 0.0]), []

        def worths(sets):
            asked.extend(sets)
            return np.array([[gains[list(one)].sum(), 1.0] for one in sets])

        found = sampled_shapley(5, worths, orders=4, seed=3)
        assert found[:, 0] == pytest.approx(gains)
        assert found[:, 1] == pytest.approx(np.zeros(5))
        assert len(asked) == len(set(asked))

    def test_parts_that_say_the_same_share_equally(self):
        found = sampled_shapley(12, lambda sets: np.array([[float(bool(one))] for one in sets]), orders=2)
        assert found[:, 0] == pytest.approx(np.full(12, 1 / 12))

    def test_it_comes_near_the_exact_values_and_adds_up(self):
        draws = np.random.default_rng(1)
        pairs = draws.normal(size=(6, 6))

        def worth(some):
            chosen = sorted(some)
            return float(np.tanh(pairs[np.ix_(chosen, chosen)].sum() / 3))

        names = [str(number) for number in range(6)]
        exact = shapley_values(names, lambda some: np.array([worth(int(one) for one in some)]))
        found = sampled_shapley(6, lambda sets: np.array([[worth(one)] for one in sets]), orders=60)
        assert found[:, 0].sum() == pytest.approx(worth(range(6)) - worth(()))
        assert found[:, 0] == pytest.approx([exact[name][0] for name in names], abs=0.12)

    def test_pairs_are_told_apart_by_an_order_and_its_reverse(self):
        # 13 players are too many for all sets; what two add together they share, whoever came first.
        def worths(sets):
            return np.array([[len(one) + 6.0 * ({3, 8} <= one)] for one in sets])

        found = sampled_shapley(13, worths, orders=40, seed=1)
        assert found[:, 0].sum() == pytest.approx(19)
        assert found[[3, 8], 0] == pytest.approx([4, 4], abs=0.3)
        assert np.delete(found[:, 0], [3, 8]) == pytest.approx(np.ones(11), abs=0.1)

    def test_many_orders_of_many_players_stay_an_estimate(self):
        found = sampled_shapley(13, lambda sets: np.array([[float(len(one))] for one in sets]), orders=900)
        assert found[:, 0] == pytest.approx(np.ones(13))

    def test_one_player_has_it_all_and_none_have_nothing(self):
        assert sampled_shapley(1, lambda sets: np.array([[float(len(one))] for one in sets]))[0, 0] == 1.0
        assert sampled_shapley(0, lambda sets: np.zeros((len(sets), 2))).shape == (0, 2)
