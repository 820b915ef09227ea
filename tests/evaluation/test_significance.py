"""Paired tests: exact values by hand, agreement with scipy, and honest error rates."""

import numpy as np
import pytest

from emofuse.evaluation.intervals import t_interval
from emofuse.evaluation.significance import (
    accuracy_half_width,
    holm,
    mcnemar,
    paired_bootstrap,
    paired_permutation,
    paired_seed_effect,
    resolvable_difference,
    seed_effect,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_three_clusters_by_hand():
    # Cluster sums are 2, 1 and -1, so the observed total is 2.
    first = np.array([1, 1, 1, 0])
    second = np.array([0, 0, 0, 1])
    found = paired_permutation(first, second, groups=["a", "a", "b", "c"], generator=rng())
    sums = [abs(2 * a + 1 * b - 1 * c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]
    assert found.p == sum(one >= 2 for one in sums) / 8
    assert found.difference == 0.5
    assert found.clusters == 3
    assert "exact" in found.method


def test_smallest_exact_p_is_two_patterns():
    first, second = np.ones(10), np.zeros(10)
    groups = [f"s{k}" for k in range(10)]
    assert paired_permutation(first, second, groups=groups, generator=rng()).p == 2 / 1024


def test_same_models_have_p_one():
    same = rng().integers(0, 2, 50)
    assert paired_permutation(same, same, groups=["a"] * 50, generator=rng()).p == 1.0
    assert paired_permutation(same, same, groups=[""] * 50, generator=rng()).p == 1.0


def test_random_patterns_agree_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    first = rng(1).normal(size=40) + 0.25
    found = paired_permutation(first, np.zeros(40), groups=[""] * 40, generator=rng(2), draws=20_000)
    theirs = stats.permutation_test(
        (first, np.zeros(40)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        rng=rng(3),
    )
    assert found.p == pytest.approx(theirs.pvalue, abs=0.015)


def test_p_is_never_zero_and_repeats():
    groups = [f"s{k}" for k in range(40)]
    found = [
        paired_permutation(np.ones(40), np.zeros(40), groups=groups, generator=rng(4)) for _ in range(2)
    ]
    assert found[0] == found[1]
    assert 0 < found[0].p < 0.001


def test_clustering_guards_against_false_alarms():
    """Two equal models whose luck is shared within a speaker: clip by clip cries wolf, clusters do not."""
    generator, wolf, calm = rng(5), 0, 0
    groups = [f"s{k}" for k in np.repeat(np.arange(12), 40)]
    for _ in range(100):
        luck = np.repeat(generator.normal(size=12), 40)
        first = luck + generator.normal(size=480)
        calm += paired_permutation(first, np.zeros(480), groups=groups, generator=generator).p < 0.05
        wolf += (
            paired_permutation(first, np.zeros(480), groups=[""] * 480, generator=generator, draws=200).p
            < 0.05
        )
    assert calm <= 12
    assert wolf >= 40


def test_bootstrap_of_the_difference():
    generator = rng(6)
    groups = [f"s{k}" for k in np.repeat(np.arange(20), 10)]
    first = generator.random(200) < 0.8
    second = generator.random(200) < 0.5
    found = paired_bootstrap(first, second, groups=groups, generator=rng(7))
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert 0 < found.low < found.value < found.high < 0.5
    assert found.clusters == 20


def test_bootstrap_of_one_cluster_has_no_interval():
    found = paired_bootstrap(np.ones(3), np.zeros(3), groups=["a"] * 3, generator=rng())
    assert found.value == 1.0
    assert np.isnan(found.low)


def test_mcnemar_by_hand():
    # 1 against 5 disagreements: 2 * (1 + 6) / 64.
    first = np.array([True, False, False, False, False, False, True, True])
    second = np.array([False, True, True, True, True, True, True, True])
    assert mcnemar(first, second) == pytest.approx(14 / 64)
    assert mcnemar(first, first) == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


@pytest.mark.parametrize("bad", [[0.1, 1.1], [-0.1], [float("nan")], [[0.1]]])
def test_holm_refuses_what_is_no_p(bad):
    with pytest.raises(ValueError):
        holm(bad)


def test_bad_arrays_are_refused():
    with pytest.raises(ValueError):
        paired_permutation(np.ones(3), np.ones(4), groups=["a"] * 3, generator=rng())
    with pytest.raises(ValueError):
        paired_permutation(np.ones(3), np.ones(3), groups=["a"] * 2, generator=rng())
    with pytest.raises(ValueError):
        paired_bootstrap(np.array([np.nan]), np.ones(1), groups=["a"], generator=rng())
    with pytest.raises(ValueError):
        mcnemar(np.ones(3), np.ones(3))


def test_seed_effect_by_hand():
    # Two seeds with means 1 and 2 on two clusters of one clip; clusters move the mean by 1 each way, and the
    # seeds agree about that.
    found = seed_effect(np.array([[0.0, 2.0], [1.0, 3.0]]), groups=["a", "b"])
    assert found.value == 1.5
    assert found.seed_error == pytest.approx(0.5)
    assert found.cluster_error == pytest.approx(1.0)
    # Variance 1/4 + 1, degrees of freedom 1.25 ** 2 / (1 / 16 + 1).
    stats = pytest.importorskip("scipy.stats")
    half = stats.t.ppf(0.975, 1.25**2 / (1 / 16 + 1)) * np.sqrt(1.25)
    assert (found.low, found.high) == pytest.approx((1.5 - half, 1.5 + half))


def test_seed_effect_is_a_t_interval_where_only_seeds_move():
    scores = np.array([1.0, 2.0, 3.0])[:, None] * np.ones(4)
    assert seed_effect(scores, groups=["a", "b", "c", "d"]).high == pytest.approx(
        t_interval([1, 2, 3]).high
    )


def test_one_seed_or_one_cluster_has_no_interval():
    assert np.isnan(seed_effect(np.ones((1, 4)), groups=["a", "b", "c", "d"]).low)
    assert np.isnan(seed_effect(np.ones((3, 4)), groups=["a"] * 4).p)
    assert np.isnan(paired_seed_effect(np.ones((3, 2)), np.ones((1, 2)), groups=["a", "b"]).p)


def test_models_that_never_move():
    same = np.ones((2, 3))
    assert paired_seed_effect(same, same, groups=["a", "b", "c"]).p == 1.0
    better = paired_seed_effect(same, 0 * same, groups=["a", "b", "c"])
    assert (better.value, better.low, better.p) == (1.0, 1.0, 0.0)


def test_what_models_share_does_not_blur_their_difference():
    luck, generator = 10 * rng(8).normal(size=60), rng(9)
    first, second = (luck + shift + 0.1 * generator.normal(size=(4, 60)) for shift in (0.5, 0.0))
    found = paired_seed_effect(first, second, groups=[""] * 60)
    assert found.value == pytest.approx(0.5, abs=0.05)
    assert found.p < 1e-6


def test_resolvable_difference_by_hand():
    # Differences 1 and -1 of two clusters: standard error 1; t(.975, 1) + t(.8, 1) = 12.706 + 1.376.
    found = resolvable_difference(np.array([1.0, -1.0]), np.zeros(2), groups=["a", "b"])
    assert found == pytest.approx(12.7062 + 1.37638, abs=1e-3)
    assert np.isnan(resolvable_difference(np.ones(3), np.zeros(3), groups=["a"] * 3))


def test_four_times_the_speakers_resolve_half():
    difference = np.tile([1.0, 0.0, 0.0, -1.0], 200)
    few, many = (resolvable_difference(difference[:n], np.zeros(n), groups=[""] * n) for n in (200, 800))
    assert few == pytest.approx(2 * many, rel=0.02)


def test_half_widths_that_the_field_knows():
    assert f"{100 * accuracy_half_width(0.85, 656):.2f}" == "2.73"
    assert f"{100 * accuracy_half_width(0.85, 3634):.2f}" == "1.16"
    with pytest.raises(ValueError):
        accuracy_half_width(85, 656)


def test_bad_runs_are_refused():
    with pytest.raises(ValueError):
        seed_effect(np.ones(3), groups=["a"] * 3)
    with pytest.raises(ValueError):
        seed_effect(np.ones((2, 3)), groups=["a"] * 2)
    with pytest.raises(ValueError):
        paired_seed_effect(np.ones((2, 3)), np.full((2, 3), np.nan), groups=["a"] * 3)
