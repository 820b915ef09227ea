"""What is measured of a run: shares that add up, costs of runs and of bundles, findings, what is left out."""

import shutil

import numpy as np
import pytest

from emofuse.assessment import (
    Wanted,
    assess,
    bundle_costs,
    faithfulness_of,
    findings_of,
    run_costs,
    shares_of,
    spaced,
)
from emofuse.errors import BundleError, ConfigError
from emofuse.evaluation.complexity import Plan
from emofuse.scrutiny import OpenedRun

QUICK = Plan(runs=2, warm_up=0, batch_sizes=(2,), lengths=(), counts=(), energy_s=0.0)


@pytest.fixture
def opened(tone_runs):
    return OpenedRun(tone_runs[0])


@pytest.fixture
def without_corpus(tone_runs, tmp_path):
    copy = shutil.copytree(tone_runs[0], tmp_path / "run")
    text = (copy / "config.toml").read_text(encoding="utf-8")
    (copy / "config.toml").write_text(text.replace("clips.csv", "gone.csv"), encoding="utf-8")
    return OpenedRun(copy)


def test_shares_add_up_to_what_is_said(opened):
    found = shares_of(opened)
    assert found.ids == tuple(one.id for one in opened.samples("test"))
    np.testing.assert_allclose(found.values.sum(axis=1), found.outputs - found.bases, atol=1e-6)
    # What is explained is what the run predicted.
    said = dict(
        zip(opened.predictions["test"].ids, opened.predictions["test"].probabilities.argmax(1), strict=True)
    )
    assert [said[name] for name in found.ids] == found.columns.tolist()


def test_faithfulness_starts_at_what_is_said(opened):
    found = faithfulness_of(opened)
    assert found.deletion[0] == pytest.approx(found.random_deletion[0])
    assert found.deletion[-1] == pytest.approx(found.random_deletion[-1])


def test_a_run_is_timed_on_its_own_clips(opened):
    (cost,) = run_costs(opened, plan=QUICK)
    assert cost.name == "tones, seed 0" and cost.parameters == sum(
        part.numel() for part in opened.expert.model.parameters()
    )
    assert cost.media_s == pytest.approx(0.25, abs=0.03) and cost.latency.per_media_s > 0
    assert cost.epoch.seconds > 0 and cost.disk_mb > 0


def test_what_the_run_wrote_down_of_its_epochs_comes_first(tone_runs, tmp_path):
    copy = shutil.copytree(tone_runs[0], tmp_path / "run")
    (copy / "cost.json").write_text('{"epoch_s": 12.5, "parameters": 1, "peak_mb": 2.0}', encoding="utf-8")
    (cost,) = run_costs(OpenedRun(copy), plan=QUICK)
    assert cost.epoch.seconds == 12.5


def test_a_bundle_is_timed_on_random_clips(tone_runs, tmp_path):
    (cost,) = bundle_costs(tone_runs[0], plan=QUICK, frames=7)
    assert cost.lengths == {"audio": 7, "voice": 7} and cost.media_s is None and cost.epoch.seconds is None
    with pytest.raises(BundleError, match="no bundle"):
        bundle_costs(tmp_path, plan=QUICK)
    with pytest.raises(ConfigError, match="1 frame or more"):
        bundle_costs(tone_runs[0], plan=QUICK, frames=0)


def test_without_the_corpus_the_stored_part_is_told(without_corpus):
    found = assess(without_corpus)
    assert set(found.reports) == {"valid", "test"} and list(found.diagnosis.groups) == ["speaker"]
    assert findings_of(without_corpus) == () and "cannot be read" in found.notes[0]
    with pytest.raises(Exception, match=r"gone\.csv"):
        assess(without_corpus, Wanted(explain=True))


def test_the_stored_scores_are_those_of_the_run(opened):
    found = assess(opened)
    assert found.metric == "accuracy" and found.shown == "test"
    assert found.facts["clips"] == "12 train, 12 valid, 12 test"
    assert found.verdict.startswith("audit: nothing found") and found.findings == ()
    assert found.best_epoch in (0, 1, 2) and len(found.history) == 3


def test_leaks_are_named(tone_runs, tmp_path):
    copy = shutil.copytree(tone_runs[0], tmp_path / "run")
    text = (copy / "split.json").read_text(encoding="utf-8")
    run = OpenedRun(copy)
    moved = run.split.test[0]
    # One clip of a test speaker among those that are trained on.
    (copy / "split.json").write_text(
        text.replace(f'"{run.split.train[0]}"', '"\0"').replace(f'"{moved}"', f'"{run.split.train[0]}"')
        .replace('"\0"', f'"{moved}"'),
        encoding="utf-8",
    )  # fmt: skip
    assert any(
        "shared speaker" in line and line.startswith("leak") for line in findings_of(OpenedRun(copy))
    )


@pytest.mark.parametrize(
    ("count", "most", "places"), [(5, 10, [0, 1, 2, 3, 4]), (5, 3, [0, 2, 4]), (1, 3, [0])]
)
def test_samples_are_evenly_spaced(count, most, places):
    assert spaced(list(range(count)), most) == places
