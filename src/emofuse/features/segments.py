"""Which stretches of a clip are read as one: the cues of a transcript, what is spoken, what is only seen.

Voice activity: Silero VAD 6, https://github.com/snakers4/silero-vad, whose weights come with its package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from emofuse.features.transcripts import Cue
from emofuse.types import Signal

_VAD_RATE = 16000
_SILENCE_PEAK = 1e-3  # -60 dB: below the noise of any microphone that hears speech
_MERGE_GAP_S = 0.3
_UNCOVERED_S = 0.5  # speech outside a cue by less than this is the cue's own, loosely timed
_SHORT_SPEECH_S = 10.0  # that much speech is read as one, whatever its sentences
_SEEN_GAP_S = 2.0
_WINDOW_S = 4.0
_ROUNDING_S = 0.05

Span = tuple[float, float]


class Segment(NamedTuple):
    """A stretch of the clip in seconds, with what is said in it and by whom, where that is known."""

    start_s: float
    end_s: float
    text: str | None
    speaker: str | None


def speech_regions(
    signal: Signal, *, threshold: float = 0.5, min_speech_s: float = 0.25, min_silence_s: float = 0.3
) -> list[Span]:
    """Where somebody speaks: ``(start_s, end_s)`` in order, disjoint; empty for silence.

    ``threshold`` is on the probability of speech; speech shorter than ``min_speech_s`` is left out, and a
    pause shorter than ``min_silence_s`` does not divide.
    """
    samples = np.asarray(signal.samples, np.float32)
    if not len(samples) or max(samples.max(), -samples.min()) < _SILENCE_PEAK:
        return []
    if signal.rate != _VAD_RATE:
        import soxr

        samples = soxr.resample(samples, signal.rate, _VAD_RATE)
    import torch

    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps

    try:
        # The network is tiny and called for every 32 ms: on several threads it waits far longer than it works.
        torch.set_num_threads(1)
        found = get_speech_timestamps(
            torch.from_numpy(np.ascontiguousarray(samples)),
            _voice_activity_network(),
            threshold=threshold,
            sampling_rate=_VAD_RATE,
            min_speech_duration_ms=round(min_speech_s * 1000),
            min_silence_duration_ms=round(min_silence_s * 1000),
        )
    finally:
        torch.set_num_threads(threads)  # the import above also sets them to one for the whole process
    end_s = signal.duration_s
    return [(part["start"] / _VAD_RATE, min(part["end"] / _VAD_RATE, end_s)) for part in found]


@cache
def _voice_activity_network() -> Any:
    from silero_vad import load_silero_vad

    return load_silero_vad()


def plan_segments(
    duration_s: float,
    *,
    cues: Sequence[Cue] = (),
    speech: Sequence[Span] = (),
    max_s: float = 8.0,
    has_video: bool = False,
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Segments in order, inside ``[0, duration_s]``, and warnings.

    Cues with times are segments as they stand, and speech outside them is added. Cues without times are
    laid over the speech in proportion to their length, or are one segment where there is little. Without
    cues, speech is cut and merged to at most ``max_s``. With video, stretches of 2 s and more where nobody
    speaks are added in windows of at most 4 s. A duration of 0 is text alone: give the end of the last cue
    as duration where a transcript with times comes without media.
    """
    if duration_s <= 0:
        segments = tuple(Segment(0.0, 0.0, cue.text, cue.speaker) for cue in cues)
        return segments, ("text has no clock: all times are 0",)
    voiced = _joined([(max(start, 0.0), min(end, duration_s)) for start, end in speech], gap_s=0.0)
    found, warnings = _with_times(cues, duration_s)
    if found:
        spans = [(segment.start_s, segment.end_s) for segment in found]
        loose = [span for span in _outside(voiced, spans) if span[1] - span[0] > _UNCOVERED_S]
        found += _textless(loose, max_s)
    elif untimed := [cue for cue in cues if cue.start_s is None]:
        found, warnings = _without_times(untimed, voiced, duration_s)
    else:
        found = _textless(_joined(voiced, gap_s=_MERGE_GAP_S, max_s=max_s), max_s)
    if has_video:
        spans = [(segment.start_s, segment.end_s) for segment in found]
        unheard = _outside([(0.0, duration_s)], spans)
        # Nothing at all is covered in any case, even if it is short.
        found += _textless([s for s in unheard if not spans or s[1] - s[0] >= _SEEN_GAP_S], _WINDOW_S)
    if not found:
        found = [Segment(0.0, duration_s, None, None)]
    return tuple(sorted(found, key=lambda segment: segment[:2])), tuple(warnings)


def stretches(spans: Sequence[Span], *, max_s: float) -> list[Span]:
    """Spans in order, gathered with the pauses between them into stretches of at most ``max_s``.

    One that is longer by itself is divided into equal parts.
    """
    return [part for span in _joined(spans, gap_s=math.inf, max_s=max_s) for part in _divided(*span, max_s)]


def _with_times(cues: Sequence[Cue], duration_s: float) -> tuple[list[Segment], list[str]]:
    found, beyond, clipped = [], 0, 0
    for cue in cues:
        if cue.start_s is None:
            continue
        end_s = cue.start_s if cue.end_s is None else max(cue.end_s, cue.start_s)
        if cue.start_s > duration_s or duration_s <= cue.start_s < end_s:
            beyond += 1
            continue
        clipped += end_s > duration_s + _ROUNDING_S
        found.append(Segment(max(cue.start_s, 0.0), min(end_s, duration_s), cue.text, cue.speaker))
    warnings = []
    if beyond:
        warnings.append(
            f"transcript: cues that begin after the end of the clip ({duration_s:.2f} s), dropped: {beyond}"
        )
    if clipped:
        warnings.append(
            f"transcript: cues that end after the clip ({duration_s:.2f} s), clipped to it: {clipped}"
        )
    return found, warnings


def _without_times(
    cues: Sequence[Cue], voiced: Sequence[Span], duration_s: float
) -> tuple[list[Segment], list[str]]:
    if len(cues) == 1 or sum(end - start for start, end in voiced) <= _SHORT_SPEECH_S:
        speakers = {cue.speaker for cue in cues}
        start_s, end_s = (voiced[0][0], voiced[-1][1]) if voiced else (0.0, duration_s)
        text = " ".join(cue.text for cue in cues)
        return [Segment(start_s, end_s, text, speakers.pop() if len(speakers) == 1 else None)], []
    spans = _shared_out(voiced, [max(len(cue.text), 1) for cue in cues])
    segments = [Segment(*span, cue.text, cue.speaker) for span, cue in zip(spans, cues, strict=True)]
    return segments, [f"the transcript has no times: times of its {len(cues)} sentences are estimated"]


def _shared_out(voiced: Sequence[Span], shares: Sequence[int]) -> list[Span]:
    """One span of the clip for each share of the voiced time, pauses inside a span included."""
    lengths = [end - start for start, end in voiced]
    # Voiced seconds before each region; a border between regions begins the next one and ends the last.
    before = np.array([0.0, *accumulate(lengths)])
    borders = np.array([0, *accumulate(shares)]) * (before[-1] / sum(shares))
    opens = np.clip(np.searchsorted(before, borders + 1e-9, side="right") - 1, 0, len(voiced) - 1)
    closes = np.clip(np.searchsorted(before, borders - 1e-9, side="right") - 1, 0, len(voiced) - 1)
    starts = _on_clock(voiced, opens, borders - before[opens])
    ends = _on_clock(voiced, closes, borders - before[closes])
    return [(start, max(start, end)) for start, end in zip(starts[:-1], ends[1:], strict=True)]


def _on_clock(voiced: Sequence[Span], regions: np.ndarray, inside_s: np.ndarray) -> list[float]:
    """Clip times that lie ``inside_s`` into their regions, and not past them by a rounding error."""
    return [
        min(voiced[region][0] + float(into_s), voiced[region][1])
        for region, into_s in zip(regions, inside_s, strict=True)
    ]


def _textless(spans: Sequence[Span], max_s: float) -> list[Segment]:
    """Spans in equal parts of at most ``max_s``."""
    return [Segment(*part, None, None) for span in spans for part in _divided(*span, max_s)]


def _divided(start_s: float, end_s: float, max_s: float) -> list[Span]:
    count = max(1, math.ceil((end_s - start_s) / max_s - 1e-9))
    return list(pairwise(float(border) for border in np.linspace(start_s, end_s, count + 1)))


def _joined(spans: Sequence[Span], *, gap_s: float, max_s: float = math.inf) -> list[Span]:
    """Spans in order; neighbours less than ``gap_s`` apart are one, if that lasts at most ``max_s``."""
    joined: list[Span] = []
    for start_s, end_s in sorted(span for span in spans if span[1] > span[0]):
        near = joined and (start_s <= joined[-1][1] or start_s - joined[-1][1] < gap_s)
        if near and max(end_s, joined[-1][1]) - joined[-1][0] <= max_s:
            joined[-1] = (joined[-1][0], max(end_s, joined[-1][1]))
        else:
            joined.append((start_s, end_s))
    return joined


def _outside(spans: Sequence[Span], covers: Sequence[Span]) -> list[Span]:
    """What of ``spans`` no cover covers."""
    left = []
    for start_s, end_s in spans:
        for first, last in _joined(covers, gap_s=0.0):
            if last <= start_s or first >= end_s:
                continue
            if first > start_s:
                left.append((start_s, first))
            start_s = last
        if end_s > start_s:
            left.append((start_s, end_s))
    return left
