"""Paired tests: exact values by hand, agreement with scipy, and honest error rates."""

import numpy as np
import pytest

from emofuse.evaluation.significance import holm, mcnemar, paired_bootstrap, paired_permutation


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
