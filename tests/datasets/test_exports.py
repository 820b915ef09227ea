"""What is given back reads back equal."""

import json

import numpy as np
import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.exports import EXPORTS, export_corpus
from emofuse.errors import DatasetError, OutputError, UnknownNameError
from emofuse.types import Clip, Corpus, Picture, TaskSpec


def sentiment(clips=9) -> Corpus:
    generator = np.random.default_rng(0)
    made = []
    for n in range(clips):
        lengths = {"text": 2 + n % 3, "audio": 5 + n, "video": 1 + n % 4}
        widths = {"text": 6, "audio": 5, "video": 4}
        value = float(np.float32((n - 4) * 0.6))
        made.append(
            Clip(
                id=f"video{n // 3}$_${n % 3}",
                text=f"words {n}",
                ratings={"sentiment": value, "sentiment_text": value / 2},
                source=f"video{n // 3}",
                split=("train", "valid", "test")[n // 3],
                vectors={
                    key: generator.normal(size=(lengths[key], widths[key])).astype(np.float32)
                    for key in widths
                },
            )
        )
    task = TaskSpec(ratings=("sentiment", "sentiment_text"), rating_range=(-3.0, 3.0))
    return Corpus("toy", tuple(made), task, "Who", "free", ("a note",))


def test_the_pickle_of_mmsa_reads_back_equal(tmp_path):
    given = sentiment()
    export_corpus(given, "mmsa", tmp_path / "toy.pkl")
    back = load_corpus("mmsa", tmp_path / "toy.pkl")
    assert [clip.id for clip in back.clips] == [clip.id for clip in given.clips]
    for one, two in zip(given.clips, back.clips, strict=True):
        assert (one.text, one.split, one.source) == (two.text, two.split, two.source)
        assert two.ratings["sentiment"] == pytest.approx(one.ratings["sentiment"])
        assert two.ratings["sentiment_text"] == pytest.approx(one.ratings["sentiment_text"])
        for key in ("text", "audio", "video"):
            assert np.array_equal(one.vectors[key], two.vectors[key]), (one.id, key)


def test_the_pickle_has_the_layout_of_mmsa(tmp_path):
    from emofuse.datasets.archives import load_restricted

    export_corpus(sentiment(), "mmsa", tmp_path / "toy.pkl")
    content = load_restricted(tmp_path / "toy.pkl")
    assert list(content) == ["train", "valid", "test"]
    part = content["train"]
    assert (
        part["text"].shape == (3, 4, 6)
        and part["audio"].shape == (3, 13, 5)
        and part["vision"].shape == (3, 4, 4)
    )
    assert part["audio_lengths"] == [5, 6, 7] and not part["audio"][0, 5:].any()
    assert (
        part["annotations"] == ["Negative", "Negative", "Negative"]
        and part["regression_labels"].dtype == np.float32
    )


def labelled(folder) -> Corpus:
    (folder / "one.wav").write_bytes(b"sound")
    clips = (
        Clip(
            id="a", media=folder / "one.wav", text='say "hi", or\nnot', label="glad",
            shares={"glad": 0.75, "sad": 0.25},
            ratings={"valence": 0.1 + 0.2}, speaker="s1", dialogue="d", turn=0, source="v", split="train",
            start_s=0.5, end_s=1.25, vectors={"units": np.arange(3, dtype=np.float32), "audio": np.ones((2, 2))},
        ),
        Clip(id="b", text="no", label="sad", split="valid", vectors={"units": np.zeros(3, np.float32)}),
        Clip(id="c", text="well", split="test"),
    )  # fmt: skip
    return Corpus("mine", clips, TaskSpec(("glad", "sad"), ("valence",)), "Who", "free", ("n",))


def assert_equal(given: Corpus, back: Corpus) -> None:
    fields = (
        "id", "text", "label", "ratings", "shares", "speaker", "dialogue", "turn", "source", "split", "start_s",
        "end_s",
    )  # fmt: skip
    for one, two in zip(given.clips, back.clips, strict=True):
        for name in fields:
            assert getattr(one, name) == getattr(two, name), (one.id, name)
        assert set(one.vectors) == set(two.vectors)
        for key in one.vectors:
            found = np.asarray(two.vectors[key])
            assert found.shape == one.vectors[key].shape and np.array_equal(found, one.vectors[key])
    assert back.task.labels == given.task.labels and back.task.ratings == given.task.ratings


def test_a_csv_reads_back_equal(tmp_path):
    given = labelled(tmp_path)
    export_corpus(given, "csv", tmp_path / "out")
    back = load_corpus("listed", tmp_path / "out" / "clips.csv")
    assert_equal(given, back)
    assert back.clips[0].media.resolve() == (tmp_path / "one.wav").resolve()


def test_a_hugging_face_folder_reads_back_equal(tmp_path):
    given = labelled(tmp_path)
    export_corpus(given, "huggingface", tmp_path / "out")
    assert_equal(given, load_corpus("huggingface", tmp_path / "out"))
    import pyarrow.parquet as pq

    facts = json.loads(
        pq.read_schema(tmp_path / "out" / "data" / "train-00000-of-00001.parquet").metadata[b"huggingface"]
    )
    assert facts["info"]["features"]["label"] == {"names": ["glad", "sad"], "_type": "ClassLabel"}
    assert "path: data/validation-*" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_pictures_in_memory_become_files(tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    clips = (Clip(id="p", media=Picture(pixels), label="sad"),)
    export_corpus(Corpus("pictures", clips, TaskSpec(("sad",))), "csv", tmp_path / "out")
    from PIL import Image

    (clip,) = load_corpus("listed", tmp_path / "out" / "clips.csv").clips
    assert np.array_equal(np.asarray(Image.open(clip.media)), pixels)


def test_what_cannot_be_given_back_is_said(tmp_path):
    with pytest.raises(DatasetError, match="MMSA wants a sentiment"):
        export_corpus(labelled(tmp_path), "mmsa", tmp_path / "x.pkl")
    with pytest.raises(UnknownNameError, match="mmsa"):
        export_corpus(labelled(tmp_path), "msa", tmp_path / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x", encoding="utf-8")
    for form in ("csv", "huggingface"):
        with pytest.raises(OutputError, match="is there already"):
            export_corpus(labelled(tmp_path), form, tmp_path / "full")
    assert set(EXPORTS) == {"mmsa", "csv", "huggingface"}
