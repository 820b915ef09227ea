"""Many runs, one table: on the action-unit-like vectors of a listed corpus."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emofuse.compare import Plan, _run_all, cells_of, compare, load_plan, pooled
from emofuse.config import RunConfig
from emofuse.errors import ConfigError, UnknownNameError
from emofuse.inference.runs import read_predictions

PLAN = """
name = "tones"
metric = "accuracy"
seeds = [1, 2]
resamples = 100
{head}
[base]
name = "tones"
[[base.datasets]]
name = "listed"
path = "{path}"
[base.split]
name = "group_folds"
folds = 3
[base.features.audio]
name = "log_mel"
bands = 8
hop_s = 0.02
normalise = "train"
[base.model]
name = "composed"
encoders.audio.name = "mean"
encoders.audio.out_dim = 4
[base.training]
epochs = 6
learning_rate = 0.05
device = "cpu"
[base.evaluation]
resamples = 10
[[models]]
title = "wide"
set = {{"model.encoders.audio.out_dim" = 16}}
[models.published.all]
value = 0.9
protocol = "test-selected"
[[models]]
title = "Frozen, hardly"
set = {{"training.learning_rate" = 1e-9, "training.epochs" = 1}}
{tail}
"""


def write(folder: Path, tones: Path, *, head: str = "", tail: str = "") -> Path:
    path = folder / "plan.toml"
    path.write_text(PLAN.format(path=tones.as_posix(), head=head, tail=tail), encoding="utf-8")
    return path


def test_models_by_seeds_make_a_table_and_go_on_where_they_were(tmp_path, tones):
    plan = load_plan(write(tmp_path, tones))
    seen = []
    (table,) = compare(plan, tmp_path / "out", processes=2, progress=lambda stage, done: seen.append(done))
    wide, frozen = table.rows
    assert table.best == "wide" and wide.p is None and wide.value > frozen.value
    assert len(wide.seeds) == 2 and wide.published.protocol == "test-selected"
    # Encoder 8 -> 16, what stands in where it is absent, head 16 -> 2.
    assert wide.cost.parameters == (8 * 16 + 16) + 16 + (16 * 2 + 2) and wide.cost.peak_mb > 50
    assert seen == sorted(seen) and seen[-1] == 1.0
    assert "speaker-disjoint" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    folders = sorted((tmp_path / "out" / "runs").glob("*/*/*"))
    assert [folder.name for folder in folders] == ["seed1", "seed2", "seed1", "seed2"]
    before = {folder: (folder / "metrics.json").stat().st_mtime_ns for folder in folders}
    (folders[0] / "cost.json").unlink()
    (again,) = compare(plan, tmp_path / "out", processes=1)
    assert again.to_dict()["rows"][0]["seeds"] == table.to_dict()["rows"][0]["seeds"]
    assert before == {folder: (folder / "metrics.json").stat().st_mtime_ns for folder in folders}


def test_a_model_that_fails_is_named_and_the_others_have_their_table(tmp_path, tones):
    tail = '[[models]]\ntitle = "broken"\nset = {"features.audio.hop_s" = 40.0}\n'
    plan = load_plan(write(tmp_path, tones, tail=tail), ["seeds=[1]"])
    with pytest.raises(ConfigError, match=r"1 of 3 runs failed .broken on all, seed 1"):
        compare(plan, tmp_path / "out", processes=2)
    facts = json.loads((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    assert [row["title"] for row in facts["tables"][0]["rows"]] == ["wide", "Frozen, hardly"]


class Killed(RunConfig):
    """A configuration whose process is killed as it begins."""

    def __setstate__(self, state):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_costs_one_run(tmp_path, tones):
    plan = load_plan(write(tmp_path, tones), ["base.training.epochs=1"])
    cells = cells_of(plan)
    deadly = replace(cells[0], config=Killed.model_validate(cells[0].config.model_dump()))
    (failure,) = _run_all([deadly, *cells[1:]], tmp_path, 2, lambda stage, done: None)
    assert failure[0] is deadly
    assert all((tmp_path / cell.folder / "cost.json").is_file() for cell in cells[1:])


def test_another_protocol_stands_in_the_place_of_every_split(tmp_path, tones):
    path = write(tmp_path, tones, head="folds = 3")
    free = load_plan(path, ["models.0.set={split.by='source'}"], protocol="random_split")
    assert {cell.config.split.name for cell in cells_of(free)} == {"random_split"}
    assert {cell.fold for cell in cells_of(free)} == {None}
    kept = load_plan(path, protocol="leave_one_speaker_out")
    assert {cell.fold for cell in cells_of(kept)} == {0, 1, 2}
    with pytest.raises(UnknownNameError, match="official"):
        load_plan(path, protocol="offical")


def test_several_metrics_have_a_table_each(tmp_path, tones):
    plan = load_plan(
        write(tmp_path, tones),
        [
            'metric=["accuracy", "nll"]', "seeds=[1]", "base.training.epochs=1",
            'models.1.published={all=[{value=0.5}, {value=0.7, metric="nll", protocol="honest"}]}',
        ],
    )  # fmt: skip
    first, second = compare(plan, tmp_path / "out", processes=2)
    assert (first.metric, second.metric) == ("accuracy", "nll")
    assert first.rows[0].published and second.rows[0].published is None
    assert (first.rows[1].published.value, second.rows[1].published.value) == (0.5, 0.7)


def test_fewer_folds_than_there_are_is_told(tmp_path, tones):
    plan = load_plan(
        write(tmp_path, tones, head="folds = 2"), ["seeds=[1]", "models.1.set={}", "base.training.epochs=1"]
    )
    (table,) = compare(plan, tmp_path / "out", processes=2)
    assert table.n == 24 and "2 of 3 folds pooled" in table.protocol


def test_folds_are_pooled_into_one_set_of_predictions(tmp_path, tones):
    plan = load_plan(write(tmp_path, tones, head="folds = 3"), ["seeds=[1]", "models.1.set={}"])
    (table,) = compare(plan, tmp_path / "out", processes=2)
    assert table.n == 36 and "3 folds pooled" in table.protocol
    folder = tmp_path / "out" / "runs" / "all" / "wide"
    parts = [read_predictions(folder / f"seed1-fold{fold}")["test"] for fold in range(3)]
    assert [len(part.ids) for part in parts] == [12, 12, 12]
    twice = pooled([parts[0], replace(parts[0], probabilities=1 - parts[0].probabilities)])
    assert twice.ids == parts[0].ids and np.allclose(twice.probabilities, 0.5)
    with pytest.raises(ConfigError, match="do not agree"):
        pooled([parts[0], replace(parts[0], truth=1 - parts[0].truth)])


def test_a_changed_plan_does_not_take_old_runs_for_its_own(tmp_path, tones):
    path = write(tmp_path, tones)
    overrides = ["seeds=[1]", "base.training.epochs=1"]
    compare(load_plan(path, overrides), tmp_path / "out", processes=2)
    with pytest.raises(ConfigError, match="another configuration"):
        compare(load_plan(path, ["seeds=[1]"]), tmp_path / "out", processes=2)


def test_base_may_be_a_file_and_cells_are_all_checked_before_the_first_run(tmp_path, tones):
    path = write(tmp_path, tones)
    plan = load_plan(path)
    assert [(cell.model, cell.seed) for cell in cells_of(plan)] == [
        ("wide", 1), ("wide", 2), ("Frozen, hardly", 1), ("Frozen, hardly", 2),
    ]  # fmt: skip
    (tmp_path / "run.toml").write_text('name = "x"\n[features]\n', encoding="utf-8")
    other = tmp_path / "other.toml"
    other.write_text('name = "o"\nbase = "run.toml"\n[[models]]\ntitle = "m"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="m on all"):
        cells_of(load_plan(other))


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("metric=accurracy", UnknownNameError, "accuracy"),
        ("models.1.title=wide!", ConfigError, "same folder"),
        ("models.0.published={elsewhere={value=1}}", ConfigError, "no dataset's title"),
        ("models=[]", ConfigError, "models"),
        ("speed=9", ConfigError, "speed"),
        ("metrc=uar", UnknownNameError, "did you mean 'metric'"),
        ("models.0.published.all.protocol=secret", ConfigError, "protocol"),
        ("models.0.published.all.metric=uar", ConfigError, "the plan has accuracy"),
        ("models.0.published.all=[{value=1}, {value=2}]", ConfigError, "twice"),
        ("models.0.published=3", ConfigError, "published"),
        ("seeds=[1, 2, 1]", ConfigError, "one run counted twice"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused(tmp_path, tones, line, error, words):
    with pytest.raises(error, match=words):
        load_plan(write(tmp_path, tones), [line])


def test_an_unknown_key_of_a_model_names_the_nearest(tmp_path, tones):
    plan = load_plan(write(tmp_path, tones), ["models.0.set={training={epoch=3}}"])
    with pytest.raises(UnknownNameError, match=r"wide on all.*epochs"):
        cells_of(plan)


def test_a_plan_is_a_value(tones):
    with pytest.raises(ValueError):
        Plan.model_validate({"name": "a b", "base": {}, "models": [{"title": "m"}]})
