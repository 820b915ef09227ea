"""What was attributed over time as inline SVG: a waveform with the boundaries of words, and a lane a modality.

Like `charts`, it takes its colours from the page's own style; `attribution_plots.waveform_plot` draws the same as a
file.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from emofuse.evaluation.attribution_plots import Stretch
from emofuse.evaluation.charts import clean, figure, number, short, text, ticks
from emofuse.types import Signal

_WIDTH, _LEFT, _RIGHT = 960.0, 122.0, 52.0
_WORDS, _SOUND, _LANE, _GAP, _FOOT = 62.0, 92.0, 66.0, 10.0, 40.0
_COLUMNS = 700
# Words that would stand closer than this are not written; their boundaries are drawn all the same.
_APART = 12.0


def time_chart(
    signal: Signal | None,
    lanes: Mapping[str, Sequence[Stretch]],
    *,
    duration_s: float,
    title: str,
    unit: str,
    words: Sequence[Stretch] = (),
    captions: Sequence[Stretch] = (),
) -> str:
    """Bars over time, up where a stretch speaks for the class and down where against it, each lane on its own scale.

    The ``signal`` stands above them, shaded by the first lane that is not of words; ``words`` are written over their
    boundaries, ``captions`` (the class that is explained there) at the foot of the first lane or sound.

    Raises:
        ValueError: there is neither a sound nor a lane, or no length in time.
    """
    if (signal is None and not lanes) or duration_s <= 0:
        raise ValueError("neither a sound nor an attribution to draw")
    rows = [("sound", _SOUND)] if signal is not None else []
    rows += [(name, _LANE) for name in lanes]
    tops = (_WORDS if words else 14.0) + np.cumsum([0.0, *(height + _GAP for _, height in rows[:-1])])
    bottom = float(tops[-1]) + rows[-1][1]
    plane = _Clock(duration_s)
    parts = [plane.axis(bottom), plane.boundaries(words, float(tops[0]), bottom)]
    for (name, height), top in zip(rows, tops, strict=True):
        if name == "sound" and signal is not None and top == tops[0]:
            parts.append(plane.wave(signal, _lasting(lanes), top, height))
        else:
            parts.append(plane.lane(lanes[name], top, height))
        parts.append(text("label", _LEFT - 10, top + height / 2 + 4, name, at="end"))
    for one in captions:
        parts.append(
            text("label", plane.x(one.start_s) + 3, float(tops[0]) + rows[0][1] - 5, one.text or "")
        )
    parts.append(
        text(
            "label",
            (_LEFT + _WIDTH - _RIGHT) / 2,
            bottom + 34,
            f"seconds; bars: added, in {unit}",
            at="middle",
        )
    )
    told = "; ".join(f"{name}: {_told(stretches)}" for name, stretches in lanes.items())
    return figure(title, "".join(parts), told=told, width=_WIDTH, height=bottom + _FOOT)


class _Clock:
    """Seconds to pixels."""

    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s

    def x(self, time_s: float) -> float:
        """Its place from the left, px."""
        return _LEFT + min(max(time_s / self.duration_s, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)

    def axis(self, bottom: float) -> str:
        """Round seconds below everything."""
        shown = ticks(0.0, self.duration_s, about=8)
        marks = "".join(
            f'<path class="axis" d="M{self.x(one):.1f} {bottom:.0f}v4"/>'
            + text("tick", self.x(one), bottom + 17, short(one), at="middle")
            for one in shown
        )
        return f'<path class="axis" d="M{_LEFT:.0f} {bottom:.0f}H{_WIDTH - _RIGHT:.0f}"/>{marks}'

    def boundaries(self, words: Sequence[Stretch], top: float, bottom: float) -> str:
        """Where words begin and end, and as many of them as there is room for."""
        edges = sorted({round(self.x(end), 1) for one in words for end in (one.start_s, one.end_s)})
        lines = "".join(f"M{edge:.1f} {top:.0f}V{bottom:.0f}" for edge in edges)
        parts, last = [f'<path class="boundary" d="{lines}"/>' if lines else ""], -_APART
        for one in words:
            middle = (self.x(one.start_s) + self.x(one.end_s)) / 2
            if middle - last >= _APART:
                parts.append(text("tick", middle, top - 5, one.text or "", turned=-50))
                last = middle
        return "".join(parts)

    def wave(self, signal: Signal, shaded: Sequence[Stretch], top: float, height: float) -> str:
        """The sound, and behind it the shades of a lane."""
        largest = max((abs(one.value) for one in shaded), default=0.0) or 1.0
        parts = [
            f'<rect class="{_kind(one)}" x="{self.x(one.start_s):.1f}" y="{top:.0f}" '
            f'width="{self.x(one.end_s) - self.x(one.start_s):.1f}" height="{height:.0f}" '
            f'fill-opacity="{0.4 * abs(one.value) / largest:.2f}"/>'
            for one in shaded
        ]
        samples = np.asarray(signal.samples, np.float64)
        block = max(1, len(samples) // _COLUMNS)
        whole = samples[: len(samples) // block * block].reshape(-1, block)
        if len(whole):
            scale = (height / 2 - 2) / max(float(np.abs(samples).max()), 0.05)
            xs = [self.x((place + 0.5) * block / signal.rate) for place in range(len(whole))]
            there = [
                f"{x:.1f},{top + height / 2 - scale * y:.1f}"
                for x, y in zip(xs, whole.max(axis=1), strict=True)
            ]
            back = [
                f"{x:.1f},{top + height / 2 - scale * y:.1f}"
                for x, y in zip(xs, whole.min(axis=1), strict=True)
            ]
            parts.append(f'<polygon class="wave" points="{" ".join([*there, *reversed(back)])}"/>')
        return "".join(parts)

    def lane(self, stretches: Sequence[Stretch], top: float, height: float) -> str:
        """A modality's bars about their zero, and its largest value at the right."""
        largest = max((abs(one.value) for one in stretches), default=0.0)
        zero, scale = top + height / 2, (height / 2 - 2) / (largest or 1.0)
        width = _WIDTH - _LEFT - _RIGHT
        parts = [
            f'<rect class="empty" x="{_LEFT:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="3"/>'
        ]
        for one in stretches:
            left, right = self.x(one.start_s), self.x(one.end_s)
            tall = max(scale * abs(one.value), 0.5)
            said = f"{one.text + ' ' if one.text else ''}{one.start_s:.2f} to {one.end_s:.2f} s: {number(one.value)}"
            parts.append(
                f'<rect class="{_kind(one)}" x="{left:.1f}" y="{zero - (tall if one.value >= 0 else 0):.1f}" '
                f'width="{max(right - left - 0.8, 0.8):.1f}" height="{tall:.1f}"><title>{clean(said)}</title></rect>'
            )
        parts.append(f'<path class="axis" d="M{_LEFT:.0f} {zero:.1f}H{_WIDTH - _RIGHT:.0f}"/>')
        parts.append(text("tick", _WIDTH - _RIGHT + 6, top + 10, f"+{number(largest)}"))
        parts.append(text("tick", _WIDTH - _RIGHT + 6, top + height - 2, number(-largest)))
        return "".join(parts)


def _kind(one: Stretch) -> str:
    return "bar" if one.value >= 0 else "bar against"


def _lasting(lanes: Mapping[str, Sequence[Stretch]]) -> Sequence[Stretch]:
    return next((some for some in lanes.values() if not any(one.text for one in some)), ())


def _told(stretches: Sequence[Stretch]) -> str:
    most = max(stretches, key=lambda one: abs(one.value), default=None)
    if most is None:
        return "nothing"
    return f"most at {most.start_s:.1f} s{f' ({most.text})' if most.text else ''}, {number(most.value)}"
