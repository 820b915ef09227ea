"""What all drawings of a report share: a class's colour, readable ink, safe text, and times.

Colours are those of Okabe & Ito 2008 (Color Universal Design), told apart by colour-blind readers; no
meaning hangs on colour alone, every bar also carries its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from emofuse.inference.result import ModalityEvidence, SegmentEmotion

COLOURS: dict[str, str] = {
    "anger": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "joy": "#E69F00",
    "neutral": "#9AA3AD",
    "sadness": "#0072B2",
    "surprise": "#56B4E9",
}
_OTHERS = ("#F0E442", "#882255", "#44AA99", "#332288", "#DDCC77", "#AA4499", "#117733", "#88CCEE")


def colour_of(label: str, labels: Sequence[str]) -> str:
    """The fill of a class, the same in every plot; classes beyond the seven take further hues."""
    others = [name for name in labels if name not in COLOURS]
    return COLOURS.get(label) or _OTHERS[others.index(label) % len(_OTHERS) if label in others else 0]


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on ``colour`` (``#rrggbb``)."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return "#111" if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.18 else "#fff"


def clean(text: str) -> str:
    """``text`` with control characters removed and HTML's own characters escaped."""
    return escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", text), quote=True)


def clock(time_s: float) -> str:
    """Seconds as ``m:ss.d``."""
    tenths = round(time_s * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def span_of(segment: SegmentEmotion, number: int) -> str:
    """A segment's time, or its number where the text has no clock."""
    if segment.end_s <= segment.start_s:
        return f"part {number}"
    return f"{clock(segment.start_s)}–{clock(segment.end_s)}"


def describe(segment: SegmentEmotion, number: int) -> str:
    """One segment in words, for tooltips and screen readers."""
    said = [f"{span_of(segment, number)}: {segment.label} {segment.confidence:.0%}"]
    for name, evidence in segment.modalities.items():
        top = top_class(evidence)
        said.append(
            f"{name} says {top} (weight {evidence.weight:.0%})" if top else f"{name}: {evidence.reason}"
        )
    values = [
        f"{name} {value:+.2f}"
        for name in ("valence", "arousal")
        if (value := getattr(segment, name)) is not None
    ]
    spoken = " ".join(
        part for part in (f"{segment.speaker}:" if segment.speaker else "", segment.text or "") if part
    )
    return "; ".join([*said, *values]) + (f". {spoken}" if spoken else "")


def top_class(evidence: ModalityEvidence) -> str | None:
    """The class that a modality finds likeliest; None where it is absent."""
    if not evidence.present or not evidence.probabilities:
        return None
    return max(evidence.probabilities, key=evidence.probabilities.__getitem__)
