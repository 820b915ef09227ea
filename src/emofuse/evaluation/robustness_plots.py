"""Pictures of robustness as PNG or SVG, by the ending of the file's name; written whole or not at all.

Methods differ by colour (Okabe & Ito's, told apart by colour-blind readers), by line and by marker.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emofuse.errors import OutputError
from emofuse.evaluation.curves import Curve, RobustnessTable
from emofuse.evaluation.robustness import SubsetTable
from emofuse.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
_DPI = 150
_INK, _MUTED, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_MARKERS = "osD^vPX"
_LINES = ("-", "--", "-.", ":")


def curves_plot(
    curves: Sequence[Curve], path: Path, *, baseline: Curve | None = None, title: str = ""
) -> None:
    """Score against noise strength, a line a method with the span of its seeds; the baseline is grey.

    All curves are of one metric; where they are of one noise, the legend names methods, otherwise noises too.

    Raises:
        ValueError: there is no curve, or they are of several metrics.
        OutputError: ``path`` cannot be written, or ends in neither .png nor .svg.
    """
    metrics = {one.metric for one in curves}
    if len(metrics) != 1:
        raise ValueError(f"draw curves of one metric at a time, got {sorted(metrics) or 'none'}")
    first = curves[0]
    figure = _figure(6.4, 4.2)
    axes = _dressed(figure.add_subplot())
    alike = len({(one.noise, one.modalities) for one in curves}) == 1
    for place, curve in enumerate(curves):
        colour = _COLOURS[place % len(_COLOURS)]
        low, high = np.array(curve.spread).T
        axes.fill_between(curve.strengths, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            curve.strengths, curve.values, color=colour, marker=_MARKERS[place % len(_MARKERS)],
            linestyle=_LINES[place % len(_LINES)], linewidth=1.8, markersize=4.5,
            label=curve.method if alike else f"{curve.method}: {_noise(curve)}",
        )  # fmt: skip
    if baseline is not None:
        axes.plot(
            baseline.strengths, baseline.values, color=_MUTED, linestyle=(0, (1, 1)), linewidth=1.6,
            label=f"{baseline.method} (baseline)",
        )  # fmt: skip
    axes.set(xlabel="noise strength (0 clean, 1 full)", ylabel=_unit(first.metric, first.higher_is_better))
    axes.set_title(title or _heading(curves, alike), loc="left", fontsize=10, color=_INK, pad=9)
    longest = max(len(text) for text in axes.get_legend_handles_labels()[1])
    columns = max(1, min(3, 90 // (longest + 8)))
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=8)
    _save(figure, path)


def comparison_plot(table: RobustnessTable, path: Path) -> None:
    """Relative and effective robustness of each method as bars, max-min normalised from 0 (the worst) to 1
    (the best); the numbers behind them stand beside the bars.

    Raises:
        ValueError: the table has no row.
        OutputError: ``path`` cannot be written, or ends in neither .png nor .svg.
    """
    if not table.rows:
        raise ValueError("no methods to draw")
    figure = _figure(7.4, 1.4 + 0.42 * len(table.rows))
    panels = figure.subplots(1, 2, sharey=True)
    parts = (
        ("relative", [row.relative for row in table.rows], [row.relative_normalised for row in table.rows]),
        (
            "effective",
            [row.effective for row in table.rows],
            [row.effective_normalised for row in table.rows],
        ),
    )
    for axes, colour, (name, raw, normalised) in zip(panels, _COLOURS, parts, strict=False):
        places = np.arange(len(raw))
        _dressed(axes).barh(places, np.nan_to_num(normalised), color=colour, height=0.6)
        for place, (value, length) in enumerate(zip(raw, np.nan_to_num(normalised), strict=True)):
            text = "-" if np.isnan(value) else f"{value:.3f}"
            axes.text(length + 0.02, place, text, va="center", fontsize=8, color=_INK)
        axes.set(xlim=(0, 1.25), xlabel=f"{name} robustness, 0 worst to 1 best")
        axes.set_xticks([0, 0.5, 1])
    panels[0].set_yticks(range(len(table.rows)), [row.method for row in table.rows])
    panels[0].invert_yaxis()
    on = ", ".join(table.modalities) or "all modalities"
    panels[0].set_title(f"{table.noise} on {on}, {table.metric}", loc="left", fontsize=10, color=_INK)
    _save(figure, path)


def subsets_plot(table: SubsetTable, path: Path, *, metric: str | None = None) -> None:
    """One metric with each subset of the modalities as bars; a line marks the score of all of them.

    Raises:
        ValueError: the table does not have that metric.
        OutputError: ``path`` cannot be written, or ends in neither .png nor .svg.
    """
    shown = metric or next(iter(table.rows[0].scores))
    if shown not in table.rows[0].scores:
        raise ValueError(f"the table has {', '.join(table.rows[0].scores)}, not {shown}")
    values = np.array([row.scores[shown] for row in table.rows])
    figure = _figure(6.4, 1.3 + 0.36 * len(values))
    axes = _dressed(figure.add_subplot())
    bars = axes.barh(np.arange(len(values)), np.nan_to_num(values), color=_COLOURS[0], height=0.62)
    axes.bar_label(bars, ["-" if np.isnan(one) else f"{one:.3f}" for one in values], padding=3, fontsize=8)
    axes.axvline(values[0], color=_MUTED, linestyle=(0, (4, 3)), linewidth=1)
    axes.set_yticks(range(len(values)), [" + ".join(row.present) for row in table.rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(f"{shown} with only these modalities")
    axes.set_title(f"{table.subject}, {table.n:,} clips", loc="left", fontsize=10, color=_INK)
    _save(figure, path)


def _noise(curve: Curve) -> str:
    return f"{curve.noise} on {', '.join(curve.modalities)}" if curve.modalities else curve.noise


def _unit(metric: str, higher_is_better: bool) -> str:
    return f"{metric} ({'higher' if higher_is_better else 'lower'} is better)"


def _heading(curves: Sequence[Curve], alike: bool) -> str:
    clips = max(one.n for one in curves)
    seeds = max(len(one.by_seed) for one in curves)
    parts = [_noise(curves[0])] if alike else []
    parts += [f"{clips:,} clips"] if clips else []
    return ", ".join([*parts, f"{seeds} seed{'s' if seeds > 1 else ''}"] if seeds else parts)


def _figure(width_in: float, height_in: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained", facecolor="white")


def _dressed(axes: "Axes") -> "Axes":
    axes.set_axisbelow(True)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.tick_params(colors=_INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(_MUTED)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    return axes


def _save(figure: "Figure", path: Path) -> None:
    import matplotlib

    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise OutputError(f"cannot write {path}: a picture ends in .png or .svg")
    # Without dates, versions and random ids in them, the same numbers give the same bytes.
    facts = {"Software": None} if kind == "png" else {"Date": None}
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "emofuse", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, bbox_inches="tight", pad_inches=0.15, metadata=facts)
    write_atomically(Path(path), buffer.getvalue())
