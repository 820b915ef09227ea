"""The timeline of a result as inline SVG.

From top to bottom: columns of fused probabilities, a lane for each modality, valence and arousal, words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emofuse.inference.drawing import clean, clock, colour_of, describe, ink_on, top_class
from emofuse.inference.result import ModalityEvidence, Result, SegmentEmotion

_TOP, _FUSED, _BAND, _METER, _GAP, _PLANE, _LINE = 26, 132, 24, 5, 14, 96, 14
_TEXT_LINES = 5
_LETTER_PX = 6.1


@dataclass(frozen=True)
class Scale:
    """Where segments stand: ``places`` are ``(left, width)`` in px, ``ticks`` ``(x, name)``."""

    width: float
    places: tuple[tuple[float, float], ...]
    ticks: tuple[tuple[float, str], ...]


def scale_of(result: Result) -> Scale:
    """A linear time axis wide enough to read its segments; equal widths where there is no clock."""
    count = max(len(result.segments), 1)
    if not result.duration_s:
        width = max(900.0, 110.0 * count)
        each = width / count
        places = tuple((number * each, each) for number in range(count))
        names = [str(number) for number in range(1, count + 1)] if count > 1 else []
        return Scale(
            width,
            places,
            tuple((left + each / 2, name) for (left, _), name in zip(places, names, strict=False)),
        )
    spans = [(part.start_s, part.end_s) for part in result.segments]
    duration_s = max([result.duration_s, *(end for _, end in spans)])
    width = min(max(900.0, 64.0 * count), 24000.0)
    pixels = width / duration_s
    places = tuple((start * pixels, max((end - start) * pixels, 2.0)) for start, end in spans)
    step = next(
        (s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if s * pixels >= 70), 1800
    )
    # A transcript may claim any time: the marks stay as many as the width can show.
    while step * pixels < 70:
        step *= 2
    times = [number * step for number in range(int(duration_s / step) + 1)]
    return Scale(
        width,
        places,
        tuple((time * pixels, clock(time) if step < 1 else clock(time)[:-2]) for time in times),
    )


def timeline(result: Result, prefix: str) -> tuple[str, str]:
    """The lane names and the plot, two SVG of one height, to stand side by side.

    Args:
        result: what is drawn.
        prefix: begins the ids of the table rows that segments point to (``prefix-0``, ...).
    """
    scale = scale_of(result)
    lanes = _lanes(result)
    drawn_words = [
        _words(part, place[0] + 4, lanes["words"], place[1] - 8)
        for part, place in zip(result.segments, scale.places, strict=False)
    ]
    height = lanes["words"] + max([1, *(words.count("<text") for words in drawn_words)]) * _LINE + 8
    parts = [_hatch(prefix), _grid(scale, lanes, height)]
    for number, segment in enumerate(result.segments):
        left, width = scale.places[number]
        drawn = _segment(result, segment, lanes, left, width, prefix) + drawn_words[number]
        name = clean(describe(segment, number + 1))
        parts.append(
            f'<g class="segment" tabindex="0" role="img" aria-label="{name}" data-row="{prefix}-{number}">'
            f'<title>{name}</title><rect class="hit" x="{left:.1f}" y="{_TOP}" width="{width:.1f}" '
            f'height="{height - _TOP:.0f}"/>{drawn}</g>'
        )
    parts.append(_curve(result, scale, lanes["plane"], "valence"))
    parts.append(_curve(result, scale, lanes["plane"], "arousal"))
    plot = (
        f'<svg class="plot" style="--width:{scale.width + 12:.0f}" role="group" '
        'aria-label="Timeline of expressed emotion" '
        f'width="{scale.width + 12:.0f}" height="{height:.0f}" '
        f'viewBox="-6 0 {scale.width + 12:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )
    return _names(result, lanes, height), plot


def _lanes(result: Result) -> dict[str, float]:
    """The top of each lane in px: ``fused``, each modality by name, ``plane`` and ``words``."""
    lanes = {"fused": float(_TOP)}
    top = _TOP + _FUSED + _GAP
    for name in _modalities(result):
        lanes[f"modality {name}"] = top
        top += _BAND + _METER + _GAP
    lanes["plane"] = top + 4
    lanes["words"] = top + 4 + _PLANE + _GAP
    return lanes


def _modalities(result: Result) -> list[str]:
    return list(result.segments[0].modalities) if result.segments else []


def _hatch(prefix: str) -> str:
    return (
        f'<defs><pattern id="{prefix}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path class="hatch" d="M0 0V7"/></pattern></defs>'
    )


def _grid(scale: Scale, lanes: Mapping[str, float], height: float) -> str:
    fused, plane = lanes["fused"], lanes["plane"]
    parts = [
        f'<path class="grid" d="M{x:.1f} {_TOP}V{height:.0f}"/><text class="tick" x="{x:.1f}" y="16" '
        f'text-anchor="{"start" if x < 12 else "middle"}">{name}</text>'
        for x, name in scale.ticks
        if x < scale.width - 14 or x < 12
    ]
    parts += [
        f'<path class="grid" d="M0 {fused + _FUSED * share:.1f}H{scale.width:.0f}"/>'
        for share in (0, 0.5, 1)
    ]
    parts.append(
        f'<rect class="floor" x="0" y="{plane}" width="{scale.width:.0f}" height="{_PLANE}"/>'
        f'<path class="axis" d="M0 {plane + _PLANE / 2}H{scale.width:.0f}"/>'
    )
    return "".join(parts)


def _names(result: Result, lanes: Mapping[str, float], height: float) -> str:
    fused, plane = lanes["fused"], lanes["plane"]
    parts = [
        f'<text class="lane" x="0" y="{fused + 14:.0f}">fused</text>',
        f'<text class="small" x="0" y="{fused + 29:.0f}">probability</text>',
    ]
    marks = ((0, "100%"), (0.5, "50%"), (1, "0"))
    parts += [
        f'<text class="tick" x="104" y="{fused + _FUSED * share + 4:.0f}" text-anchor="end">{name}</text>'
        for share, name in marks
    ]
    for name in _modalities(result):
        top = lanes[f"modality {name}"]
        parts.append(
            f'<text class="lane" x="0" y="{top + 13:.0f}">{clean(name)}</text>'
            f'<text class="small" x="0" y="{top + 27:.0f}">line: weight</text>'
        )
    parts.append(
        f'<circle class="valence dot" cx="4" cy="{plane + 22}" r="3.5"/>'
        f'<text class="lane" x="14" y="{plane + 26}">valence</text>'
        f'<rect class="arousal dot" x="0.5" y="{plane + 58.5}" width="7" height="7"/>'
        f'<text class="lane" x="14" y="{plane + 66}">arousal</text>'
    )
    parts += [
        f'<text class="tick" x="104" y="{plane + _PLANE * share + 4:.0f}" text-anchor="end">{name}</text>'
        for share, name in ((0, "+1"), (0.5, "0"), (1, "−1"))
    ]
    parts.append(f'<text class="lane" x="0" y="{lanes["words"] + 12:.0f}">words</text>')
    return (
        f'<svg class="names" style="--width:110" aria-hidden="true" width="110" height="{height:.0f}" '
        f'viewBox="0 0 110 {height:.0f}">{"".join(parts)}</svg>'
    )


def _segment(
    result: Result,
    segment: SegmentEmotion,
    lanes: Mapping[str, float],
    left: float,
    width: float,
    prefix: str,
) -> str:
    inner, room = left + 1.0, max(width - 2.0, 1.0)
    parts = [_column(result, segment, inner, room)]
    for name, evidence in segment.modalities.items():
        parts.append(_band(result, evidence, inner, lanes[f"modality {name}"], room, prefix))
    return "".join(parts)


def _column(result: Result, segment: SegmentEmotion, left: float, width: float) -> str:
    """The winner at the foot in full colour, as high as its probability; the others above it, pale."""
    foot = _TOP + float(_FUSED)
    ranked = sorted(segment.probabilities.items(), key=lambda pair: (pair[0] != segment.label, -pair[1]))
    parts = []
    for label, probability in ranked:
        tall = probability * _FUSED
        foot -= tall
        kind = "winner" if label == segment.label else "other"
        parts.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{foot:.2f}" width="{width:.1f}" '
            f'height="{max(tall - 1, 0.2):.2f}" fill="{colour_of(label, result.labels)}"/>'
        )
    ink = ink_on(colour_of(segment.label, result.labels))
    base = _TOP + _FUSED
    for size, text, rise in (("name", segment.label, 21), ("share", f"{segment.confidence:.0%}", 7)):
        if fitted := _fitted(text, width - 4, letter_px=_LETTER_PX * (1.16 if size == "name" else 1.0)):
            parts.append(
                f'<text class="{size}" x="{left + width / 2:.1f}" y="{base - rise:.0f}" fill="{ink}" '
                f'text-anchor="middle">{clean(fitted)}</text>'
            )
    return "".join(parts)


def _band(
    result: Result, evidence: ModalityEvidence, left: float, top: float, width: float, prefix: str
) -> str:
    """What one modality says: a band in its class's colour, and below it a line as long as its weight."""
    label = top_class(evidence)
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_BAND}" rx="3"'
    if label is None:
        return f'<rect class="absent" {place} fill="url(#{prefix}-hatch)"/>'
    fill = colour_of(label, result.labels)
    parts = [f'<rect {place} fill="{fill}"/>']
    share = (evidence.probabilities or {})[label]
    wanted = f"{label} {share:.0%}"
    text = wanted if len(wanted) * _LETTER_PX < width else _fitted(label, width - 4, letter_px=_LETTER_PX)
    if text:
        parts.append(
            f'<text class="share" x="{left + width / 2:.1f}" y="{top + 16:.1f}" fill="{ink_on(fill)}" '
            f'text-anchor="middle">{clean(text)}</text>'
        )
    line = top + _BAND + 2
    parts.append(
        f'<rect class="floor" x="{left:.1f}" y="{line}" width="{width:.1f}" height="{_METER - 1}" rx="2"/>'
        f'<rect class="weight" x="{left:.1f}" y="{line}" width="{width * evidence.weight:.1f}" '
        f'height="{_METER - 1}" rx="2"/>'
    )
    return "".join(parts)


def _fitted(text: str, width: float, *, letter_px: float) -> str:
    """``text`` where it fits into ``width`` px, else its first three letters, else nothing."""
    return next((short for short in (text, text[:3]) if len(short) * letter_px <= width), "")


def _words(segment: SegmentEmotion, left: float, top: float, width: float) -> str:
    letters = int(width / _LETTER_PX)
    if letters < 4:
        return ""
    lines = _wrapped(segment.text or "", letters)
    spoken = [("who", segment.speaker[:letters])] if segment.speaker else []
    spoken += [("said", line) for line in lines]
    if len(spoken) > _TEXT_LINES:
        kind, last = spoken[_TEXT_LINES - 1]
        spoken = [*spoken[: _TEXT_LINES - 1], (kind, last[: letters - 1].rstrip() + "…")]
    return "".join(
        f'<text class="{kind}" x="{left:.1f}" y="{top + 12 + row * _LINE:.0f}">{clean(line)}</text>'
        for row, (kind, line) in enumerate(spoken)
    )


def _wrapped(text: str, letters: int) -> list[str]:
    lines = [""]
    for word in text.split():
        word = word if len(word) <= letters else word[: letters - 1] + "…"
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return [line for line in lines if line]


def _curve(result: Result, scale: Scale, top: float, name: str) -> str:
    """A line through the middles of the segments, broken where the value is unknown."""
    commands, marks, pen = [], [], "M"
    for (left, width), segment in zip(scale.places, result.segments, strict=False):
        value = getattr(segment, name)
        if value is None:
            pen = "M"
            continue
        x, y = left + width / 2, top + _PLANE / 2 * (1 - value)
        commands.append(f"{pen}{x:.1f} {y:.1f}")
        marks.append(
            f'<circle class="{name} dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
            if name == "valence"
            else f'<rect class="{name} dot" x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4"/>'
        )
        pen = "L"
    line = f'<path class="{name}" d="{"".join(commands)}"/>'
    return f'<g class="curve" aria-hidden="true">{line}{"".join(marks)}</g>'
