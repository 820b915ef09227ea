"""Standings as Markdown and CSV; inference has their page."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from emofuse.evaluation.comparison import Standing, Standings

COLUMNS = (
    "model", "mean", "95 % interval", "seeds", "behind the best", "p (Holm)",
    "parameters", "s an epoch", "peak MB", "published",
)  # fmt: skip


def standings_markdown(tables: Sequence[Standings]) -> str:
    """One table a dataset, its protocol and the way of the intervals below it."""
    parts = []
    for table in tables:
        head = f"| {' | '.join(COLUMNS)} |"
        rule = "|---" + "|---:" * (len(COLUMNS) - 1) + "|"
        rows = [
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells(row, table))} |"
            for row in table.rows
        ]
        parts.append("\n".join([f"### {heading(table)}", "", head, rule, *rows, "", footnote(table)]))
    return "\n\n".join(parts) + "\n"


def standings_csv(tables: Sequence[Standings]) -> str:
    """One row a model and dataset, numbers unrounded, empty where unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([
        "dataset", "protocol", "metric", "n", "model", "mean", "low", "high", "seeds", "behind", "behind_low",
        "behind_high", "p_holm", "parameters", "epoch_s", "peak_mb", "published", "published_protocol",
        "published_source",
    ])  # fmt: skip
    for table in tables:
        for row in table.rows:
            known = row.published
            numbers = (row.value, row.low, row.high)
            apart = (row.behind, row.behind_low, row.behind_high, row.p)
            cost = (row.cost.parameters, row.cost.epoch_s, row.cost.peak_mb)
            told = (known.value, known.protocol, known.source) if known else (None, None, None)
            seeds = " ".join(f"{value:.6g}" for value in row.seeds)
            facts = (table.dataset, table.protocol, table.metric, table.n, row.title)
            writer.writerow(
                [*facts, *map(_bare, numbers), seeds, *map(_bare, (*apart, *cost)), *map(_bare, told)]
            )
    return out.getvalue()


def cells(row: Standing, table: Standings) -> tuple[str, ...]:
    """The text of one row, in the order of `COLUMNS`."""
    best = row.p is None
    return (
        row.title,
        _number(row.value),
        f"{_number(row.low)} to {_number(row.high)}",
        str(len(row.seeds)),
        "-" if best else f"{_number(row.behind)} ({_number(row.behind_low)} to {_number(row.behind_high)})",
        "best" if best else (f"{row.p:.3f}" if row.p is not None and row.p >= 0.001 else "< .001"),
        "-" if row.cost.parameters is None else f"{row.cost.parameters:,}",
        "-" if row.cost.epoch_s is None else f"{row.cost.epoch_s:.2f}",
        "-" if row.cost.peak_mb is None else f"{row.cost.peak_mb:.0f}",
        _published(row),
    )


def direction(table: Standings) -> str:
    """Which way the metric is better, in words."""
    return f"{'higher' if table.higher_is_better else 'lower'} is better"


def heading(table: Standings) -> str:
    """What stands above a table: its dataset, its metric and how many clips."""
    return f"{table.dataset}: {table.metric} ({direction(table)}), {table.n} clips"


def footnote(table: Standings) -> str:
    """What stands below a table: its protocol, and how intervals and p values were made."""
    protocol = f"Protocol: {table.protocol}. " if table.protocol else ""
    test = "p: paired exchange of whole clusters against the best, corrected by Holm."
    return " ".join(
        [f"{protocol}Intervals: {table.interval}. {test}", *(f"{note}." for note in table.notes)]
    )


def _published(row: Standing) -> str:
    known = row.published
    if known is None:
        return "-"
    source = f", {known.source}" if known.source else ""
    return f"{known.value:g} ({known.protocol}{source})"


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _bare(value: object) -> object:
    return "" if value is None or (isinstance(value, float) and not np.isfinite(value)) else value
