"""The valence-arousal plane as inline SVG."""

from __future__ import annotations

from emofuse.inference.circumplex import class_coordinates
from emofuse.inference.drawing import clean, colour_of
from emofuse.inference.result import Result

_SIDE, _MIDDLE, _REACH = 270, 135, 104
# Where a class's name stands from its dot, px; elsewhere above it.
_ASIDE = {"anger": (22, 4), "fear": (0, -9), "disgust": (-4, 15), "sadness": (0, 16)}


def affect_plane(result: Result) -> str:
    """Valence against arousal: the classes' places, the path of the segments, and the clip as a ring."""
    values = f"{_spoken(result.clip.valence)} and {_spoken(result.clip.arousal)}"
    return (
        f'<svg class="plane" role="img" viewBox="0 0 {_SIDE} {_SIDE}" '
        f'aria-label="Valence and arousal: {values}">'
        f"{_axes()}{_classes(result)}{_path(result)}{_clip(result)}</svg>"
    )


def _x(valence: float) -> float:
    return _MIDDLE + valence * _REACH


def _y(arousal: float) -> float:
    return _MIDDLE - arousal * _REACH


def _spoken(value: float | None) -> str:
    return "unknown" if value is None else f"{round(value, 2) + 0.0:+.2f}"


def _axes() -> str:
    names = (
        (_x(1) + 4, _MIDDLE - 6, "end", "pleasant"),
        (_x(-1) - 4, _MIDDLE - 6, "start", "unpleasant"),
        (_MIDDLE, _y(1) - 8, "middle", "activated"),
        (_MIDDLE, _y(-1) + 16, "middle", "calm"),
    )
    return (
        f'<circle class="rim" cx="{_MIDDLE}" cy="{_MIDDLE}" r="{_REACH}"/>'
        f'<path class="axis" d="M{_x(-1)} {_MIDDLE}H{_x(1)}M{_MIDDLE} {_y(-1)}V{_y(1)}"/>'
    ) + "".join(
        f'<text class="small" x="{x}" y="{y}" text-anchor="{at}">{name}</text>' for x, y, at, name in names
    )


def _classes(result: Result) -> str:
    coordinates = class_coordinates(result.labels)
    if coordinates is None:
        return ""
    parts = []
    for label, (valence, arousal) in zip(result.labels, coordinates, strict=True):
        if not valence and not arousal:  # neutral lies where the axes cross
            continue
        right, down = _ASIDE.get(label, (0, -8))
        x, y = _x(valence), _y(arousal)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour_of(label, result.labels)}"/>'
            f'<text class="small" x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="middle">'
            f"{clean(label)}</text>"
        )
    return "".join(parts)


def _path(result: Result) -> str:
    points = [
        (_x(part.valence), _y(part.arousal), colour_of(part.label, result.labels))
        for part in result.segments
        if part.valence is not None and part.arousal is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = (
        f'<circle class="step" cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}"/>' for x, y, fill in points
    )
    return f'<polyline class="path" points="{line}"/>{"".join(dots)}'


def _clip(result: Result) -> str:
    clip = result.clip
    if clip.valence is None or clip.arousal is None:
        return ""
    return f'<circle class="ring" cx="{_x(clip.valence):.1f}" cy="{_y(clip.arousal):.1f}" r="9"/>'
