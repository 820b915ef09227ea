"""Reliability bins by hand, and the calibration error that chance alone brings."""

import numpy as np
import pytest

from emofuse.evaluation.calibration import class_reliability_curve, ece_null_quantile, reliability_curve
from emofuse.evaluation.metrics.calibration_error import (
    classwise_calibration_error,
    expected_calibration_error,
)


def test_curve_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.3, 0.7]])
    curve = reliability_curve(np.array([0, 1, 1, 1]), probabilities, bins=2)
    assert curve.count.tolist() == [0, 4]
    assert np.isnan(curve.accuracy[0])
    assert curve.accuracy[1] == pytest.approx(0.75)
    assert curve.confidence[1] == pytest.approx((0.9 + 0.95 + 0.6 + 0.7) / 4)
    assert curve.edges.tolist() == [0.0, 0.5, 1.0]


def test_curve_and_error_tell_the_same_story():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 500)
    truth = np.arange(500) % 5
    curve = reliability_curve(truth, probabilities)
    gaps = np.nan_to_num(np.abs(curve.accuracy - curve.confidence)) * curve.count
    assert gaps.sum() / 500 == pytest.approx(expected_calibration_error(truth, probabilities))


def test_calibrated_models_stay_under_the_null_quantile_as_often_as_it_says():
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.ones(4), 300)
    bound = ece_null_quantile(probabilities, generator=generator)
    cumulative = probabilities.cumsum(axis=1)
    under = 0
    for _ in range(300):
        truth = (generator.random((300, 1)) > cumulative).sum(axis=1).clip(0, 3)
        under += expected_calibration_error(truth, probabilities) <= bound
    assert under / 300 == pytest.approx(0.95, abs=0.04)


def test_null_quantile_shrinks_with_clips_and_grows_with_the_quantile():
    few = np.random.default_rng(2).dirichlet(np.ones(4), 100)
    many = np.tile(few, (25, 1))
    low, high, large = (
        ece_null_quantile(given, quantile=q, generator=np.random.default_rng(3), draws=400)
        for given, q in ((few, 0.5), (few, 0.95), (many, 0.95))
    )
    assert low < high
    assert large == pytest.approx(high / 5, rel=0.35)


def test_certain_model_has_no_scatter():
    assert ece_null_quantile(np.eye(3), generator=np.random.default_rng(4)) == 0.0
    assert np.isnan(ece_null_quantile(np.zeros((0, 3)), generator=np.random.default_rng(4)))


def test_bad_probabilities_are_refused():
    with pytest.raises(ValueError):
        ece_null_quantile(np.ones((3, 3)), generator=np.random.default_rng(5))


def test_curves_of_all_classes_make_the_classwise_error():
    probabilities = np.random.default_rng(6).dirichlet(np.ones(4), 400)
    truth = np.arange(400) % 4
    gaps = []
    for label in range(4):
        curve = class_reliability_curve(truth, probabilities, label=label)
        gaps.append((np.nan_to_num(np.abs(curve.accuracy - curve.confidence)) * curve.count).sum() / 400)
    assert np.mean(gaps) == pytest.approx(classwise_calibration_error(truth, probabilities))
    with pytest.raises(ValueError, match="4"):
        class_reliability_curve(truth, probabilities, label=4)


def test_intervals_of_bins_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    probabilities = np.random.default_rng(7).dirichlet(np.ones(3), 60)
    curve = reliability_curve(np.arange(60) % 3, probabilities, bins=5)
    for place in np.flatnonzero(curve.count):
        right = round(curve.accuracy[place] * curve.count[place])
        theirs = stats.binomtest(right, int(curve.count[place])).proportion_ci(method="wilson")
        assert (curve.low[place], curve.high[place]) == pytest.approx((theirs.low, theirs.high))
    assert np.isnan(curve.low[curve.count == 0]).all()
