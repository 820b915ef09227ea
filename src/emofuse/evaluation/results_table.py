"""The table that papers print: approach, validation accuracy, precision, recall, F1; as Markdown and LaTeX."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.errors import ConfigError
from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.report import scorer, with_truth
from emofuse.types import Predictions

COLUMNS = ("Approach", "Validation accuracy", "Precision", "Recall", "F1")
AVERAGES = ("weighted", "macro")
# What LaTeX reads as a command.
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    one: f"\\{one}" for one in "&%$#_{}"
}


@dataclass(frozen=True)
class ResultRow:
    """One approach: values ``(4,)`` in the order of `COLUMNS`, their deviations over ``seeds`` (NaN for one seed), and
    how many of the ``clips`` of test with a truth are ``left_out``, since they have several labels or none.
    """

    approach: str
    values: tuple[float, ...]
    deviations: tuple[float, ...]
    seeds: int
    left_out: int = 0
    clips: int = 0


def result_row(
    approach: str, runs: Sequence[Mapping[str, Predictions]], *, average: str = "weighted"
) -> ResultRow:
    """Accuracy on validation, and precision, recall and F1 on test, each the mean over ``runs`` (predictions by role).

    Raises:
        ConfigError: an unknown average, a run without one of the roles, or a task without classes.
    """
    if average not in AVERAGES:
        raise ConfigError(f"found the average {average!r}, wanted one of {', '.join(AVERAGES)}")
    wanted = [("valid", "accuracy")] + [
        ("test", f"{average}_{name}") for name in ("precision", "recall", "f1")
    ]
    table = np.array([[_value(approach, run, role, name) for role, name in wanted] for run in runs])
    spread = table.std(axis=0, ddof=1) if len(table) > 1 else np.full(len(wanted), np.nan)
    scored = int(scorer(METRICS.load(wanted[1][1]), runs[0]["test"])[0].sum())
    clips = int(with_truth(runs[0]["test"]).sum())
    return ResultRow(
        approach,
        tuple(map(float, table.mean(axis=0))),
        tuple(map(float, spread)),
        len(table),
        clips - scored,
        clips,
    )


def results_markdown(rows: Sequence[ResultRow], *, average: str = "weighted") -> str:
    """The rows in per cent as a Markdown table, the best of each column in bold."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" + "|---:" * (len(COLUMNS) - 1) + "|"]
    for row, best in zip(rows, _best(rows), strict=True):
        cells = [
            f"**{cell}**" if bold else cell for cell, bold in zip(_cells(row, " ± "), best, strict=True)
        ]
        lines.append(f"| {' | '.join([row.approach.replace('|', chr(92) + '|'), *cells])} |")
    return "\n".join([*lines, "", _below(rows, average), ""])


def results_latex(rows: Sequence[ResultRow], *, average: str = "weighted") -> str:
    """The rows in per cent as a LaTeX table (package booktabs), the best of each column in bold."""
    lines = [r"\begin{table}", r"\centering", r"\begin{tabular}{lrrrr}", r"\toprule"]
    lines += [" & ".join(COLUMNS) + r" \\", r"\midrule"]
    for row, best in zip(rows, _best(rows), strict=True):
        cells = [
            rf"\textbf{{{cell}}}" if bold else cell
            for cell, bold in zip(_cells(row, r" $\pm$ "), best, strict=True)
        ]
        lines.append(" & ".join([_escaped(row.approach), *cells]) + r" \\")
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{_escaped(_below(rows, average))}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _value(approach: str, run: Mapping[str, Predictions], role: str, name: str) -> float:
    if role not in run:
        raise ConfigError(f"{approach}: has no {role} predictions, which the table of results needs")
    if not run[role].task.labels:
        raise ConfigError(f"{approach}: its task has no classes, which the table of results needs")
    clips, compute = scorer(METRICS.load(name), run[role])
    return compute(np.flatnonzero(clips))


def _best(rows: Sequence[ResultRow]) -> list[list[bool]]:
    if len(rows) < 2:
        return [[False] * (len(COLUMNS) - 1) for _ in rows]
    values = np.array([row.values for row in rows]).round(3)
    found: list[list[bool]] = (values == np.nanmax(values, axis=0)).tolist()
    return found


def _cells(row: ResultRow, between: str) -> list[str]:
    return [
        "-"
        if np.isnan(value)
        else f"{100 * value:.1f}" + ("" if np.isnan(off) else f"{between}{100 * off:.1f}")
        for value, off in zip(row.values, row.deviations, strict=True)
    ]


def _below(rows: Sequence[ResultRow], average: str) -> str:
    seeds = max((row.seeds for row in rows), default=1)
    spread = f"; mean and standard deviation over up to {seeds} seeds" if seeds > 1 else ""
    return f"Per cent; precision, recall and F1 on test, {average} over the classes{spread}.{_lacks(rows)}"


def _lacks(rows: Sequence[ResultRow]) -> str:
    """One sentence; where rows differ, of the one that lacks the largest share, by its name."""
    worst = max(rows, key=lambda row: row.left_out / max(row.clips, 1), default=None)
    if worst is None or not worst.left_out:
        return ""
    alike = len({(row.left_out, row.clips) for row in rows}) == 1
    most = f"{worst.left_out} of {worst.clips} test clips"
    told = most if alike else f"Up to {most} ({worst.approach})"
    return f" {told}, with several labels or none, are left out."


def _escaped(text: str) -> str:
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL[found.group()], text)
