"""MERBench's folders: labels out of object arrays, features by name, values of -10 that are none."""

import numpy as np
import pytest

from emofuse.datasets.merbench import read_merbench
from emofuse.errors import ConfigError, DatasetError


def _write(root, **corpora):
    np.savez_compressed(root / "label-6way.npz", **corpora)
    return root


@pytest.fixture
def folder(tmp_path):
    for name, vector in (("a", np.ones(4, np.float32)), ("b", np.array([[1, -np.inf], [3, 4]]))):
        target = tmp_path / "features" / ("hubert-UTT" if name == "a" else "clip-FRA")
        target.mkdir(parents=True)
        np.save(target / f"{name}.npy", vector)
    lines = ("name,chinese,english", "a,,so good", "b,不,")
    (tmp_path / "transcription-engchi-polish.csv").write_text("\n".join(lines), encoding="utf-8")
    return _write(
        tmp_path,
        train_corpus={"a": {"emo": 2, "val": 3.5}},
        val_corpus={"b": {"emo": 0, "val": -10}},
        test1_corpus={"c": {"emo": -1, "val": -1.0}},
    )


def test_labels_values_and_splits(folder):
    corpus = read_merbench(folder)
    assert [clip.label for clip in corpus.clips] == ["happy", "neutral", None]
    assert [dict(clip.ratings) for clip in corpus.clips] == [{"valence": 3.5}, {}, {"valence": -1.0}]
    assert [clip.split for clip in corpus.clips] == ["train", "valid", None]
    assert [clip.text for clip in corpus.clips] == ["so good", "不", None]
    assert corpus.task.rating_range == (-5, 5)
    assert not corpus.clips[0].vectors


def test_features_by_the_folders_that_are_named(folder):
    corpus = read_merbench(folder / "label-6way.npz", audio="hubert-UTT", video="clip-FRA")
    assert corpus.clips[0].vectors["audio"].tolist() == [1, 1, 1, 1]
    assert corpus.clips[1].vectors["video"].tolist() == [[1, 0], [3, 4]]
    notes = "\n".join(corpus.notes)
    assert "video: values that are no numbers were set to 0: 1 -inf" in notes
    assert "2 clips have no audio features" in notes


@pytest.mark.parametrize("name", ["hubert", "../features/hubert-UTT", "", "."])
def test_a_folder_that_is_absent_names_those_there(folder, name):
    with pytest.raises(ConfigError, match="clip-FRA, hubert-UTT"):
        read_merbench(folder, audio=name)


def test_names_of_labels_can_be_given(tmp_path):
    _write(tmp_path, train_corpus={"a": {"emo": "sad"}, "b": {"emo": np.int64(1), "val": 0.5}})
    corpus = read_merbench(tmp_path, labels=("happy", "sad"))
    assert [clip.label for clip in corpus.clips] == ["sad", "sad"]
    assert corpus.task.labels == ("happy", "sad")
    assert corpus.task.rating_range == (-1, 1)


@pytest.mark.parametrize(
    ("corpora", "said"),
    [
        ({"train_corpus": {"a": {"emo": 9}}}, "train_corpus: a: emo is 9"),
        ({"train_corpus": {"a": {"emo": "glad"}}}, "emo is 'glad'"),
        ({"train_corpus": {"a": {"emo": 1, "val": "x"}}}, "val is 'x'"),
        ({"train_corpus": {"a": {"emo": 1, "val": 99.0}}}, "a val of 99"),
        ({"train_corpus": {"a": 3}}, "a: a int"),
        ({"train_corpus": np.ones(3)}, "train_corpus holds a ndarray"),
        ({"names": {"a": {}}}, "names holds a dict"),
        ({"train_corpus": {}}, "no clip"),
    ],
)
def test_labels_that_do_not_hold_are_named(tmp_path, corpora, said):
    with pytest.raises(DatasetError, match="label-6way") as found:
        read_merbench(_write(tmp_path, **corpora))
    assert said in str(found.value)


def test_several_label_files(folder):
    (folder / "label.npz").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"label-6way\.npz, label\.npz"):
        read_merbench(folder)
