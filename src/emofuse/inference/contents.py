"""What a user's file holds for the experts: its words, its voice and its faces, cut into segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emofuse.errors import ClipTooShortError, MissingModalityError
from emofuse.features.media import VideoFrames
from emofuse.features.segments import Segment
from emofuse.types import Extractor, Signal, Track

if TYPE_CHECKING:
    from emofuse.features.face import FaceTrack

FRAME_RATE = 5.0
# Our own choices: a slice shorter than the first says too little and is widened to the second; speech
# shorter than the third in a segment is a slip of its borders.
_SHORT_S, _WIDENED_S, _SLIP_S = 0.3, 0.5, 0.1
# A voice model's memory grows with the square of what it hears at once; longer segments are judged by the
# stretch of this length that holds most speech (our choice).
HEARD_S = 30.0
_CROP_DIM = 48 * 48  # of the faces that were found on the way


class Material(NamedTuple):
    """What a segment gives to one extractor: its ``track``, or the ``reason`` why there is none.

    ``quality`` in [0, 1] is how far it can be trusted, None where that is not measured. ``shortened`` says
    how it was cut to what the extractor takes in, where it was.
    """

    track: Track | None
    reason: str | None = None
    quality: float | None = None
    shortened: str | None = None


@dataclass(frozen=True, eq=False)
class Sound:
    """The audio of a clip and where somebody speaks in it; ``absent`` says why it cannot be used."""

    signal: Signal
    speech: tuple[tuple[float, float], ...] = ()
    absent: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a clip, the times of all frames that were looked at, and why there is no face."""

    tracks: tuple[FaceTrack, ...] = ()
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))
    absent: str = ""
    warnings: tuple[str, ...] = ()


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
            return [Material(None, reason) for _ in self.segments]
        by_source: dict[str, Callable[[Extractor], list[Material]]] = {
            "text": self._words,
            "audio": self._voice,
            "video": self._look,
        }
        if extractor.source not in by_source:
            reason = (
                f"{extractor.name} features are published with a corpus, they cannot be made from media"
            )
            return [Material(None, reason) for _ in self.segments]
        return by_source[extractor.source](extractor)

    def _words(self, extractor: Extractor) -> list[Material]:
        missing = Material(None, "no words in this segment")
        cuts = getattr(extractor, "cuts", None)
        materials = []
        for segment in self.segments:
            material = _tried(extractor, segment.text) if (segment.text or "").strip() else missing
            if cuts is not None and material.track is not None and cuts(segment.text):
                told = f"its text is longer than the {len(material.track)} tokens that are read"
                material = material._replace(shortened=told)
            materials.append(material)
        return materials

    def _voice(self, extractor: Extractor) -> list[Material]:
        signal, materials = self.sound.signal, []
        for segment in self.segments:
            start_s, end_s, *_ = segment
            heard_s = sum(
                max(0.0, min(end_s, until) - max(start_s, since)) for since, until in self.sound.speech
            )
            if heard_s < min(_SLIP_S, (end_s - start_s) / 2):
                materials.append(Material(None, "no speech in this segment"))
                continue
            heard = _most_spoken(start_s, end_s, self.sound.speech)
            material = _tried(extractor, signal.between(*_widened(*heard, signal.duration_s)))
            if heard != (start_s, end_s):
                told = f"its voice was judged by {heard[0]:.0f} to {heard[1]:.0f} s, where most is said"
                material = material._replace(shortened=told)
            materials.append(material)
        return materials

    def _look(self, extractor: Extractor) -> list[Material]:
        if (extractor.name, extractor.dim) == ("face", _CROP_DIM):
            if self.faces.absent:
                return [Material(None, self.faces.absent) for _ in self.segments]
            return [self._face(segment) for segment in self.segments]
        whole = _tried(extractor, VideoFrames(self.path, rate=FRAME_RATE))
        if whole.track is None:
            return [whole for _ in self.segments]
        cut = [whole.track.between(*self._shown(segment)) for segment in self.segments]
        return [
            Material(track) if len(track) else Material(None, "no frame in this segment") for track in cut
        ]

    def _face(self, segment: Segment) -> Material:
        start_s, end_s = self._shown(segment)
        looked = int(((self.faces.times >= start_s) & (self.faces.times < end_s)).sum())
        seen = [track.between(start_s, end_s) for track in self.faces.tracks]
        best = max(seen, key=lambda track: track.importance, default=None)
        if best is None or not len(best) or not looked:
            return Material(None, "no face in this segment")
        return Material(best.track, quality=min(1.0, len(best) / looked))

    def _shown(self, segment: Segment) -> tuple[float, float]:
        """The segment's times, with two sampling steps at least, so that a short one has a frame."""
        start_s, end_s, *_ = segment
        lacking_s = max(0.0, 2 / FRAME_RATE - (end_s - start_s)) / 2
        return start_s - lacking_s, end_s + lacking_s


def _most_spoken(
    start_s: float, end_s: float, speech: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """The span itself, or its stretch of `HEARD_S` that holds most speech, the first of equals."""
    if end_s - start_s <= HEARD_S:
        return start_s, end_s
    inside = [(max(since, start_s), min(until, end_s)) for since, until in speech]
    inside = [(since, until) for since, until in inside if until > since]
    begins = np.array([start_s, *(since for since, _ in inside)])
    begins = np.unique(np.clip(begins, start_s, end_s - HEARD_S))
    since, until = (np.array(side)[:, None] for side in zip(*inside, strict=True))
    overlap = np.minimum(until, begins + HEARD_S) - np.maximum(since, begins)
    begin_s = float(begins[np.maximum(overlap, 0).sum(axis=0).argmax()])
    return begin_s, begin_s + HEARD_S


def _widened(start_s: float, end_s: float, duration_s: float) -> tuple[float, float]:
    """A slice that is too short for speech features, widened on both sides within the clip."""
    if end_s - start_s >= _SHORT_S:
        return start_s, end_s
    begin_s = min((start_s + end_s - _WIDENED_S) / 2, duration_s - _WIDENED_S)
    begin_s = max(0.0, begin_s)
    return begin_s, min(duration_s, begin_s + _WIDENED_S)


def _tried(extractor: Extractor, given: object) -> Material:
    """The extractor's track, or why there is none."""
    try:
        track = extractor(given)
    except (ClipTooShortError, MissingModalityError) as error:
        return Material(None, str(error))
    return (
        Material(track) if len(track) else Material(None, f"{extractor.name} found nothing in this segment")
    )
