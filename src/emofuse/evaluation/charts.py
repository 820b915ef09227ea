"""Charts as inline SVG for a page that needs nothing beside it: lines and histograms.

Colours come from the page's own style (``--c0`` to ``--c6``), so that a chart follows a dark screen and paper;
lines also differ by dash and marker, and every figure has a title, a description and its units.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

Numbers = Sequence[float] | np.ndarray
COLOURS = 7
CHART_PX, _HEIGHT = 440.0, 290.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 14.0, 12.0, 44.0
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 2", "1 4")
_MOST_MARKERS = 30
# Wider figures have a row of their own, and scroll on a phone.
_WIDE_PX = 600.0


@dataclass(frozen=True)
class Series:
    """One line: points ``(n,)``, where known the ends of a band, and whether it is a quiet line of reference."""

    name: str
    xs: Numbers
    ys: Numbers
    low: Numbers = ()
    high: Numbers = ()
    quiet: bool = False


class _Plane:
    """Data to pixels, with axes."""

    def __init__(
        self, across: tuple[float, float], up: tuple[float, float], *, height: float = _HEIGHT
    ) -> None:
        self.across, self.up, self.height = across, up, height

    def x(self, value: float) -> float:
        """Its place from the left, px."""
        low, high = self.across
        return _LEFT + (value - low) / (high - low) * (CHART_PX - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Its place from the top, px."""
        low, high = self.up
        return self.height - _BOTTOM - (value - low) / (high - low) * (self.height - _TOP - _BOTTOM)

    def axes(self, x_label: str, y_label: str, *, whole: bool = False) -> str:
        """Both axes with round numbers and their labels."""
        right, bottom, parts = CHART_PX - _RIGHT, self.height - _BOTTOM, []
        for tick in ticks(*self.up):
            parts.append(
                f'<path class="grid" d="M{_LEFT:.0f} {self.y(tick):.1f}H{right:.0f}"/>'
                + text("tick", _LEFT - 6, self.y(tick) + 4, short(tick), at="end")
            )
        for tick in ticks(*self.across, whole=whole):
            parts.append(
                f'<path class="axis" d="M{self.x(tick):.1f} {bottom:.0f}v4"/>'
                + text("tick", self.x(tick), bottom + 17, short(tick), at="middle")
            )
        middle = (_TOP + bottom) / 2
        parts.append(
            f'<path class="axis" d="M{_LEFT:.0f} {bottom:.0f}H{right:.0f}"/>'
            + text("label", (_LEFT + right) / 2, self.height - 8, x_label, at="middle")
            + text("label", 13, middle, y_label, at="middle", turned=-90)
        )
        return "".join(parts)


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    mark_x: float | None = None,
    whole: bool = False,
) -> str:
    """Lines over one axis; ``mark_x`` draws a vertical line, ``whole`` has ticks at whole numbers only.

    Raises:
        ValueError: there is no point to draw.
    """
    across = x_range or span([one for part in series for one in part.xs], pad=0.0)
    up = y_range or span(
        [one for part in series for values in (part.ys, part.low, part.high) for one in values]
    )
    plane = _Plane(across, up)
    parts = [plane.axes(x_label, y_label, whole=whole)]
    if mark_x is not None:
        parts.append(
            f'<path class="mark" d="M{plane.x(mark_x):.1f} {_TOP:.0f}V{plane.height - _BOTTOM:.0f}"/>'
        )
    place, swatches = 0, []
    for one in series:
        shown = place
        place += not one.quiet
        parts.append(_line(plane, one, shown))
        swatches.append(_swatch(one, shown))
    drawn = "".join(parts)
    legend = f'<ul class="keys">{"".join(swatches)}</ul>' if len(series) > 1 else ""
    return figure(title, drawn, height=plane.height, told=_told(series, y_label), below=legend)


def histogram(edges: Numbers, counts: Numbers, *, title: str, x_label: str) -> str:
    """How many clips fall between the edges.

    Raises:
        ValueError: there is no bin.
    """
    if not len(counts):
        raise ValueError("nothing to draw")
    plane = _Plane((float(edges[0]), float(edges[-1])), (0.0, max(1.0, float(max(counts))) * 1.05))
    parts = [plane.axes(x_label, "clips")]
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        x, width, y = plane.x(low), plane.x(high) - plane.x(low), plane.y(count)
        parts.append(
            f'<rect class="quietbar" x="{x + 1:.1f}" y="{y:.1f}" width="{max(width - 2, 0.5):.1f}" '
            f'height="{plane.height - _BOTTOM - y:.1f}">'
            f"<title>{low:.2f} to {high:.2f}: {count:,.0f} clips</title></rect>"
        )
    return figure(title, "".join(parts), height=plane.height, told=f"{sum(counts):,.0f} clips")


def ticks(low: float, high: float, *, whole: bool = False, about: int = 5) -> list[float]:
    """Round numbers inside a range, some ``about`` of them."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= raw * 0.999)
    step = max(1.0, float(math.ceil(step))) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def clean(said: str) -> str:
    """``said`` with control characters removed and HTML's own characters escaped."""
    return escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", said), quote=True)


def figure(
    title: str, drawn: str, *, told: str, width: float = CHART_PX, height: float = _HEIGHT, below: str = ""
) -> str:
    """What is drawn, under its title; ``told`` says it in words for whoever cannot see it."""
    return (
        f'<figure class="chart{" wide" if width > _WIDE_PX else ""}"><figcaption>{clean(title)}</figcaption>'
        f'<svg role="img" viewBox="0 0 {width:.0f} {height:.0f}" aria-label="{clean(f"{title}: {told}")}" '
        f'style="max-width:{width * 1.25:.0f}px">{drawn}</svg>{below}</figure>'
    )


def text(kind: str, x: float, y: float, said: str, *, at: str = "start", turned: float = 0.0) -> str:
    """A text of that class at a place; ``at`` is the anchor, ``turned`` degrees."""
    place = (
        f'x="{x:.1f}" y="{y:.1f}"'
        if not turned
        else f'transform="translate({x:.1f} {y:.1f}) rotate({turned:g})"'
    )
    return f'<text class="{kind}" {place} text-anchor="{at}">{clean(said)}</text>'


def span(values: Numbers, pad: float = 0.06) -> tuple[float, float]:
    """The ends of the finite values, with room on both sides as a share of their distance.

    Raises:
        ValueError: there is none.
    """
    known = [float(value) for value in values if math.isfinite(value)]
    if not known:
        raise ValueError("nothing to draw")
    low, high = min(known), max(known)
    room = (high - low or abs(high) or 1.0) * (pad if high > low else 0.5)
    return low - room, high + room


def short(value: float) -> str:
    """A number as a tick has it."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value + 0.0:g}".replace("-", "−")


def number(value: float) -> str:
    """A number with three decimals, ``-`` where it is not known."""
    if not math.isfinite(value):
        return "-"
    return (f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}").replace("-", "−")


def _line(plane: _Plane, one: Series, place: int) -> str:
    kind = "quiet" if one.quiet else f"c{place % COLOURS}"
    dash = "3 4" if one.quiet else _DASHES[place % len(_DASHES)]
    points = [(plane.x(x), plane.y(y)) for x, y in zip(one.xs, one.ys, strict=True) if math.isfinite(y)]
    parts = []
    if len(one.low) and not one.quiet:
        band = [
            (x, low, high)
            for x, low, high in zip(one.xs, one.low, one.high, strict=True)
            if math.isfinite(low)
        ]
        there = [f"{plane.x(x):.1f},{plane.y(high):.1f}" for x, _, high in band]
        back = [f"{plane.x(x):.1f},{plane.y(low):.1f}" for x, low, _ in reversed(band)]
        parts.append(f'<polygon class="band {kind}" points="{" ".join([*there, *back])}"/>')
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline class="line {kind}" stroke-dasharray="{dash}" points="{path}"/>')
    if len(points) <= _MOST_MARKERS and not one.quiet:
        shown = [(x, y) for x, y in zip(one.xs, one.ys, strict=True) if math.isfinite(y)]
        for (x, y), (px, py) in zip(shown, points, strict=True):
            parts.append(
                f'<g class="marker {kind}"><title>{clean(one.name)}: {number(y)} at {short(x)}</title>'
                f"{_marker(px, py, place)}</g>"
            )
    return "".join(parts)


def _marker(x: float, y: float, place: int) -> str:
    if place % 3 == 1:
        return f'<rect x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4"/>'
    if place % 3 == 2:
        return f'<path d="M{x:.1f} {y - 4.6:.1f}l4.4 7.6h-8.8z"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>'


def _swatch(one: Series, place: int) -> str:
    kind = "quiet" if one.quiet else f"c{place % COLOURS}"
    dash = "3 4" if one.quiet else _DASHES[place % len(_DASHES)]
    marker = "" if one.quiet else f'<g class="marker {kind}">{_marker(14, 7, place)}</g>'
    return (
        '<li><svg class="swatch" viewBox="0 0 28 14" width="28" height="14" aria-hidden="true">'
        f'<path class="line {kind}" stroke-dasharray="{dash}" d="M0 7H28"/>{marker}</svg>{clean(one.name)}</li>'
    )


def _told(series: Sequence[Series], y_label: str) -> str:
    parts = []
    for one in series:
        known = [value for value in one.ys if math.isfinite(value)]
        if known and not one.quiet:
            parts.append(f"{one.name} from {number(known[0])} to {number(known[-1])}")
    return f"{y_label}; {'; '.join(parts)}"
