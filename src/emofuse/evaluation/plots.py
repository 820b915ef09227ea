"""Pictures of a run as PNG or SVG, by the ending of the file's name; written whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emofuse.evaluation.calibration import ReliabilityCurve, reliability_curve
from emofuse.evaluation.figures import drawn
from emofuse.evaluation.groups import GroupReport
from emofuse.evaluation.metrics.calibration_error import expected_calibration_error
from emofuse.evaluation.metrics.confusion import ratio
from emofuse.evaluation.selective import RiskCoverage
from emofuse.files import write_atomically
from emofuse.types import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_DASHED = (0, (4, 3))
_FALLING = {"loss", "mae", "mse", "ece", "brier", "nll"}
_INK, _MUTED, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_BLUE, _ORANGE, _GREEN = "#2f6db3", "#d9742b", "#2f855a"


def confusion_plot(report: Report, labels: Sequence[str], path: Path) -> None:
    """Truth by row against prediction by column: the share of the row as colour and %, the count below.

    Raises:
        ValueError: not one label per class, or no labelled clip.
        OutputError: ``path`` cannot be written.
    """
    counts = report.confusion
    if not counts.size or counts.shape != (len(labels), len(labels)) or not counts.sum():
        raise ValueError(f"need {len(labels)} classes with clips, got counts {counts.shape}")
    support = counts.sum(axis=1)
    shares = 100 * np.nan_to_num(ratio(counts, np.broadcast_to(support[:, None], counts.shape)))
    side = max(4.2, 0.82 * len(labels) + 1.9)
    figure, axes = _canvas(side + 0.6, side)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    _write_cells(axes, shares, counts)
    rows = [f"{label}  (n={n:,})" for label, n in zip(labels, support, strict=True)]
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), rows)
    axes.set(xlabel="predicted", ylabel="truth")
    _title(axes, _confusion_title(report, int(support.sum())))
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.03, format="{x:.0f} %")
    bar.outline.set_visible(False)
    bar.set_label("share of the true class", color=_INK)
    _save(figure, path)


def loss_curves(history: Sequence[Mapping[str, float]], path: Path, *, metric: str | None = None) -> None:
    """Loss on train and valid, and below it the watched metric, over epochs; the best epoch is marked.

    Args:
        history: one row an epoch, with ``epoch`` (from 0; shown from 1), ``train_loss``, ``valid_loss``
            and, where one was watched, ``valid_<metric>``.
        path: where the picture goes.
        metric: the watched metric; by default the first ``valid_...`` column that is no loss. The best
            epoch is the one of its highest value, or of its lowest for an error (mae, mse, ece, brier,
            nll).

    Raises:
        ValueError: no epochs.
        OutputError: ``path`` cannot be written.
    """
    if not history:
        raise ValueError("no epochs to draw")
    from matplotlib.ticker import MaxNLocator

    columns = [name for name in history[0] if name.startswith("valid_") and name != "valid_loss"]
    watched = f"valid_{metric}" if metric else next(iter(columns), "valid_loss")
    epochs = _column(history, "epoch") + 1
    best = _best_row(_column(history, watched), watched)
    figure, upper, lower = _two_panels(6.4, 5.4, share=(3, 2))
    upper.plot(epochs, _column(history, "train_loss"), color=_BLUE, label="train", **_line(epochs))
    upper.plot(epochs, _column(history, "valid_loss"), color=_ORANGE, label="valid", **_line(epochs))
    upper.set_ylabel("loss")
    lower.plot(epochs, _column(history, watched), color=_GREEN, **_line(epochs))
    lower.set_ylabel(watched.replace("valid_", "valid "))
    lower.set_xlabel("epoch")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    if best is not None:
        value = history[best][watched]
        for axes in (upper, lower):
            axes.axvline(epochs[best], color=_MUTED, linestyle=_DASHED, linewidth=1)
        lower.plot([epochs[best]], [value], "o", color=_GREEN, markersize=7, markeredgecolor="white")
        title = f"best epoch {epochs[best]:.0f}: {watched.replace('valid_', 'valid ')} {value:.3f}"
        _title(upper, title)
    upper.legend(frameon=False, loc="upper right")
    _save(figure, path)


def reliability_plot(
    probabilities: np.ndarray, truth: np.ndarray, path: Path, *, bins: int = 15, title: str = ""
) -> None:
    """Accuracy against confidence of the top label, and below it how many clips fall into each bin.

    Args:
        probabilities: ``(n, classes)``, each row summing to 1.
        truth: ``(n,)`` int labels.
        path: where the picture goes.
        bins: bins of equal width.
        title: a line above the calibration error and the number of clips.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
        OutputError: ``path`` cannot be written.
    """
    curve = reliability_curve(truth, probabilities, bins=bins)
    error = expected_calibration_error(truth, probabilities, bins=bins)
    calibration_plot(curve, path, error=error, title=title)


def calibration_plot(curve: ReliabilityCurve, path: Path, *, error: float, title: str = "") -> None:
    """What `reliability_plot` draws, from its curve and calibration ``error``.

    Raises:
        OutputError: ``path`` cannot be written, or ends in neither .png nor .svg.
    """
    reached, gap = np.nan_to_num(curve.accuracy), np.nan_to_num(curve.confidence - curve.accuracy)
    figure, upper, lower = _two_panels(5.2, 6.0, share=(4, 1))
    centres, width = (curve.edges[:-1] + curve.edges[1:]) / 2, 0.92 / len(curve.count)
    hatched: dict[str, Any] = {"facecolor": "none", "edgecolor": _ORANGE, "hatch": "////", "linewidth": 0.8}
    upper.plot([0, 1], [0, 1], color=_MUTED, linestyle=_DASHED, zorder=3, label="perfect calibration")
    upper.bar(centres, reached, width, color=_BLUE, label="accuracy")
    upper.bar(centres, gap, width, bottom=reached, label="confidence minus accuracy", **hatched)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9, handlelength=1.6)
    told = f"ECE {error:.3f}, {curve.count.sum():,.0f} clips, {len(curve.count)} bins"
    _title(upper, "\n".join(filter(None, (title, told))))
    lower.bar(centres, curve.count, width, color=_MUTED)
    lower.set(ylabel="clips", xlabel="confidence")
    _save(figure, path)


def risk_plot(curve: RiskCoverage, path: Path) -> None:
    """Error rate against the share of clips that are answered, surest first.

    Raises:
        ValueError: there is no clip.
        OutputError: ``path`` cannot be written, or ends in neither .png nor .svg.
    """
    if not len(curve.coverage):
        raise ValueError("no clips to draw")
    figure, axes = _canvas(5.6, 3.8)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.plot(curve.coverage, curve.risk, color=_BLUE, linewidth=1.8)
    axes.set(xlim=(0, 1), xlabel="share of clips answered, surest first", ylabel="error rate among them")
    axes.set_ylim(bottom=0)
    _title(axes, f"error {curve.risk[-1]:.3f} where all are answered")
    _save(figure, path)


def groups_plot(report: GroupReport, path: Path, *, name: str) -> None:
    """The score of each group as a dot with its 95 % interval; ``name`` says what the groups are.

    Raises:
        OutputError: ``path`` cannot be written, or ends in neither .png nor .svg.
    """
    values = np.array([row.value for row in report.rows])
    ends = np.array([[row.low, row.high] for row in report.rows])
    figure, axes = _canvas(6.4, 1.3 + 0.3 * len(values))
    axes.grid(color=_GRID, linewidth=0.8)
    places = np.arange(len(values))
    axes.hlines(places, ends[:, 0], ends[:, 1], color=_INK, linewidth=1.4)
    axes.plot(values, places, "o", color=_BLUE, markersize=6)
    axes.set_yticks(places, [f"{row.group}  (n={row.n:,})" for row in report.rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"{report.metric}, 95 % interval")
    gap = f", largest gap {report.gap.value:.3f}" if report.gap else ""
    _title(axes, f"by {name}{gap}")
    _save(figure, path)


def _write_cells(axes: "Axes", shares: np.ndarray, counts: np.ndarray) -> None:
    for row, column in np.argwhere(counts):
        text = f"{shares[row, column]:.0f} %\n{counts[row, column]:,}"
        colour = "white" if shares[row, column] > 55 else _INK
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8, linespacing=1.25)
    edges = np.arange(len(counts) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10, color=_INK, pad=9)


def _confusion_title(report: Report, clips: int) -> str:
    known = [one for one in report.scores if "/" not in one.metric and np.isfinite(one.value)]
    return ", ".join([f"{clips:,} clips", *(f"{one.metric} {one.value:.3f}" for one in known[:2])])


def _column(history: Sequence[Mapping[str, float]], name: str) -> np.ndarray:
    return np.array([row.get(name, np.nan) for row in history], dtype=np.float64)


def _best_row(values: np.ndarray, name: str) -> int | None:
    if np.isnan(values).all():
        return None
    falls = name.removeprefix("valid_").split("/")[0] in _FALLING
    return int(np.nanargmin(values) if falls else np.nanargmax(values))


def _line(epochs: np.ndarray) -> dict[str, Any]:
    """Points are marked where they are few enough to be told apart."""
    return {"linewidth": 1.8, "marker": "o" if len(epochs) <= 30 else "", "markersize": 3.5}


def _canvas(width_in: float, height_in: float) -> "tuple[Figure, Axes]":
    figure = _figure(width_in, height_in)
    return figure, _dressed(figure.add_subplot())


def _two_panels(
    width_in: float, height_in: float, *, share: tuple[int, int]
) -> "tuple[Figure, Axes, Axes]":
    figure = _figure(width_in, height_in)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=share)
    for axes in (upper, lower):
        axes.grid(color=_GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, _dressed(upper), _dressed(lower)


def _figure(width_in: float, height_in: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained", facecolor="white")


def _dressed(axes: "Axes") -> "Axes":
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(_MUTED)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    return axes


def _save(figure: "Figure", path: Path) -> None:
    write_atomically(path, drawn(figure, path.suffix.lower().lstrip(".")))
