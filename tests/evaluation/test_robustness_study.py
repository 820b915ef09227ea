"""Curves of several models as one study: which baseline fits, what is written, what is read back."""

import csv
import json
from dataclasses import replace

import pytest

from emofuse.errors import ConfigError, InputError, UnknownNameError
from emofuse.evaluation.curves import Curve
from emofuse.evaluation.robustness import Robustness, SubsetRow, SubsetTable
from emofuse.evaluation.robustness_study import (
    matching,
    named_baseline,
    short_names,
    stored_curves,
    study,
    study_markdown,
    write_study,
)

ONE = Curve("one", "hiss", "accuracy", (0.0, 0.5, 1.0), (0.8, 0.6, 0.2), modalities=("audio",), n=10)
TWO = replace(ONE, method="two", values=(0.6, 0.6, 0.6))
PUBLISHED = replace(ONE, method="paper", noise="their noise", values=(0.5, 0.4, 0.3), source="a paper")


def measured(*curves):
    return Robustness(curves[0].method, 10, {"accuracy": curves[0].clean}, curves)


def subsets(name="one"):
    rows = (
        SubsetRow(("audio", "text"), (), 0, {"accuracy": 0.8}),
        SubsetRow(("audio",), ("text",), 2, {"accuracy": 0.5}),
    )
    return SubsetTable(name, 10, rows)


def test_a_stored_curve_of_the_same_noise_goes_before_a_published_one():
    own = replace(ONE, method="base")
    assert matching(ONE, [PUBLISHED, own]) == own
    assert matching(ONE, [PUBLISHED]) == PUBLISHED
    assert matching(ONE, [replace(own, noise="other")]) is None
    assert matching(ONE, [replace(PUBLISHED, modalities=("text",))]) is None
    assert matching(ONE, [replace(PUBLISHED, strengths=(0.0, 0.4, 1.0))]) is None
    assert matching(ONE, [replace(PUBLISHED, higher_is_better=False)]) is None


def test_effective_robustness_is_against_the_baseline():
    made = study([measured(ONE), measured(TWO)], [], metric="accuracy", baselines=[PUBLISHED])
    (table,) = made.tables
    # (0.6 - 0.8) + (0.2 - 0.8) less (0.4 - 0.5) + (0.3 - 0.5)
    assert [row.effective for row in table.rows] == pytest.approx([-0.8 + 0.3, 0.3])
    assert made.baseline == (PUBLISHED,)


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        ([("robust-mosi-all-late_fusion", 1), ("robust-mosi-all-lf-dnn", 1)], ["late fusion", "lf-dnn"]),
        ([("a-late", 1), ("a-later", 1)], ["late", "later"]),
        ([("a-b", 1), ("a-b-c", 2)], ["b", "b-c"]),
        ([("one", 1), ("two", 1)], ["one", "two"]),
        ([("a-one", 1), ("a-one", 2), ("a-two", 1)], ["one, seed 1", "one, seed 2", "two, seed 1"]),
        ([("a-one", 1), ("a-one", 2)], ["a-one, seed 1", "a-one, seed 2"]),
        ([("a-x_y", 1), ("a-x y", 2)], ["x y, seed 1", "x y, seed 2"]),
        ([("a-one", 3)], ["a-one, seed 3"]),
    ],
)
def test_runs_are_called_by_what_tells_them_apart(runs, shown):
    assert short_names(runs) == shown


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match=r"found accuracy on text at 3 strengths from 0 to 1; wanted"):
        study([measured(ONE)], [], metric="accuracy", baselines=[replace(PUBLISHED, modalities=("text",))])
    with pytest.raises(ConfigError, match="cannot be compared"):
        study([measured(ONE), measured(replace(TWO, noise="hum"))], [], metric="accuracy")


def test_everything_is_written_and_curves_are_read_back(tmp_path):
    made = study([measured(ONE), measured(TWO)], [subsets(), subsets("two")], metric="accuracy")
    written = write_study(made, tmp_path)
    assert all(path.stat().st_size for path in written)
    assert {"hiss-audio.png", "hiss-audio.svg", "hiss-audio-compared.svg", "subsets-1-one.png"} <= {
        path.name for path in written
    }
    assert stored_curves(tmp_path / "robustness.json") == (ONE, TWO)
    assert named_baseline(str(tmp_path / "robustness.json")) == (ONE, TWO)
    rows = list(csv.DictReader((tmp_path / "robustness.csv").open(encoding="utf-8")))
    assert len(rows) == 6 and rows[2]["value"] == "0.2"


def test_the_markdown_has_a_row_for_each_noise_and_model():
    both = study([measured(ONE), measured(TWO)], [subsets()], metric="accuracy", baselines=[PUBLISHED])
    text = study_markdown(both)
    rows = [line for line in text.splitlines() if line.startswith("| hiss")]
    assert len(rows) == 2 and "| one |" in rows[0]
    heads = next(line for line in text.splitlines() if line.startswith("| noise"))
    assert all(line.count("|") == heads.count("|") for line in rows)
    assert "Baseline: paper" in text and "audio | text | 2" in text
    assert "model" not in study_markdown(study([measured(ONE)], [], metric="accuracy"))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"measured": 3}', '[{"method": "x"}]', "not json", "[1]"]
)
def test_files_that_hold_no_curve_are_refused(tmp_path, content):
    path = tmp_path / "curve.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"curve\.json"):
        named_baseline(str(path))


def test_one_curve_alone_can_be_stored(tmp_path):
    path = tmp_path / "curve.json"
    path.write_text(json.dumps(ONE.to_dict()), encoding="utf-8")
    assert named_baseline(str(path)) == (ONE,)
    with pytest.raises(UnknownNameError, match="multibench"):
        named_baseline("multibench-lf:mosi:txt")
