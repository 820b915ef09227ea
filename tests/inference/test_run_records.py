"""What a run wrote down is read back, and said to be damaged where it is."""

import json
import shutil

import pytest

from emofuse.errors import InputError
from emofuse.inference.runs import data_of, read_history, read_split


@pytest.fixture
def copied(tone_runs, tmp_path):
    return shutil.copytree(tone_runs[0], tmp_path / "run")


def test_the_history_has_a_row_an_epoch(tone_runs):
    rows = read_history(tone_runs[0])
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert all({"train_loss", "valid_loss", "valid_accuracy"} <= set(row) for row in rows)


def test_unknown_values_are_left_out_of_their_row(copied):
    (copied / "history.csv").write_text("epoch,train_loss,valid_uar\n0,1.5,\n1,,0.5\n", encoding="utf-8")
    assert read_history(copied) == [{"epoch": 0, "train_loss": 1.5}, {"epoch": 1, "valid_uar": 0.5}]


@pytest.mark.parametrize("content", ["epoch,loss\n0,much\n", "epoch\n0,1\n"])
def test_a_damaged_history_is_told(copied, content):
    (copied / "history.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"history\.csv: damaged"):
        read_history(copied)


def test_a_missing_history_is_told(copied):
    (copied / "history.csv").unlink()
    with pytest.raises(InputError, match="damaged history"):
        read_history(copied)


def test_the_split_is_that_of_the_run(tone_runs):
    split = read_split(tone_runs[0])
    assert (len(split.train), len(split.valid), len(split.test)) == (12, 12, 12)
    assert split.protocol.startswith("speaker-disjoint, fold 0 of 3")


@pytest.mark.parametrize(
    "content", ["", "[]", "3", '{"train": []}', '{"train": 1, "valid": [], "test": []}']
)
def test_a_damaged_split_is_told(copied, content):
    (copied / "split.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"split\.json: damaged"):
        read_split(copied)


def test_facts_of_the_data_are_optional(copied):
    assert data_of(copied)["corpus"] == "listed"
    for content in ("", "[1]", "not json"):
        (copied / "data.json").write_text(content, encoding="utf-8")
        assert data_of(copied) == {}
    (copied / "data.json").write_text(json.dumps({"corpus": "other"}), encoding="utf-8")
    assert data_of(copied) == {"corpus": "other"}
