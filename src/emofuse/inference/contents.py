"""What a user's file holds for the experts: its words, its voice and its faces, cut into segments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from emofuse.errors import ClipTooShortError, MissingModalityError
from emofuse.features.media import VideoFrames
from emofuse.features.segments import Segment, Span, stretches
from emofuse.types import Extractor, Signal, Track

if TYPE_CHECKING:
    from emofuse.features.face import FaceTrack

FRAME_RATE = 5.0
MIN_SIDE_PX = 24
# Our own choices: a slice shorter than the first says too little and is widened to the second; speech
# shorter than the third in a segment is a slip of its borders.
_SHORT_S, _WIDENED_S, _SLIP_S = 0.3, 0.5, 0.1
# What attention needs in memory grows with the square of what it takes in at once: an expert hears or sees
# at most this long a stretch, and its answers for the stretches of a longer segment are averaged (our choice).
AT_ONCE_S = 30.0
_CROP_DIM = 48 * 48  # of the faces that were found on the way


class Piece(NamedTuple):
    """What an expert takes in at once, and its length, by which its answer counts among those for the other
    pieces: tokens, seconds of speech, or frames. ``origin_s`` is where the piece begins on its track's clock, which
    is the piece's own for sound (0) and the clip's for pictures.
    """

    track: Track
    length: float
    origin_s: float = 0.0


class Material(NamedTuple):
    """What a segment gives to one extractor: ``pieces`` in order, or the ``reason`` why there is none.

    ``quality`` in [0, 1] is how far it can be trusted, None where that is not measured.
    """

    pieces: tuple[Piece, ...] = ()
    reason: str | None = None
    quality: float | None = None


@dataclass(frozen=True, eq=False)
class Sound:
    """The audio of a clip and where somebody speaks in it; ``absent`` says why it cannot be used."""

    signal: Signal
    speech: tuple[tuple[float, float], ...] = ()
    absent: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a clip of at least ``min_side_px``, the times of all frames that were looked at, and why
    there is no face.
    """

    tracks: tuple[FaceTrack, ...] = ()
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))
    absent: str = ""
    warnings: tuple[str, ...] = ()
    min_side_px: int = MIN_SIDE_PX


@dataclass(frozen=True, eq=False)
class Contents:
    """A clip that was read once.

    ``absent`` says by source why the whole clip lacks it, or nothing; ``duration_s`` is 0 for a picture and
    for a text without a clock.
    """

    path: Path
    duration_s: float
    segments: tuple[Segment, ...]
    sound: Sound
    faces: Faces
    absent: Mapping[str, str]
    warnings: tuple[str, ...]

    def materials(self, extractor: Extractor) -> list[Material]:
        """One `Material` for each segment.

        Raises:
            FeatureError: the extractor was given something that is not finite.
        """
        if reason := self.absent.get(extractor.source):
            return [Material(reason=reason) for _ in self.segments]
        by_source: dict[str, Callable[[Extractor], list[Material]]] = {
            "text": self._words,
            "audio": self._voice,
            "video": self._look,
        }
        if extractor.source not in by_source:
            reason = (
                f"{extractor.name} features are published with a corpus, they cannot be made from media"
            )
            return [Material(reason=reason) for _ in self.segments]
        return by_source[extractor.source](extractor)

    def _words(self, extractor: Extractor) -> list[Material]:
        divide = getattr(extractor, "pieces", lambda text: [text])
        knows = getattr(extractor, "knows", lambda text: True)
        materials = []
        for segment in self.segments:
            text = segment.text or ""
            if not text.strip():
                materials.append(Material(reason="no words in this segment"))
            elif not knows(text):
                materials.append(Material(reason="no word that the text expert knows"))
            else:
                parts = [(part, None) for part in divide(text)]
                materials.append(_tried(extractor, parts, name=extractor.name))
        return materials

    def _voice(self, extractor: Extractor) -> list[Material]:
        # Where somebody speaks is known by now: an extractor that would look for it again need not.
        spoken_only = getattr(extractor, "speech_only", False)
        extract = extractor.of_speech if spoken_only else extractor  # type: ignore[attr-defined]
        materials = []
        for segment in self.segments:
            start_s, end_s, *_ = segment
            if end_s <= start_s:  # a cue without a length
                start_s, end_s = _widened(start_s, end_s, self.duration_s)
            speech = _overlaps(self.sound.speech, start_s, end_s)
            if _lengths(speech) < min(_SLIP_S, (end_s - start_s) / 2):
                materials.append(Material(reason="no speech in this segment"))
                continue
            whole = not spoken_only and end_s - start_s <= AT_ONCE_S
            spans = [(start_s, end_s)] if whole else stretches(speech, max_s=AT_ONCE_S)
            given = [(self._heard(span), _lengths(_overlaps(speech, *span))) for span in spans]
            materials.append(_tried(extract, given, name=extractor.name))
        return materials

    def _heard(self, span: Span) -> Signal:
        return self.sound.signal.between(*_widened(*span, self.sound.signal.duration_s))

    def _look(self, extractor: Extractor) -> list[Material]:
        if (extractor.name, extractor.dim) == ("face", _CROP_DIM) and (
            extractor.settings.get("min_side_px", self.faces.min_side_px) == self.faces.min_side_px
        ):
            if self.faces.absent:
                return [Material(reason=self.faces.absent) for _ in self.segments]
            return [self._face(segment) for segment in self.segments]
        frames = VideoFrames(self.path, rate=FRAME_RATE)
        whole = _tried(extractor, [(frames, None)], name=extractor.name)
        if not whole.pieces:
            return [whole for _ in self.segments]
        track = whole.pieces[0].track
        cut = [
            _in_view(track.between(*self._shown(segment)), max(0.0, segment[0]))
            for segment in self.segments
        ]
        return [
            Material(pieces) if pieces else Material(reason="no frame in this segment") for pieces in cut
        ]

    def _face(self, segment: Segment) -> Material:
        start_s, end_s = self._shown(segment)
        looked = int(((self.faces.times >= start_s) & (self.faces.times < end_s)).sum())
        seen = [track.between(start_s, end_s) for track in self.faces.tracks]
        best = max(seen, key=lambda track: track.importance, default=None)
        if best is None or not len(best) or not looked:
            return Material(reason="no face in this segment")
        return Material(_in_view(best.track, max(0.0, segment[0])), quality=min(1.0, len(best) / looked))

    def _shown(self, segment: Segment) -> tuple[float, float]:
        """The segment's times, with two sampling steps at least, so that a short one has a frame."""
        start_s, end_s, *_ = segment
        lacking_s = max(0.0, 2 / FRAME_RATE - (end_s - start_s)) / 2
        return start_s - lacking_s, end_s + lacking_s


def _overlaps(spans: Sequence[Span], start_s: float, end_s: float) -> list[Span]:
    """The parts of spans that lie between two times."""
    cut = ((max(since, start_s), min(until, end_s)) for since, until in spans)
    return [(since, until) for since, until in cut if until > since]


def _lengths(spans: Sequence[Span]) -> float:
    return sum(until - since for since, until in spans)


def _in_view(track: Track, start_s: float) -> tuple[Piece, ...]:
    """A track over time in equal pieces of at most `AT_ONCE_S`; the first begins with its segment."""
    if not len(track):
        return ()
    count = math.ceil((track.times[-1] - track.times[0]) / AT_ONCE_S) or 1
    parts = zip(np.array_split(track.values, count), np.array_split(track.times, count), strict=True)
    return tuple(
        Piece(Track(values, times), len(values), float(times[0]) if number else start_s)
        for number, (values, times) in enumerate(parts)
        if len(values)
    )


def _widened(start_s: float, end_s: float, duration_s: float) -> tuple[float, float]:
    """A slice that is too short for speech features, widened on both sides within the clip."""
    if end_s - start_s >= _SHORT_S:
        return start_s, end_s
    begin_s = min((start_s + end_s - _WIDENED_S) / 2, duration_s - _WIDENED_S)
    begin_s = max(0.0, begin_s)
    return begin_s, min(duration_s, begin_s + _WIDENED_S)


def _tried(
    extract: Callable[[Any], Track], given: Sequence[tuple[object, float | None]], *, name: str
) -> Material:
    """A piece for each of what is ``given`` with its length (None: the number of frames), or why not one."""
    pieces, reason = [], f"{name} found nothing in this segment"
    for part, length in given:
        try:
            track = extract(part)
        except (ClipTooShortError, MissingModalityError) as error:
            reason = str(error)
            continue
        if len(track):
            pieces.append(Piece(track, len(track) if length is None else length))
    return Material(tuple(pieces)) if pieces else Material(reason=reason)
