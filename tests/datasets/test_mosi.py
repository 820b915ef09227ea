import numpy as np
import pytest

from emofuse.datasets.mosi import read_mosi
from emofuse.errors import ConfigError, DatasetError

VALUES = (-3.0, -0.4, 0.0, 2.2, 1.0)


def table(root, **other):
    count = len(VALUES)
    arrays = {
        "id": np.array([f"vid_{number}" for number in range(count)]),
        "video": np.array(["one", "one", "one", "two", "three"]),
        "turn": np.array([0, 1, 2, 0, 0]),
        "split": np.array(["train"] * 3 + ["test"] * 2),
        "standard_split": np.array(["train", "train", "train", "valid", "test"]),
        "transcript": np.array(["SO GOOD"] * count),
        "text": np.full((count, 4), 0.5, np.float32),
        "audio": np.full((count, 3), 1.5, np.float32),
        "video_features": np.full((count, 2), 2.5, np.float32),
        "sentiment": np.array(VALUES, np.float32),
        **other,
    }
    np.savez(
        root / "mosi_utterances.npz", **{name: value for name, value in arrays.items() if value is not None}
    )
    return root


def test_segments_have_their_vectors_and_their_place_in_the_video(tmp_path):
    clips = read_mosi(table(tmp_path)).clips
    assert [(clip.source, clip.dialogue, clip.turn) for clip in clips[1:4]] == [
        *(("one", "one", 1), ("one", "one", 2), ("two", "two", 0))
    ]
    assert {name: (value.shape, float(value[0])) for name, value in clips[0].vectors.items()} == {
        "text": ((4,), 0.5),
        "audio": ((3,), 1.5),
        "video": ((2,), 2.5),
    }
    assert [clip.ratings["sentiment"] for clip in clips] == list(VALUES)


def test_both_splits_and_what_is_said_of_them(tmp_path):
    table(tmp_path)
    fitted, standard = read_mosi(tmp_path), read_mosi(tmp_path, splits="standard")
    assert [clip.split for clip in fitted.clips] == ["train"] * 3 + ["test"] * 2
    assert [clip.split for clip in standard.clips] == ["train"] * 3 + ["valid", "test"]
    assert any("found train 3, test 2; published train 1447, test 752" in note for note in fitted.notes)
    assert any("published train 1284, valid 229, test 686" in note for note in standard.notes)
    assert all(any("rotated_test" in note for note in corpus.notes) for corpus in (fitted, standard))


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("sentiment", [None] * 5),
        ("sentiment2", ["negative", "negative", None, "positive", "positive"]),
        ("sentiment3", ["negative", "negative", "neutral", "positive", "positive"]),
    ],
)
def test_classes_are_cut_by_the_sign(tmp_path, task, labels):
    assert [clip.label for clip in read_mosi(table(tmp_path), task=task).clips] == labels


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        ({"audio": None}, "no array audio"),
        ({"audio": np.ones((3, 2))}, "audio has 3 rows, id has 5"),
        ({"text": np.array([{}] * 5, dtype=object)}, "cannot be read"),
    ],
)
def test_a_table_that_does_not_hold_is_an_error(tmp_path, other, wanted):
    with pytest.raises(DatasetError, match=wanted):
        read_mosi(table(tmp_path, **other))


def test_unknown_options_and_absent_layouts(tmp_path):
    with pytest.raises(DatasetError, match=r"label\.csv"):
        read_mosi(tmp_path)
    with pytest.raises(ConfigError, match="vectors, standard"):
        read_mosi(tmp_path, splits="random")
    with pytest.raises(ConfigError, match="sentiment3"):
        read_mosi(table(tmp_path), task="sentiment7")


def test_the_folder_of_mmsa_is_read_with_its_media(tmp_path):
    rows = (
        "video_id,clip_id,text,label,annotation,mode",
        "abc,1,GOOD,2.5,Positive,train",
        "abc,2,BAD,-3,Negative,test",
    )
    (tmp_path / "label.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "Raw" / "abc").mkdir(parents=True)
    (tmp_path / "Raw" / "abc" / "1.mp4").touch()
    corpus = read_mosi(tmp_path)
    first, second = corpus.clips
    assert (corpus.name, corpus.task.rating_range) == ("mosi", (-3.0, 3.0))
    assert (first.id, first.media.name, first.split, first.ratings) == (
        "abc$_$1",
        "1.mp4",
        "train",
        {"sentiment": 2.5},
    )
    assert (second.media, second.split) == (None, "test")


def test_a_file_that_is_no_table_is_told_without_advice_to_load_pickles(tmp_path):
    (tmp_path / "README.md").write_text("# a page\n")
    pickled = table(tmp_path, text=np.array([{}] * 5, dtype=object)) / "mosi_utterances.npz"
    whole = pickled.read_bytes()
    for name, content in (
        ("cut.npz", whole[: len(whole) // 2]),
        ("flipped.npz", whole.replace(b"NUMPY", b"NUMPX")),
    ):
        (tmp_path / name).write_bytes(content)
    for file in (tmp_path / "README.md", pickled, tmp_path / "cut.npz", tmp_path / "flipped.npz"):
        with pytest.raises(DatasetError, match=file.name) as found:
            read_mosi(file)
        assert "pickle" not in str(found.value)
