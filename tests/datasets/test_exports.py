"""What is given back reads back equal."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from emofuse.apps.cli import app
from emofuse.datasets import load_corpus
from emofuse.datasets.exports import EXPORTS, export_corpus
from emofuse.datasets.packed import write_store
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
            start_s=0.5, end_s=1.25, facts={"gender": "female", "asked for": "strong"},
            vectors={"units": np.arange(3, dtype=np.float32), "audio": np.ones((2, 2))},
        ),
        Clip(id="b", text="no", label="sad", split="valid", vectors={"units": np.zeros(3, np.float32)}),
        Clip(id="c", text="well", split="test"),
    )  # fmt: skip
    task = TaskSpec(("glad", "sad"), ("valence",), (-2.0, 3.0), ("macro_f1", "ccc"))
    return Corpus("mine", clips, task, "Who", "free", ("n", "m"))


def assert_equal(given: Corpus, back: Corpus) -> None:
    fields = (
        "id", "text", "label", "ratings", "shares", "speaker", "dialogue", "turn", "source", "split", "start_s",
        "end_s", "facts",
    )  # fmt: skip
    for one, two in zip(given.clips, back.clips, strict=True):
        for name in fields:
            assert getattr(one, name) == getattr(two, name), (one.id, name)
        assert set(one.vectors) == set(two.vectors)
        for key in one.vectors:
            found = np.asarray(two.vectors[key])
            assert found.shape == one.vectors[key].shape and np.array_equal(found, one.vectors[key])
    for name in ("name", "task", "citation", "licence", "notes"):
        assert getattr(back, name) == getattr(given, name), name


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


PLACES = {"csv": ("listed", "clips.csv"), "huggingface": ("huggingface", "")}


def given_back(corpus: Corpus, form: str, out) -> Corpus:
    assert export_corpus(corpus, form, out) == len(corpus.clips)
    reader, file = PLACES[form]
    return load_corpus(reader, out / file)


ODD = {
    "ends where it starts": {"start_s": 2.0, "end_s": 2.0},
    "starts before its media": {"start_s": -0.25, "end_s": 1.0, "turn": -1},
    "outer blanks": {"text": "  so\n", "speaker": " a ", "source": "v\t"},
    "all kinds of line ends": {"text": "a\rb\r\nc\u2028d\x85e\x0bf"},
    "a book": {"text": "word, " * 40_000},
    "empty texts": {"text": "", "speaker": "", "dialogue": ""},
    "nothing at all": {},
    "a start without a source": {"start_s": 1.0, "text": "x"},
    "shares of annotators who may pass": {"shares": {"glad": 0.5, "sad": 0.25}},
    "a share of none": {"shares": {"glad": 1.0, "sad": 0.0}},
    "votes": {"shares": {"glad": 2.0, " sad ": 1.0}},
    "a label that the task lacks": {"label": "calm"},
    "a rating out of range": {"ratings": {"valence": -7.5, "not stated": 1e-300}},
    "numbers of numpy": {"ratings": {"valence": np.float64(0.1)}, "start_s": np.float64(0.3)},
    "keys that a file cannot be called by": {
        "vectors": {
            "a/b": np.ones(2),
            "a_b": np.zeros(3),
            "A_B": np.arange(4),
            "": np.ones(1),
            " x": np.ones(1),
        }
    },
    "no frame": {"vectors": {"rows": np.zeros((0, 5), np.float32), "none": np.zeros(0, np.float32)}},
    "halves, bytes and flags": {
        "vectors": {"h": np.ones((2, 2), np.float16), "b": np.array([[7]], np.uint8), "f": np.array([True])}
    },
}


@pytest.mark.parametrize("form", PLACES)
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_clip_reads_back_equal(tmp_path, form, odd):
    task = TaskSpec(("glad", "sad"), ("valence",))
    corpus = Corpus("odd", (Clip(id="plain", text="so"), Clip(id="odd", **ODD[odd])), task)
    assert_equal(corpus, given_back(corpus, form, tmp_path / "out"))


@pytest.mark.parametrize("form", PLACES)
def test_one_vector_and_rows_of_them_may_share_a_key(tmp_path, form):
    arrays = (np.arange(4.0), np.ones((3, 4)), np.zeros((0, 4)), np.ones((1, 4)))
    clips = tuple(Clip(id=str(n), vectors={"audio": array}) for n, array in enumerate(arrays))
    corpus = Corpus("both", clips, TaskSpec(("glad",)))
    assert_equal(corpus, given_back(corpus, form, tmp_path / "out"))


@pytest.mark.parametrize("form", PLACES)
@pytest.mark.parametrize(
    "splits",
    [(None, None), ("train", None, "train"), (None, "test", "valid", "train", None, "test"), ("test",)],
)
def test_no_clip_is_lost_with_or_without_a_split_and_in_any_order(tmp_path, form, splits):
    clips = tuple(Clip(id=str(n), text="so", split=split) for n, split in enumerate(splits))
    corpus = Corpus("parts", clips, TaskSpec(("glad",)))
    assert_equal(corpus, given_back(corpus, form, tmp_path / "out"))


def test_clips_without_a_split_are_not_given_away_as_training_clips(tmp_path):
    import pyarrow.parquet as pq

    clips = (Clip(id="a", text="x", split="train"), Clip(id="b", text="y"))
    export_corpus(Corpus("parts", clips, TaskSpec(("glad",))), "huggingface", tmp_path / "out")
    files = {
        file.name: pq.read_table(file)["id"].to_pylist() for file in (tmp_path / "out" / "data").iterdir()
    }
    assert files == {"train-00000-of-00001.parquet": ["a"], "other-00000-of-00001.parquet": ["b"]}
    assert "path: data/other-*" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.none() | st.text(max_size=3), st.none() | st.floats(allow_nan=False)),
        min_size=1, max_size=4,
    )
)  # fmt: skip
@pytest.mark.parametrize("form", PLACES)
def test_any_text_and_number_reads_back_equal(tmp_path_factory, form, rows):
    clips = tuple(
        Clip(id=f"{n}{name}", text=name, speaker=speaker, start_s=start)
        for n, (name, speaker, start) in enumerate(rows)
        if start is None or np.isfinite(start)
    )
    if clips:
        corpus = Corpus("any", clips, TaskSpec(("glad",)))
        assert_equal(corpus, given_back(corpus, form, tmp_path_factory.mktemp("any") / "out"))


@pytest.mark.parametrize("form", PLACES)
def test_arrays_that_no_form_holds_are_refused(tmp_path, form):
    for array in (np.ones((1, 2, 3)), np.array(["x"]), np.array([1j])):
        corpus = Corpus("odd", (Clip(id="a", vectors={"k": array}),), TaskSpec())
        with pytest.raises(DatasetError, match="clip a: 'k' is "):
            export_corpus(corpus, form, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_form_says_how_many_clips_it_took(tmp_path):
    given = sentiment()
    without = Clip(id="none", text="x", split="train", vectors=given.clips[0].vectors)
    write_store(given.with_clips((*given.clips, without)), tmp_path / "store")
    made = CliRunner().invoke(
        app, ["export", str(tmp_path / "store"), str(tmp_path / "x.pkl"), "--to", "mmsa"]
    )
    assert made.exit_code == 0 and "9 clips as mmsa; it has no place for 1 others" in made.output


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
