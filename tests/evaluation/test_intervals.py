"""Bootstrap intervals cover what they should, draw whole groups, and repeat with their generator."""

import numpy as np
import pytest

from emofuse.evaluation.intervals import (
    bootstrap_intervals,
    choose_clusters,
    cluster_by,
    describe,
    group_codes,
    percentile_ends,
    t_interval,
)


def mean_interval(values, groups, *, seed=0, resamples=500):
    (found,) = bootstrap_intervals(
        lambda rows: [float(values[rows].mean())],
        choose_clusters(groups),
        generator=np.random.default_rng(seed),
        resamples=resamples,
    )
    return found


def test_members_are_whole_clusters_in_the_order_drawn():
    clusters = cluster_by(np.array([1, 0, 1, 2, 0]))
    assert clusters.members(np.array([1, 0, 1])).tolist() == [0, 2, 1, 4, 0, 2]
    assert clusters.sums(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).tolist() == [7.0, 4.0, 4.0]


def test_clusters_are_groups_from_eight_groups_on():
    eight = [f"s{k % 8}" for k in range(40)]
    seven = [f"s{k % 7}" for k in range(40)]
    assert len(choose_clusters(eight)) == 8
    assert (
        describe(choose_clusters(eight), resamples=9) == "95 % cluster bootstrap over 8 groups, 9 resamples"
    )
    assert describe(choose_clusters(seven), resamples=9) == "95 % bootstrap over 40 clips, 9 resamples"


def test_unknown_groups_are_groups_of_their_own():
    assert len(np.unique(group_codes(["", "a", "", "a"]))) == 3


def test_same_generator_same_interval():
    values, groups = np.random.default_rng(1).normal(size=60), [f"s{k % 10}" for k in range(60)]
    assert mean_interval(values, groups) == mean_interval(values, groups)
    assert mean_interval(values, groups) != mean_interval(values, groups, seed=5)


def test_clip_interval_is_the_normal_one_for_a_mean():
    values = np.random.default_rng(2).normal(size=400)
    found = mean_interval(values, [""] * 400, resamples=2000)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)


def test_cluster_interval_is_wider_where_groups_differ():
    generator = np.random.default_rng(3)
    speakers = np.repeat(np.arange(20), 30)
    values = generator.normal(size=20)[speakers] + 0.3 * generator.normal(size=600)
    grouped = mean_interval(values, [f"s{k}" for k in speakers])
    alone = mean_interval(values, [""] * 600)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)


def test_cluster_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(4)
    groups = [f"s{k}" for k in np.repeat(np.arange(30), 5)]
    hits = 0
    for trial in range(120):
        values = np.repeat(generator.normal(size=30), 5) + generator.normal(size=150)
        found = mean_interval(values, groups, seed=trial, resamples=200)
        hits += found.low <= 0 <= found.high
    assert 0.86 <= hits / 120 <= 0.99


def test_too_little_gives_no_interval():
    one = mean_interval(np.array([2.0]), ["a"])
    assert one.value == 2.0
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(percentile_ends(np.array([1.0] * 8 + [np.nan] * 2))).all()
    assert percentile_ends(np.array([1.0] * 19 + [np.nan])) == (1.0, 1.0)


def test_t_interval_by_hand():
    # Mean 2, standard deviation 1, t(.975, 2) = 4.3027.
    found = t_interval([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert found.high - 2.0 == pytest.approx(4.30265 / np.sqrt(3), abs=1e-4)
    assert 2.0 - found.low == pytest.approx(found.high - 2.0)


def test_t_interval_of_one_run_and_of_bad_values():
    assert np.isnan(t_interval([0.5]).low)
    assert t_interval([0.5]).value == 0.5
    with pytest.raises(ValueError):
        t_interval([0.5, float("nan")])


def test_no_resamples_give_values_without_ends():
    values = np.arange(10.0)
    found = mean_interval(values, [""] * 10, resamples=0)
    assert found.value == 4.5 and np.isnan([found.low, found.high]).all()
    assert describe(choose_clusters([""] * 10), resamples=0).startswith("no interval")
