"""Pictures of attributions, as PNG or SVG bytes: modalities, classes, speech over its waveform, frames in time,
and how faithful an attribution is.

Modalities differ by colour and by hatching, what speaks for the class and what against it by colour and by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emofuse.evaluation.figures import AGAINST, COLOURS, FOR, GRID, INK, LINES, MUTED, drawn, dressed, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emofuse.evaluation.attribution import ModalityAttribution
    from emofuse.evaluation.faithfulness import Faithfulness
    from emofuse.types import Signal

_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "++")
_COLUMNS = 4000  # of a waveform; no screen shows more


class Stretch(NamedTuple):
    """A time in seconds with what it adds; ``text`` is the word that is said then, or None."""

    start_s: float
    end_s: float
    value: float
    text: str | None = None


def modality_bars(
    rows: Sequence[tuple[str, Mapping[str, float]]], *, unit: str = "log-odds", kind: str = "png"
) -> bytes:
    """What each modality adds in each row (a segment or a clip with its class), in ``unit``.

    Raises:
        ValueError: there is no row, or the rows have different modalities.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    names = list(rows[0][1]) if rows else []
    if not names or any(list(values) != names for _, values in rows):
        raise ValueError("draw one row or more, all of the same modalities")
    figure = sheet(7.2, 1.3 + len(rows) * (0.24 * len(names) + 0.22))
    axes = dressed(figure.add_subplot())
    height = 0.8 / len(names)
    for place, name in enumerate(names):
        heights = np.arange(len(rows)) + (place - (len(names) - 1) / 2) * height
        values = [row[name] for _, row in rows]
        bars = axes.barh(
            heights, values, height=height * 0.9, label=name, color=COLOURS[place % len(COLOURS)],
            hatch=_HATCHES[place % len(_HATCHES)], edgecolor="white", linewidth=0,
        )  # fmt: skip
        axes.bar_label(bars, [f"{value:+.2f}" for value in values], padding=3, fontsize=7.5, color=INK)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(rows)), [_short(title) for title, _ in rows])
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"added to the {unit} of the class (left: speaks against it)")
    figure.legend(loc="outside lower center", ncols=min(len(names), 6), frameon=False, fontsize=8.5)
    return drawn(figure, kind)


def probability_bars(rows: Sequence[tuple[str, Mapping[str, float]]], *, kind: str = "png") -> bytes:
    """The probability of each class, a panel a row; the likeliest is dark.

    Raises:
        ValueError: there is no row, or the rows have different classes.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    labels = list(rows[0][1]) if rows else []
    if not labels or any(list(values) != labels for _, values in rows):
        raise ValueError("draw one row or more, all of the same classes")
    columns = min(len(rows), 4)
    lines = -(-len(rows) // columns)
    figure = sheet(1.1 + 2.1 * columns, lines * (0.7 + 0.24 * len(labels)))
    panels = np.atleast_1d(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)).ravel()
    for axes, (title, values) in zip(panels, rows, strict=False):
        shares = np.array([values[label] for label in labels])
        colours = [FOR if place == shares.argmax() else "#9fb8cc" for place in range(len(labels))]
        bars = dressed(axes, _short(title, 26)).barh(labels, shares, color=colours, height=0.7)
        axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=2, fontsize=7.5, color=INK)
        axes.set_xlim(0, 1.25)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.grid(visible=False, axis="y")
        axes.title.set_fontsize(8.5)
    panels[0].invert_yaxis()
    for axes in panels[len(rows) :]:
        axes.set_visible(False)
    figure.supxlabel("probability", fontsize=9, color=INK)
    return drawn(figure, kind)


def waveform_plot(
    signal: Signal | None,
    lanes: Mapping[str, Sequence[Stretch]],
    *,
    words: Sequence[Stretch] = (),
    captions: Sequence[Stretch] = (),
    duration_s: float | None = None,
    unit: str = "log-odds",
    note: str = "",
    kind: str = "png",
) -> bytes:
    """Attributions over time, a lane a modality, under the waveform with the boundaries of words in it.

    A lane's bars stand up where the stretch speaks for the class and hang where against it; each lane has its own
    scale. The waveform is shaded by the first lane that is not of words; ``captions`` stand at its foot (the class
    that is explained there), a ``note`` under the axis.

    Raises:
        ValueError: there is neither a sound nor a lane.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    if signal is None and not lanes:
        raise ValueError("neither a sound nor an attribution to draw")
    length_s = duration_s or _length(signal, lanes)
    heights = ([1.5] if signal is not None else []) + [0.95] * len(lanes)
    figure = sheet(9.6, max(2.8, 0.6 + sum(heights)))
    panels = list(
        figure.subplots(
            len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
    )
    if signal is not None:
        _wave(dressed(panels[0]), signal, _first_lasting(lanes))
    for axes, (name, stretches) in zip(
        panels[1 if signal is not None else 0 :], lanes.items(), strict=True
    ):
        _lane(dressed(axes), name, stretches)
    for axes in panels:
        for word in words:
            axes.axvline(word.start_s, color=MUTED, linewidth=0.5, linestyle=(0, (2, 2)))
    for one in captions:
        panels[0].annotate(
            one.text or "", (one.start_s, 0.04), xycoords=panels[0].get_xaxis_transform(), xytext=(3, 0),
            textcoords="offset points", fontsize=8.5, color=INK, weight="bold",
        )  # fmt: skip
    for word in words:
        middle = (word.start_s + word.end_s) / 2
        panels[0].text(
            middle, 1.02, word.text or "", transform=panels[0].get_xaxis_transform(), rotation=60, fontsize=7,
            ha="left", va="bottom", color=INK,
        )  # fmt: skip
    panels[-1].set_xlim(0, length_s)
    panels[-1].set_xlabel(f"time (s){f'; {note}' if note else ''}", fontsize=9)
    figure.supylabel(f"added to the {unit} of the class", fontsize=8.5, color=INK)
    return drawn(figure, kind)


def faithfulness_plot(found: Faithfulness, *, what: str = "probability", kind: str = "png") -> bytes:
    """Deletion and insertion by attribution and in random order.

    Raises:
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    figure = sheet(8.4, 3.5)
    left, right = figure.subplots(1, 2, sharey=True)
    pairs = (
        (left, "deletion (lower is better)", found.deletion, found.random_deletion, found.deletion_gain),
        (
            right,
            "insertion (higher is better)",
            found.insertion,
            found.random_insertion,
            found.insertion_gain,
        ),
    )
    for axes, name, ours, chance, gain in pairs:
        interval = "" if np.isnan(gain.low) else f" ({gain.low:.3f} to {gain.high:.3f})"
        dressed(axes, f"{name}\narea better by {gain.value:.3f}{interval}")
        axes.plot(found.fractions, ours, color=FOR, marker="o", markersize=4, label="by attribution")
        axes.plot(found.fractions, chance, color=MUTED, linestyle=LINES[1], label="random order")
        axes.set_xlabel("share of frames")
    left.set_ylabel(what)
    left.legend(frameon=False, fontsize=8.5)
    return drawn(figure, kind)


def shares_plot(found: ModalityAttribution, *, kind: str = "png") -> bytes:
    """Over many clips: how each modality's Shapley values spread (a dot a clip, the mean as a bar), with its mean
    share of their absolute values and, where the model has them, its mean weight.

    Raises:
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    names = found.names
    figure = sheet(6.6, 1.2 + 0.62 * len(names))
    axes = dressed(figure.add_subplot())
    shares, draws = found.shares(), np.random.default_rng(0)
    for place, name in enumerate(names):
        values = found.values[found.present[:, place], place]
        jitter = draws.uniform(-0.22, 0.22, len(values))
        axes.scatter(
            values,
            place + jitter,
            s=7,
            alpha=0.45,
            color=COLOURS[place % len(COLOURS)],
            linewidths=0,
            label=name,
        )
        if len(values):
            axes.plot([values.mean()] * 2, [place - 0.32, place + 0.32], color=INK, linewidth=2)
    said = [f"{name}\n{share:.0%} of the total" for name, share in zip(names, shares, strict=True)]
    if found.weights is not None and found.weights.shape[1] == len(names):
        said = [
            f"{text}\nweight {weight:.2f}"
            for text, weight in zip(said, found.weights.mean(axis=0), strict=True)
        ]
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(names)), said, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"Shapley value ({found.kind.replace('_', '-')}, from {found.baseline})")
    axes.set_title(f"{len(found.ids):,} clips", loc="left", fontsize=10, color=INK)
    return drawn(figure, kind)


def _first_lasting(lanes: Mapping[str, Sequence[Stretch]]) -> Sequence[Stretch]:
    return next((some for some in lanes.values() if not any(one.text for one in some)), ())


def _wave(axes: Axes, signal: Signal, shaded: Sequence[Stretch]) -> None:
    samples = np.asarray(signal.samples, np.float64)
    block = max(1, len(samples) // _COLUMNS)
    whole = samples[: len(samples) // block * block].reshape(-1, block)
    times = (np.arange(len(whole)) + 0.5) * block / signal.rate
    axes.fill_between(times, whole.min(axis=1), whole.max(axis=1), color="#52606d", linewidth=0)
    largest = max((abs(one.value) for one in shaded), default=0.0) or 1.0
    for one in shaded:
        colour = FOR if one.value >= 0 else AGAINST
        axes.axvspan(
            one.start_s, one.end_s, color=colour, alpha=0.45 * abs(one.value) / largest, linewidth=0
        )
    peak = float(np.abs(samples).max(initial=0.05)) * 1.1
    axes.set_ylim(-peak, peak)
    axes.set_yticks([])
    axes.set_ylabel("sound", rotation=0, ha="right", va="center", fontsize=9)


def _lane(axes: Axes, name: str, stretches: Sequence[Stretch]) -> None:
    values = np.array([one.value for one in stretches])
    axes.bar(
        [one.start_s for one in stretches], values, width=[one.end_s - one.start_s for one in stretches],
        align="edge", color=[FOR if value >= 0 else AGAINST for value in values], edgecolor="white", linewidth=0.4,
    )  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.8)
    largest = max(float(np.abs(values).max(initial=0.0)), 1e-6) * 1.15
    axes.set_ylim(-largest, largest)
    axes.tick_params(labelsize=7.5)
    axes.grid(visible=False, axis="x")
    axes.set_facecolor("white")
    axes.spines["top"].set_color(GRID)
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


def _length(signal: Signal | None, lanes: Mapping[str, Sequence[Stretch]]) -> float:
    ends = [one.end_s for several in lanes.values() for one in several]
    return max([*ends, signal.duration_s if signal is not None else 0.0, 0.1])


def _short(text: str, most: int = 44) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def heatmap(
    rows: Sequence[tuple[str, np.ndarray]], *, unit: str = "share of the row's largest", kind: str = "png"
) -> bytes:
    """Attention or attributions as shades of grey over frames, a row a clip or modality, each on its own scale: white
    is 0, black the row's largest size.

    Raises:
        ValueError: there is no row.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    if not rows:
        raise ValueError("no row to draw")
    longest = max(len(values) for _, values in rows)
    shades = np.full((len(rows), longest), np.nan)
    for place, (_, values) in enumerate(rows):
        sizes = np.abs(np.asarray(values, np.float64))
        shades[place, : len(sizes)] = sizes / (sizes.max(initial=0.0) or 1.0)
    figure = sheet(8.4, 1.2 + 0.32 * len(rows))
    axes = figure.add_subplot()
    image = axes.imshow(shades, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_facecolor("#eef4fb")
    axes.set_yticks(range(len(rows)), [_short(title, 28) for title, _ in rows], fontsize=8)
    axes.set_xlabel("frame")
    figure.colorbar(image, ax=axes, pad=0.02, label=unit)
    return drawn(figure, kind)
