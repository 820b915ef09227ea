"""The pickled frame of IEMOCAP turns: text without marks, speakers, features as frames."""

import numpy as np
import pandas as pd
import pytest

from emofuse.datasets.data_processed import read_data_processed
from emofuse.errors import ConfigError, DatasetError


def _frame(**changes):
    columns = {
        "session": [1, 1],
        "emotion": ["hap", "neu"],
        "path": [
            "IEMOCAP/Session1/sentences/wav/Ses01M_impro02/Ses01M_impro02_F007.wav",
            "x/Ses05F_script01_1_M000.wav",
        ],
        "spk": ["F1", "M5"],
        "trans_words": [["<s>", "++LAUGHTER++", "so", "<sil>", "good", "</s>"], ["<s>", "No", "</s>"]],
        "features": [np.ones((54, 65), np.float32), np.full((60, 65), 2, np.float32)],
    } | changes
    return pd.DataFrame({name: column for name, column in columns.items() if column is not None})


@pytest.fixture
def read(tmp_path):
    def read_back(frame, **options):
        frame.to_pickle(tmp_path / "data_processed.pickle")
        return read_data_processed(tmp_path, **options)

    return read_back


def test_turns_of_the_frame(read):
    corpus = read(_frame())
    first, second = corpus.clips
    assert (first.id, first.dialogue, first.turn, first.speaker) == (
        "Ses01M_impro02_F007",
        "Ses01M_impro02",
        7,
        "F1",
    )
    assert (first.label, first.text) == ("happy", "so good")
    assert first.vectors["audio"].shape == (54, 65)
    assert (second.dialogue, second.label) == ("Ses05F_script01_1", "neutral")
    assert corpus.task.labels == ("happy", "neutral")
    assert any("5520" in note for note in corpus.notes)


def test_marks_are_kept_where_asked(read):
    assert read(_frame(), fillers="keep").clips[0].text == "<s> ++LAUGHTER++ so <sil> good </s>"
    with pytest.raises(ConfigError, match="fillers"):
        read(_frame(), fillers="some")


def test_features_as_frames_of_their_own(read):
    inner = [pd.DataFrame({"F0": [1.0, 2.0], "loudness": [-np.inf, 4.0]})] * 2
    corpus = read(_frame(features=inner))
    assert corpus.clips[0].vectors["audio"].tolist() == [[1, 0], [2, 4]]
    assert any("2 -inf" in note for note in corpus.notes)


def test_columns_that_may_be_absent(read):
    corpus = read(_frame(features=None, spk=None, trans_words=None))
    assert not corpus.clips[0].vectors
    assert (corpus.clips[0].speaker, corpus.clips[0].text) == (None, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"emotion": None}, "no column emotion"),
        ({"emotion": ["joyful", "neu"]}, "row 0: emotion is 'joyful'"),
        ({"path": [1.5, "x"]}, "row 0: path"),
        ({"features": ["a", "b"]}, "row 0: features"),
    ],
)
def test_rows_that_do_not_hold_are_named(read, changes, said):
    with pytest.raises(DatasetError, match=said):
        read(_frame(**changes))


def test_something_else_than_a_table(tmp_path):
    pd.Series([1]).to_pickle(tmp_path / "data_processed.pkl")
    with pytest.raises(DatasetError, match="no column emotion, path"):
        read_data_processed(tmp_path)
    (tmp_path / "data_processed.pkl").write_bytes(b"\x80\x02].")
    with pytest.raises(DatasetError, match="wanted a table"):
        read_data_processed(tmp_path)
