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
MIXED = np.array([0, 1, 0, 1])
SEVERAL = np.array([[1.0, 0], [0, 1], [0, 1], [1, 0]])
# At 0.3 the labels found are {0}, {0, 1}, {1} and {0, 1}.
THREE = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.2, 0.7]])

SENTIMENT = (np.array([-2.6, -1.0, 0.0, 0.4, 1.5, 3.0]), np.array([-3.4, 0.2, 0.0, -0.3, 2.4, 2.5]))
# Without the 0: one negative and two positives right, one of each wrong; F1 1/2 and 2/3.
# From 0 up: one negative and three others right, one of each wrong; F1 1/2 and 3/4.
# Rounded: -3 -1 0 0 2 3 against -3 0 0 0 2 2; away from 0: -3 -1 0 1 2 3 against -3 1 0 -1 3 3.
SIMS = (np.array([-1.0, -0.4, 0.0, 0.2, 0.8, 1.0]), np.array([-1.2, -0.05, 0.1, -0.3, 0.65, 1.4]))

CASES = {
    "accuracy": Case(LABELS, 4 / 6, 1.0),
    "wa": Case(LABELS, 4 / 6, 1.0),
    "uar": Case(LABELS, (2 / 3 + 1 / 2 + 1) / 3, 1.0),
    "ua": Case(LABELS, (2 / 3 + 1 / 2 + 1) / 3, 1.0),
    "emotion_recognition_rate": Case(LABELS, (2 / 3 + 1 / 2 + 1) / 3, 1.0),
    "micro_f1": Case(LABELS, 4 / 6, 1.0),
    "macro_precision": Case(LABELS, (1 + 1 / 2 + 1 / 2) / 3, 1.0),
    "weighted_precision": Case(LABELS, (3 * 1 + 2 / 2 + 1 / 2) / 6, 1.0),
    "macro_recall": Case(LABELS, (2 / 3 + 1 / 2 + 1) / 3, 1.0),
    "weighted_recall": Case(LABELS, 4 / 6, 1.0),
    # Of equal probabilities the first ranks first: the third clip has classes 2 and 0.
    "top2_accuracy": Case((np.array([1, 2, 0, 0]), THREE), 2 / 4, 1.0),
    "top3_accuracy": Case((np.array([3, 2, 0, 1]), np.tile([0.4, 0.3, 0.2, 0.1], (4, 1))), 3 / 4, 1.0),
    # Class 0 stands at ranks 1 and 4, class 1 at ranks 2 and 3.
    "auprc": Case((MIXED, SURE), ((1 + 2 / 4) / 2 + (1 / 2 + 2 / 3) / 2) / 2, 1.0),
    # One clip of class 1 lies below the two of class 0 at .9 and .7, above that at .2.
    "auroc": Case((np.array([0, 1, 0, 0]), SURE), 2 / 3, 1.0),
    "multilabel_micro_f1": Case((SEVERAL, SURE), 2 * 4 / (4 + 6), 1.0),
    "multilabel_subset_accuracy": Case((SEVERAL, SURE), 2 / 4, 1.0),
    "multilabel_hamming_loss": Case((SEVERAL, SURE), 2 / 8, 0.0),
    "multilabel_jaccard": Case((SEVERAL, SURE), (1 + 1 / 2 + 1 + 1 / 2) / 4, 1.0),
    "acc2_non0": Case(SENTIMENT, 3 / 5, 1.0),
    "f1_non0": Case(SENTIMENT, (2 * 1 / 2 + 3 * 2 / 3) / 5, 1.0),
    "f1_non0_binary": Case(SENTIMENT, 2 / 3, 1.0),
    "acc2_has0": Case(SENTIMENT, 4 / 6, 1.0),
    "f1_has0": Case(SENTIMENT, (2 * 1 / 2 + 4 * 3 / 4) / 6, 1.0),
    "f1_has0_binary": Case(SENTIMENT, 3 / 4, 1.0),
    "acc2_le0": Case(SENTIMENT, 4 / 6, 1.0),
    "f1_le0": Case(SENTIMENT, 2 / 3, 1.0),
    "f1_le0_binary": Case(SENTIMENT, 2 * 2 / (2 * 2 + 1 + 1), 1.0),
    "acc2_positive": Case(SENTIMENT, 4 / 6, 1.0),
    "f1_positive": Case(SENTIMENT, 2 / 3, 1.0),
    "acc3": Case(SENTIMENT, 5 / 6, 1.0),
    "acc5": Case(SENTIMENT, 5 / 6, 1.0),
    "acc7": Case(SENTIMENT, 4 / 6, 1.0),
    "acc7_cmu": Case(SENTIMENT, 3 / 6, 1.0),
    # -3.4 is cut to -3, which is no class.
    "acc7_split7": Case(SENTIMENT, 2 / 6, 1.0),
    # Ordered by prediction the positive ones stand at ranks 1, 2 and 5.
    "auprc_positive": Case(SENTIMENT, (1 + 1 + 3 / 5) / 3, 1.0),
    "acc2_sims": Case(SIMS, 4 / 6, 1.0),
    "f1_sims": Case(SIMS, 2 / 3, 1.0),
    # 0.1 itself is neutral.
    "acc3_sims": Case(SIMS, 4 / 6, 1.0),
    "acc5_sims": Case(SIMS, 3 / 6, 1.0),
    "mae_sims": Case(SIMS, (0 + 0.35 + 0.1 + 0.5 + 0.15 + 0) / 6, 0.0),
    # Clipped to -1, 0, 1/2: deviations -5/6, 1/6, 4/6 from the mean.
    "pearson_sims": Case(
        (np.array([-1.0, 0, 1]), np.array([-2.0, 0, 0.5])), (5 / 6 + 4 / 6) / math.sqrt(2 * 42 / 36), 1.0
    ),
    # Ranks 1, 2, 3, 4 against 1.5, 1.5, 3.5, 3.5.
    "spearman": Case(RATINGS, 4 / math.sqrt(5 * 4), 1.0),
    # Both classes: each clip is alone in its bin, with the gaps of "ece".
    "classwise_ece": Case((TRUTH, SURE), (0.1 + 0.6 + 0.2 + 0.3) / 4, 0.0),
    # Surest first only the last is wrong: risks 0, 0, 0, 1/4.
    "aurc": Case((TRUTH, SURE), 1 / 16, 0.0),
    "macro_f1": Case(LABELS, (4 / 5 + 1 / 2 + 2 / 3) / 3, 1.0),
    "weighted_f1": Case(LABELS, (3 * 4 / 5 + 2 / 2 + 2 / 3) / 6, 1.0),
    # Class 0: 2 hits, 1 false alarm, no miss: 4/5. Class 1: 2 hits, 1 false alarm, no miss: 4/5.
    "multilabel_macro_f1": Case((SEVERAL, SURE), 4 / 5, 1.0),
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
            assert name in {"pearson", "spearman", "pearson_sims"}
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


@pytest.mark.parametrize(
    "name", [name for name in CASES if METRICS.load(name).kind in ("probabilities", "shares")]
)
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
        "micro_f1": lambda t, p: functional.f1_score(p, t, average="micro", **many),
        "macro_precision": lambda t, p: functional.precision(p, t, average="macro", **many),
        "weighted_precision": lambda t, p: functional.precision(p, t, average="weighted", **many),
        "macro_recall": lambda t, p: functional.recall(p, t, average="macro", **many),
        "weighted_recall": lambda t, p: functional.recall(p, t, average="weighted", **many),
        "top2_accuracy": lambda t, p: functional.accuracy(p, t, average="micro", top_k=2, **many),
        "top3_accuracy": lambda t, p: functional.accuracy(p, t, average="micro", top_k=3, **many),
        "auprc": lambda t, p: functional.average_precision(p, t, average="macro", **many),
        "auroc": lambda t, p: functional.auroc(p, t, average="macro", **many),
        "spearman": lambda t, p: functional.spearman_corrcoef(p, t),
        "mae": lambda t, p: functional.mean_absolute_error(p, t),
        "mse": lambda t, p: functional.mean_squared_error(p, t),
        "pearson": lambda t, p: functional.pearson_corrcoef(p, t),
        "ccc": lambda t, p: functional.concordance_corrcoef(p, t),
        "ece": lambda t, p: functional.calibration_error(p, t, n_bins=15, norm="l1", **many),
        "multilabel_macro_f1": lambda t, p: functional.f1_score(
            p, t.int(), task="multilabel", num_labels=CLASSES, average="macro", threshold=0.3
        ),
        "multilabel_micro_f1": lambda t, p: functional.f1_score(
            p, t.int(), task="multilabel", num_labels=CLASSES, average="micro", threshold=0.3
        ),
        "multilabel_subset_accuracy": lambda t, p: functional.exact_match(
            p, t.int(), task="multilabel", num_labels=CLASSES, threshold=0.3
        ),
        "multilabel_hamming_loss": lambda t, p: functional.hamming_distance(
            p, t.int(), task="multilabel", num_labels=CLASSES, threshold=0.3
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
