"""Blocks are cleaned in place and counted, and every clip is cut to its own frames."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emofuse.datasets.blocks import name_of, numbers_of, parallel, source_of
from emofuse.datasets.cleaning import cleaned, fault_notes, occupied, spans
from emofuse.errors import DatasetError


def test_what_is_no_number_becomes_0_and_is_counted():
    faults = Counter()
    block = np.array([[[-np.inf, 1], [np.nan, np.inf]], [[2, 3], [-np.inf, 4]]], np.float32)
    found = cleaned(block, "a", faults)
    assert found is block
    assert found.tolist() == [[[0, 1], [0, 0]], [[2, 3], [0, 4]]]
    assert dict(faults) == {"-inf": 2, "+inf": 1, "NaN": 1}


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.float16, bool])
def test_other_numbers_are_made_float32(dtype):
    given_block = np.ones((3, 2, 2), dtype)
    found = cleaned(given_block, "a", Counter())
    assert found.dtype == np.float32
    assert found.tolist() == given_block.tolist()


def test_float64_past_the_range_of_float32_is_counted():
    faults = Counter()
    assert cleaned(np.array([[1e300, 1.0]]), "a", faults).tolist() == [[0, 1]]
    assert faults["+inf"] == 1


def test_large_sound_values_are_kept():
    # The sum of a chunk overflows; the values do not.
    faults = Counter()
    block = np.full((4, 2), 3e38, np.float32)
    assert cleaned(block, "a", faults).min() == np.float32(3e38)
    assert not sum(faults.values())


def test_frames_of_one_repeated_number_are_silence():
    faults = Counter()
    block = np.array(
        [[[-100, -100, -100], [1, 1, 1], [0, 0, 0]], [[-3, -3, -3], [-100, -100, -99], [4, 5, 6]]]
    )
    found = cleaned(block, "a", faults, silence=True)
    assert found.tolist() == [[[0, 0, 0], [1, 1, 1], [0, 0, 0]], [[0, 0, 0], [-100, -100, -99], [4, 5, 6]]]
    assert faults["silent"] == 2


@pytest.mark.parametrize("values", [np.array(["a"]), [[1, 2], [3]], "abc", None, [["a"]]])
def test_what_holds_no_numbers_is_refused(values):
    with pytest.raises(DatasetError, match="here: "):
        cleaned(values, "here", Counter())


def _block(*clips):
    return np.array(clips, np.float32)[..., None]


def test_spans_by_zeros_with_padding_at_either_end():
    end = spans(_block([1, 2, 0, 0], [1, 0, 3, 0], [0, 0, 0, 0], [1, 1, 1, 1]))
    assert (end.starts.tolist(), end.ends.tolist(), end.front) == ([0, 0, 0, 0], [2, 3, 0, 4], False)
    front = spans(_block([0, 0, 1, 2], [0, 3, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]))
    assert (front.starts.tolist(), front.ends.tolist(), front.front) == ([2, 1, 0, 0], [4, 4, 0, 4], True)


def test_stated_lengths_hold_and_what_lies_past_them_is_counted():
    found = spans(_block([1, 2, 3, 0], [1, 0, 0, 0], [1, 1, 1, 1]), np.array([2.0, 3.0, 9.0]))
    assert (found.starts.tolist(), found.ends.tolist(), found.longer) == ([0, 0, 0], [2, 3, 4], 1)
    front = spans(_block([0, 1, 2], [0, 0, 1]), np.array([2, 1]))
    assert (front.starts.tolist(), front.ends.tolist(), front.longer) == ([1, 2], [3, 3], 0)


def test_empty_blocks_have_no_frames():
    assert spans(np.zeros((2, 0, 3), np.float32)).cuts() == [slice(0, 0)] * 2
    assert spans(np.zeros((0, 4, 3), np.float32)).cuts() == []
    assert occupied(np.zeros((0, 4, 3), np.float32)).shape == (0, 4)


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5), front=st.booleans(), stated=st.booleans()
)
def test_spans_find_what_was_padded(lengths, front, stated):
    block = np.zeros((len(lengths), 6, 2), np.float32)
    for clip, length in enumerate(lengths):
        block[clip, 6 - length if front else 0 : 6 if front else length] = 1 + clip
    found = spans(block, np.array(lengths) if stated else None)
    for clip, cut in enumerate(found.cuts()):
        assert block[clip, cut].tolist() == [[1 + clip] * 2] * lengths[clip]


def test_notes_give_the_counts():
    notes = fault_notes(
        {"audio": Counter({"-inf": 3, "silent": 2, "longer": 1, "absent": 4}), "text": Counter()}
    )
    assert len(notes) == 4
    assert all(note.startswith("audio: ") for note in notes)
    assert "3 -inf" in notes[0]


@pytest.mark.parametrize(
    ("given_name", "source", "turn"),
    [
        ("03bSnISJMiM$_$1", "03bSnISJMiM", 1),
        ("video_0001$_$0012", "video_0001", 12),
        ("abc[3]", "abc", 3),
        ("a_b_7", "a_b", 7),
        ("abc", "abc", None),
        ("_", "_", None),
    ],
)
def test_names_say_their_recording(given_name, source, turn):
    assert source_of(given_name) == (source, turn)


def test_names_are_read_from_text_bytes_numbers_and_parts():
    assert [name_of(value, "a") for value in ("x", b"y", 3, np.int64(4), np.str_("z"))] == [
        "x",
        "y",
        "3",
        "4",
        "z",
    ]
    assert name_of(np.array([b"vid", b"0.5"]), "a") == "vid_0.5"
    with pytest.raises(DatasetError, match="here"):
        name_of(None, "here")
    with pytest.raises(DatasetError, match="here"):
        name_of([["x"]], "here")


def test_lists_of_a_split_are_as_long_as_each_other():
    assert parallel({"id": ["a"], "x": np.zeros((1, 2))}, ("id", "x", "absent"), "here") == 1
    with pytest.raises(DatasetError, match="here: x: 2 items, wanted 1 as id has"):
        parallel({"id": ["a"], "x": [1, 2]}, ("id", "x"), "here")
    with pytest.raises(DatasetError, match="here: x: found a str"):
        parallel({"x": "abc"}, ("id", "x"), "here")
    with pytest.raises(DatasetError, match="none of the keys"):
        parallel({"q": [1]}, ("id", "x"), "here")


def test_numbers_are_one_per_clip():
    assert numbers_of([[[1.5]], [[2]]], "a").tolist() == [1.5, 2]
    assert numbers_of([], "a").shape == (0,)
    assert np.isnan(numbers_of([None], "a")).all()
    with pytest.raises(DatasetError, match="here"):
        numbers_of(["x"], "here")
