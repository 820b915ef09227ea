"""What metrics do where they are not defined, and where rounding bites."""

import math

import numpy as np
import pytest

from emofuse.evaluation.metrics.calibration_error import bin_of, expected_calibration_error
from emofuse.evaluation.metrics.confusion import confusion_counts, ratio
from emofuse.evaluation.metrics.correlation import concordance_correlation, pearson_correlation
from emofuse.evaluation.metrics.f1 import f1_per_class
from emofuse.evaluation.metrics.multilabel import macro_f1 as multilabel_macro_f1
from emofuse.evaluation.metrics.proper_scores import FLOOR, negative_log_likelihood


def test_counts_have_truth_in_rows():
    counts = confusion_counts(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_counts_of_small_int_types_do_not_overflow():
    truth = np.full(300, 99, dtype=np.int8)
    assert confusion_counts(truth, truth, 100)[99, 99] == 300


def test_float_labels_are_refused():
    with pytest.raises(ValueError, match="integers"):
        confusion_counts(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 2)


def test_class_that_is_nowhere_has_no_f1_and_one_only_predicted_has_zero():
    f1 = f1_per_class(np.array([[2, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert f1[0] == pytest.approx(0.8)
    assert f1[1] == 0.0
    assert math.isnan(f1[2])


def test_ratio_is_undefined_over_nothing():
    assert np.isnan(ratio(np.array([0, 1]), np.array([0, 2]))).tolist() == [True, False]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_constant_ratings_have_no_correlation(offset):
    constant, moving = np.full(7, 0.1 + offset), np.arange(7.0) + offset
    assert math.isnan(pearson_correlation(moving, constant))
    assert concordance_correlation(moving, constant) == pytest.approx(0.0, abs=1e-9)
    assert math.isnan(concordance_correlation(constant, constant))


def test_concordance_punishes_shift_and_scale_where_pearson_does_not():
    truth = np.linspace(-1, 1, 50)
    assert pearson_correlation(truth, 3 * truth + 1) == pytest.approx(1.0)
    assert concordance_correlation(truth, truth + 1) < 0.6
    assert concordance_correlation(truth, -truth) == pytest.approx(-1.0)


def test_one_clip_has_no_correlation():
    assert math.isnan(concordance_correlation(np.array([1.0]), np.array([1.0])))


def test_bins_are_closed_above():
    assert bin_of(np.array([0.0, 0.2, 0.2001, 1.0]), 5).tolist() == [0, 0, 1, 4]
    with pytest.raises(ValueError, match="at least 1 bin"):
        bin_of(np.array([0.5]), 0)


def test_calibration_error_pools_within_a_bin():
    # Four clips of confidence .75, three of them right: nothing to blame.
    probabilities = np.tile([0.75, 0.25], (4, 1))
    assert expected_calibration_error(np.array([0, 0, 0, 1]), probabilities) == pytest.approx(0.0)
    assert expected_calibration_error(np.array([0, 0, 1, 1]), probabilities) == pytest.approx(0.25)


def test_zero_probability_of_the_truth_costs_the_floor():
    value = negative_log_likelihood(np.array([1]), np.array([[1.0, 0.0]]))
    assert value == pytest.approx(-math.log(FLOOR))


def test_threshold_per_class():
    truth = np.array([[0.5, 0.5], [1.0, 0.0]])
    probabilities = np.array([[0.8, 0.2], [0.9, 0.1]])
    assert multilabel_macro_f1(truth, probabilities) == pytest.approx((1 + 0) / 2)
    assert multilabel_macro_f1(truth, probabilities, threshold=np.array([0.5, 0.15])) == pytest.approx(1.0)
