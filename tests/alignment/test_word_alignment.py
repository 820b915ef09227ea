"""Alignment to words, to a rate and to a common axis equals a reference that looks at every frame."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.alignment.intervals import REDUCTIONS, to_common_axis, to_intervals, to_rate
from emofuse.types import Track

# Eighths of a second: frames then fall on the bounds of intervals as often as between them.
EIGHTHS = st.integers(-24, 80).map(lambda count: count / 8)
# Times that differ by less than rounding are equally near to anything.
MILLISECONDS = st.integers(-100_000, 100_000).map(lambda count: count / 1000)
TIMES = st.lists(EIGHTHS, min_size=1, max_size=25, unique=True).map(sorted)
INTERVALS = st.lists(st.tuples(EIGHTHS, EIGHTHS).map(lambda ends: (min(ends), max(ends))), max_size=12)


def track_of(times, seed=0, dim=3):
    values = np.random.default_rng(seed).normal(size=(len(times), dim)).astype(np.float32)
    return Track(values, np.asarray(times, dtype=np.float64))


def slow(track, intervals, reduce):
    """Frame by frame, in Python's own numbers."""
    rows = []
    for start_s, end_s in intervals:
        inside = [place for place, time_s in enumerate(track.times) if start_s <= time_s < end_s]
        if not inside:
            middle = (start_s + end_s) / 2
            inside = [min(range(len(track)), key=lambda place: (abs(track.times[place] - middle), place))]
        columns = zip(*(track.values[place].tolist() for place in inside), strict=True)
        pick = {
            "mean": lambda column: sum(column) / len(column),
            "max": max,
            "first": lambda column: column[0],
            "last": lambda column: column[-1],
        }
        rows.append([pick[reduce](column) for column in columns])
    return np.array(rows, dtype=np.float64).reshape(-1, track.values.shape[1])


@settings(max_examples=300, deadline=None)
@given(TIMES, INTERVALS, st.sampled_from(REDUCTIONS))
def test_words_equal_the_slow_reference(times, intervals, reduce):
    track = track_of(times)
    found = to_intervals(track, intervals, reduce=reduce)
    assert found.values.dtype == np.float32
    assert found.times.tolist() == [(start_s + end_s) / 2 for start_s, end_s in intervals]
    np.testing.assert_allclose(found.values, slow(track, intervals, reduce), rtol=1e-6, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(MILLISECONDS, min_size=1, max_size=30, unique=True).map(sorted),
    st.lists(st.tuples(st.floats(-120, 120), st.floats(-120, 120)).map(sorted), min_size=1, max_size=8),
    st.sampled_from(REDUCTIONS),
)
def test_any_times_equal_the_slow_reference(times, intervals, reduce):
    track = track_of(times)
    found = to_intervals(track, [tuple(one) for one in intervals], reduce=reduce)
    np.testing.assert_allclose(found.values, slow(track, intervals, reduce), rtol=1e-6, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(TIMES, st.sampled_from([0.5, 1.0, 2.0, 3.0, 8.0, 25.0]), EIGHTHS)
def test_a_rate_equals_the_slow_reference(times, rate, start_s):
    track = track_of(times)
    found = to_rate(track, rate, start_s=start_s, end_s=start_s + 4.0)
    edges = [start_s + count / rate for count in range(round(4.0 * rate) + 1)]
    wanted = slow(track, list(pairwise(edges)), "mean")
    np.testing.assert_allclose(found.values, wanted, rtol=1e-6, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(TIMES, TIMES, st.sampled_from([1.0, 2.0, 5.0]))
def test_a_common_axis_equals_the_slow_reference(one, other, rate):
    tracks = {"audio": track_of(one, 1, 2), "video": track_of(other, 2, 4)}
    found = to_common_axis(tracks, rate)
    assert np.array_equal(found["audio"].times, found["video"].times)
    begin_s = min(0.0, one[0], other[0])
    assert len(found["audio"]) == max(1, round((max(one[-1], other[-1]) + 0.5 / rate - begin_s) * rate))
    edges = begin_s + np.arange(len(found["audio"]) + 1) / rate
    for name, track in tracks.items():
        wanted = slow(track, list(pairwise(edges)), "mean")
        np.testing.assert_allclose(found[name].values, wanted, rtol=1e-6, atol=1e-6)


def test_words_may_come_as_an_array_and_pictures_as_bytes():
    track = Track(np.full((4, 2), 250, np.uint8), np.arange(4.0))
    found = to_intervals(track, np.array([[0.0, 4.0], [1.0, 2.0]]))
    assert found.values.dtype == np.float32 and (found.values == 250).all()


@pytest.mark.parametrize(
    ("times", "intervals", "words"),
    [
        ([0.0, 1.0], [(0.0, float("nan"))], "not finite"),
        ([0.0, 1.0], [(0.0, 1.0), (1.0, float("inf"))], "not finite"),
        ([1.0, 0.0], [(0.0, 1.0)], "backwards"),
        ([0.0, float("nan"), 2.0], [(0.0, 1.0)], "backwards"),
        ([float("nan")], [(0.0, 1.0)], "not finite"),
    ],
)
def test_times_that_are_none_are_refused(times, intervals, words):
    with pytest.raises(ValueError, match=words):
        to_intervals(track_of(times), intervals)


def test_a_corpus_of_mosei_s_size_would_take_seconds():
    import time

    audio, video = track_of(np.arange(500) / 50, 1, 74), track_of(np.arange(500) / 50, 2, 35)
    bounds = np.sort(np.random.default_rng(0).uniform(0, 10, (21,)))
    words = np.stack([bounds[:-1], bounds[1:]], axis=1)
    begin = time.process_time()
    for _ in range(200):
        to_intervals(audio, words)
        to_intervals(video, words)
    # 20,000 clips in a minute are 3 ms a clip.
    assert (time.process_time() - begin) / 200 < 0.003
