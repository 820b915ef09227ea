"""`emofuse sweep`: on tones that a wide enough model tells apart, with a test set that it never looks at."""

import csv
import os
import subprocess
import sys
import tomllib

import pytest
import tomli_w
from typer.testing import CliRunner

from emofuse.apps.cli import app
from emofuse.errors import ConfigError
from emofuse.experiment import run
from emofuse.sweep import load_search, search

PLAN = """
name = "rates"
trials = 4
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
encoders.audio.dropout = 0.0
[base.training]
epochs = 3
device = "cpu"
[base.evaluation]
resamples = 10
[space]
"training.learning_rate" = {{ low = 1e-9, high = 0.1, log = true }}
"model.encoders.audio.out_dim" = [2, 16]
"""


@pytest.fixture
def plan(tones, tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(PLAN.format(path=tones), encoding="utf-8")
    return path


def test_a_search_writes_what_it_found_and_goes_on(plan, tmp_path):
    found = search(load_search(plan), tmp_path / "out")
    assert len(found.trials) == 4 and found.metric == "uar"
    rows = list(csv.DictReader((tmp_path / "out" / "trials.csv").open()))
    assert len(rows) == 4 and set(rows[0]) > {"trial", "state", "valid_uar", "training.learning_rate"}
    best = tomllib.loads((tmp_path / "out" / "best.toml").read_text())
    assert best["training"]["learning_rate"] == found.best.values["training.learning_rate"]
    more = search(load_search(plan, ["trials=5"]), tmp_path / "out")
    assert more.trials[:4] == found.trials and len(more.trials) == 5
    made = run(tmp_path / "out" / "best.toml", out=tmp_path / "run")
    assert set(made.reports) == {"valid", "test"}


def test_a_trial_that_diverges_is_given_up_and_another_base_is_another_search(plan, tmp_path):
    plan.write_text(plan.read_text().replace("[2, 16]", "[2]").replace("low = 1e-9, high = 0.1, log = true",
                    "choices = [1e30, 0.01]"), encoding="utf-8")  # fmt: skip
    found = search(load_search(plan, ["trials=5"]), tmp_path / "out")
    states = {one.values["training.learning_rate"]: one.state for one in found.trials}
    assert states == {1e30: "pruned", 0.01: "complete"}
    for change in ("base.training.watch=nll", "base.training.epochs=4"):
        with pytest.raises(ConfigError, match="another search"):
            search(load_search(plan, ["trials=6", change]), tmp_path / "out")


def test_the_command_prints_the_trials(plan, tmp_path):
    done = CliRunner().invoke(app, ["sweep", str(plan), "--out", str(tmp_path / "o"), "--set", "trials=2"])
    assert done.exit_code == 0, done.output
    assert "2 trials" in done.output and "best.toml" in done.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("epochs = 3", "epoks = 3"), "epoks"),
        (("trials = 4", "trials = 0"), "trials"),
        (('"training.learning_rate"', '"training.lerning_rate"'), "lerning_rate"),
        (("low = 1e-9", "lo = 1e-9"), "lo"),
    ],
)
def test_a_search_that_does_not_hold_says_so(plan, change, said):
    plan.write_text(plan.read_text().replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_search(plan)


def test_two_processes_make_one_run(plan, tones, tmp_path):
    base = tmp_path / "base.toml"
    tree = tomllib.loads(plan.read_text(encoding="utf-8"))["base"]
    base.write_text(tomli_w.dumps(tree), encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, "-m", "emofuse", "train", str(base), "--out", str(tmp_path / "two")],
        capture_output=True, text=True, timeout=240, env={**os.environ, "EMOFUSE_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("run folder") == 1
    one = run(base, out=tmp_path / "one")
    first, second = (
        list(csv.DictReader((folder / "history.csv").open())) for folder in (tmp_path / "two", one.folder)
    )
    assert [float(row["train_loss"]) for row in first] == pytest.approx(
        [float(row["train_loss"]) for row in second], rel=1e-4
    )
    assert first[-1].keys() == second[-1].keys()
