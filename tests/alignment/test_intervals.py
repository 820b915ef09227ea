import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.alignment.intervals import nearest, overlap_s, to_common_axis, to_intervals, to_rate
from emofuse.types import Track

# Frames of 100 ms with their centres at 0.05, 0.15, ... and the values 0, 1, 2, ...
TEN_HZ = Track(np.arange(10, dtype=np.float32)[:, None], np.arange(10) / 10 + 0.05)


@pytest.mark.parametrize(
    ("reduce", "wanted"),
    [("mean", [0.5, 3.0]), ("max", [1.0, 4.0]), ("first", [0.0, 2.0]), ("last", [1.0, 4.0])],
)
def test_frames_inside_an_interval_are_reduced(reduce, wanted):
    words = to_intervals(TEN_HZ, [(0.0, 0.2), (0.2, 0.5)], reduce=reduce)
    assert words.values[:, 0].tolist() == wanted
    assert words.times.tolist() == pytest.approx([0.1, 0.35])
    assert words.values.dtype == np.float32


def test_an_interval_holds_its_start_and_not_its_end():
    track = Track(np.array([[1.0], [2.0], [3.0]], np.float32), np.array([0.0, 1.0, 2.0]))
    assert to_intervals(track, [(0.0, 1.0), (1.0, 2.0)]).values[:, 0].tolist() == [1.0, 2.0]


def test_an_interval_without_a_frame_takes_the_nearest():
    words = to_intervals(TEN_HZ, [(0.16, 0.18), (5.0, 6.0), (0.3, 0.3)])
    assert words.values[:, 0].tolist() == [1.0, 9.0, 2.0]


def test_intervals_may_overlap_and_may_be_none():
    assert to_intervals(TEN_HZ, [(0, 1), (0, 0.1)]).values[:, 0].tolist() == [4.5, 0.0]
    assert to_intervals(TEN_HZ, []).values.shape == (0, 1)


@pytest.mark.parametrize(
    ("track", "intervals", "reduce"),
    [
        (TEN_HZ, [(0, 1)], "median"),
        (TEN_HZ, [(0, 1), (2, 1)], "mean"),
        (Track(np.zeros((0, 2), np.float32), np.zeros(0)), [(0, 1)], "mean"),
    ],
)
def test_what_cannot_be_aligned_is_refused(track, intervals, reduce):
    with pytest.raises(ValueError):
        to_intervals(track, intervals, reduce=reduce)


def test_to_a_lower_rate_means_are_taken():
    slow = to_rate(TEN_HZ, 5.0)
    assert slow.values[:, 0].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert slow.times.tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])


def test_to_a_higher_rate_frames_are_repeated():
    fast = to_rate(TEN_HZ, 20.0, end_s=0.4)
    assert fast.values[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_to_its_own_rate_nothing_changes():
    same = to_rate(TEN_HZ, 10.0)
    assert np.array_equal(same.values, TEN_HZ.values)
    assert same.times == pytest.approx(TEN_HZ.times)


def test_a_rate_is_positive():
    with pytest.raises(ValueError):
        to_rate(TEN_HZ, 0.0)


def test_a_common_axis_has_the_same_times_for_all():
    slow = Track(np.array([[10.0], [20.0]], np.float32), np.array([0.25, 0.75]))
    none = Track(np.zeros((0, 3), np.float32), np.zeros(0))
    shared = to_common_axis({"audio": TEN_HZ, "video": slow, "text": none}, 4.0)
    assert set(shared) == {"audio", "video"}
    assert shared["audio"].times == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert np.array_equal(shared["audio"].times, shared["video"].times)
    assert shared["video"].values[:, 0].tolist() == [10, 10, 20, 20]
    assert shared["audio"].values[:, 0].tolist() == [0.5, 3.0, 5.5, 8.0]
    assert to_common_axis({"text": none}, 4.0) == {}


@pytest.mark.parametrize(
    ("time_s", "wanted"), [(-1, 0), (0.4, 0), (0.5, 0), (0.6, 1), (1, 1), (2.9, 2), (9, 2)]
)
def test_nearest_takes_the_earlier_of_two(time_s, wanted):
    assert nearest(np.array([0.0, 1.0, 3.0]), time_s) == wanted


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20, unique=True), st.floats(-12, 12))
def test_no_frame_is_nearer_than_the_nearest(times, time_s):
    times = np.sort(times)
    assert abs(times[nearest(times, time_s)] - time_s) == np.abs(times - time_s).min()


INTERVALS = st.tuples(st.floats(-5, 5), st.floats(-5, 5)).map(lambda ends: (min(ends), max(ends)))


@settings(max_examples=60, deadline=None)
@given(INTERVALS, INTERVALS)
def test_overlap_is_symmetric_and_no_longer_than_either(one, other):
    shared = overlap_s(one, other)
    assert shared == overlap_s(other, one)
    assert 0 <= shared <= min(one[1] - one[0], other[1] - other[0]) + 1e-12
    assert overlap_s(one, one) == one[1] - one[0]


def test_overlap_by_hand():
    assert overlap_s((0, 2), (1, 5)) == 1
    assert overlap_s((0, 1), (1, 2)) == 0
    assert overlap_s((0, 1), (3, 4)) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.floats(0.5, 40))
def test_a_mean_lies_between_the_values(frames, rate):
    values = np.random.default_rng(frames).normal(size=(frames, 2)).astype(np.float32)
    moved = to_rate(Track(values, np.arange(frames) / 7), rate)
    assert len(moved) >= 1 and (np.diff(moved.times) > 0).all()
    assert (moved.values >= values.min(axis=0) - 1e-6).all()
    assert (moved.values <= values.max(axis=0) + 1e-6).all()
