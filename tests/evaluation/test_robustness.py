"""One pass, clean and worse: a toy whose curve is known by hand, exactness at strength 0, subsets, streaming."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation import METRICS, evaluate
from emofuse.evaluation.robustness import (
    Condition,
    MediaCondition,
    Subject,
    curve,
    measure_robustness,
    measure_subsets,
    noise,
    standard_conditions,
)
from emofuse.models import MODELS
from emofuse.models.calibrators import Temperature
from emofuse.models.recipe import make
from emofuse.training.engine import Engine
from emofuse.training.prediction import predict
from emofuse.types import Output, Predictions, Sample, TaskSpec, Track

DIMS = {"voice": 1, "face": 1}
TASK = TaskSpec(labels=("low", "high"), ratings=("valence",))
ACCURACY, MAE = METRICS.load("accuracy"), METRICS.load("mae")


def sample(name: str, label: int, **series: list[float]) -> Sample:
    tracks = {
        key: Track(np.array(values, np.float32)[:, None], np.arange(len(values)) / 10.0)
        for key, values in series.items()
    }
    rating = np.array([2.0 * label - 1], np.float32)
    return Sample(name, tracks, np.eye(2, dtype=np.float32)[label], rating, group=name)


class Mean:
    """Says "high" where the mean of what is there is above 0, and rates by that mean."""

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch.ids)
        parts = [
            (batch.values[name] * batch.masks[name][:, :, None]).sum(dim=(1, 2))
            / batch.masks[name].sum(dim=1).clamp_min(1)
            for name in batch.values
        ]
        here = torch.stack([batch.presence[name] for name in batch.values]).sum(dim=0).clamp_min(1)
        mean = torch.stack(parts).sum(dim=0) / here
        return Output(torch.stack([-mean, mean], dim=1), mean[:, None])


def subject(**changes) -> Subject:
    return replace(Subject("mean", Mean(), DIMS, TASK), **changes)


SAMPLES = [
    sample("a", 1, voice=[1.0, 1.0], face=[1.0]),
    sample("b", 1, voice=[0.5], face=[0.1, 0.1, 0.1]),
    sample("c", 0, voice=[-1.0, -1.0, -1.0], face=[-1.0]),
    sample("d", 0, voice=[-0.2]),
]


def added(strength):
    """Everything in the voice becomes 2 * strength higher."""

    def operation(batch, generator):
        mask = batch.masks["voice"][:, :, None]
        return replace(
            batch, values={**batch.values, "voice": (batch.values["voice"] + 2 * strength) * mask}
        )

    return operation


DRIFT = Condition("drift", added, ("voice",))


def test_a_curve_by_hand():
    found = measure_robustness(
        subject(), SAMPLES, [DRIFT], metrics=[ACCURACY, MAE], strengths=(0.0, 0.5, 1.0)
    )
    accuracy, mae = found.curves
    # Voices rise by 1: d (-0.2) is taken for high. By 2: c rises to the mean of 1 and -1, which is not high.
    assert accuracy.values == (1.0, 0.75, 0.75)
    # Means are 1, 0.3, -1, -0.2 against 1, 1, -1, -1.
    assert mae.values[0] == pytest.approx((0 + 0.7 + 0 + 0.8) / 4)
    # Halves of 1 (voice of two modalities) and 1 (d has only a voice) are added: 1.5, 0.8, -0.5, 0.8.
    assert mae.values[1] == pytest.approx((0.5 + 0.2 + 0.5 + 1.8) / 4)
    assert found.clean == {"accuracy": 1.0, "mae": mae.clean}
    assert accuracy.n == found.n == 4 and accuracy.modalities == ("voice",)
    assert not mae.higher_is_better and accuracy.higher_is_better
    assert found.curve("drift", "mae", ["voice"]) is mae
    with pytest.raises(KeyError):
        found.curve("hiss", "mae")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["curves"][0]["values"] == [
        1.0,
        0.75,
        0.75,
    ]


def trained() -> tuple[torch.nn.Module, list[Sample]]:
    torch.manual_seed(0)
    parts = {name: {"name": "gru", "hidden": 4, "out_dim": 4} for name in DIMS}
    model = make(MODELS, {"name": "composed", "encoders": parts}, DIMS, TASK).model
    rng = np.random.default_rng(0)
    samples = [
        sample(str(place), place % 2, voice=rng.normal(size=rng.integers(1, 9)), face=rng.normal(size=3))
        for place in range(37)
    ]
    return model, samples


def test_strength_zero_is_the_clean_score_of_the_report_to_the_last_bit():
    model, samples = trained()
    calibrate = Temperature(1.7)
    metrics = [METRICS.load(name) for name in ("accuracy", "uar", "nll", "ece", "mae", "ccc")]
    scores, ratings = predict(model, samples, dims=DIMS, engine=Engine.pick("cpu"))
    made = Predictions(
        tuple(one.id for one in samples), TASK, scores, calibrate(scores),
        np.stack([one.shares for one in samples]), ratings, np.stack([one.ratings for one in samples]),
        tuple(one.group for one in samples),
    )  # fmt: skip
    report = evaluate(made, metrics, generator=np.random.default_rng(0), resamples=2)
    known = {one.metric.partition("/")[0]: one.value for one in report.scores}
    what = Subject("gru", model, DIMS, TASK, calibrate=calibrate)
    found = measure_robustness(
        what, samples, standard_conditions(list(DIMS)), metrics=metrics, strengths=(0.0, 0.9), seeds=(0, 1)
    )
    assert found.clean == known
    assert all(one.clean == known[one.metric] and one.by_seed[1][0] == one.clean for one in found.curves)
    assert any(one.values[1] != one.clean for one in found.curves)


def test_seeds_are_drawn_apart_and_repeat_themselves():
    model, samples = trained()
    what = Subject("gru", model, DIMS, TASK)
    plan = {"metric": METRICS.load("nll"), "strengths": (0.0, 0.5), "seeds": (3, 4)}
    first, again = (curve(what, samples, noise("white_noise"), **plan) for _ in range(2))
    assert first == again
    (_, one), (_, two) = first.by_seed
    assert one != two and first.values[1] == pytest.approx((one + two) / 2)
    alone = curve(what, samples, noise("white_noise"), **{**plan, "seeds": (4,)})
    assert alone.values[1] == two
    assert first.spread[1] == (min(one, two), max(one, two))


def test_within_a_seed_the_same_chances_are_drawn_at_every_strength():
    seen = {}

    def watch(strength):
        def operation(batch, generator):
            seen.setdefault(strength, []).append(float(torch.rand(1, generator=generator)))
            return batch

        return operation

    what = subject(batch_size=2)
    curve(what, SAMPLES, Condition("watch", watch), metric=ACCURACY, strengths=(0.0, 0.4, 0.8))
    assert seen[0.4] == seen[0.8] and len(set(seen[0.4])) == 2 and 0.0 not in seen


def test_a_batch_is_judged_in_every_way_before_the_next_is_read():
    class Lazy(list):
        read = 0

        def __getitem__(self, place):
            Lazy.read += 1
            return super().__getitem__(place)

    what, told = subject(batch_size=2), []
    measure_robustness(
        what, Lazy(SAMPLES), [DRIFT], metrics=[MAE], strengths=(0.0, 0.3, 0.6), progress=told.append
    )
    assert Lazy.read == 4 and told == [0.5, 1.0]
    first, second = what.model.batches[0], what.model.batches[3]
    assert what.model.batches == [first] * 3 + [second] * 3 and first != second


def test_media_are_remade_clip_by_clip():
    calls = []

    def remake(samples, strength, seed):
        calls.append((len(samples), strength, seed))
        return [
            sample(one.id, int(one.shares[1]), voice=[-10.0 * strength if one.shares[1] else 1.0])
            for one in samples
        ]

    what = subject(batch_size=3)
    found = curve(
        what, SAMPLES, MediaCondition("codec", remake), metric=ACCURACY, strengths=(0.0, 1.0), seeds=(5,)
    )
    assert found.values == (1.0, 0.0)
    assert calls == [(3, 1.0, 5), (1, 1.0, 5)]
    wrong = MediaCondition("codec", lambda samples, strength, seed: list(samples)[::-1])
    with pytest.raises(DatasetError, match="codec"):
        curve(what, SAMPLES, wrong, metric=ACCURACY)


def test_every_subset_of_modalities():
    table = measure_subsets(subject(), SAMPLES, metrics=[ACCURACY, MAE])
    both, voice, face = table.rows
    assert [row.present for row in table.rows] == [("voice", "face"), ("voice",), ("face",)]
    assert both.scores["accuracy"] == voice.scores["accuracy"] == 1.0
    assert (both.empty, voice.empty, face.empty) == (0, 0, 1) and face.missing == ("voice",)
    # d has nothing but a voice: the mean of the clean answers, (1 + 0.3 - 1 - 0.2) / 4, is above 0.
    assert face.scores["accuracy"] == 0.75
    assert face.scores["mae"] == pytest.approx((0 + 0.9 + 0 + 1.025) / 4)
    assert table.to_markdown().count("\n") == 5 and "(-0.250)" in table.to_markdown()
    assert json.loads(json.dumps(table.to_dict()))["rows"][2]["empty"] == 1


def test_three_modalities_have_seven_subsets():
    dims = {"a": 1, "b": 1, "c": 1}
    clips = [sample(str(k), k % 2, a=[1.0], b=[-1.0], c=[2.0 * k]) for k in range(4)]
    table = measure_subsets(subject(dims=dims), clips, metrics=[ACCURACY])
    assert len(table.rows) == 7 and len({row.present for row in table.rows}) == 7
    assert all(set(row.present) | set(row.missing) == set(dims) for row in table.rows)
    with pytest.raises(ConfigError):
        measure_subsets(subject(dims={str(k): 1 for k in range(9)}), clips, metrics=[ACCURACY])


def test_noises_by_name():
    assert noise("misalign", modality="face", frames=2).modalities == ("face",)
    assert noise("random_drop", modalities=["voice"]).modalities == ("voice",)
    assert noise("white_noise").modalities == ()
    for name, options in (("codec", {}), ("blur", {}), ("qwerty_typo", {}), ("no_such", {}), ("misalign", {}),
                          ("white_noise", {"granularity": "day"}), ("white_noise", {"colour": 1})):  # fmt: skip
        with pytest.raises(ConfigError):
            noise(name, **options)


def test_standard_conditions_have_one_name_each():
    conditions = standard_conditions(["voice", "face"])
    keys = {(one.name, one.modalities) for one in conditions}
    assert len(keys) == len(conditions) == 4 * 3 + 2 + 2 + 1
    # Of one modality, all of them are that one.
    names = [one.name for one in standard_conditions(["voice"])]
    assert sorted(names) == [
        "missing_frames", "random_drop", "structured_drop", "thesis_noise", "white_noise",
    ]  # fmt: skip
    measure_robustness(
        subject(dims={"voice": 1}),
        SAMPLES,
        standard_conditions(["voice"]),
        metrics=[ACCURACY],
        strengths=(0, 1),
    )


def test_what_cannot_be_measured():
    for plan in ({"strengths": (0.1, 0.2)}, {"seeds": ()}):
        with pytest.raises(ValueError):
            curve(subject(), SAMPLES, DRIFT, metric=ACCURACY, **plan)
    with pytest.raises(ValueError, match="drift"):
        measure_robustness(subject(), SAMPLES, [DRIFT, replace(DRIFT)], metrics=[ACCURACY])
    renamed = replace(DRIFT, name="another")
    assert len(measure_robustness(subject(), SAMPLES, [DRIFT, renamed], metrics=[ACCURACY]).curves) == 2
    with pytest.raises(DatasetError):
        curve(subject(), [], DRIFT, metric=ACCURACY)
    ratings_only = subject(task=TaskSpec(ratings=("valence",)))
    blank = [replace(one, shares=np.zeros(0, np.float32)) for one in SAMPLES]

    def judged(batch):
        said = Mean()(batch)
        return Output(said.scores[:, :0], said.ratings)

    ratings_only = replace(ratings_only, model=judged)
    with pytest.raises(ConfigError):
        curve(ratings_only, blank, DRIFT, metric=ACCURACY)
    assert curve(ratings_only, blank, DRIFT, metric=MAE, strengths=(0.0, 0.5)).values[0] == pytest.approx(
        0.375
    )
