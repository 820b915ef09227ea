"""The table of results: values by hand, the best in bold, nothing that LaTeX would take for a command."""

import math
from dataclasses import replace

import numpy as np
import pytest

from emofuse.errors import ConfigError
from emofuse.evaluation.results_table import ResultRow, result_row, results_latex, results_markdown
from emofuse.types import Predictions, TaskSpec


def predictions(truth, said, labels=("a", "b")):
    truth, said, n = np.array(truth), np.array(said), len(truth)
    return Predictions(
        ids=tuple(map(str, range(n))), task=TaskSpec(labels), scores=np.eye(2)[said], probabilities=np.eye(2)[said],
        truth=np.eye(2)[truth], ratings=np.zeros((n, 0)), rating_truth=np.zeros((n, 0)), groups=("",) * n,
    )  # fmt: skip


NAN = math.nan
GOOD = {"valid": predictions([0, 0, 1, 1], [0, 0, 1, 0]), "test": predictions([0, 0, 0, 1], [0, 0, 1, 1])}
BAD = {"valid": predictions([0, 0, 1, 1], [0, 1, 0, 0]), "test": predictions([0, 0, 0, 1], [1, 1, 1, 0])}


def test_values_by_hand():
    row = result_row("good", [GOOD], average="macro")
    # Class a: precision 1, recall 2/3, F1 0.8; class b: precision 1/2, recall 1, F1 2/3.
    assert row.values == pytest.approx((0.75, 0.75, 5 / 6, (0.8 + 2 / 3) / 2))
    assert all(map(math.isnan, row.deviations)) and row.seeds == 1
    weighted = result_row("good", [GOOD])
    assert weighted.values == pytest.approx((0.75, 0.75 + 0.125, 0.75, 0.75 * 0.8 + 0.25 * 2 / 3))


def test_seeds_are_averaged_with_their_deviation():
    row = result_row("both", [GOOD, BAD])
    assert row.values[0] == pytest.approx(0.5) and row.deviations[0] == pytest.approx(
        np.std([0.75, 0.25], ddof=1)
    )
    assert "50.0 ± 35.4" in results_markdown([row]) and r"50.0 $\pm$ 35.4" in results_latex([row])


def test_the_best_of_each_column_is_bold():
    text = results_markdown([result_row("good", [GOOD]), result_row("bad", [BAD])])
    good = next(line for line in text.splitlines() if line.startswith("| good"))
    assert good.count("**") == 8
    assert "**" not in next(line for line in text.splitlines() if line.startswith("| bad"))
    assert "**" not in results_markdown([result_row("good", [GOOD])])


def row_of(approach, *shares):
    """Of four clips of test the third, which is wrong, has these shares of the classes."""
    truth = GOOD["test"].truth.copy()
    truth[2] = shares
    return result_row(approach, [{**GOOD, "test": replace(GOOD["test"], truth=truth)}])


def test_clips_with_several_labels_are_left_out_and_counted():
    row = row_of("several_of", 0.5, 0.5)
    # The wrong one is left out.
    assert row.values[1:] == (1.0, 1.0, 1.0) and (row.left_out, row.clips) == (1, 4)
    plain = result_row("good", [GOOD])
    assert "left out" not in results_markdown([plain])
    told = " 1 of 4 test clips, with several labels or none, are left out."
    assert told in results_markdown([row, row]) and told in results_latex([row])
    told = " Up to 1 of 4 test clips (several_of), with several labels or none, are left out."
    assert told in results_markdown([plain, row])
    assert told.replace("_", r"\_") in results_latex([plain, row])


def test_the_row_that_lacks_the_largest_share_is_named():
    half, many = ResultRow("half", (1.0,) * 4, (NAN,) * 4, 1, 2, 4), row_of("one", 0.5, 0.5)
    assert "Up to 2 of 4 test clips (half)" in results_markdown([many, half])
    assert "Up to 2 of 4 test clips (half)" in results_markdown([half, replace(many, left_out=3, clips=99)])


def test_clips_without_any_truth_are_not_counted():
    row = row_of("unknown", NAN, NAN)
    assert row.values[1:] == (1.0, 1.0, 1.0) and (row.left_out, row.clips) == (0, 3)


def test_names_cannot_break_the_table():
    row = result_row("50% a_b & {c} | \\d", [GOOD])
    assert r"50\% a\_b \& \{c\} | \textbackslash{}d" in results_latex([row])
    head, _, line = results_markdown([row]).splitlines()[:3]
    assert line.replace(r"\|", "").count("|") == head.count("|")


def test_what_has_no_table_is_refused():
    with pytest.raises(ConfigError, match="no test predictions"):
        result_row("half", [{"valid": GOOD["valid"]}])
    with pytest.raises(ConfigError, match="wanted one of weighted, macro"):
        result_row("good", [GOOD], average="micro")
    rated = Predictions(
        ids=("1",), task=TaskSpec((), ("valence",)), scores=np.zeros((1, 0)), probabilities=np.zeros((1, 0)),
        truth=np.zeros((1, 0)), ratings=np.zeros((1, 1)), rating_truth=np.zeros((1, 1)), groups=("",),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="rated: its task has no classes"):
        result_row("rated", [{"valid": rated, "test": rated}])
