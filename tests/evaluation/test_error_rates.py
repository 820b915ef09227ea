"""Simulations: tests that are wrong as often as they say, intervals that hold the truth as often."""

import numpy as np
import pytest

from emofuse.evaluation.intervals import bootstrap_intervals, cluster_by, tail_share
from emofuse.evaluation.significance import (
    paired_bootstrap,
    paired_permutation,
    paired_seed_effect,
    resolvable_difference,
    seed_effect,
)


def names(clusters: int, clips: int) -> list[str]:
    return [f"s{row // clips}" for row in range(clusters * clips)]


def test_permutation_on_label_shuffled_models_cries_wolf_one_time_in_twenty():
    """Speakers look and are labelled alike within themselves, so two ignorant models differ by luck."""
    generator, alarms, trials = np.random.default_rng(0), 0, 1500
    speakers = np.repeat(np.arange(24), 12)
    groups = names(24, 12)
    for _ in range(trials):
        looks = generator.normal(size=(24, 6))[speakers] + generator.normal(size=(288, 6))
        favourite = generator.integers(0, 3, 24)[speakers]
        truth = np.where(generator.random(288) < 0.5, favourite, generator.integers(0, 3, 288))
        right = [ignorant(generator)(looks) == truth for _ in range(2)]
        found = paired_permutation(*right, groups=groups, generator=generator, draws=200)
        alarms += found.p <= 0.05
    assert alarms / trials == pytest.approx(0.05, abs=0.02)


def ignorant(generator):
    """Nearest class mean, fitted on 300 clips whose labels were shuffled."""
    features = generator.normal(size=(300, 6)) + 0.5
    labels = generator.permutation(np.arange(300) % 3)
    means = np.array([features[labels == label].mean(axis=0) for label in range(3)])
    return lambda looks: ((looks[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)


@pytest.mark.parametrize(("clusters", "uneven"), [(8, False), (12, True), (20, False), (40, True)])
def test_clustered_bootstrap_covers_the_mean(clusters, uneven):
    generator, hits, trials = np.random.default_rng(1), 0, 800
    for _ in range(trials):
        sizes = generator.integers(3, 12, clusters) if uneven else np.full(clusters, 6)
        owner = np.repeat(np.arange(clusters), sizes)
        values = generator.normal(size=clusters)[owner] + generator.normal(size=len(owner))
        zero = np.zeros(len(values))
        found = paired_bootstrap(
            values, zero, groups=[f"s{one}" for one in owner], generator=generator, resamples=300
        )
        hits += found.low <= 0 <= found.high
    assert hits / trials == pytest.approx(0.95, abs=0.03)


def test_clustered_bootstrap_covers_an_accuracy():
    generator, hits, trials = np.random.default_rng(2), 0, 500
    clusters = cluster_by(np.repeat(np.arange(20), 15))
    for _ in range(trials):
        skill = generator.beta(7, 3, 20)[np.repeat(np.arange(20), 15)]
        right = generator.random(300) < skill
        (found,) = bootstrap_intervals(
            lambda rows, right=right: [right[rows].mean()], clusters, generator=generator, resamples=200
        )
        hits += found.low <= 0.7 <= found.high
    assert hits / trials == pytest.approx(0.95, abs=0.03)


def test_plain_percentiles_would_not_cover_with_few_clusters():
    assert tail_share(8) < 0.01 < tail_share(20) < 0.025
    assert tail_share(10_000) == pytest.approx(0.025, abs=1e-4)


def crossed(generator, *, seeds, clusters, clips, seed_spread, both):
    """Scores around 0 with chance from seeds, clusters, both together, and each clip."""
    owner = np.repeat(np.arange(clusters), clips)
    return (
        seed_spread * generator.normal(size=(seeds, 1))
        + generator.normal(size=clusters)[owner]
        + both * generator.normal(size=(seeds, clusters))[:, owner]
        + generator.normal(size=(seeds, clusters * clips))
    )


@pytest.mark.parametrize(
    ("seeds", "seed_spread", "both"), [(5, 0.3, 0.5), (3, 0.5, 0.0), (10, 0.0, 1.0), (5, 1.0, 0.3)]
)
def test_seeds_and_clusters_are_both_covered(seeds, seed_spread, both):
    generator, hits, trials = np.random.default_rng(3), 0, 1000
    groups = names(20, 5)
    for _ in range(trials):
        scores = crossed(generator, seeds=seeds, clusters=20, clips=5, seed_spread=seed_spread, both=both)
        found = seed_effect(scores, groups=groups)
        hits += found.low <= 0 <= found.high
    assert hits / trials == pytest.approx(0.95, abs=0.03)


def test_equal_models_with_seeds_differ_one_time_in_twenty():
    generator, alarms, trials = np.random.default_rng(4), 0, 1000
    groups, owner = names(20, 5), np.repeat(np.arange(20), 5)
    for _ in range(trials):
        shared = generator.normal(size=20)[owner]
        first, second = (
            shared + crossed(generator, seeds=5, clusters=20, clips=5, seed_spread=0.3, both=0.3)
            for _ in range(2)
        )
        alarms += paired_seed_effect(first, second, groups=groups).p < 0.05
    assert alarms / trials == pytest.approx(0.05, abs=0.02)


def test_resolvable_difference_is_found_four_times_of_five():
    generator, found, trials = np.random.default_rng(5), 0, 500
    groups, owner = names(30, 8), np.repeat(np.arange(30), 8)

    def differences():
        return 0.5 * generator.normal(size=30)[owner] + generator.normal(size=240)

    zero = np.zeros(240)
    least = np.median([resolvable_difference(differences(), zero, groups=groups) for _ in range(50)])
    for _ in range(trials):
        tested = paired_permutation(
            differences() + least, zero, groups=groups, generator=generator, draws=300
        )
        found += tested.p <= 0.05
    assert found / trials == pytest.approx(0.8, abs=0.06)
