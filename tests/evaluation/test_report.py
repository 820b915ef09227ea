"""`evaluate`: which clips enter which score, how rows are named, and the report as JSON."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from emofuse.errors import ConfigError
from emofuse.evaluation import METRICS, evaluate, report_table, report_to_dict
from emofuse.types import Predictions, TaskSpec

TASK = TaskSpec(labels=("anger", "joy", "neutral"), ratings=("valence", "arousal"))


def metrics(*names):
    return [METRICS.load(name) for name in names]


def predictions(n=60, *, task=TASK, seed=0, speakers=10):
    generator = np.random.default_rng(seed)
    classes, ratings = len(task.labels), len(task.ratings)
    probabilities = generator.dirichlet(np.ones(classes), n) if classes else np.zeros((n, 0))
    truth = np.eye(classes)[generator.integers(0, classes, n)] if classes else np.zeros((n, 0))
    return Predictions(
        ids=tuple(f"c{k}" for k in range(n)),
        task=task,
        scores=np.log(probabilities),
        probabilities=probabilities,
        truth=truth,
        ratings=generator.uniform(-1, 1, (n, ratings)),
        rating_truth=generator.uniform(-1, 1, (n, ratings)),
        groups=tuple(f"s{k % speakers}" for k in range(n)),
    )


def run(given, *names, seed=0, resamples=50):
    return evaluate(given, metrics(*names), generator=np.random.default_rng(seed), resamples=resamples)


def test_scores_are_those_of_the_metrics_in_the_order_asked():
    given = predictions()
    report = run(given, "uar", "ccc", "ece")
    assert [one.metric for one in report.scores] == ["uar", "ccc/valence", "ccc/arousal", "ece"]
    truth, predicted = given.truth.argmax(axis=1), given.probabilities.argmax(axis=1)
    assert report.scores[0].value == METRICS.load("uar").compute(truth, predicted, 3)
    expected = METRICS.load("ccc").compute(given.rating_truth[:, 1], given.ratings[:, 1])
    assert report.scores[2].value == expected
    assert (report.n, report.groups) == (60, 10)
    assert report.interval == "95 % cluster bootstrap over 10 groups, 50 resamples"


def test_intervals_hold_the_value_and_repeat():
    report, again = (run(predictions(200), "accuracy", "macro_f1", "mae") for _ in range(2))
    assert report.scores == again.scores
    assert all(one.low < one.value < one.high for one in report.scores)


def test_clips_without_truth_are_left_out():
    given = predictions()
    truth, rated = given.truth.copy(), given.rating_truth.copy()
    truth[:15] = np.nan
    rated[:20, 0] = np.nan
    rated[:10, 1] = np.nan
    given = replace(given, truth=truth, rating_truth=rated)
    report = run(given, "accuracy", "mae")
    hits = given.truth[15:].argmax(axis=1) == given.probabilities[15:].argmax(axis=1)
    assert report.scores[0].value == pytest.approx(hits.mean())
    assert report.scores[1].value == pytest.approx(np.abs(rated - given.ratings)[20:, 0].mean())
    assert report.n == 50
    assert report.confusion.sum() == 45


def test_clips_with_several_labels_count_only_where_shares_do():
    given = predictions()
    truth = given.truth.copy()
    truth[:6] = [0.5, 0.5, 0.0]
    given = replace(given, truth=truth)
    report = run(given, "accuracy", "multilabel_macro_f1")
    assert report.confusion.sum() == 54
    assert "6 clips with several labels" in report.interval
    everything = METRICS.load("multilabel_macro_f1").compute(truth, given.probabilities)
    assert report.scores[1].value == everything
    assert report.n == 60


def test_per_class_by_hand():
    task = TaskSpec(labels=("a", "b", "c"))
    given = replace(
        predictions(4, task=task),
        truth=np.eye(3)[[0, 0, 1, 1]],
        probabilities=np.eye(3)[[0, 1, 1, 1]],
    )
    report = run(given, "accuracy")
    assert report.per_class["a"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "n": 2}
    assert report.per_class["b"] == {"precision": pytest.approx(2 / 3), "recall": 1.0, "f1": 0.8, "n": 2}
    assert report.per_class["c"]["n"] == 0
    assert all(math.isnan(report.per_class["c"][name]) for name in ("precision", "recall", "f1"))


def test_no_labelled_clip_gives_no_score_and_no_error():
    given = predictions()
    report = run(replace(given, truth=np.full_like(given.truth, np.nan)), "uar", "nll")
    assert all(math.isnan(one.value) and math.isnan(one.low) for one in report.scores)
    assert report.n == 60
    assert report.confusion.sum() == 0


def test_few_groups_fall_back_to_clips():
    assert run(predictions(speakers=3), "uar").interval.startswith("95 % bootstrap over 60 clips")


def test_ratings_alone_and_labels_alone():
    only_ratings = run(predictions(task=TaskSpec(ratings=("valence",))), "mae")
    assert only_ratings.confusion.shape == (0, 0)
    assert only_ratings.per_class == {}
    only_labels = run(predictions(task=TaskSpec(labels=("a", "b"))), "accuracy")
    assert only_labels.n == 60


@pytest.mark.parametrize(
    ("task", "name"), [(TaskSpec(labels=("a", "b")), "ccc"), (TaskSpec(ratings=("valence",)), "uar")]
)
def test_metric_that_does_not_fit_the_task(task, name):
    with pytest.raises(ConfigError, match=name):
        run(predictions(task=task), name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: replace(p, probabilities=p.probabilities[:, :2]),
        lambda p: replace(p, probabilities=np.full_like(p.probabilities, np.nan)),
        lambda p: replace(p, probabilities=p.probabilities * 2),
        lambda p: replace(p, ratings=np.full_like(p.ratings, np.inf)),
        lambda p: replace(p, groups=p.groups[:-1]),
        lambda p: replace(p, rating_truth=p.rating_truth[:-1]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(spoil):
    with pytest.raises(ValueError):
        run(spoil(predictions()), "uar")


def test_report_is_plain_json_without_nan():
    given = predictions()
    report = run(replace(given, truth=np.full_like(given.truth, np.nan)), "uar", "mae")
    text = json.dumps(report_to_dict(report), allow_nan=False)
    read = json.loads(text)
    assert read["scores"]["uar"] == {"value": None, "low": None, "high": None}
    assert read["scores"]["mae/valence"]["value"] == report.scores[1].value
    assert read["per_class"]["joy"] == {"precision": None, "recall": None, "f1": None, "n": 0}
    assert np.shape(read["confusion"]) == (3, 3)


def test_table_has_a_row_per_score():
    rows = report_table(run(predictions(), "uar", "mae"))
    assert [row[0] for row in rows] == ["uar", "mae/valence", "mae/arousal"]
    assert all(len(row) == 4 and float(row[2]) < float(row[3]) for row in rows)


def test_five_metrics_on_five_thousand_clips_are_quick():
    given = predictions(5000, speakers=40)
    began = time.perf_counter()
    run(given, "uar", "accuracy", "weighted_f1", "macro_f1", "ece", resamples=1000)
    assert time.perf_counter() - began < 8
