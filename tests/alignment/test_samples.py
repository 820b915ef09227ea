import numpy as np
import pytest

from emofuse.alignment.samples import balance, shares_of, to_samples
from emofuse.errors import DatasetError
from emofuse.types import Clip, Sample, TaskSpec, Track

TASK = TaskSpec(labels=("glad", "sad", "calm"), ratings=("valence", "arousal"))


def test_shares_follow_the_order_of_the_labels():
    assert shares_of(Clip("a", label="sad"), TASK).tolist() == [0, 1, 0]
    assert shares_of(Clip("a", label="sad", shares={"calm": 0.75, "glad": 0.25}), TASK).tolist() == [
        0.25,
        0,
        0.75,
    ]
    assert np.isnan(shares_of(Clip("a"), TASK)).tolist() == [True, True, True]
    assert shares_of(Clip("a", label="sad"), TaskSpec(ratings=("valence",))).shape == (0,)


def test_a_label_that_the_task_does_not_have_is_refused():
    with pytest.raises(DatasetError, match=r"clip a.*'angry'"):
        shares_of(Clip("a", label="angry"), TASK)


def test_targets_and_groups_of_samples():
    track = Track(np.zeros((1, 1), np.float32), np.zeros(1))
    clips = [
        Clip("a", label="glad", ratings={"arousal": 0.5}, speaker="ann", dialogue="d1"),
        Clip("b", ratings={"valence": -1.0, "arousal": 1.0}),
    ]
    one, other = to_samples(clips, [{"audio": track}, {}], TASK)
    assert one.tracks["audio"] is track and not other.tracks
    assert np.isnan(one.ratings[0]) and one.ratings[1] == 0.5
    assert other.ratings.tolist() == [-1.0, 1.0]
    assert (one.group, other.group) == ("ann", "b")
    assert to_samples(clips, [{}, {}], TASK, group_by="dialogue")[0].group == "d1"
    with pytest.raises(ValueError):
        to_samples(clips, [{}], TASK)


def of(*rows):
    return [Sample(str(n), {}, np.array(row, np.float32), np.zeros(0)) for n, row in enumerate(rows)]


def test_rare_classes_weigh_more_by_hand():
    samples = of([1, 0], [1, 0], [1, 0], [0, 1])
    # 1 / frequency is (1/3, 1/3, 1/3, 1), whose mean is 1/2.
    assert balance(samples, 1.0) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    root = np.array([3**-0.5] * 3 + [1.0])
    assert balance(samples, 0.5) == pytest.approx(root / root.mean())
    assert balance(samples, 0.0) == [1, 1, 1, 1]


def test_soft_labels_weigh_by_their_shares_and_unlabelled_clips_weigh_one():
    samples = of([1, 0], [0.5, 0.5], [np.nan, np.nan])
    # Counts are 1.5 and 0.5, so that the weights are 2/3 and (2/3 + 2) / 2.
    expected = np.array([2 / 3, 4 / 3])
    assert balance(samples, 1.0) == pytest.approx([*(expected / expected.mean()), 1.0])


def test_a_class_without_a_clip_and_a_task_without_labels():
    assert balance(of([1, 0, 0], [0, 1, 0]), 1.0) == pytest.approx([1, 1])
    assert balance(of([], []), 1.0) == [1, 1]
