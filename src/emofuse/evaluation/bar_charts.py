"""Charts of rows and cells as inline SVG: bars, dots with intervals, a confusion matrix; see `charts`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.evaluation.charts import CHART_PX, clean, figure, number, short, span, text, ticks

# The width that a letter of a label is given, px; a phone shows them larger.
_LETTER = 7.2


@dataclass(frozen=True)
class Bar:
    """One row of a bar or interval chart; ``low`` and ``high`` are NaN where there is no interval."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    text: str = ""


def bar_chart(
    bars: Sequence[Bar], *, title: str, x_label: str, x_range: tuple[float, float] | None = None
) -> str:
    """Horizontal bars from 0, each with its number; negative values grow to the left.

    Raises:
        ValueError: there is no bar.
    """
    ends = [one for bar in bars for one in (bar.value, bar.low, bar.high)]
    return _rows(bars, x_range or span([0.0, *ends], pad=0.0), title=title, x_label=x_label, filled=True)


def interval_chart(
    bars: Sequence[Bar], *, title: str, x_label: str, x_range: tuple[float, float] | None = None
) -> str:
    """A dot with its interval for each row.

    Raises:
        ValueError: there is no row.
    """
    ends = [one for bar in bars for one in (bar.value, bar.low, bar.high)]
    return _rows(bars, x_range or span(ends), title=title, x_label=x_label, filled=False)


def grid_chart(counts: np.ndarray, labels: Sequence[str], *, title: str) -> str:
    """Counts ``(classes, classes)`` of truth (row) against prediction (column), shaded by the share of the row.

    Raises:
        ValueError: the labels do not fit the counts.
    """
    if counts.shape != (len(labels), len(labels)) or not len(labels):
        raise ValueError(f"need counts of {len(labels)} classes, got {counts.shape}")
    longest = max(len(label) for label in labels)
    left, top = 26 + _LETTER * longest, 22.0
    side = max(30.0, min(64.0, (CHART_PX - left - 8) / len(labels)))
    support, parts = counts.sum(axis=1), []
    for row, label in enumerate(labels):
        middle = top + (row + 0.5) * side + 4
        parts.append(text("label", left - 8, middle, label, at="end"))
        for column, other in enumerate(labels):
            share = counts[row, column] / support[row] if support[row] else 0.0
            told = f"{label} taken for {other}: {counts[row, column]:,} of {support[row]:,}, {share:.0%}"
            strong = " strong" if share > 0.5 else ""
            found = f"{counts[row, column]:,}" if counts[row, column] else ""
            x, y = left + column * side, top + row * side
            parts.append(
                f'<g><title>{clean(told)}</title><rect class="empty" x="{x:.1f}" y="{y:.1f}" width="{side - 2:.1f}" '
                f'height="{side - 2:.1f}" rx="3"/><rect class="heat" x="{x:.1f}" y="{y:.1f}" width="{side - 2:.1f}" '
                f'height="{side - 2:.1f}" rx="3" fill-opacity="{share:.3f}"/>'
                + text(f"cell{strong}", x + side / 2 - 1, middle, found, at="middle")
                + "</g>"
            )
    bottom = top + len(labels) * side
    for column, label in enumerate(labels):
        parts.append(text("label", left + (column + 0.5) * side, bottom + 10, label, at="end", turned=-40))
    parts.append(text("tick", left, 13, "rows: truth, columns: predicted, clips"))
    width, height = left + len(labels) * side + 8, bottom + 18 + _LETTER * 0.66 * longest
    told = f"{int(np.trace(counts)):,} of {int(counts.sum()):,} clips on the diagonal"
    return figure(title, "".join(parts), width=max(width, left + 215), height=height, told=told)


def _rows(
    bars: Sequence[Bar], across: tuple[float, float], *, title: str, x_label: str, filled: bool
) -> str:
    if not bars:
        raise ValueError("nothing to draw")
    row, left = 26.0, min(200.0, 16 + _LETTER * max(len(bar.name) for bar in bars))
    right, height = CHART_PX - 58, 12 + row * len(bars) + 46
    low, high = across

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    parts = []
    for tick in ticks(low, high, about=4):
        parts.append(
            f'<path class="grid" d="M{x(tick):.1f} 8V{height - 40:.0f}"/>'
            + text("tick", x(tick), height - 25, short(tick), at="middle")
        )
    parts.append(text("label", (left + right) / 2, height - 7, x_label, at="middle"))
    for place, bar in enumerate(bars):
        parts.append(_row(bar, 12 + row * (place + 0.5), x, (left, right), filled=filled))
    told = "; ".join(f"{bar.name} {bar.text or number(bar.value)}" for bar in bars[:12])
    return figure(title, "".join(parts), height=height, told=told)


def _row(
    bar: Bar, y: float, place: Callable[[float], float], ends: tuple[float, float], *, filled: bool
) -> str:
    left, right = ends
    name = bar.name if len(bar.name) * _LETTER <= left else f"{bar.name[: int(left / _LETTER) - 1]}…"
    told = f"{bar.name}: {bar.text or number(bar.value)}"
    parts = [
        f"<g><title>{clean(told)}</title>",
        text("label", left - 8, y + 4, name, at="end"),
        text("number", right + 8, y + 4, bar.text or number(bar.value)),
    ]
    if math.isfinite(bar.value):
        zero, end = place(0.0), place(bar.value)
        if filled:
            kind = "bar" if bar.value >= 0 else "bar against"
            parts.append(
                f'<rect class="{kind}" x="{min(zero, end):.1f}" y="{y - 7:.1f}" width="{abs(end - zero):.1f}" '
                'height="14" rx="2"/>'
            )
        if math.isfinite(bar.low) and math.isfinite(bar.high):
            parts.append(f'<path class="whisker" d="M{place(bar.low):.1f} {y:.1f}H{place(bar.high):.1f}"/>')
        if not filled:
            parts.append(f'<circle class="point" cx="{end:.1f}" cy="{y:.1f}" r="4.5"/>')
    return "".join([*parts, "</g>"])
