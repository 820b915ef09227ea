"""Every metric: perfect, constant and shuffled predictions, bounds, a value worked out by hand, and a
second library's opinion."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from emofuse.evaluation.metrics import METRICS
from emofuse.types import Metric

CLASSES = 4


class Case(NamedTuple):
    """Hand-worked arguments and value; ``perfect`` is the score of a perfect prediction."""

    given: tuple
    value: float
    perfect: float


LABELS = (np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2]), 4)
# Recalls 2/3, 1/2, 1; precisions 1, 1/2, 1/2; F1 4/5, 1/2, 2/3; class 3 is nowhere.
RATINGS = (np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.0, 2.0, 4.0, 4.0]))
# Means 3 and 3; squares 14 and 4; product sum (-2)(-1) + (-1)(-1) + 0 + 3 = 6.
SURE = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
TRUTH = np.array([0, 1, 1, 0])

CASES = {
    "accuracy": Case(LABELS, 4 / 6, 1.0),
    "uar": Case(LABELS, (2 / 3 + 1 / 2 + 1) / 3, 1.0),
    "macro_f1": Case(LABELS, (4 / 5 + 1 / 2 + 2 / 3) / 3, 1.0),
    "weighted_f1": Case(LABELS, (3 * 4 / 5 + 2 / 2 + 2 / 3) / 6, 1.0),
    # Class 0: 2 hits, 1 false alarm, no miss: 4/5. Class 1: 2 hits, 1 false alarm, no miss: 4/5.
    "multilabel_macro_f1": Case((np.array([[1.0, 0], [0, 1], [0, 1], [1, 0]]), SURE), 4 / 5, 1.0),
    "mae": Case(RATINGS, (1 + 0 + 1 + 2) / 4, 0.0),
    "mse": Case(RATINGS, (1 + 0 + 1 + 4) / 4, 0.0),
    "pearson": Case(RATINGS, 6 / math.sqrt(14 * 4), 1.0),
    "ccc": Case(RATINGS, 2 * 6 / (14 + 4), 1.0),
    # Each clip is alone in its bin: gaps .1, .6, .2, .3.
    "ece": Case((TRUTH, SURE), (0.1 + 0.6 + 0.2 + 0.3) / 4, 0.0),
    "brier": Case((TRUTH, SURE), 2 * (0.01 + 0.36 + 0.04 + 0.09) / 4, 0.0),
    "nll": Case((TRUTH, SURE), -(math.log(0.9) + math.log(0.4) + math.log(0.8) + math.log(0.7)) / 4, 0.0),
}


def metric_of(name: str) -> Metric:
    metric = METRICS.load(name)
    assert isinstance(metric, Metric)
    return metric


def truth_of(metric: Metric, *, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if metric.kind == "ratings":
        return generator.uniform(-1, 1, 400)
    labels = generator.permutation(np.arange(400) % CLASSES)
    return np.eye(CLASSES)[labels] if metric.kind == "shares" else labels


def perfect_of(metric: Metric, truth: np.ndarray) -> np.ndarray:
    return np.eye(CLASSES)[truth] if metric.kind == "probabilities" else truth


def constant_of(metric: Metric, truth: np.ndarray) -> np.ndarray:
    if metric.kind == "labels":
        return np.zeros_like(truth)
    if metric.kind == "ratings":
        return np.full_like(truth, 0.25)
    return np.tile([0.7, 0.1, 0.1, 0.1], (len(truth), 1))


def score(metric: Metric, truth: np.ndarray, predicted: np.ndarray) -> float:
    return metric.compute(truth, predicted, *([CLASSES] if metric.kind == "labels" else []))


def test_every_metric_has_a_case_and_a_line():
    built_in = {name for name in METRICS if METRICS[name].place.startswith("emofuse.")}
    assert built_in == set(CASES)
    assert all(METRICS[name].about for name in METRICS)


@pytest.mark.parametrize("name", CASES)
def test_declaration_fits_the_table(name):
    metric = metric_of(name)
    assert metric.name == name
    assert metric.kind in {"labels", "probabilities", "ratings", "shares"}
    assert metric.bounds[0] < metric.bounds[1]


@pytest.mark.parametrize("name", CASES)
def test_value_worked_out_by_hand(name):
    case = CASES[name]
    value = metric_of(name).compute(*case.given)
    assert isinstance(value, float)
    assert value == pytest.approx(case.value, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_perfect_predictions_reach_the_best_value(name):
    metric = metric_of(name)
    truth = truth_of(metric)
    value = score(metric, truth, perfect_of(metric, truth))
    assert value == pytest.approx(CASES[name].perfect, abs=1e-9)
    assert value == pytest.approx(metric.bounds[1 if metric.higher_is_better else 0])


@pytest.mark.parametrize("name", CASES)
def test_constant_and_shuffled_predictions_are_worse_and_within_bounds(name):
    metric = metric_of(name)
    truth = truth_of(metric)
    perfect = perfect_of(metric, truth)
    shuffled = score(metric, truth, np.random.default_rng(1).permutation(perfect))
    constant = score(metric, truth, constant_of(metric, truth))
    for value in (shuffled, constant):
        if math.isnan(value):
            assert name == "pearson"
            continue
        assert metric.bounds[0] <= value <= metric.bounds[1]
        lead = CASES[name].perfect - value
        assert (lead if metric.higher_is_better else -lead) > 0.05


@pytest.mark.parametrize("name", CASES)
def test_order_of_clips_does_not_matter(name):
    metric = metric_of(name)
    truth = truth_of(metric)
    predicted = constant_of(metric, truth)
    order = np.random.default_rng(2).permutation(len(truth))
    first, second = score(metric, truth, predicted), score(metric, truth[order], predicted[order])
    assert first == pytest.approx(second, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", CASES)
def test_no_clips_have_no_score(name):
    metric = metric_of(name)
    truth = truth_of(metric)[:0]
    assert math.isnan(score(metric, truth, perfect_of(metric, truth)))


@pytest.mark.parametrize("name", CASES)
def test_bad_arrays_are_refused(name):
    metric = metric_of(name)
    truth = truth_of(metric)
    predicted = perfect_of(metric, truth)
    with pytest.raises(ValueError):
        score(metric, truth[:-1], predicted)
    spoiled = predicted.astype(float)
    spoiled.flat[3] = np.nan
    with pytest.raises(ValueError):
        score(metric, truth, spoiled)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].given is LABELS])
def test_labels_out_of_range_are_refused(name):
    with pytest.raises(ValueError):
        metric_of(name).compute(np.array([0, 4]), np.array([0, 1]), 4)
    with pytest.raises(ValueError):
        metric_of(name).compute(np.array([0, 1]), np.array([0, -1]), 4)


@pytest.mark.parametrize("name", ["ece", "brier", "nll", "multilabel_macro_f1"])
def test_rows_that_do_not_sum_to_one_are_refused(name):
    metric = metric_of(name)
    truth = truth_of(metric)
    with pytest.raises(ValueError):
        score(metric, truth, constant_of(metric, truth) * 0.9)


def second_opinion(name: str):
    """Torchmetrics' version on tensors, where it means the same."""
    functional = pytest.importorskip("torchmetrics.functional")
    many = {"task": "multiclass", "num_classes": CLASSES}
    opinions = {
        "accuracy": lambda t, p: functional.accuracy(p, t, average="micro", **many),
        "uar": lambda t, p: functional.recall(p, t, average="macro", **many),
        "macro_f1": lambda t, p: functional.f1_score(p, t, average="macro", **many),
        "weighted_f1": lambda t, p: functional.f1_score(p, t, average="weighted", **many),
        "mae": lambda t, p: functional.mean_absolute_error(p, t),
        "mse": lambda t, p: functional.mean_squared_error(p, t),
        "pearson": lambda t, p: functional.pearson_corrcoef(p, t),
        "ccc": lambda t, p: functional.concordance_corrcoef(p, t),
        "ece": lambda t, p: functional.calibration_error(p, t, n_bins=15, norm="l1", **many),
        "multilabel_macro_f1": lambda t, p: functional.f1_score(
            p, t.int(), task="multilabel", num_labels=CLASSES, average="macro", threshold=0.3
        ),
    }
    return opinions.get(name)


@pytest.mark.parametrize("name", CASES)
def test_second_library_agrees(name):
    opinion = second_opinion(name)
    if opinion is None:
        pytest.skip(f"torchmetrics has no {name} with this definition")
    import torch

    metric, generator = metric_of(name), np.random.default_rng(3)
    truth = truth_of(metric)
    noise = {
        "labels": lambda: np.where(generator.random(400) < 0.5, truth, generator.integers(0, CLASSES, 400)),
        "ratings": lambda: truth + generator.normal(size=400),
    }.get(metric.kind, lambda: generator.dirichlet(np.ones(CLASSES), 400))
    predicted = noise()
    theirs = opinion(torch.from_numpy(truth), torch.from_numpy(predicted))
    assert score(metric, truth, predicted) == pytest.approx(float(theirs), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("accuracy", lambda m, t, p: m.accuracy_score(t, p)),
        ("uar", lambda m, t, p: m.balanced_accuracy_score(t, p)),
        ("macro_f1", lambda m, t, p: m.f1_score(t, p, average="macro")),
        ("weighted_f1", lambda m, t, p: m.f1_score(t, p, average="weighted")),
    ],
)
def test_scikit_learn_agrees_where_a_class_is_missing(name, theirs):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 3, 2, 3])
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(sklearn_metrics, truth, predicted)
    assert metric_of(name).compute(truth, predicted, 6) == pytest.approx(expected)


def test_scikit_learn_agrees_on_log_loss():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    probabilities = np.random.default_rng(4).dirichlet(np.ones(CLASSES), 200)
    truth = np.arange(200) % CLASSES
    assert metric_of("nll").compute(truth, probabilities) == pytest.approx(
        sklearn_metrics.log_loss(truth, probabilities)
    )
