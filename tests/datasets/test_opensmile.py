"""openSMILE's tables: its own CSV, that of the Python package, ARFF; functionals and descriptors."""

import numpy as np
import pytest

from emofuse.datasets.opensmile import read_opensmile
from emofuse.errors import DatasetError


def _write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_own_csv_of_descriptors_over_time(tmp_path):
    lines = ("name;frameTime;F0;loudness", "'unknown';0.0;1;-inf", "'unknown';0.01;3;4")
    corpus = read_opensmile(_write(tmp_path / "one.csv", *lines))
    clip = corpus.clips[0]
    assert clip.id == "one"
    assert clip.vectors["audio"].tolist() == [[1, 0], [3, 4]]
    assert np.allclose(clip.vectors["audio_times_s"], [[0], [0.01]])
    assert any("1 -inf" in note for note in corpus.notes)


def test_csv_of_the_package_holds_many_clips(tmp_path):
    lines = (
        "file,start,end,F0,loudness",
        "wav/a.wav,0 days 00:00:00,0 days 00:00:00.020000,1,2",
        "wav/a.wav,0 days 00:00:00.010000,0 days 00:00:00.030000,3,4",
        "wav/b.wav,0 days 00:00:00,0 days 00:00:01,5,6",
    )
    first, second = read_opensmile(_write(tmp_path / "all.csv", *lines)).clips
    assert (first.id, second.id) == ("wav/a", "wav/b")
    assert first.vectors["audio"].tolist() == [[1, 2], [3, 4]]
    assert np.allclose(first.vectors["audio_times_s"][:, 0], [0, 0.01])
    assert second.vectors["audio"].tolist() == [5, 6]
    assert "audio_times_s" not in second.vectors


def test_arff_with_classes(tmp_path):
    lines = (
        "@relation emotion",
        "",
        "@attribute name string",
        "@ATTRIBUTE 'F0 mean' numeric",
        "@attribute jitter numeric",
        "@attribute class {joy,anger,?}",
        "@data",
        "% a comment",
        "'one.wav',1.5,2,joy",
        "'two.wav',2.5,3,?",
    )
    corpus = read_opensmile(_write(tmp_path / "all.arff", *lines))
    assert [(clip.id, clip.label) for clip in corpus.clips] == [("one", "joy"), ("two", None)]
    assert corpus.clips[0].vectors["audio"].tolist() == [1.5, 2]
    assert corpus.task.labels == ("joy",)


def test_folders_give_label_and_split(tmp_path):
    for split, label in (("train", "joy"), ("valid", "anger")):
        _write(tmp_path / split / label / "one.csv", "name;F0", "'unknown';1.5")
    corpus = read_opensmile(tmp_path)
    assert [(clip.id, clip.label, clip.split) for clip in corpus.clips] == [
        ("train/joy/one", "joy", "train"),
        ("valid/anger/one", "anger", "valid"),
    ]


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("a.csv", ("name;F0", "'x';1;2"), "a.csv:2: 3 cells under a header of 2"),
        ("a.csv", ("name;F0", "'x';abc"), "could not convert"),
        ("a.csv", ("name;frameTime", "'x';1"), "no feature"),
        ("a.csv", ("name;F0",), "no feature"),
        ("a.csv", ("",), "a.csv"),
        ("a.arff", ("@relation x", "@attribute F0 numeric"), "no @data"),
        ("a.arff", ("@attribute F0 numeric", "@data", "1,2"), "a.arff:3: 2 cells"),
    ],
)
def test_tables_that_do_not_hold_are_named(tmp_path, name, lines, said):
    with pytest.raises(DatasetError) as found:
        read_opensmile(_write(tmp_path / name, *lines))
    assert said in str(found.value)


def test_tables_of_different_width(tmp_path):
    _write(tmp_path / "a.csv", "name;F0", "'unknown';1")
    _write(tmp_path / "b.csv", "name;F0;F1", "'unknown';1;2")
    with pytest.raises(DatasetError, match="tables of 1, 2 features"):
        read_opensmile(tmp_path)
