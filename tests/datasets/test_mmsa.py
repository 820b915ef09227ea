"""MMSA's archives: every published set of keys, true lengths, and faults that are named with their place."""

import pickle

import numpy as np
import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.mmsa import read_mmsa
from emofuse.errors import ConfigError, DatasetError


def _split(count=3, name="train", **changes):
    rng = np.random.default_rng(count)
    text, audio, vision = (rng.random((count, frames, dim)) + 1 for frames, dim in ((4, 3), (6, 2), (5, 7)))
    bert = np.zeros((count, 3, 4))
    bert[:, 0, :3], bert[:, 1, :3] = 101, 1
    text[:, 3:], audio[:, 2:], vision[:, 4:] = 0, 0, 0
    parts = {
        "id": [f"{name}vid$_${index}" for index in range(count)],
        "raw_text": [f"TEXT {index}" for index in range(count)],
        "text": text,
        "text_bert": bert,
        "audio": audio,
        "vision": vision,
        "audio_lengths": [2] * count,
        "vision_lengths": [4] * count,
        "annotations": ["Negative", "Neutral", "Positive"] * (count // 3) + ["Positive"] * (count % 3),
        "classification_labels": np.array([0.0, 1, 2][:count]),
        "regression_labels": np.array([-2.5, 0, 3][:count], np.float32),
    } | changes
    return {key: value for key, value in parts.items() if value is not None}


@pytest.fixture
def read(tmp_path):
    def read_back(content, protocol=4, **options):
        path = tmp_path / "unaligned.pkl"
        path.write_bytes(pickle.dumps(content, protocol))
        return read_mmsa(path, **options)

    return read_back


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_unaligned_archive_with_all_keys(read, protocol):
    content = {name: _split(name=name) for name in ("train", "valid", "test")}
    corpus = read(content, protocol)
    assert [clip.split for clip in corpus.clips] == ["train"] * 3 + ["valid"] * 3 + ["test"] * 3
    clip = corpus.clips[2]
    assert (clip.id, clip.source, clip.turn, clip.text) == ("trainvid$_$2", "trainvid", 2, "TEXT 2")
    assert (clip.label, clip.ratings) == ("positive", {"sentiment": 3.0})
    assert {key: vector.shape for key, vector in clip.vectors.items()} == {
        "text": (3, 3),
        "audio": (2, 2),
        "video": (4, 7),
        "text_ids": (3, 3),
    }
    assert all(vector.dtype == np.float32 for vector in clip.vectors.values())
    assert np.allclose(clip.vectors["audio"], content["train"]["audio"][2, :2])
    assert clip.vectors["text_ids"][0].tolist() == [101, 1, 0]
    assert corpus.task.rating_range == (-3, 3)
    assert len(corpus.notes) == 1


def test_vectors_are_views_of_one_array(read):
    first, second = (clip.vectors["audio"] for clip in read({"train": _split()}).clips[:2])
    assert first.base is not None
    assert first.base is second.base


def test_faults_are_set_to_0_and_counted(read):
    parts = _split()
    parts["audio"][0, 0, 0], parts["audio"][1, 1, 0], parts["vision"][0, 0, 3] = -np.inf, np.nan, np.nan
    parts["audio"][2, 0] = -100
    corpus = read({"train": parts})
    assert corpus.clips[0].vectors["audio"][0, 0] == 0
    assert corpus.clips[2].vectors["audio"][0].tolist() == [0, 0]
    notes = "\n".join(corpus.notes)
    assert "audio: values that are no numbers were set to 0: 1 -inf, 1 NaN" in notes
    assert "audio: 1 frames" in notes
    assert "video: values that are no numbers were set to 0: 1 NaN" in notes


def test_lengths_by_the_mask_where_an_archive_is_aligned(read):
    aligned = np.ones((3, 4, 2))
    corpus = read({"train": _split(audio=aligned, vision=aligned, audio_lengths=None, vision_lengths=None)})
    assert {len(vector) for vector in corpus.clips[0].vectors.values()} == {3}


def test_lengths_by_zeros_where_nothing_is_stated(read):
    parts = _split(text_bert=None, audio_lengths=None, vision_lengths=None)
    parts["audio"][1] = 0
    corpus = read({"train": parts})
    assert [len(corpus.clips[0].vectors[key]) for key in ("text", "audio", "video")] == [3, 2, 4]
    assert "audio" not in corpus.clips[1].vectors
    assert any(note.startswith("audio: 1 clips") for note in corpus.notes)


def test_aligned_by_zeros_keeps_the_modalities_together(read):
    parts = _split(text_bert=None, audio_lengths=None, vision_lengths=None)
    parts["audio"], parts["vision"] = parts["audio"][:, :4], parts["vision"][:, :4].copy()
    parts["vision"][:, 3] = 0
    corpus = read({"train": parts})
    # Audio ends after two frames, words after three: a pause is not the end of the clip.
    assert {len(vector) for vector in corpus.clips[0].vectors.values()} == {3}


def test_padding_in_front_is_cut_by_the_stated_length(read):
    parts = _split()
    parts["audio"] = parts["audio"][:, ::-1].copy()
    corpus = read({"train": parts})
    assert np.allclose(corpus.clips[0].vectors["audio"], parts["audio"][0, 4:])


def test_labels_of_each_modality_and_the_small_scale(read):
    ones = {f"regression_labels_{key}": np.array([-1.0, 0.4, np.nan]) for key in "TAV"}
    corpus = read({"train": _split(regression_labels=np.array([-1.0, 0, 0.8]), **ones)})
    assert corpus.task.ratings == ("sentiment", "sentiment_text", "sentiment_audio", "sentiment_vision")
    assert corpus.task.rating_range == (-1, 1)
    assert corpus.clips[1].ratings["sentiment_vision"] == 0.4
    assert "sentiment_text" not in corpus.clips[2].ratings


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        (
            {"annotations": ["Weakly Negative", b"neutral", np.str_("POSITIVE")]},
            ["negative", "neutral", "positive"],
        ),
        ({"annotations": None, "classification_labels": [2, 1, 0]}, ["positive", "neutral", "negative"]),
        ({"annotations": None, "classification_labels": None}, ["negative", "neutral", "positive"]),
        ({"annotations": None, "classification_labels": [5, 6, 7]}, ["negative", "neutral", "positive"]),
    ],
)
def test_labels_from_what_is_there(read, changes, labels):
    assert [clip.label for clip in read({"train": _split(**changes)}).clips] == labels


@pytest.mark.parametrize(
    ("ids", "first"),
    [
        ([b"a$_$1", b"a$_$2", b"b$_$1"], "a$_$1"),
        (np.array(["a$_$1", "a$_$2", "b$_$1"]), "a$_$1"),
        (np.array(["a$_$1", "a$_$2", "b$_$1"], dtype=object), "a$_$1"),
        (None, "train_00000"),
    ],
)
def test_ids_as_text_bytes_and_absent(read, ids, first):
    assert read({"train": _split(id=ids)}).clips[0].id == first


def test_older_keys_and_functionals(read):
    # One vector a clip, split names and label key of older files.
    parts = _split(
        regression_labels=None, labels=np.full((3, 1, 1), 1.0), vision=np.ones((3, 7)), vision_lengths=None
    )
    corpus = read({"dev": parts, "config": {"audio": {"tool": "opensmile", "args": {}}}})
    assert corpus.clips[0].split == "valid"
    assert corpus.clips[0].ratings == {"sentiment": 1.0}
    assert corpus.clips[0].vectors["video"].shape == (1, 7)
    assert any("audio opensmile" in note for note in corpus.notes)


def test_single_clip_of_the_feature_tool(read):
    single = {
        "text": np.ones((4, 8)),
        "text_bert": np.ones((3, 4)),
        "audio": np.ones((9, 2)),
        "vision": np.ones((5, 3)),
    }
    corpus = read(single)
    assert [clip.id for clip in corpus.clips] == ["unaligned"]
    assert corpus.clips[0].vectors["audio"].shape == (9, 2)
    assert corpus.clips[0].split is None


def test_rating_range_can_be_given(read):
    content = {"train": _split(regression_labels=np.array([-0.5, 0.1, 0.2]))}
    assert read(content, rating_range=(-3, 3)).task.rating_range == (-3, 3)
    with pytest.raises(DatasetError, match="regression_labels"):
        read(content, rating_range=(0, 1))
    for wrong in ((1, 1), "ab", (1,), (None, 2)):
        with pytest.raises(ConfigError, match="rating_range"):
            read(content, rating_range=wrong)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1], "holds a list"),
        ({}, "no split"),
        ({"training set": {}}, "found the keys training set"),
        ({"train": []}, "found the keys train"),
        ({"train": {"raw_text": ["a"]}}, "train: no text"),
        ({"train": _split(audio=np.ones((2, 6, 2)))}, "train: audio: 2 items, wanted 3 as id has"),
        ({"train": _split(audio_lengths=[1, 2])}, "train: audio_lengths: 2 items, wanted 3"),
        (
            {"train": _split(), "test": _split(vision=np.ones((3, 5, 9)))},
            "test: video: 9 features, wanted 7 as train",
        ),
        ({"train": _split(text_bert=np.ones((3, 2, 4)))}, "text_bert: shape"),
        ({"train": _split(vision=np.ones((3, 5, 7, 2)))}, "video: shape"),
        ({"train": _split(annotations=["good", "bad", "x"])}, "annotations: found 'good'"),
        (
            {"train": _split(regression_labels=["a", "b", "c"])},
            "regression_labels: wanted a list of numbers",
        ),
        ({"train": _split(regression_labels=np.array([1.0, 9, 2]))}, "regression_labels: 1 to 9 found"),
        ({"train": _split(audio=["a", "b", "c"])}, "train: audio"),
        ({"train": _split(raw_text=5)}, "raw_text: found a int"),
    ],
)
def test_another_layout_says_split_and_key(read, content, said):
    with pytest.raises(DatasetError, match=r"unaligned\.pkl") as found:
        read(content)
    assert said in str(found.value)


def test_folder_with_one_archive_and_with_two(tmp_path):
    (tmp_path / "Processed").mkdir()
    for name in ("a.pkl", "b.pkl"):
        (tmp_path / "Processed" / name).write_bytes(pickle.dumps({"train": _split()}))
        if name == "a.pkl":
            assert len(load_corpus("mmsa", tmp_path).clips) == 3
    with pytest.raises(DatasetError, match=r"found a\.pkl, b\.pkl"):
        load_corpus("mmsa", tmp_path)
