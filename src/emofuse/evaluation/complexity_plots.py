"""Pictures of what models cost, as PNG or SVG bytes, with units; models differ by colour, line and marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emofuse.evaluation.complexity import Complexity
from emofuse.evaluation.figures import COLOURS, INK, LINES, MARKERS, drawn, dressed, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUANTITIES = {"time_s": "time (s)", "memory_mb": "peak memory of tensors (MB)"}
_VARIED = {"frames": "frames a clip and modality", "clips": "number of clips"}


def cost_plot(measured: Sequence[Complexity], *, kind: str = "png") -> bytes:
    """Parameters, multiply-adds, time of one clip (median, with the 95th percentile) and memory, a bar a model.

    Raises:
        ValueError: there is no model.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    if not measured:
        raise ValueError("no model to draw")
    panels = (
        ("parameters (millions)", [one.parameters / 1e6 for one in measured], None),
        ("multiply-adds of a clip (millions)", [one.multiply_adds / 1e6 for one in measured], None),
        (
            "one clip (ms): median, line to p95",
            [1e3 * one.latency.p50_s for one in measured],
            [1e3 * one.latency.p95_s for one in measured],
        ),
        ("peak memory of tensors (MB)", [one.memory.tensors_mb for one in measured], None),
    )
    figure = sheet(10.5, 1.2 + 0.4 * len(measured))
    places = np.arange(len(measured))
    every = figure.subplots(1, len(panels), sharey=True)
    for number, (axes, (name, values, reach)) in enumerate(zip(every, panels, strict=True)):
        bars = dressed(axes).barh(places, values, color=COLOURS[number], height=0.6)
        if reach is not None:
            axes.hlines(places, values, reach, color=INK, linewidth=1.6)
            axes.plot(reach, places, "|", color=INK)
        else:
            axes.bar_label(bars, [f"{value:.3g}" for value in values], padding=3, fontsize=8, color=INK)
        axes.margins(x=0.25)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(name, fontsize=8.5)
    every[0].set_yticks(places, [one.name for one in measured])
    every[0].invert_yaxis()
    return drawn(figure, kind)


def growth_plot(measured: Sequence[Complexity], *, quantity: str = "time_s", kind: str = "png") -> bytes:
    """Time or memory against length and number of clips on logarithmic axes, with the fitted exponents and their
    95 % intervals; the dotted line grows with the size itself.

    Raises:
        ValueError: nothing was followed over sizes, or there is no such quantity.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    found = [(one.name, part) for one in measured for part in one.scaling if part.quantity == quantity]
    if not found:
        raise ValueError(f"no model has {quantity} over sizes; the quantities are {', '.join(_QUANTITIES)}")
    varied = list(dict.fromkeys(part.varied for _, part in found))
    figure = sheet(1.2 + 4.2 * len(varied), 3.8 + 0.12 * len(measured))
    names = list(dict.fromkeys(name for name, _ in found))
    for axes, what in zip(figure.subplots(1, len(varied), squeeze=False)[0], varied, strict=True):
        dressed(axes)
        for name, part in found:
            if part.varied != what:
                continue
            place = names.index(name)
            told = part.exponent
            axes.plot(
                part.sizes, part.values, color=COLOURS[place % len(COLOURS)], linestyle=LINES[place % len(LINES)],
                marker=MARKERS[place % len(MARKERS)], markersize=5,
                label=f"{name}: exponent {told.value:.2f} ({told.low:.2f} to {told.high:.2f}), last {told.last:.2f}",
            )  # fmt: skip
        first = next(part for _, part in found if part.varied == what)
        sizes = np.array(first.sizes, float)
        axes.plot(
            sizes,
            first.values[0] * sizes / sizes[0],
            color="#cbd2d9",
            linewidth=3,
            zorder=1,
            label="in proportion",
        )
        axes.set(xscale="log", yscale="log", xlabel=_VARIED[what], ylabel=_QUANTITIES[quantity])
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        _plain_numbers(axes)
        axes.legend(frameon=False, fontsize=7.5, loc="upper left")
        axes.margins(y=0.25)
    return drawn(figure, kind)


def throughput_plot(measured: Sequence[Complexity], *, kind: str = "png") -> bytes:
    """Clips a second against batch size.

    Raises:
        ValueError: there is no model.
        OutputError: ``kind`` is neither "png" nor "svg".
    """
    if not measured:
        raise ValueError("no model to draw")
    figure = sheet(5.6, 3.6)
    axes = dressed(figure.add_subplot())
    for place, one in enumerate(measured):
        axes.plot(
            [part.batch_size for part in one.throughput], [part.clips_per_s for part in one.throughput],
            color=COLOURS[place % len(COLOURS)], linestyle=LINES[place % len(LINES)],
            marker=MARKERS[place % len(MARKERS)], markersize=5, label=one.name,
        )  # fmt: skip
    sizes = sorted({part.batch_size for one in measured for part in one.throughput})
    axes.set(xscale="log", yscale="log", xlabel="batch size (clips)", ylabel="throughput (clips/s)")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    _plain_numbers(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    return drawn(figure, kind)


def _plain_numbers(axes: Axes) -> None:
    """Numbers as people write them on a logarithmic scale, 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
