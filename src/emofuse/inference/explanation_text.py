"""An explanation in a few lines of plain text."""

from __future__ import annotations

from emofuse.inference.drawing import clock
from emofuse.inference.explanation import Explanation, Part, SegmentExplanation

_NAMED = 3


def summary(explanation: Explanation) -> str:
    """For each segment its class, what each modality adds, and the words that speak most for and against it; then
    the notes and warnings.
    """
    unit = explanation.unit.replace("_", "-")
    lines = [f"{explanation.source}: {unit} of each segment's class, from {explanation.baseline}"]
    for number, segment in enumerate(explanation.segments, 1):
        lines += _segment(segment, number)
    return (
        "\n".join([*lines, *(f"note: {one}" for one in (*explanation.notes, *explanation.warnings))]) + "\n"
    )


def _segment(segment: SegmentExplanation, number: int) -> list[str]:
    timed = segment.end_s > segment.start_s
    span = f"{clock(segment.start_s)}-{clock(segment.end_s)}" if timed else f"part {number}"
    shares = [
        f"{name} {share.value:+.2f}" if share.present else f"{name} absent ({share.reason})"
        for name, share in segment.modalities.items()
    ]
    lines = [
        f"{span}  {segment.label} {segment.probabilities[segment.label]:.0%}: {segment.output:+.2f} = "
        f"{segment.base:+.2f}, {', '.join(shares)}"
    ]
    words = sorted(
        (part for share in segment.modalities.values() for part in share.parts if part.text),
        key=lambda part: part.value,
    )
    for said, found in (("for", words[::-1][:_NAMED]), ("against", words[:_NAMED])):
        named = [_word(part) for part in found if (part.value > 0) == (said == "for") and part.value]
        lines += [f"    words {said} it: {', '.join(named)}"] if named else []
    return lines


def _word(part: Part) -> str:
    return f"{part.text} {part.value:+.2f}"
