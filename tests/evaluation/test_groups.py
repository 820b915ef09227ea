"""Groups: scores and gaps by hand, what is drawn, and how often the interval of the gap holds the truth."""

import numpy as np
import pytest

from emofuse.evaluation.groups import attribute_groups, binned_groups, group_scores, lengths_s, word_counts
from emofuse.evaluation.metrics import METRICS
from emofuse.types import Clip, Predictions, TaskSpec

ACCURACY, MAE = METRICS.load("accuracy"), METRICS.load("mae")


def predictions(right, speakers=None, *, truth=None, ids=None) -> Predictions:
    right = np.asarray(right, dtype=bool)
    n = len(right)
    truth = np.arange(n) % 2 if truth is None else truth
    probabilities = np.eye(2)[np.where(right, truth, 1 - truth)] * 0.8 + 0.1
    return Predictions(
        ids=tuple(ids or (f"c{row}" for row in range(n))),
        task=TaskSpec(("no", "yes"), ("valence",)),
        scores=np.log(probabilities),
        probabilities=probabilities,
        truth=np.eye(2)[truth],
        ratings=np.zeros((n, 1)),
        rating_truth=right[:, None].astype(float),
        groups=tuple(speakers or [""] * n),
    )


def scored(given, grouping, *, metric=ACCURACY, seed=0, resamples=300, min_clips=10):
    generator = np.random.default_rng(seed)
    return group_scores(
        given, metric, grouping=grouping, generator=generator, resamples=resamples, min_clips=min_clips
    )


def test_values_and_the_gap_by_hand():
    given = predictions([1] * 10 + [1, 0] * 10 + [0] * 5 + [1] * 15)
    grouping = {f"c{row}": "a" if row < 10 else "b" if row < 30 else "c" for row in range(50)}
    found = scored(given, grouping)
    assert [(row.group, row.n, row.value) for row in found.rows] == [
        ("a", 10, 1.0), ("b", 20, 0.5), ("c", 20, 0.75),
    ]  # fmt: skip
    assert (found.gap.top, found.gap.bottom, found.gap.value) == ("a", "b", 0.5)
    assert 0 < found.gap.low < 0.5 < found.gap.high
    assert (found.rows[0].low, found.rows[0].high) == (1.0, 1.0)
    assert "clips within each group" in found.interval


def test_small_groups_are_shown_and_stay_out_of_the_gap():
    found = scored(
        predictions([1] * 30 + [0] * 3), {f"c{row}": "big" if row < 30 else "tiny" for row in range(33)}
    )
    assert [row.group for row in found.rows] == ["big", "tiny"]
    assert found.gap is None
    assert "tiny" in found.notes[0]


def test_clips_of_unknown_group_are_left_out_and_counted():
    found = scored(predictions([1] * 20), {f"c{row}": "a" for row in range(15)} | {"c16": ""})
    assert found.rows[0].n == 15
    assert found.notes == ("5 clips left out whose group is unknown",)
    with pytest.raises(ValueError, match="none of 20 clips"):
        scored(predictions([1] * 20), {})


def test_a_rating_is_scored_too():
    grouping = {f"c{row}": "ab"[row // 10] for row in range(20)}
    found = scored(predictions([1] * 10 + [0] * 10), grouping, metric=MAE)
    assert [row.value for row in found.rows] == [1.0, 0.0]


def speakers_of(count, clips):
    return [f"s{row // clips}" for row in range(count * clips)]


def test_whole_speakers_are_drawn_within_groups():
    """Speakers are wholly right or wholly wrong: clip by clip the interval is far too narrow."""
    generator = np.random.default_rng(1)
    right = np.repeat(generator.random(24) < 0.7, 20)
    grouping = {f"c{row}": "first" if row < 240 else "second" for row in range(480)}
    grouped = scored(predictions(right, speakers_of(24, 20)), grouping)
    alone = scored(predictions(right), grouping)
    assert "clusters within each group" in grouped.interval
    assert [row.clusters for row in grouped.rows] == [12, 12]
    widths = [[row.high - row.low for row in one.rows] for one in (grouped, alone)]
    assert min(widths[0]) > 2 * max(widths[1])


def test_speakers_with_clips_in_several_groups_are_drawn_together():
    right = np.random.default_rng(2).random(200) < 0.7
    found = scored(
        predictions(right, speakers_of(10, 20)), {f"c{row}": "ab"[row % 2] for row in range(200)}
    )
    assert "several groups" in found.interval
    assert all(row.low < row.value < row.high and row.clusters == 10 for row in found.rows)


def test_each_speaker_as_a_group():
    given = predictions(np.random.default_rng(3).random(240) < 0.7, speakers_of(12, 20))
    found = scored(given, dict(zip(given.ids, given.groups, strict=True)))
    assert len(found.rows) == 12
    assert "clips within each group" in found.interval
    assert all(np.isfinite(row.low) for row in found.rows)


@pytest.mark.slow
@pytest.mark.parametrize(("shares", "gap"), [((0.7, 0.7, 0.7, 0.7), 0.0), ((0.5, 0.7, 0.7, 0.9), 0.4)])
def test_the_interval_of_the_gap_holds_the_truth(shares, gap):
    """The observed gap of equal groups is never 0, and its interval still is right 19 times of 20."""
    generator, hits, trials = np.random.default_rng(4), 0, 200
    chance = np.repeat(shares, 60)
    grouping = {f"c{row}": "abcd"[row // 60] for row in range(240)}
    for trial in range(trials):
        found = scored(predictions(generator.random(240) < chance), grouping, seed=trial, resamples=200)
        hits += found.gap.low <= gap <= found.gap.high
    assert hits / trials >= 0.92


CLIPS = (
    Clip("a", speaker="x", label="joy", text="one two three", start_s=1.0, end_s=3.5),
    Clip("b", speaker=None, label="joy", text="", start_s=0.0),
    Clip("c", speaker="y", source="film"),
)


def test_groups_of_clips():
    assert attribute_groups(CLIPS, "speaker") == {"a": "x", "c": "y"}
    assert attribute_groups(CLIPS, "source") == {"c": "film"}
    assert lengths_s(CLIPS) == {"a": 2.5}
    assert word_counts(CLIPS) == {"a": 3.0, "b": 0.0}
    with pytest.raises(ValueError, match="shoe_size"):
        attribute_groups(CLIPS, "shoe_size")


def test_bins_are_named_for_their_ends():
    values = {"a": 0.5, "b": 1.0, "c": 1.9, "d": 5.0, "e": float("nan")}
    assert binned_groups(values, [1, 2, 5], unit="s") == {
        "a": "below 1 s", "b": "1 to 2 s", "c": "1 to 2 s", "d": "5 s and above",
    }  # fmt: skip
    with pytest.raises(ValueError, match="rising"):
        binned_groups(values, [2, 1])
    with pytest.raises(ValueError, match="rising"):
        binned_groups(values, [])
