import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.alignment.collate import collate
from emofuse.errors import FeatureError
from emofuse.types import Sample, Track


def track(*rows, dtype=np.float32):
    return Track(np.array(rows, dtype=dtype), np.arange(len(rows), dtype=float))


def sample(name, shares=(1.0, 0.0), ratings=(), weight=1.0, **tracks):
    return Sample(name, tracks, np.array(shares, np.float32), np.array(ratings, np.float32), weight=weight)


def test_pads_on_the_right_with_masked_zeros():
    batch = collate(
        [sample("a", audio=track([1, 2])), sample("b", audio=track([3, 4], [5, 6]))], {"audio": 2}
    )
    assert batch.ids == ("a", "b")
    assert batch.values["audio"].tolist() == [[[1, 2], [0, 0]], [[3, 4], [5, 6]]]
    assert batch.masks["audio"].tolist() == [[True, False], [True, True]]
    assert batch.presence["audio"].tolist() == [True, True]


def test_an_absent_modality_is_one_masked_frame_of_zeros():
    samples = [sample("a", audio=track([1.0])), sample("b", text=track([7.0, 8.0]))]
    batch = collate(samples, {"audio": 1, "text": 2, "video": 3})
    assert batch.values["video"].shape == (2, 1, 3) and not batch.values["video"].any()
    assert not batch.masks["video"].any()
    assert {name: flag.tolist() for name, flag in batch.presence.items()} == {
        "audio": [True, False],
        "text": [False, True],
        "video": [False, False],
    }
    assert batch.values["text"][0].tolist() == [[0, 0]]


def test_a_track_without_frames_counts_as_absent():
    batch = collate([sample("a", audio=Track(np.zeros((0, 2), np.float32), np.zeros(0)))], {"audio": 2})
    assert batch.presence["audio"].tolist() == [False]


def test_modalities_that_the_model_does_not_know_are_left_out():
    batch = collate([sample("a", audio=track([1.0]), smell=track([2.0]))], {"audio": 1})
    assert set(batch.values) == {"audio"}


def test_a_wrong_width_names_clip_modality_and_both_widths():
    with pytest.raises(FeatureError, match=r"b: audio: 3 .* 2"):
        collate([sample("a", audio=track([1, 2])), sample("b", audio=track([1, 2, 3]))], {"audio": 2})


def test_pixels_become_floats_and_targets_are_kept():
    one = sample("a", video=track([0, 255], dtype=np.uint8), ratings=(0.5, np.nan), weight=2.0)
    batch = collate([one], {"video": 2})
    assert batch.values["video"].dtype == torch.float32
    assert batch.values["video"].tolist() == [[[0.0, 255.0]]]
    assert batch.shares.tolist() == [[1.0, 0.0]] and batch.shares.dtype == torch.float32
    assert batch.ratings[0, 0] == 0.5 and batch.ratings[0, 1].isnan()
    assert batch.weights.tolist() == [2.0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 3))
def test_what_is_valid_is_what_went_in(lengths, dim):
    generator = np.random.default_rng(len(lengths))
    tracks = [Track(generator.normal(size=(n, dim)).astype(np.float32), np.arange(n)) for n in lengths]
    batch = collate([sample(str(i), audio=one) for i, one in enumerate(tracks)], {"audio": dim})
    assert batch.masks["audio"].sum(dim=1).tolist() == lengths
    for row, one in enumerate(tracks):
        assert np.array_equal(batch.values["audio"][row][batch.masks["audio"][row]].numpy(), one.values)
    assert not batch.values["audio"][~batch.masks["audio"]].any()
