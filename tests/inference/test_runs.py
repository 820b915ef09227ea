from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emofuse.errors import ConfigError, InputError, OutputError
from emofuse.inference.runs import data_hash, read_predictions, resume_or_begin
from emofuse.types import Clip


def test_a_folder_is_made_and_gone_on_in(tmp_path):
    folder = tmp_path / "deep" / "run"
    resume_or_begin(folder, "one", fresh=False)
    assert (folder / "config.toml").read_text() == "one"
    (folder / "state.pt").write_bytes(b"state")
    resume_or_begin(folder, "one", fresh=False)
    assert (folder / "state.pt").is_file()
    with pytest.raises(ConfigError, match="another configuration"):
        resume_or_begin(folder, "two", fresh=False)


def test_beginning_afresh_forgets_the_state(tmp_path):
    resume_or_begin(tmp_path, "one", fresh=False)
    (tmp_path / "state.pt").write_bytes(b"state")
    (tmp_path / ".state.pt.x1y2").write_bytes(b"half of it")
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "weights.safetensors").write_bytes(b"w")
    resume_or_begin(tmp_path, "two", fresh=True)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
    assert (tmp_path / "config.toml").read_text() == "two"


@pytest.mark.parametrize("name", ["main.py", "src/thing.py", ".git/HEAD"])
def test_a_project_with_a_config_of_its_own_is_never_removed(tmp_path, name):
    (tmp_path / "config.toml").write_text("theirs")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("work")
    with pytest.raises(ConfigError):
        resume_or_begin(tmp_path, "one", fresh=True)
    assert (tmp_path / name).read_text() == "work" and (tmp_path / "config.toml").read_text() == "theirs"


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(ConfigError):
        resume_or_begin(tmp_path / "run", "one", fresh=False)
    with pytest.raises(OutputError):
        resume_or_begin(tmp_path / "run" / "inner", "one", fresh=False)


def clips(tmp_path: Path) -> list[Clip]:
    (tmp_path / "a.wav").write_bytes(b"sound")
    return [
        Clip("a", media=tmp_path / "a.wav", label="glad", speaker="ann"),
        Clip("b", text="words", ratings={"valence": 0.5}, vectors={"x": np.zeros(3)}),
    ]


def test_the_hash_of_data_does_not_depend_on_order_or_place(tmp_path):
    one = clips(tmp_path)
    (tmp_path / "other").mkdir()
    moved = [replace(one[0], media=(tmp_path / "a.wav").rename(tmp_path / "other" / "b.wav")), one[1]]
    wanted = data_hash(moved)
    assert data_hash(moved[::-1]) == wanted
    assert data_hash(clips(tmp_path)) == wanted


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, {"label": "sad"}), (0, {"start_s": 0.5}), (0, {"id": "c"}), (1, {"text": "word"}), (0, {"media": None}),
        (1, {"ratings": {"valence": 0.25}}), (1, {"vectors": {"x": np.ones(3)}}), (1, {"shares": {"glad": 1.0}}),
    ],
)  # fmt: skip
def test_the_hash_of_data_follows_what_matters(tmp_path, place, change):
    one = clips(tmp_path)
    wanted = data_hash(one)
    one[place] = replace(one[place], **change)
    assert data_hash(one) != wanted


def test_the_hash_of_data_follows_the_content_of_media(tmp_path):
    one = clips(tmp_path)
    wanted = data_hash(one)
    (tmp_path / "a.wav").write_bytes(b"Sound")
    assert data_hash(one) != wanted


SUMMARY = '{"test": {"scores": {"uar": {}, "ccc/valence": {}, "ccc/arousal": {}}}}'
HEAD = "id,group,truth:a,truth:b,score:a,score:b,probability:a,probability:b,rated:valence,rating:valence\n"


def test_predictions_are_read_back(tmp_path):
    (tmp_path / "metrics.json").write_text(SUMMARY)
    (tmp_path / "predictions_test.csv").write_text(HEAD + "x,ann,1.0,0.0,2.5,-1.0,0.75,0.25,nan,0.5\n")
    found = read_predictions(tmp_path)
    assert set(found) == {"test"}
    made = found["test"]
    assert made.ids == ("x",) and made.groups == ("ann",)
    assert (
        made.task.labels == ("a", "b")
        and made.task.ratings == ("valence",)
        and made.task.metrics == ("uar", "ccc")
    )
    assert made.truth.tolist() == [[1, 0]] and made.scores.tolist() == [[2.5, -1]]
    assert made.probabilities.tolist() == [[0.75, 0.25]] and made.ratings.tolist() == [[0.5]]
    assert np.isnan(made.rating_truth).all()


@pytest.mark.parametrize(
    "table",
    [
        HEAD + "x,ann,1.0,0.0,high,-1.0,0.75,0.25,nan,0.5\n",
        HEAD + "x,ann,1.0,0.0\n",
        HEAD.replace("truth:b", "truth:c") + "x,ann,1.0,0.0,1,-1.0,0.75,0.25,nan,0.5\n",
        HEAD.replace("id,", "name,") + "x,ann,1.0,0.0,1,-1.0,0.75,0.25,nan,0.5\n",
        "",
    ],
)
def test_a_damaged_table_is_an_input_error(tmp_path, table):
    (tmp_path / "metrics.json").write_text(SUMMARY)
    (tmp_path / "predictions_test.csv").write_text(table)
    with pytest.raises(InputError, match=r"predictions_test\.csv"):
        read_predictions(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"valid": {}}'])
def test_a_damaged_summary_is_an_input_error(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    (tmp_path / "predictions_test.csv").write_text(HEAD + "x,ann,1.0,0.0,2.5,-1.0,0.75,0.25,nan,0.5\n")
    with pytest.raises(InputError, match=r"metrics\.json"):
        read_predictions(tmp_path)


def test_only_a_finished_run_has_predictions(tmp_path):
    with pytest.raises(ConfigError, match="no run"):
        read_predictions(tmp_path)
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(ConfigError, match="unfinished"):
        read_predictions(tmp_path)
