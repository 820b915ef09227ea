"""Runs beside each other: seeds together, folds pooled, the table of results."""

import shutil

import pytest

from emofuse.errors import ConfigError
from emofuse.gathering import compare_runs, gathered, result_rows
from emofuse.inference.runs import read_predictions


@pytest.fixture
def others(tone_runs, tmp_path):
    """The same runs under another configuration."""
    made = [shutil.copytree(one, tmp_path / one.name) for one in tone_runs]
    for one in made:
        text = (one / "config.toml").read_text()
        (one / "config.toml").write_text(text.replace("epochs = 3", "epochs = 4"))
    return made


def test_seeds_of_one_configuration_are_one_entrant(tone_runs, others):
    found = gathered([*tone_runs, *others])
    assert [len(one.runs) for one in found] == [2, 2]
    assert [one.title for one in found] == ["tones (seed0)", "tones (seed0)"]
    assert gathered(tone_runs)[0].title == "tones"
    assert gathered(tone_runs[:1])[0].protocol.startswith("speaker-disjoint, fold 0 of 3, seed 0; audit")


def test_runs_that_predict_alike_do_not_differ(tone_runs, others):
    (table,) = compare_runs([*tone_runs, *others], resamples=50)
    assert table.metric == "accuracy" and table.n == 12
    assert [len(row.seeds) for row in table.rows] == [2, 2]
    assert sorted(row.p is None for row in table.rows) == [False, True]
    assert next(row.p for row in table.rows if row.p is not None) == 1
    assert compare_runs(tone_runs, metric="uar", resamples=50)[0].metric == "uar"


def test_folds_of_one_seed_are_pooled(tone_runs, tmp_path):
    fold = shutil.copytree(tone_runs[0], tmp_path / "fold1")
    text = (fold / "config.toml").read_text()
    (fold / "config.toml").write_text(text.replace("folds = 3", "folds = 3\nfold = 1"))
    for role in ("valid", "test"):
        path = fold / f"predictions_{role}.csv"
        path.write_text("\n".join(
            line if number == 0 else f"other/{line}" for number, line in enumerate(path.read_text().splitlines())
        ) + "\n")  # fmt: skip
    (found,) = gathered([tone_runs[0], fold])
    assert len(found.runs) == 1 and "2 of 3 folds pooled" in found.protocol
    assert len(found.runs[0]["test"].ids) == 2 * len(read_predictions(fold)["test"].ids)


def test_the_table_of_results_has_a_row_an_entrant(tone_runs):
    (row,) = result_rows(tone_runs)
    assert row.approach == "tones" and row.seeds == 2
    truth = [read_predictions(one)["valid"] for one in tone_runs]
    accuracy = [(one.truth.argmax(1) == one.probabilities.argmax(1)).mean() for one in truth]
    assert row.values[0] == pytest.approx(sum(accuracy) / 2)


def test_what_cannot_be_gathered_is_refused(tmp_path, tone_runs):
    with pytest.raises(ConfigError, match="one run or more"):
        gathered([])
    with pytest.raises(ConfigError, match="holds no run"):
        gathered([tmp_path])
    with pytest.raises(ConfigError, match="average 'micro'"):
        result_rows(tone_runs, average="micro")
