"""Any input: our metrics and those of scikit-learn and scipy say the same to 1e-9."""

import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from emofuse.evaluation.metrics import METRICS

sklearn = pytest.importorskip("sklearn.metrics")
stats = pytest.importorskip("scipy.stats")
CLASSES = 4
NEAR = partial(pytest.approx, rel=1e-9, abs=1e-9, nan_ok=True)

sizes = st.integers(1, 30)
labels = partial(arrays.arrays, np.int64, elements=st.integers(0, CLASSES - 1))
# Few values, so that ties, halves and zeros come often; the rest of the line, so that nothing hides.
levels = st.sampled_from([-3.2, -3.0, -2.5, -1.0, -0.7, -0.5, -0.1, 0.0, 0.1, 0.2, 0.5, 0.7, 1.0, 1.5, 3.0])
ratings = partial(arrays.arrays, np.float64, elements=levels | st.floats(-4, 4, width=32))


@st.composite
def pairs(draw, part):
    n = draw(sizes)
    return draw(part(n)), draw(part(n))


@st.composite
def probabilities(draw):
    n = draw(sizes)
    raw = draw(arrays.arrays(np.int64, (n, CLASSES), elements=st.integers(1, 6))).astype(float)
    return draw(labels(n)), raw / raw.sum(axis=1, keepdims=True)


def ours(name, *arrays_given):
    return METRICS.load(name).compute(*arrays_given)


def quiet(compute, *arrays_given, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(compute(*arrays_given, **options))


@settings(deadline=None)
@given(pairs(labels))
def test_label_metrics(pair):
    for name, compute in {
        "accuracy": sklearn.accuracy_score,
        "wa": sklearn.accuracy_score,
        "uar": sklearn.balanced_accuracy_score,
        "ua": sklearn.balanced_accuracy_score,
        "emotion_recognition_rate": sklearn.balanced_accuracy_score,
        **{
            f"{average}_{kind}": partial(score, average=average, zero_division=0)
            for average in ("macro", "weighted")
            for kind, score in (
                ("f1", sklearn.f1_score),
                ("precision", sklearn.precision_score),
                ("recall", sklearn.recall_score),
            )
        },
        "micro_f1": partial(sklearn.f1_score, average="micro"),
    }.items():
        assert ours(name, *pair, CLASSES) == NEAR(quiet(compute, *pair)), name


@settings(deadline=None)
@given(pairs(ratings))
def test_rating_metrics(pair):
    truth, predicted = pair
    clipped = np.clip(truth, -1, 1), np.clip(predicted, -1, 1)
    assert ours("mae", *pair) == NEAR(quiet(sklearn.mean_absolute_error, *pair))
    assert ours("mse", *pair) == NEAR(quiet(sklearn.mean_squared_error, *pair))
    assert ours("mae_sims", *pair) == NEAR(quiet(sklearn.mean_absolute_error, *clipped))
    if len(truth) < 2:
        return
    # A spread at the edge of rounding is constant to us and not to every library.
    assert ours("spearman", *pair) == NEAR(quiet(lambda *one: stats.spearmanr(*one).statistic, *pair))
    for name, given_pair in (("pearson", pair), ("pearson_sims", clipped)):
        if min(np.ptp(one) for one in given_pair) > 1e-3:
            theirs = stats.pearsonr(*given_pair).statistic
            assert ours(name, *pair) == pytest.approx(float(theirs), abs=1e-9)


def reference_classes(values, edges):
    """Which of the intervals (edge, next edge] holds each value."""
    bounds = [-np.inf, *np.float32(edges), np.inf]
    narrow = np.float32(values)
    return np.array([sum(value > bound for bound in bounds[1:-1]) for value in narrow], dtype=int)


BINNINGS = {
    "has0": lambda values: (values >= 0).astype(int),
    "le0": lambda values: (values > 0).astype(int),
    "positive": lambda values: (values > 0).astype(int),
    "sims": lambda values: (np.clip(values, -1, 1) > 0).astype(int),
}


@settings(deadline=None)
@given(pairs(ratings))
def test_sentiment_in_two_classes(pair):
    inside = pair[0] != 0
    cases = [(name, [place(one) for one in pair]) for name, place in BINNINGS.items()]
    cases.append(("non0", [(one[inside] > 0).astype(int) for one in pair]))
    for name, (wanted, found) in cases:
        if not len(wanted):
            assert np.isnan(ours(f"acc2_{name}", *pair))
            continue
        assert ours(f"acc2_{name}", *pair) == NEAR(sklearn.accuracy_score(wanted, found))
        weighted = quiet(sklearn.f1_score, wanted, found, average="weighted")
        assert ours(f"f1_{name}", *pair) == NEAR(weighted)
        if name in ("non0", "has0", "le0"):
            binary = quiet(sklearn.f1_score, wanted, found, zero_division=np.nan)
            assert ours(f"f1_{name}_binary", *pair) == NEAR(binary)


@settings(deadline=None)
@given(pairs(ratings))
def test_sentiment_in_more_classes(pair):
    rounds = {f"acc{2 * limit + 1}": limit for limit in (1, 2, 3)}
    for name, limit in rounds.items():
        wanted, found = (np.round(np.clip(one, -limit, limit)) for one in pair)
        assert ours(name, *pair) == NEAR(np.mean(wanted == found))
    for name, edges in (("acc3_sims", (-0.1, 0.1)), ("acc5_sims", (-0.7, -0.1, 0.1, 0.7))):
        wanted, found = (reference_classes(np.clip(one, -1, 1), edges) for one in pair)
        assert ours(name, *pair) == NEAR(np.mean(wanted == found))
    wanted, found = ([cmu_class(value) for value in one] for one in pair)
    assert ours("acc7_cmu", *pair) == NEAR(np.mean(np.array(wanted) == np.array(found)))


def cmu_class(value):
    """The table of the corpus's own description, line by line."""
    if value < -2:
        return -3
    if value < -1:
        return -2
    if value < 0:
        return -1
    if value == 0:
        return 0
    return 1 if value <= 1 else 2 if value <= 2 else 3


@settings(deadline=None)
@given(probabilities())
def test_probability_metrics(case):
    truth, given_probabilities = case
    occurring = np.unique(truth)
    one_hot = np.eye(CLASSES)[truth]
    assert ours("nll", *case) == NEAR(quiet(sklearn.log_loss, *case, labels=range(CLASSES)))
    assert ours("brier", *case) == NEAR(float(((given_probabilities - one_hot) ** 2).sum(axis=1).mean()))
    precisions = [
        quiet(sklearn.average_precision_score, truth == label, given_probabilities[:, label])
        for label in occurring
    ]
    assert ours("auprc", *case) == NEAR(np.mean(precisions))
    if len(occurring) > 1:
        areas = [
            quiet(sklearn.roc_auc_score, truth == label, given_probabilities[:, label])
            for label in occurring
        ]
        assert ours("auroc", *case) == NEAR(np.mean(areas))
    else:
        assert np.isnan(ours("auroc", *case))


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_top_k_where_nothing_ties(seed):
    generator = np.random.default_rng(seed)
    given_probabilities, truth = (
        generator.dirichlet(np.ones(CLASSES), 25),
        generator.integers(0, CLASSES, 25),
    )
    for k in (2, 3):
        theirs = sklearn.top_k_accuracy_score(truth, given_probabilities, k=k, labels=range(CLASSES))
        assert ours(f"top{k}_accuracy", truth, given_probabilities) == NEAR(float(theirs))


@settings(deadline=None)
@given(pairs(ratings))
def test_average_precision_of_a_rating(pair):
    if not (pair[0] > 0).any():
        assert np.isnan(ours("auprc_positive", *pair))
        return
    theirs = quiet(sklearn.average_precision_score, pair[0] > 0, pair[1])
    assert ours("auprc_positive", *pair) == NEAR(theirs)


@st.composite
def several_labels(draw):
    truth, given_probabilities = draw(probabilities())
    more = draw(arrays.arrays(bool, (len(truth), CLASSES)))
    held = (np.eye(CLASSES)[truth] + more > 0).astype(float)
    return held / held.sum(axis=1, keepdims=True), given_probabilities


@settings(deadline=None)
@given(several_labels())
def test_multilabel_metrics(case):
    wanted, found = case[0] > 0, case[1] >= 0.3
    theirs = {
        "micro_f1": quiet(sklearn.f1_score, wanted, found, average="micro"),
        "macro_f1": quiet(sklearn.f1_score, wanted, found, average="macro", zero_division=np.nan),
        "subset_accuracy": quiet(sklearn.accuracy_score, wanted, found),
        "hamming_loss": quiet(sklearn.hamming_loss, wanted, found),
        "jaccard": quiet(sklearn.jaccard_score, wanted, found, average="samples", zero_division=1),
    }
    for name, value in theirs.items():
        assert ours(f"multilabel_{name}", *case) == NEAR(value), name
