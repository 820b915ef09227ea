"""Standings as Markdown, CSV and a self-contained page."""

import csv
import io
from collections.abc import Sequence
from html import escape

import numpy as np

from emofuse.evaluation.comparison import Standing, Standings

COLUMNS = (
    "model", "mean", "95 % interval", "seeds", "behind the best", "p (Holm)",
    "parameters", "s an epoch", "peak MB", "published",
)  # fmt: skip

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.best { background: var(--soft); font-weight: 600; }
svg { display: block; } p { max-width: 60rem; }
@media print { body { max-width: none; margin: 0; font-size: 11px; } }
"""


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
        parts.append("\n".join([f"### {_title(table)}", "", head, rule, *rows, "", _below(table)]))
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


def standings_html(tables: Sequence[Standings], *, title: str, about: str = "") -> str:
    """A page that needs nothing beside it, for a screen, a phone and paper; intervals are drawn too."""
    blocks = "".join(_block(table) for table in tables)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>{blocks}</html>\n"
    )


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


def _published(row: Standing) -> str:
    known = row.published
    if known is None:
        return "-"
    source = f", {known.source}" if known.source else ""
    return f"{known.value:g} ({known.protocol}{source})"


def _block(table: Standings) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in (*COLUMNS[:3], "", *COLUMNS[3:]))
    ends = [value for row in table.rows for value in (row.low, row.high, row.value) if np.isfinite(value)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    body = ""
    for row in table.rows:
        texts = [f"<td>{escape(text)}</td>" for text in cells(row, table)]
        texts.insert(3, f"<td>{_bar(row, low, high)}</td>")
        body += f"<tr{' class=best' if row.p is None else ''}>{''.join(texts)}</tr>"
    return (
        f'<h2>{escape(_title(table))}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div><p>{escape(_below(table))}</p>"
    )


def _bar(row: Standing, low: float, high: float) -> str:
    """The interval as a line with its mean as a dot, on the axis of the whole table."""
    width, span = 120.0, (high - low) or 1.0
    if not all(np.isfinite((row.low, row.high, row.value))):
        return ""
    left, right, middle = (
        4 + (value - low) / span * (width - 8) for value in (row.low, row.high, row.value)
    )
    return (
        f'<svg width="{width:.0f}" height="14" role="img" aria-label="{row.low:.3f} to {row.high:.3f}">'
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="7" y2="7" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{middle:.1f}" cy="7" r="4" fill="#0072b2"/></svg>'
    )


def _title(table: Standings) -> str:
    better = "higher" if table.higher_is_better else "lower"
    return f"{table.dataset}: {table.metric} ({better} is better), {table.n} clips"


def _below(table: Standings) -> str:
    protocol = f"Protocol: {table.protocol}. " if table.protocol else ""
    test = "p: paired exchange of whole clusters against the best, corrected by Holm."
    return " ".join(
        [f"{protocol}Intervals: {table.interval}. {test}", *(f"{note}." for note in table.notes)]
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _bare(value: object) -> object:
    return "" if value is None or (isinstance(value, float) and not np.isfinite(value)) else value
