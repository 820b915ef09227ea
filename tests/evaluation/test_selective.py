"""Risk-coverage curves by hand, with ties, and against a slow definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.evaluation.metrics.selective_risk import cumulative_risk, risk_coverage_area
from emofuse.evaluation.selective import (
    coverage_at_risk,
    excess_area,
    risk_at_coverage,
    risk_coverage,
    risk_coverage_curve,
)

TRUTH = np.array([0, 1, 1, 0])
PROBABILITIES = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.4, 0.6]])
# Confidences .9, .6, .8, .6; the second and the fourth are wrong.


def test_curve_by_hand():
    curve = risk_coverage_curve(TRUTH, PROBABILITIES)
    assert curve.threshold.tolist() == [0.9, 0.8, 0.6]
    assert curve.coverage.tolist() == [0.25, 0.5, 1.0]
    assert curve.risk.tolist() == [0.0, 0.0, 0.5]
    assert coverage_at_risk(curve, risk=0.1) == (0.5, 0.8)
    assert coverage_at_risk(curve, risk=0.5) == (1.0, 0.6)
    assert risk_at_coverage(curve, coverage=0.5) == 0.0
    assert risk_at_coverage(curve, coverage=0.51) == 0.5


def test_always_wrong_answers_nothing():
    curve = risk_coverage(np.ones(3), confidence=np.array([0.3, 0.2, 0.1]))
    assert coverage_at_risk(curve, risk=0.5) == (0.0, float("inf"))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5, width=16), st.integers(0, 4)), min_size=1, max_size=12))
def test_ties_are_the_mean_of_all_their_orders(rows):
    loss, confidence = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    expected = np.zeros(len(loss))
    generator, orders = np.random.default_rng(0), 300
    for _ in range(orders):
        order = np.lexsort((generator.random(len(loss)), -confidence))
        expected += np.cumsum(loss[order]) / np.arange(1, len(loss) + 1) / orders
    ends = np.flatnonzero(np.diff(np.sort(-confidence), append=np.inf))
    found = cumulative_risk(loss, confidence)
    assert found[ends] == pytest.approx(expected[ends], abs=1e-9)
    assert found == pytest.approx(expected, abs=1.2)
    assert found.max() <= loss.max() + 1e-12


def test_confidence_that_tells_nothing_has_the_error_rate_for_area():
    truth = np.arange(40) % 4
    assert risk_coverage_area(truth, np.tile([0.4, 0.2, 0.2, 0.2], (40, 1))) == pytest.approx(0.75)


def test_excess_is_zero_for_the_best_order_and_largest_for_the_worst():
    loss = np.array([0.0, 0.0, 1.0, 1.0])
    assert excess_area(loss, confidence=np.array([4.0, 3.0, 2.0, 1.0])) == 0.0
    # Risks 1, 1, 2/3, 1/2 against 0, 0, 1/3, 1/2.
    assert excess_area(loss, confidence=np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx((2 + 1 / 3) / 4)
    assert np.isnan(excess_area(np.zeros(0), confidence=np.zeros(0)))


def test_bad_input_is_refused():
    with pytest.raises(ValueError):
        risk_coverage(np.ones(3), confidence=np.ones(2))
    with pytest.raises(ValueError):
        risk_coverage(np.ones(2), confidence=np.array([1.0, np.nan]))
    with pytest.raises(ValueError):
        risk_at_coverage(risk_coverage_curve(TRUTH, PROBABILITIES), coverage=0.0)
    empty = risk_coverage(np.zeros(0), confidence=np.zeros(0))
    assert np.isnan(risk_at_coverage(empty, coverage=0.5))
