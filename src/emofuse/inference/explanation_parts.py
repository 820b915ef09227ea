"""What the pictures and the page of an explanation share: titles of segments, stretches over time, words, the sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from emofuse.errors import MediaError
from emofuse.evaluation.attribution_plots import Stretch
from emofuse.evaluation.words import Word
from emofuse.features.media import probe, read_audio
from emofuse.inference.drawing import clock
from emofuse.inference.explanation import Explanation, SegmentExplanation
from emofuse.inference.reading import RATE, is_written
from emofuse.types import Signal

UNITS = {"log_odds": "log-odds", "probability": "probability"}


def segment_title(segment: SegmentExplanation, number: int) -> str:
    """A segment's times, or its number where the text has no clock, and its class."""
    if segment.end_s <= segment.start_s:
        return f"part {number}: {segment.label}"
    return f"{clock(segment.start_s)}–{clock(segment.end_s)}: {segment.label}"


def lanes_of(explanation: Explanation) -> dict[str, list[Stretch]]:
    """By modality, what its parts with times add."""
    lanes: dict[str, list[Stretch]] = {}
    for segment in explanation.segments:
        for name, share in segment.modalities.items():
            lanes.setdefault(name, []).extend(
                Stretch(part.start_s, part.end_s, part.value, part.text)
                for part in share.parts
                if part.start_s is not None and part.end_s is not None
            )
    return lanes


def attention_of(explanation: Explanation) -> dict[str, list[Stretch]]:
    """By modality that a model attends over, the share of its attention; named apart from what parts add."""
    lanes: dict[str, list[Stretch]] = {}
    for segment in explanation.segments:
        for name, share in segment.modalities.items():
            for one in share.attention:
                if one.start_s is not None and one.end_s is not None:
                    stretch = Stretch(one.start_s, one.end_s, one.share, one.text)
                    lanes.setdefault(f"{name} attention", []).append(stretch)
    return lanes


def timed_words(lanes: Mapping[str, list[Stretch]]) -> list[Stretch]:
    """The stretches of the first lane that are words; none where there is no such lane."""
    return next((stretches for stretches in lanes.values() if any(one.text for one in stretches)), [])


def captions_of(explanation: Explanation) -> list[Stretch]:
    """The class of each segment, over its time."""
    return [Stretch(one.start_s, one.end_s, one.output, one.label) for one in explanation.segments]


def words_of_segments(explanation: Explanation) -> Iterator[tuple[Word, ...]]:
    """By segment, its words with what they add."""
    for segment in explanation.segments:
        parts = next(
            (
                share.parts
                for share in segment.modalities.values()
                if any(part.text for part in share.parts)
            ),
            (),
        )
        yield tuple(Word(part.text or "", 0, 0, part.value) for part in parts)


def sound_of(explanation: Explanation) -> Signal | None:
    """The sound of the clip; None where it has none.

    Raises:
        MediaError: the clip is no longer there.
    """
    path = Path(explanation.source)
    if is_written(path):
        return None
    try:
        return read_audio(path, rate=RATE) if probe(path).has_audio else None
    except MediaError:
        if not path.is_file():
            raise
        return None
