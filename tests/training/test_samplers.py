import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.errors import ConfigError
from emofuse.training.samplers import bucketed, class_chances, in_order, length_of, repeats
from emofuse.training.seeds import seed_epoch
from emofuse.types import Sample, Track


def samples(*lengths):
    return [
        Sample(
            str(n),
            {"audio": Track(np.zeros((length, 1), np.float32), np.arange(length))},
            np.zeros(1),
            np.zeros(0),
        )
        for n, length in enumerate(lengths)
    ]


def labelled(*columns, classes=3):
    """One clip a column of its label; None for none, a tuple for shared ones."""
    made = []
    for number, column in enumerate(columns):
        shares = np.full(classes, np.nan if column is None else 0.0, np.float32)
        if column is not None:
            shares[list(np.atleast_1d(column))] = 1 / np.size(column)
        made.append(Sample(str(number), {}, shares, np.zeros(0)))
    return made


@pytest.mark.parametrize(
    ("strength", "weights"),
    # Four clips of the first class, one of the second.
    [(0.0, [1, 1, 1, 1, 1]), (0.5, [1 / 2] * 4 + [1]), (1.0, [1 / 4] * 4 + [1])],
)
def test_chances_by_hand(strength, weights):
    found = class_chances(labelled(0, 0, 0, 0, 1), strength)
    assert found.tolist() == pytest.approx((np.array(weights) / sum(weights)).tolist())


def test_chances_of_shared_and_of_no_labels():
    # Counts are 3.5 and 1.5; the clip without a label is as likely as the mean of the others.
    found = class_chances(labelled(0, 0, 0, 1, (0, 1), None), 1.0)
    each = np.array([2 / 7, 2 / 7, 2 / 7, 2 / 3, (2 / 7 + 2 / 3) / 2])
    assert found.tolist() == pytest.approx([*(each / each.sum() * 5 / 6), 1 / 6])


NAMES = ("joy", "fear", "disgust")
RARE = labelled(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, (1, 2), None)


def added(targets, seed=0, clips=RARE):
    found = repeats(clips, targets, labels=NAMES, generator=np.random.default_rng(seed))
    return [found.count(place) for place in range(len(clips))]


def test_rare_labels_are_repeated_until_a_share_of_the_largest():
    # 4 clips of fear (the shared one is of the first of its labels) and 1 of disgust, beside 8 of joy.
    counts = added({"fear": 1, "disgust": 0.5})
    assert counts == [0] * 8 + [1, 1, 1, 3, 1, 0]
    assert added({"fear": 0.25, "joy": 1.0}) == [0] * 14


def test_rare_labels_are_repeated_until_a_number():
    counts = added({"fear": 10})
    assert sum(counts) == 6 and not any(counts[:8]) and counts[11] == counts[13] == 0
    assert sorted(counts[place] for place in (8, 9, 10, 12)) == [1, 1, 2, 2]


def test_the_generator_decides_what_is_repeated_and_the_order_of_labels_does_not():
    one = added({"fear": 10, "disgust": 3})
    assert one == added({"disgust": 3, "fear": 10})
    assert len({tuple(added({"fear": 10}, seed)) for seed in range(9)}) > 1


def test_a_label_without_a_clip_cannot_be_repeated():
    with pytest.raises(ConfigError, match="disgust"):
        added({"disgust": 0.5}, clips=labelled(0, 1, None))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_every_clip_comes_once_in_batches_of_the_size(count, size, pool, seed):
    batches = list(bucketed(samples(*range(count)), size, np.random.default_rng(seed), pool=pool))
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    assert max(map(len, batches)) <= size + 1
    if size > 1 and len(batches) > 1:
        assert min(map(len, batches)) > 1


def test_the_generator_decides():
    clips = samples(*([5, 3, 8, 1] * 10))
    one, again, other = (list(bucketed(clips, 4, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert one == again and one != other


def test_batches_are_of_like_length():
    clips = samples(*np.random.default_rng(0).permutation(64))
    spreads = [
        np.ptp(batch)
        for batch in (
            [length_of(clips[i]) for i in b] for b in bucketed(clips, 8, np.random.default_rng(0))
        )
    ]
    assert spreads == [7] * 8


def test_prediction_goes_from_short_to_long_without_chance():
    assert list(in_order(samples(5, 2, 9, 2), 2)) == [[1, 3], [0, 2]]


def test_the_longest_track_counts():
    one = samples(3)[0]
    assert length_of(one) == 3
    assert length_of(Sample("x", {}, np.zeros(1), np.zeros(0))) == 0


def test_an_epoch_is_seeded_by_itself():
    import torch

    draws = [
        (seed_epoch(seed, epoch).random(), torch.rand(1).item())
        for seed, epoch in [(1, 2), (1, 3), (2, 2), (1, 2)]
    ]
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3


@pytest.mark.parametrize("size", [1, 4])
def test_a_single_clip_is_a_batch(size):
    assert list(bucketed(samples(3), size, np.random.default_rng(0))) == [[0]]
