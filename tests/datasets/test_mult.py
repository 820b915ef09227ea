"""MulT's and MultiBench's archives: padding in front, byte ids, labels of three shapes."""

import pickle

import numpy as np
import pytest

from emofuse.datasets.mult import read_mult
from emofuse.errors import ConfigError, DatasetError


def _split(labels=None, **changes):
    vision, audio, text = np.ones((2, 5, 4)), np.ones((2, 5, 3)), np.ones((2, 5, 6))
    text[0, :2], audio[0, :2], vision[0, :3] = 0, 0, 0
    labels = np.array([[[-1.5]], [[0.0]]]) if labels is None else labels
    ids = np.array([[b"vid", b"0.5", b"2.0"], [b"vid", b"2.0", b"3.5"]])
    return {"vision": vision, "audio": audio, "text": text, "labels": labels, "id": ids} | changes


@pytest.fixture
def read(tmp_path):
    def read_back(content, protocol=2, **options):
        path = tmp_path / "data.pkl"
        path.write_bytes(pickle.dumps(content, protocol))
        return read_mult(path, **options)

    return read_back


def test_padding_in_front_is_cut_where_the_words_begin(read):
    first, second = read({"train": _split()}).clips
    assert {key: len(vector) for key, vector in first.vectors.items()} == {
        "text": 3,
        "audio": 3,
        "video": 3,
    }
    assert first.vectors["video"][0].tolist() == [0, 0, 0, 0]
    assert len(second.vectors["text"]) == 5


def test_bytes_of_three_parts_are_video_start_and_end(read):
    clip = read({"train": _split()}).clips[0]
    assert (clip.id, clip.source, clip.start_s, clip.end_s) == ("vid_0.5_2.0", "vid", 0.5, 2.0)
    assert (clip.label, clip.ratings) == ("negative", {"sentiment": -1.5})


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (np.array(["abc[0]", "abc[1]"]), ("abc[1]", "abc", 1)),
        (["abc_0", "abc_1"], ("abc_1", "abc", 1)),
        (np.array([[0], [1]]), ("train_1", "1", None)),
        (None, ("train_00001", None, None)),
    ],
)
def test_other_ids(read, ids, found):
    parts = _split(id=ids)
    if ids is None:
        del parts["id"]
    clip = read({"train": parts}).clips[1]
    assert (clip.id, clip.source, clip.turn) == found


def test_clips_that_are_named_by_their_video_are_told_apart(read):
    corpus = read({"train": _split(id=["abc", "abc"]), "test": _split(id=["abd", "x_1"])})
    assert [clip.id for clip in corpus.clips] == ["abc[0]", "abc[1]", "abd", "x_1"]
    assert [clip.source for clip in corpus.clips] == ["abc", "abc", "abd", "x"]


def test_seven_labels_are_sentiment_and_emotions(read):
    labels = np.array([[[1.0, 2, 0, 1, 0, 0, 0]], [[-3.0, 0, 1, 0, 0, 1, 0]]])
    corpus = read({"train": _split(labels)})
    first, second = corpus.clips
    assert (first.label, dict(first.shares)) == ("happy", {"happy": 0.5, "anger": 0.5})
    assert (second.label, dict(second.shares)) == (None, {"sad": 0.5, "disgust": 0.5})
    assert first.ratings["sentiment"] == 1
    assert first.ratings["happy"] == 2
    assert corpus.task.rating_range == (-3, 3)


def test_four_times_yes_or_no_is_multi_label(read):
    labels = np.zeros((2, 4, 2))
    labels[..., 0] = 1
    labels[0, 1], labels[0, 2], labels[1, 3] = (0, 1), (0, 1), (0, 1)
    corpus = read({"train": _split(labels)})
    assert corpus.task.labels == ("neutral", "happy", "sad", "angry")
    assert [(clip.label, dict(clip.shares)) for clip in corpus.clips] == [
        (None, {"happy": 0.5, "sad": 0.5}),
        ("angry", {"angry": 1.0}),
    ]


def test_clips_without_words_are_kept_or_dropped_and_counted(read):
    parts = _split()
    parts["text"][1] = 0
    kept, dropped = read({"train": parts}), read({"train": parts}, wordless="drop")
    assert [len(corpus.clips) for corpus in (kept, dropped)] == [2, 1]
    assert "text" not in kept.clips[1].vectors
    assert len(kept.clips[1].vectors["audio"]) == 5
    assert all(
        any(note.startswith("1 clips have no word") for note in corpus.notes) for corpus in (kept, dropped)
    )
    with pytest.raises(ConfigError, match="wordless"):
        read({"train": parts}, wordless="perhaps")


def test_unaligned_modalities_are_cut_on_their_own(read):
    audio = np.ones((2, 9, 3))
    audio[:, :4] = 0
    clip = read({"train": _split(audio=audio)}).clips[0]
    assert {key: len(vector) for key, vector in clip.vectors.items()} == {"text": 3, "audio": 5, "video": 2}


def test_infinite_audio_is_counted_and_wide_video_cut(read):
    parts = _split(vision=np.ones((2, 5, 713)))
    parts["audio"][1, 1, 1] = -np.inf
    corpus = read({"train": parts}, video_width=35)
    assert corpus.clips[0].vectors["video"].shape == (3, 35)
    assert any("1 -inf" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"train": _split(labels=np.ones((2, 1, 3)))}, "train: labels: shape (2, 1, 3)"),
        ({"train": _split(labels=np.full((2, 1, 1), 4.0))}, "wanted -3 to 3"),
        ({"train": _split(labels=np.array(["a", "b"]))}, "labels: holds"),
        ({"train": _split(), "test": _split(labels=np.ones((2, 1, 7)))}, "labels: shapes"),
        (
            {"train": _split(), "test": _split(audio=np.ones((2, 5, 8)))},
            "test: audio: 8 features, wanted 3",
        ),
        ({"train": _split(text=np.ones((3, 5, 6)))}, "train: text: 3 items, wanted 2"),
        ({"train": _split(text=np.ones((2, 6)))}, "train: text: shape (2, 6)"),
        ({"train": {"labels": np.ones((2, 1, 1))}}, "no text, audio or vision"),
        ({"train": {"text": np.ones((2, 5, 6))}}, "no key labels"),
        ({"words": {}}, "found the keys words"),
    ],
)
def test_another_layout_says_split_and_key(read, content, said):
    with pytest.raises(DatasetError, match=r"data\.pkl") as found:
        read(content)
    assert said in str(found.value)
