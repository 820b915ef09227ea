"""Where ratings become classes: edges, values beyond the range, confusion matrices, three classes as two."""

import numpy as np
import pytest

from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.metrics.accuracy import accuracy
from emofuse.evaluation.metrics.binned import (
    binned_accuracy,
    binned_counts,
    method1_counts,
    method2_counts,
    split7_accuracy,
)
from emofuse.evaluation.metrics.binning import (
    CMU7,
    HAS0,
    NON0,
    ROUND7,
    SIMS3,
    SIMS5,
    cut,
    outward,
    rounded,
    split7,
)
from emofuse.evaluation.metrics.confusion import by_row
from emofuse.evaluation.metrics.three_class import has0_of_three, non0_of_three

TRUTH = np.array([-2.0, -1.0, 0.0, 0.0, 1.0, 2.0])
PREDICTED = np.array([-1.0, 0.5, 0.0, -0.2, 0.0, 3.0])


def test_halves_go_to_the_even_number_and_the_rest_is_clipped():
    assert (rounded(np.array([-9.0, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 9.0]), limit=3) - 3).tolist() == [
        -3, -2, -2, 0, 0, 2, 2, 3,
    ]  # fmt: skip


def test_away_from_zero_only_zero_is_neutral():
    given = np.array([-2.01, -2.0, -1.0, -1e-6, 0.0, 1e-6, 1.0, 1.01, 2.0, 2.01, 7.0])
    assert (outward(given, limit=3) - 3).tolist() == [-3, -2, -1, -1, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_edges_of_ch_sims_belong_below_in_either_precision(kind):
    assert cut(np.array([-0.7, -0.1, 0.1, 0.7], dtype=kind), edges=(-0.7, -0.1, 0.1, 0.7)).tolist() == [
        0,
        1,
        2,
        3,
    ]
    read_from_a_file = np.array([0.1, 0.7], dtype=np.float32).astype(np.float64)
    assert SIMS5.place(read_from_a_file).tolist() == [2, 3]
    assert SIMS3.place(np.array([-3.0, 0.0, 3.0], dtype=kind)).tolist() == [0, 1, 2]


def test_thesis_classes_keep_their_collision():
    inside = np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    assert split7(inside).tolist() == [1, 2, 3, 0, 4, 5, 6]
    assert split7(np.array([-3.5, 3.4, 5.9])).tolist() == [-3, 3, 5]
    assert split7_accuracy(np.array([-0.5]), np.array([3.4])) == 1.0
    assert binned_accuracy(np.array([-0.5]), np.array([3.4]), binning=CMU7) == 0.0


def test_two_class_counts_by_hand():
    # All six: of two below 0 one is found; of the other four one is called negative.
    assert method1_counts(TRUTH, PREDICTED).tolist() == [[1, 1], [1, 3]]
    # Without the zeros: a prediction of 0 is not positive.
    assert method2_counts(TRUTH, PREDICTED).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("binning", "name"), [(HAS0, "acc2_has0"), (NON0, "acc2_non0"), (ROUND7, "acc7"), (CMU7, "acc7_cmu")]
)
def test_counts_and_accuracy_tell_the_same_story(binning, name):
    generator = np.random.default_rng(0)
    truth = np.round(generator.uniform(-3, 3, 300), 1)
    predicted = truth + generator.normal(size=300)
    counts = binned_counts(truth, predicted, binning=binning)
    assert counts.shape == (len(binning.classes),) * 2
    assert np.trace(counts) / counts.sum() == pytest.approx(METRICS.load(name).compute(truth, predicted))


def test_shares_by_row_hold_the_recalls():
    shares = by_row(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]]))
    assert shares[:2].tolist() == [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0]]
    assert np.isnan(shares[2]).all()


def test_nothing_but_zeros_has_no_non0_score():
    nothing = np.zeros(3), np.array([1.0, -1.0, 0.0])
    assert np.isnan(METRICS.load("acc2_non0").compute(*nothing))
    assert np.isnan(METRICS.load("f1_non0").compute(*nothing))
    assert np.isnan(METRICS.load("f1_non0_binary").compute(*nothing))
    assert METRICS.load("acc2_has0").compute(*nothing) == pytest.approx(2 / 3)


def test_three_classes_scored_on_two():
    truth = np.array([0, 1, 2, 2])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.1, 0.6, 0.3], [0.5, 0.2, 0.3]])
    assert [one.tolist() for one in has0_of_three(truth, probabilities)] == [[0, 0, 1, 1], [0, 1, 1, 0]]
    assert accuracy(*has0_of_three(truth, probabilities), 2) == 0.5
    # The neutral clip is gone, and the third, named neutral, is nearer to positive.
    assert accuracy(*non0_of_three(truth, probabilities), 2) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        has0_of_three(
            truth[:2] // 2, probabilities[:2, :2] / probabilities[:2, :2].sum(axis=1, keepdims=True)
        )
