"""Computational sequences: segments of the labels, other sequences cut to them by time."""

import sys

import h5py
import numpy as np
import pytest

from emofuse.datasets.csd import read_csd
from emofuse.errors import ConfigError, DatasetError, MissingExtraError


def _write(root, name, entries, *, metadata=True):
    with h5py.File(root / f"{name}.csd", "w") as file:
        for key, (features, intervals) in entries.items():
            file[f"{name}/data/{key}/features"] = features
            file[f"{name}/data/{key}/intervals"] = np.asarray(intervals, np.float64)
        if metadata:
            # The SDK fuses two keys, and values need not be JSON.
            file[f"{name}/metadata/featureset bib citationdataset bib citation"] = [b"not json {"]


@pytest.fixture
def folder(tmp_path):
    segments = [[0, 2], [2, 5]]
    _write(tmp_path, "CMU_MOSI_Opinion_Labels", {"abc": (np.array([[2.4], [-1.0]]), segments)})
    times = np.array([[start, start + 0.5] for start in np.arange(0, 5, 0.5)])
    audio = np.arange(20.0).reshape(10, 2)
    audio[5, 0] = -np.inf
    _write(tmp_path, "CMU_MOSI_COVAREP", {"abc": (audio, times), "other": (audio, times)})
    words = np.array([[b"sp"], [b"so"], [b"good"], [b"no"]])
    _write(tmp_path, "CMU_MOSI_TimestampedWords", {"abc": (words, [[0, 1], [1, 1.5], [1.5, 2], [2, 3]])})
    return tmp_path


def test_segments_are_clips_and_tracks_are_cut_to_them(folder):
    corpus = read_csd(folder)
    first, second = corpus.clips
    assert (first.id, first.source, first.turn, first.start_s, first.end_s) == ("abc[0]", "abc", 0, 0, 2)
    assert (first.text, second.text) == ("so good", "no")
    assert first.vectors["audio"].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert second.vectors["audio"][1].tolist() == [0, 11]
    assert len(second.vectors["audio"]) == 6
    assert [clip.label for clip in corpus.clips] == ["positive", "negative"]
    assert first.ratings == {"sentiment": pytest.approx(2.4)}
    assert any("2 -inf" in note for note in corpus.notes)
    assert corpus.task.rating_range == (-3, 3)


def test_seven_labels_are_sentiment_and_emotions(tmp_path):
    labels = np.array([[1.0, 2, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0]])
    _write(tmp_path, "All Labels", {"v": (labels, [[0, 1], [1, 2]])})
    corpus = read_csd(tmp_path)
    assert [dict(clip.shares) for clip in corpus.clips] == [{"happy": 0.5, "surprise": 0.5}, {}]
    assert corpus.clips[0].label is None
    assert corpus.clips[0].ratings["surprise"] == 2


def test_aligned_sequences_are_matched_by_their_key(tmp_path):
    _write(tmp_path, "Opinion Segment Labels", {"v[0]": ([[1.0]], [[0, 1]]), "v[1]": ([[-2.0]], [[1, 2]])})
    frames = {"v[0]": (np.ones((3, 2)), [[0, 9]] * 3), "v[1]": (np.full((2, 2), 5), [[0, 9]] * 2)}
    _write(tmp_path, "FACET 4.2", frames)
    corpus = read_csd(tmp_path)
    assert [clip.id for clip in corpus.clips] == ["v[0]", "v[1]"]
    assert [clip.source for clip in corpus.clips] == ["v", "v"]
    assert [len(clip.vectors["video"]) for clip in corpus.clips] == [3, 2]


def test_phones_are_passed_over(folder):
    _write(folder, "CMU_MOSI_TimestampedPhones", {"abc": (np.array([[b"ah"]]), [[0, 1]])})
    assert set(read_csd(folder).clips[0].vectors) == {"audio"}


def test_a_sequence_of_an_unknown_name_can_be_named(folder):
    _write(folder, "COAVAREP_2", {"abc": (np.ones((1, 5)), [[0, 1]])})
    assert read_csd(folder, audio="COAVAREP_2").clips[0].vectors["audio"].shape == (1, 5)


def test_folds_are_a_table(folder, tmp_path):
    table = tmp_path / "folds.csv"
    table.write_text("video,split\nabc,dev\n")
    assert {clip.split for clip in read_csd(folder, folds=table).clips} == {"valid"}
    assert {clip.split for clip in read_csd(folder).clips} == {None}
    table.write_text("video,split\nabc,other\n")
    with pytest.raises(DatasetError, match="split is 'other'"):
        read_csd(folder, folds=str(table))


def test_one_file_without_labels(folder):
    corpus = read_csd(folder / "CMU_MOSI_COVAREP.csd")
    assert [clip.id for clip in corpus.clips] == ["abc", "other"]
    assert (corpus.clips[0].start_s, corpus.clips[0].end_s) == (0, 5)
    assert len(corpus.clips[0].vectors["audio"]) == 10
    assert not corpus.task.labels


def test_of_several_sequences_one_is_named(folder):
    _write(folder, "CMU_MOSI_openSMILE_IS09", {"abc": (np.ones((1, 3)), [[0, 1]])})
    with pytest.raises(ConfigError, match="audio has several sequences"):
        read_csd(folder)
    assert read_csd(folder, audio="CMU_MOSI_openSMILE_IS09").clips[0].vectors["audio"].shape == (1, 3)
    with pytest.raises(ConfigError, match="video is 'FACET': no such sequence"):
        read_csd(folder, audio="CMU_MOSI_COVAREP", video="FACET")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"v": (np.ones((2, 1)), [[0, 1]])}, "v: intervals"),
        ({"v": (np.ones(2), [[0, 1], [1, 2]])}, "v: features"),
        ({"v": (np.ones((1, 3)), [[0, 1]])}, "v: 3 labels"),
        ({"v": (np.full((1, 1), 7.0), [[0, 1]])}, "a label of 7"),
        ({"v": (np.ones((1, 1)), [[3, 1]])}, "a segment from 3 to 1"),
        ({"v": (np.ones((1, 1)), [[np.nan, 1]])}, "a segment from nan"),
    ],
)
def test_entries_that_do_not_hold_are_named(tmp_path, entries, said):
    _write(tmp_path, "Opinion_Labels", entries)
    with pytest.raises(DatasetError) as found:
        read_csd(tmp_path)
    assert said in str(found.value)


def test_what_leads_out_of_the_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "Labels.csd", "w") as file:
        group = file.create_group("Labels/data/v")
        group["intervals"] = [[0.0, 1.0]]
        group["features"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(DatasetError, match="v: no features"):
        read_csd(tmp_path)


def test_an_array_far_larger_than_its_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "Labels.csd", "w") as file:
        group = file.create_group("Labels/data/v")
        group["intervals"] = [[0.0, 1.0]]
        group.create_dataset("features", shape=(10**9, 100), chunks=(1000, 100), dtype="f8")
    with pytest.raises(DatasetError, match="far larger"):
        read_csd(tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_damaged_files_are_dataset_errors(tmp_path, content):
    (tmp_path / "a.csd").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.csd"):
        read_csd(tmp_path)


def test_another_hdf5_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.csd", "w") as file:
        file["x"] = [1]
    with pytest.raises(DatasetError, match="no group <name>/data"):
        read_csd(tmp_path)


def test_without_h5py_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[data\]"):
        read_csd(folder)
