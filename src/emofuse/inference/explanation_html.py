"""Why a clip was recognised so, as one self-contained page in the look of a run's own page."""

from collections.abc import Sequence
from pathlib import Path

from emofuse.evaluation.bar_charts import Bar, bar_chart
from emofuse.evaluation.charts import clean
from emofuse.evaluation.time_charts import time_chart
from emofuse.evaluation.words import Word, words_html
from emofuse.inference.explanation import Explanation, SegmentExplanation
from emofuse.inference.explanation_parts import (
    UNITS,
    attention_of,
    captions_of,
    lanes_of,
    segment_title,
    sound_of,
    timed_words,
    words_of_segments,
)
from emofuse.inference.page import charts, hint, page, share, table


def explanation_html(explanation: Explanation) -> str:
    """The page as text, to be written as UTF-8: the clip over time, then each segment's modalities, classes and words.

    Raises:
        MediaError: the clip is no longer there.
    """
    unit = UNITS[explanation.unit]
    cards = [("Over time", _timeline(explanation, unit))]
    cards += [
        (segment_title(segment, place), _segment(segment, words, unit))
        for place, (segment, words) in enumerate(
            zip(explanation.segments, words_of_segments(explanation), strict=True), 1
        )
    ]
    name = Path(explanation.source).name
    about = (
        f"Numbers are {unit} of each segment's class, counted from {explanation.baseline}. "
        f"Bundle {explanation.bundle.name} {explanation.bundle.version}."
    )
    return page(
        f"Why {name} was recognised so", f'<p class="facts">{clean(about)}</p>', [one for one in cards if one[1]],
        notes=(*explanation.notes, *explanation.warnings),
    )  # fmt: skip


def _timeline(explanation: Explanation, unit: str) -> str:
    lanes = {name: stretches for name, stretches in lanes_of(explanation).items() if stretches}
    lanes |= attention_of(explanation)
    if not lanes or explanation.duration_s <= 0:
        return ""
    told = (
        "What each word, stretch of speech and of pictures adds to the answer while the other modalities stay. Blue, "
        "up: for the class of its segment; orange, down: against it. Each lane has its own scale."
    )
    if attention_of(explanation):
        told += " Attention is where the model itself looked, as shares of 1: not what that changed."
    drawn = time_chart(
        sound_of(explanation), lanes, duration_s=explanation.duration_s, title="Attributions under the waveform",
        unit=unit, words=timed_words(lanes), captions=captions_of(explanation),
    )  # fmt: skip
    return hint(told) + charts(drawn)


def _segment(segment: SegmentExplanation, words: Sequence[Word], unit: str) -> str:
    present = [(name, one) for name, one in segment.modalities.items() if one.present]
    bars = [Bar(name, one.value, text=_signed(one.value, 2)) for name, one in present]
    title = f"What each modality adds to {segment.label}"
    added = bar_chart(bars, title=title, x_label=f"added to the {unit}") if bars else ""
    likely = [Bar(name, 100 * value, text=f"{value:.0%}") for name, value in segment.probabilities.items()]
    classes = bar_chart(
        likely, title="Probability of each class", x_label="probability, %", x_range=(0, 100)
    )
    rows = [("from nothing", _signed(segment.base, 3), "")]
    rows += [
        (
            clean(name),
            _signed(one.value, 3),
            f"weight {share(one.weight)}"
            if one.present
            else clean(f"absent: {one.reason or 'no reason is known'}"),
        )
        for name, one in segment.modalities.items()
    ]
    rows.append(("together", _signed(segment.output, 3), ""))
    told = table(("", unit, "in the pool"), rows, first=len(rows) - 1, said=(2,))
    said = words_html(words, unit=unit) if words else ""
    said += _looked(segment)
    return f"{said}{charts(f'<div>{added}{told}</div>', classes)}"


def _looked(segment: SegmentExplanation) -> str:
    """Words shaded by the attention that they got, where a model attends over words."""
    some = next(
        (one.attention for one in segment.modalities.values() if any(look.text for look in one.attention)),
        (),
    )
    words = [Word(look.text or "", 0, 0, look.share) for look in some]
    return (
        hint("The same words by the attention that the model gave them:") + words_html(words)
        if words
        else ""
    )


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
