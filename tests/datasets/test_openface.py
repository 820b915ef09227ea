"""OpenFace's tables: blanks in the header, frames without a face, several faces."""

import numpy as np
import pytest

from emofuse.datasets.openface import read_openface
from emofuse.errors import ConfigError, DatasetError

HEADER = "frame, face_id, timestamp, confidence, success, gaze_0_x, pose_Tx, AU01_r, AU01_c"
ROWS = (
    "1, 0, 0.00, 0.98, 1, 0.1, 5, 1.5, 1",
    "2, 0, 0.04, 0.30, 1, 0.2, 6, 2.5, 0",
    "3, 0, 0.08, 0.02, 0, 9, 9, 9, 9",
)


def _write(path, *rows, header=HEADER):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def test_frames_times_and_frames_without_a_face(tmp_path):
    corpus = read_openface(_write(tmp_path / "one.csv", *ROWS))
    clip = corpus.clips[0]
    assert clip.id == "one"
    assert np.allclose(clip.vectors["video"], [[0.1, 5, 1.5, 1], [0.2, 6, 2.5, 0], [0, 0, 0, 0]])
    assert clip.vectors["video"].dtype == np.float32
    assert np.allclose(clip.vectors["video_times_s"], [[0], [0.04], [0.08]])
    assert any(note.startswith("1 of 3 frames") for note in corpus.notes)


@pytest.mark.parametrize(
    ("columns", "first"),
    [("units", [1.5, 1]), ("intensities", [1.5]), ("pose_gaze", [0.1, 5]), ("all", [0.1, 5, 1.5, 1])],
)
def test_choices_of_columns(tmp_path, columns, first):
    clip = read_openface(_write(tmp_path / "one.csv", *ROWS), columns=columns).clips[0]
    assert np.allclose(clip.vectors["video"][0], first)


def test_confidence_is_a_bound(tmp_path):
    path = _write(tmp_path / "one.csv", *ROWS)
    assert not read_openface(path, confidence=0.5).clips[0].vectors["video"][1].any()
    for wrong in (2, -1, "x"):
        with pytest.raises(ConfigError, match="confidence"):
            read_openface(path, confidence=wrong)
    with pytest.raises(ConfigError, match="columns"):
        read_openface(path, columns="eyes")


def test_width_of_the_usual_convention(tmp_path):
    names = ", ".join(
        ("frame", "face_id", "timestamp", "confidence", "success", *(f"x_{i}" for i in range(709)))
    )
    row = ", ".join(["1", "0", "0", "1", "1"] + ["1"] * 709)
    corpus = read_openface(_write(tmp_path / "one.csv", row, header=names))
    assert corpus.clips[0].vectors["video"].shape == (1, 709)
    assert not any("convention" in note for note in corpus.notes)


def test_of_several_faces_the_one_seen_most_is_kept(tmp_path):
    other = ("1, 1, 0.00, 0.9, 1, 7, 7, 7, 1", "2, 1, 0.04, 0.9, 0, 7, 7, 7, 1")
    corpus = read_openface(_write(tmp_path / "one.csv", *ROWS, *other))
    assert len(corpus.clips[0].vectors["video"]) == 3
    assert any(note.startswith("1 clips show several faces") for note in corpus.notes)


def test_labels_and_splits_by_folder(tmp_path):
    for split, label in (("train", "joy"), ("train", "anger"), ("test", "joy")):
        _write(tmp_path / split / label / "one.csv", *ROWS)
    corpus = read_openface(tmp_path)
    assert [(clip.id, clip.label, clip.split) for clip in corpus.clips] == [
        ("test/joy/one", "joy", "test"),
        ("train/anger/one", "anger", "train"),
        ("train/joy/one", "joy", "train"),
    ]
    assert corpus.task.labels == ("anger", "joy")


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("frame,face_id", ROWS, "no column timestamp, confidence, success"),
        (HEADER, ("1, 0, 0.00, 0.98, 1, x, 5, 1.5, 1",), "could not convert"),
        (HEADER, ("1, 0, 0.00",), "3 cells under a header of 9"),
        (HEADER, (ROWS[0], "1, 2"), "one.csv"),
        (HEADER, (), "no frame"),
        ("frame, timestamp, confidence, success", ("1, 0, 1, 1",), "no column like"),
    ],
)
def test_tables_that_do_not_hold_are_named(tmp_path, header, rows, said):
    with pytest.raises(DatasetError, match=r"one\.csv") as found:
        read_openface(_write(tmp_path / "one.csv", *rows, header=header))
    assert said in str(found.value)


def test_tables_of_different_width_and_depth(tmp_path):
    _write(tmp_path / "one.csv", *ROWS)
    _write(
        tmp_path / "two.csv",
        "1, 0, 0, 1, 1, 2",
        header="frame, face_id, timestamp, confidence, success, gaze_0_x",
    )
    with pytest.raises(DatasetError, match="different width"):
        read_openface(tmp_path)
    _write(tmp_path / "joy" / "three.csv", *ROWS)
    with pytest.raises(DatasetError, match="does not lie as the others"):
        read_openface(tmp_path)
