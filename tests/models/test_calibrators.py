"""Calibrators find the temperature that was put in, never see the group they score, and survive a file."""

import json
import subprocess
import sys

import numpy as np
import pytest

from emofuse.errors import BundleError
from emofuse.models.calibrators import (
    Temperature,
    VectorScaling,
    calibrator_from_dict,
    cross_fitted,
    fit_calibrator,
    fold_by_group,
    soft_nll,
    softmax,
)

CLASSES = 4


def drawn(n=4000, *, seed=0):
    """Scores of a calibrated model, and one-hot labels drawn from it."""
    generator = np.random.default_rng(seed)
    scores = 2 * generator.normal(size=(n, CLASSES))
    cumulative = softmax(scores).cumsum(axis=1)
    labels = (generator.random((n, 1)) > cumulative).sum(axis=1).clip(0, CLASSES - 1)
    return scores, np.eye(CLASSES)[labels]


def test_softmax_of_large_scores():
    assert softmax(np.array([[1e4, 1e4 - np.log(3)]]))[0] == pytest.approx([0.75, 0.25])


def test_soft_nll_by_hand():
    value = soft_nll(np.array([[0.5, 0.5], [0.8, 0.2]]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    assert value == pytest.approx((np.log(2) - np.log(0.8)) / 2)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_that_was_put_in_is_found(temperature):
    scores, shares = drawn()
    found = Temperature.fit(scores * temperature, shares)
    assert found.temperature == pytest.approx(temperature, rel=0.08)
    assert found(scores * temperature) == pytest.approx(softmax(scores), abs=0.03)


def test_temperature_learns_from_soft_shares_and_skips_unknown_rows():
    scores, _ = drawn(500)
    shares = softmax(scores)
    shares[::3] = np.nan
    assert Temperature.fit(2 * scores, shares).temperature == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("speakers", "kind"), [(1, Temperature), (4, Temperature), (5, VectorScaling), (0, VectorScaling)]
)
def test_few_speakers_never_change_which_class_is_first(speakers, kind):
    scores, shares = drawn(60)
    groups = [f"Actor_{place % speakers}" if speakers else "" for place in range(60)]
    assert isinstance(fit_calibrator(scores + np.array([3.0, 0, 0, 0]), shares, groups=groups), kind)


def test_nothing_to_fit_on_changes_nothing():
    scores = np.ones((3, CLASSES))
    unknown = np.full((3, CLASSES), np.nan)
    assert Temperature.fit(scores, unknown) == Temperature(1.0)
    assert VectorScaling.fit(scores, unknown)(scores) == pytest.approx(softmax(scores))
    assert fit_calibrator(scores, unknown, groups=["a"] * 3) == Temperature(1.0)
    no_classes = np.ones((3, 0))
    assert fit_calibrator(no_classes, no_classes, groups=["a"] * 3)(no_classes).shape == (3, 0)


def test_vector_scaling_undoes_a_bias_per_class():
    scores, shares = drawn()
    shifted = scores * 2 + np.array([1.0, 0.0, -1.0, 0.5])
    vector, temperature = VectorScaling.fit(shifted, shares), Temperature.fit(shifted, shares)
    assert np.abs(vector(shifted) - softmax(scores)).mean() < 0.015
    assert np.abs(temperature(shifted) - softmax(scores)).mean() > 0.03
    assert soft_nll(vector(shifted), shares) < soft_nll(temperature(shifted), shares) - 0.02


def test_strong_pull_leaves_temperature_scaling():
    scores, shares = drawn(300)
    shifted = scores * 2 + np.array([1.0, 0.0, -1.0, 0.5])
    pulled = VectorScaling.fit(shifted, shares, strength=1e7)
    assert pulled(shifted) == pytest.approx(Temperature.fit(shifted, shares)(shifted), abs=1e-3)


def test_vector_gradient_leads_to_the_optimum():
    scores, shares = drawn(600)
    found = VectorScaling.fit(scores, shares, strength=1e-6)
    best = soft_nll(found(scores), shares)
    generator = np.random.default_rng(1)
    for _ in range(20):
        nudged = VectorScaling(
            tuple(np.array(found.scale) + 0.03 * generator.normal(size=CLASSES)),
            tuple(np.array(found.bias) + 0.03 * generator.normal(size=CLASSES)),
        )
        assert soft_nll(nudged(scores), shares) >= best - 1e-7


def test_choice_follows_what_the_scores_need():
    scores, shares = drawn()
    groups = [f"s{k % 20}" for k in range(len(scores))]
    skewed = scores + np.array([1.5, 0.0, -1.5, 0.0])
    assert isinstance(fit_calibrator(skewed, shares, groups=groups), VectorScaling)
    chosen = fit_calibrator(3 * scores, shares, groups=groups)
    assert chosen(3 * scores) == pytest.approx(softmax(scores), abs=0.04)


def test_choice_ignores_what_does_not_carry_over_to_other_groups():
    """Each speaker has a bias of his own: within speakers vector scaling wins, across them it must not."""
    generator = np.random.default_rng(2)
    scores, shares = drawn(240)
    speakers = np.arange(240) % 4
    shifted = scores + (3 * generator.normal(size=(4, CLASSES)))[speakers]
    groups = [f"s{k}" for k in speakers]
    chosen = fit_calibrator(shifted, shares, groups=groups)
    assert isinstance(chosen, Temperature)


def test_folds_keep_groups_whole_and_even():
    groups = ["a"] * 6 + ["b"] * 3 + ["c"] * 3 + ["", ""]
    folds = fold_by_group(groups, folds=2)
    assert len(set(folds[:6])) == len(set(folds[6:9])) == len(set(folds[9:12])) == 1
    assert sorted(np.bincount(folds)) == [7, 7]
    assert set(fold_by_group(["a", "b"], folds=5)) == {0, 1}
    assert fold_by_group(["a"] * 4, folds=2).tolist() == [0, 1, 0, 1]
    with pytest.raises(ValueError):
        fold_by_group(groups, folds=1)


def test_cross_fitting_never_sees_the_group_it_scores():
    scores, shares = drawn(400)
    groups = [f"s{k % 8}" for k in range(400)]
    held = np.array(groups) == "s3"
    lied = shares.copy()
    lied[held] = np.roll(lied[held], 1, axis=1)
    honest = cross_fitted(scores, shares, groups=groups, folds=8)
    lying = cross_fitted(scores, lied, groups=groups, folds=8)
    assert np.array_equal(honest[held], lying[held])
    assert not np.array_equal(honest[~held], lying[~held])
    assert honest.sum(axis=1) == pytest.approx(np.ones(400))


def test_cross_fitting_calibrates_rows_without_truth_too():
    scores, shares = drawn(200)
    shares[:10] = np.nan
    found = cross_fitted(scores, shares, groups=[f"s{k % 10}" for k in range(200)])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("one", [Temperature(1.7), VectorScaling((1.0, 2.0, 0.5), (0.1, -0.2, 0.0))])
def test_written_and_read_back(one):
    assert calibrator_from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"kind": "os.system"},
        {"kind": ["temperature"]},
        {"kind": "temperature"},
        {"kind": "temperature", "temperature": -1.0},
        {"kind": "temperature", "temperature": "hot"},
        {"kind": "temperature", "temperature": float("nan")},
        {"kind": "vector", "scale": [1.0, 2.0], "bias": [0.0]},
        {"kind": "vector", "scale": [], "bias": []},
    ],
)
def test_damaged_facts_are_refused(facts):
    with pytest.raises(BundleError):
        calibrator_from_dict(facts)


def test_bad_arrays_are_refused():
    with pytest.raises(ValueError):
        Temperature.fit(np.ones((3, 2)), np.ones((3, 3)) / 3)
    with pytest.raises(ValueError):
        VectorScaling.fit(np.full((3, 2), np.nan), np.ones((3, 2)) / 2)


def test_module_loads_without_torch_and_scipy():
    code = (
        "import sys, emofuse.models.calibrators as c\n"
        "c.Temperature(2.0)(__import__('numpy').ones((2, 3)))\n"
        "sys.exit(bool({'torch', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
