"""Published corpora: what conformal sets keep of their promise on new actors, and from MELD's dev set to test."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from emofuse.datasets import DATASETS
from emofuse.evaluation.conformal import (
    aps,
    coverage_over_splits,
    fit_conformal,
    fit_conformal_by_class,
    lac,
    set_quality,
)
from emofuse.evaluation.groups import attribute_groups, group_scores
from emofuse.evaluation.metrics import METRICS
from emofuse.models.calibrators import Temperature, softmax
from emofuse.types import Predictions, TaskSpec

linear = pytest.importorskip("sklearn.linear_model")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA is not set"),
]


@pytest.fixture(scope="module")
def ravdess():
    """Actor-disjoint predictions from action units: 20 actors, 8 emotions."""
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    corpus = DATASETS.load("ravdess")(Path(os.environ["EMOFUSE_DATA"]) / "ravdess")
    truth = np.array([corpus.task.labels.index(clip.label) for clip in corpus.clips])
    model = make_pipeline(StandardScaler(), linear.LogisticRegression(C=0.1, max_iter=500))
    probabilities = cross_val_predict(
        model,
        np.stack([clip.vectors["action_units"] for clip in corpus.clips]),
        truth,
        groups=[clip.speaker for clip in corpus.clips],
        cv=GroupKFold(5),
        method="predict_proba",
    )
    return corpus, truth, probabilities


@pytest.fixture(scope="module")
def meld():
    """Labels, and scores of a linear model of the words, for the official dev and test set."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    corpus = DATASETS.load("meld")(Path(os.environ["EMOFUSE_DATA"]) / "meld")
    parts = {
        split: [clip for clip in corpus.clips if clip.split == split]
        for split in ("train", "valid", "test")
    }
    labels = {
        split: np.array([corpus.task.labels.index(clip.label) for clip in clips])
        for split, clips in parts.items()
    }
    words = TfidfVectorizer(min_df=2, sublinear_tf=True)
    model = linear.LogisticRegression(C=10.0, max_iter=1000).fit(
        words.fit_transform(clip.text for clip in parts["train"]), labels["train"]
    )
    return {
        split: (labels[split], model.decision_function(words.transform(clip.text for clip in parts[split])))
        for split in ("valid", "test")
    }


@pytest.mark.parametrize("strangeness", [lac, aps])
@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_new_actors_are_covered_on_average(ravdess, strangeness, coverage):
    corpus, truth, probabilities = ravdess
    found = coverage_over_splits(
        truth,
        probabilities,
        groups=[clip.speaker for clip in corpus.clips],
        generator=np.random.default_rng(0),
        fit=partial(fit_conformal, coverage=coverage, strangeness=strangeness),
    )
    assert found.coverage.mean() == pytest.approx(coverage, abs=0.02)
    # Ten actors are few: a single choice of them is off by several points.
    assert 0.015 < found.coverage.std() < 0.08


def test_dev_to_test_of_meld_as_it_is(meld):
    fitting, judged = ((truth, softmax(scores)) for truth, scores in (meld["valid"], meld["test"]))
    pooled = set_quality(judged[0], fit_conformal(*fitting).sets(judged[1]))
    single = set_quality(judged[0], fit_conformal_by_class(*fitting).sets(judged[1]))
    assert pooled.coverage == pytest.approx(0.9, abs=0.03)
    assert single.coverage == pytest.approx(0.9, abs=0.03)
    # Over all clips the promise holds, and yet rare emotions are mostly missed without thresholds of their own.
    assert pooled.by_class.min() < 0.4
    assert single.by_class.min() > 0.8
    assert single.size > pooled.size


def test_temperature_lowers_the_calibration_error_and_changes_no_answer(meld):
    (labels, scores), (truth, judged) = meld["valid"], meld["test"]
    fitted = Temperature.fit(scores, np.eye(scores.shape[1])[labels])
    before, after = softmax(judged), fitted(judged)
    ece = METRICS.load("ece").compute
    assert ece(truth, after) < 0.5 * ece(truth, before)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


def test_gap_between_actors_and_between_genders(ravdess):
    corpus, truth, probabilities = ravdess
    classes = len(corpus.task.labels)
    given = Predictions(
        ids=tuple(clip.id for clip in corpus.clips),
        task=TaskSpec(corpus.task.labels),
        scores=np.log(probabilities),
        probabilities=probabilities,
        truth=np.eye(classes)[truth],
        ratings=np.zeros((len(truth), 0)),
        rating_truth=np.zeros((len(truth), 0)),
        groups=tuple(clip.speaker for clip in corpus.clips),
    )
    actors = attribute_groups(corpus.clips, "speaker")
    # Actors with an even number are women.
    genders = {clip.id: ("men", "women")[int(clip.id[-2:]) % 2 == 0] for clip in corpus.clips}
    by_actor, by_gender = (
        group_scores(
            given,
            METRICS.load("accuracy"),
            grouping=grouping,
            generator=np.random.default_rng(0),
            resamples=300,
        )
        for grouping in (actors, genders)
    )
    assert len(by_actor.rows) == 20 and by_actor.gap.low > 0
    assert [row.n for row in by_gender.rows] == [600, 600]
    assert by_gender.gap.value < by_actor.gap.value
    assert "clusters within each group" in by_gender.interval
