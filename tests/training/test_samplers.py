import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.training.samplers import bucketed, in_order, length_of
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
