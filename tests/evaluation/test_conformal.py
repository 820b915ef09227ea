"""Conformal sets: thresholds by hand, and the coverage that was asked for on clips never seen."""

import math
from functools import partial

import numpy as np
import pytest

from emofuse.evaluation.conformal import (
    aps,
    coverage_over_splits,
    fit_conformal,
    fit_conformal_by_class,
    lac,
    set_quality,
)


def clips(n: int, *, seed: int = 0, speakers: int = 0, shift: float = 0.0):
    """A model that is surer than it should be, on unbalanced classes; speakers may be harder or easier."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(4, size=n, p=[0.6, 0.2, 0.15, 0.05])
    speaker = np.arange(n) % max(speakers, 1)
    hardness = shift * generator.normal(size=max(speakers, 1))[speaker]
    scores = 3 * generator.normal(size=(n, 4))
    scores[np.arange(n), truth] += 4 - hardness
    weights = np.exp(scores)
    return truth, weights / weights.sum(axis=1, keepdims=True), [f"s{one}" for one in speaker]


def test_strangeness_by_hand():
    given = np.array([[0.5, 0.2, 0.3]])
    assert lac(given)[0] == pytest.approx([0.5, 0.8, 0.7])
    assert aps(given)[0] == pytest.approx([0.5, 1.0, 0.8])
    # Of equal probabilities the first comes first.
    assert aps(np.array([[0.25, 0.5, 0.25]]))[0] == pytest.approx([0.75, 0.5, 1.0])


def test_threshold_by_hand():
    # Strangeness of the truth .1, .2, .3, .4: at 60 % the third of four, as ceil(5 * .6) is 3.
    hit = np.array([0.9, 0.8, 0.7, 0.6])
    probabilities, truth = np.column_stack([hit, 1 - hit]), np.zeros(4, dtype=int)
    fitted = fit_conformal(truth, probabilities, coverage=0.6)
    assert fitted.thresholds == pytest.approx([0.3, 0.3])
    assert fitted.sets(np.array([[0.75, 0.25], [0.65, 0.35], [0.2, 0.8]])).tolist() == [
        [True, False], [False, False], [False, True],
    ]  # fmt: skip
    assert fit_conformal(truth, probabilities, coverage=0.9).thresholds.tolist() == [math.inf] * 2


def test_rounding_takes_no_further_clip():
    # 0.9 * 20 is 18 exactly, and 18.000000000000004 or so in floating point.
    own = np.arange(1, 20) / 40
    fitted = fit_conformal(np.zeros(19, dtype=int), np.column_stack([1 - own, own]), coverage=0.9)
    assert fitted.thresholds[0] == pytest.approx(18 / 40)


def test_thresholds_by_class_and_a_class_without_clips():
    truth = np.array([0] * 9 + [1] * 9)
    hit = np.concatenate([np.full(9, 0.9), np.full(9, 0.4)])
    probabilities = np.zeros((18, 3))
    probabilities[np.arange(18), truth] = hit
    probabilities[np.arange(18), 1 - truth] = 1 - hit
    fitted = fit_conformal_by_class(truth, probabilities)
    assert fitted.thresholds == pytest.approx([0.1, 0.6, math.inf])
    assert fitted.sets(np.array([[0.85, 0.1, 0.05]])).tolist() == [[False, False, True]]


def test_quality_by_hand():
    sets = np.array([[True, False, False], [True, True, False], [False, False, False], [True, True, True]])
    found = set_quality(np.array([0, 1, 1, 0]), sets)
    assert (found.coverage, found.size, found.empty, found.single) == (0.75, 1.5, 0.25, 0.25)
    assert found.by_class[:2].tolist() == [1.0, 0.5]
    assert np.isnan(found.by_class[2])
    assert np.isnan(set_quality(np.zeros(0, dtype=int), sets[:0]).coverage)


@pytest.mark.parametrize("strangeness", [lac, aps])
@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_exchangeable_clips_are_covered_as_asked(strangeness, coverage):
    truth, probabilities, groups = clips(2000)
    found = coverage_over_splits(
        truth,
        probabilities,
        groups=[""] * len(groups),
        generator=np.random.default_rng(1),
        fit=partial(fit_conformal, coverage=coverage, strangeness=strangeness),
    )
    assert found.coverage.shape == found.size.shape == (100,)
    assert found.coverage.mean() == pytest.approx(coverage, abs=0.01)


def test_each_class_is_covered_only_by_its_own_threshold():
    fitting, judged = clips(4000, seed=2), clips(20_000, seed=3)
    pooled = set_quality(judged[0], fit_conformal(*fitting[:2]).sets(judged[1]))
    single = set_quality(judged[0], fit_conformal_by_class(*fitting[:2]).sets(judged[1]))
    assert single.by_class == pytest.approx([0.9] * 4, abs=0.04)
    assert pooled.coverage == pytest.approx(0.9, abs=0.02)


def test_unseen_speakers_are_covered_on_average_and_spread_more():
    alike = clips(1200, seed=4, speakers=20)
    unlike = clips(1200, seed=4, speakers=20, shift=1.5)
    spreads = []
    for truth, probabilities, groups in (alike, unlike):
        found = coverage_over_splits(
            truth, probabilities, groups=groups, generator=np.random.default_rng(5)
        )
        assert found.coverage.mean() == pytest.approx(0.9, abs=0.02)
        spreads.append(found.coverage.std())
    assert spreads[1] > 1.5 * spreads[0]


def test_lac_sets_are_smaller_than_aps_sets():
    fitting, judged = clips(2000, seed=6), clips(2000, seed=7)
    sizes = [
        set_quality(judged[0], fit_conformal(*fitting[:2], strangeness=one).sets(judged[1])).size
        for one in (lac, aps)
    ]
    assert sizes[0] < sizes[1]


def test_bad_input_is_refused():
    truth, probabilities, _ = clips(10)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit_conformal(truth, probabilities, coverage=90)
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        fit_conformal(truth, probabilities).sets(np.eye(3))
    with pytest.raises(ValueError, match="bool"):
        set_quality(truth, probabilities)
    with pytest.raises(ValueError, match="group"):
        coverage_over_splits(truth, probabilities, groups=["one"] * 10, generator=np.random.default_rng(0))
