"""Dialogue pickles in each published order, with the splits and speakers of IEMOCAP and MELD."""

import pickle

import numpy as np
import pytest

from emofuse.datasets.dialogue_pickles import COSMIC_VALID, LAYOUTS, read_dialogues
from emofuse.errors import ConfigError, DatasetError

ACTED = {"Ses01F_impro01": 2, "Ses02F_impro02": 3, "Ses05M_impro04": 1}
FRIENDS = {0: 2, 1038: 1, 1039: 2, 1152: 1, 1153: 2}


def _each(turns, value):
    return {dialogue: [value(dialogue, turn) for turn in range(count)] for dialogue, count in turns.items()}


def _parts(turns):
    acted = turns is ACTED
    return {
        "ids": _each(turns, lambda name, turn: f"{name}_F{turn:03d}" if acted else turn),
        "speakers": _each(turns, lambda *_: "F" if acted else [0, 1, 0, 0, 0, 0, 0, 0, 0]),
        "labels": _each(turns, lambda _, turn: turn + 3),
        "sentiment": _each(turns, lambda _, turn: turn),
        **{
            key: _each(turns, lambda _, turn, width=width: np.full(width, turn, np.float64))
            for width, key in enumerate(("text", "text2", "text3", "text4", "audio", "video"), 2)
        },
        "sentences": _each(turns, lambda _, turn: f"Line {turn}"),
        "train": list(turns)[:-1],
        "test": set(list(turns)[-1:]),
        "valid": np.array(list(turns)[:0]),
        "other": None,
    }


@pytest.fixture
def read(tmp_path):
    def read_back(content, protocol=2, **options):
        path = tmp_path / "features.pkl"
        path.write_bytes(pickle.dumps(content, protocol))
        return read_dialogues(path, **options)

    return read_back


@pytest.mark.parametrize("layout", LAYOUTS, ids=" ".join)
@pytest.mark.parametrize("turns", [ACTED, FRIENDS], ids=["iemocap", "meld"])
def test_each_published_order(read, layout, turns):
    parts = _parts(turns)
    corpus = read(tuple(parts[key] for key in layout))
    assert len(corpus.clips) == sum(turns.values())
    clip = corpus.clips[1]
    assert clip.label == ("excited" if turns is ACTED else "joy")
    assert clip.text == "Line 1"
    assert (clip.dialogue, clip.turn) == (str(next(iter(turns))), 1)
    assert set(clip.vectors) == {
        key for key in layout if key in ("text", "text2", "text3", "text4", "audio", "video")
    }
    assert all(vector.tolist() == [1.0] * len(vector) for vector in clip.vectors.values())
    assert corpus.clips[-1].split == "test"


def test_speakers_of_iemocap_are_a_session_and_a_gender(read):
    parts = _parts(ACTED)
    clips = read([parts[key] for key in LAYOUTS[0]]).clips
    assert clips[0].id == "Ses01F_impro01_F000"
    assert [clips[index].speaker for index in (0, 2, 5)] == ["Ses01_F", "Ses02_F", "Ses05_F"]


def test_speakers_of_meld_are_one_of_nine(read):
    parts = _parts(FRIENDS)
    parts["speakers"][0][1] = [0] * 9
    clips = read([parts[key] for key in LAYOUTS[1]]).clips
    assert [clip.speaker for clip in clips[:2]] == ["speaker_1", None]
    assert clips[0].id == "0_000"


def test_validation_of_meld_is_known_by_its_numbers(read):
    parts = _parts(FRIENDS)
    corpus = read([parts[key] for key in LAYOUTS[1]])
    splits = {clip.dialogue: clip.split for clip in corpus.clips}
    assert splits == {"0": "train", "1038": "train", "1039": "valid", "1152": "valid", "1153": "test"}


def test_validation_of_iemocap_is_asked_for(read):
    assert len(set(COSMIC_VALID)) == 12
    parts = [_parts(ACTED)[key] for key in LAYOUTS[0]]
    named = read(parts)
    assert [clip.split for clip in named.clips] == ["train"] * 5 + ["test"]
    assert any("no dialogue is named for validation" in note for note in named.notes)
    assert [clip.split for clip in read(parts, valid="cosmic").clips] == ["train"] * 2 + ["valid"] * 3 + [
        "test"
    ]
    with pytest.raises(ConfigError, match="valid"):
        read(parts, valid="some")


def test_sentiments_where_the_file_has_them(read):
    parts = _parts(FRIENDS)
    corpus = read([parts[key] for key in LAYOUTS[6]], task="sentiment")
    assert [clip.label for clip in corpus.clips[:2]] == ["neutral", "positive"]
    with pytest.raises(DatasetError, match="no sentiments"):
        read([parts[key] for key in LAYOUTS[0]], task="sentiment")


def test_label_of_minus_one_is_none_and_nan_is_counted(read):
    parts = _parts(ACTED)
    parts["labels"]["Ses01F_impro01"][0] = np.int64(-1)
    parts["audio"]["Ses01F_impro01"][0][2] = np.nan
    corpus = read([parts[key] for key in LAYOUTS[0]])
    assert corpus.clips[0].label is None
    assert any(note.startswith("audio: ") and "1 NaN" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("labels", [0, 9], "the label 9"),
        ("labels", [0, 1, 2], "ids: 2 turns, wanted 3"),
        ("audio", [np.ones(3)], "audio: 1 turns, wanted 2"),
        ("audio", [np.ones(3), np.ones(4)], "audio: its parts"),
        ("sentences", ["a", None], "sentences"),
    ],
)
def test_a_dialogue_that_does_not_hold_is_named(read, key, value, said):
    parts = _parts(ACTED)
    parts[key]["Ses01F_impro01"] = value
    with pytest.raises(DatasetError, match="dialogue Ses01F_impro01") as found:
        read([parts[key] for key in LAYOUTS[0]])
    assert said in str(found.value)


@pytest.mark.parametrize("content", [{}, [], [1, 2, 3], list(range(9)), [{}] * 9])
def test_another_order_is_refused(read, content):
    with pytest.raises(DatasetError, match=r"features\.pkl"):
        read(content)
