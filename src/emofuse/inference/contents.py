"""What a user's file holds for the experts: its words, its voice and its faces, cut into segments.

`read_contents` reads top to bottom: what it is, the words, the sound, the speech in it, the faces, the
segments. What is missing or odd is stated as a warning; only a file that cannot be read at all is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emofuse.errors import ClipTooShortError, InputError, MediaError, MissingModalityError
from emofuse.features.media import MediaInfo, VideoFrames, probe, read_audio
from emofuse.features.segments import Segment, plan_segments, speech_regions
from emofuse.features.transcripts import Cue, read_transcript, split_sentences
from emofuse.types import Extractor, Frame, Signal, Track

if TYPE_CHECKING:
    from emofuse.features.face import FaceTrack

Progress = Callable[[str, float], None]

RATE = 16000
FRAME_RATE = 5.0
_TIMED = (".srt", ".vtt")
_PLAIN = (".txt", ".text", ".md")
# Our own choices: below the first a slice says too little and is widened to the second; a clip below the
# third holds no syllable; speech below the fourth in a segment is a slip of its borders.
_SHORT_S, _WIDENED_S, _SYLLABLE_S, _SLIP_S = 0.3, 0.5, 0.1, 0.1
_CROP_DIM = 48 * 48  # of the faces that were found on the way
_SILENCE = 10 ** (-80 / 20)  # full scale is 1


class Material(NamedTuple):
    """What a segment gives to one extractor: its ``track``, or the ``reason`` why there is none.

    ``quality`` in [0, 1] is how far it can be trusted, None where that is not measured.
    """

    track: Track | None
    reason: str | None = None
    quality: float | None = None


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a clip, and the times of all frames that were looked at."""

    tracks: tuple[FaceTrack, ...]
    times: np.ndarray


@dataclass(frozen=True, eq=False)
class Contents:
    """A clip that was read once.

    ``absent`` says by source why the whole clip lacks it; ``duration_s`` is 0 for a picture and for a text
    without a clock.
    """

    path: Path
    duration_s: float
    segments: tuple[Segment, ...]
    signal: Signal | None
    speech: tuple[tuple[float, float], ...]
    faces: Faces | None
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
        return [
            _tried(extractor, segment.text) if segment.text and segment.text.strip() else missing
            for segment in self.segments
        ]

    def _voice(self, extractor: Extractor) -> list[Material]:
        assert self.signal is not None
        materials = []
        for segment in self.segments:
            start_s, end_s, *_ = segment
            heard_s = sum(max(0.0, min(end_s, until) - max(start_s, since)) for since, until in self.speech)
            if heard_s < min(_SLIP_S, (end_s - start_s) / 2):
                materials.append(Material(None, "no speech in this segment"))
                continue
            materials.append(
                _tried(extractor, self.signal.between(*_widened(start_s, end_s, self.signal.duration_s)))
            )
        return materials

    def _look(self, extractor: Extractor) -> list[Material]:
        if (extractor.name, extractor.dim) == ("face", _CROP_DIM) and self.faces is not None:
            return [self._face(segment, self.faces) for segment in self.segments]
        whole = _tried(extractor, VideoFrames(self.path, rate=FRAME_RATE))
        if whole.track is None:
            return [whole for _ in self.segments]
        cut = [whole.track.between(*self._shown(segment)) for segment in self.segments]
        return [
            Material(track) if len(track) else Material(None, "no frame in this segment") for track in cut
        ]

    def _face(self, segment: Segment, faces: Faces) -> Material:
        start_s, end_s = self._shown(segment)
        looked = int(((faces.times >= start_s) & (faces.times < end_s)).sum())
        seen = [track.between(start_s, end_s) for track in faces.tracks]
        best = max(seen, key=lambda track: track.importance, default=None)
        if best is None or not len(best) or not looked:
            return Material(None, "no face in this segment")
        return Material(best.track, quality=min(1.0, len(best) / looked))

    def _shown(self, segment: Segment) -> tuple[float, float]:
        """The segment's times, with two sampling steps at least, so that a short one has a frame."""
        start_s, end_s, *_ = segment
        lacking_s = max(0.0, 2 / FRAME_RATE - (end_s - start_s)) / 2
        return start_s - lacking_s, end_s + lacking_s


def read_contents(
    path: Path,
    *,
    transcript: Path | None = None,
    text: str | None = None,
    sources: Collection[str] = ("text", "audio", "video"),
    progress: Progress = lambda stage, done: None,
) -> Contents:
    """Read what ``sources`` need from a video, audio file, picture, text or transcript.

    Raises:
        MediaError: the file is missing, damaged, or neither media nor text.
        TranscriptError: the transcript cannot be read.
        InputError: words were given twice.
    """
    check_words(path, transcript=transcript, text=text)
    progress("looking at the file", 0.0)
    info = None if is_written(path) else probe(path)
    cues, said = _read_words(path if info is None else transcript, text)
    signal, heard = (None, ()) if info is None else _read_sound(path, info)
    absent = {}
    if signal is None:
        absent["audio"] = "the clip has no sound" if info else "text alone"
    elif reason := _unusable(signal):
        absent["audio"] = reason

    speech: tuple[tuple[float, float], ...] = ()
    if signal is not None and "audio" not in absent:
        progress("listening for speech", 0.1)
        speech = tuple((float(start_s), float(end_s)) for start_s, end_s in speech_regions(signal))
        if not speech:
            absent["audio"] = "no speech found"
    if signal is not None and "audio" in absent:
        heard += (absent["audio"],)

    faces: Faces | None = None
    seen: tuple[str, ...] = ()
    if info is None or not info.has_video:
        absent["video"] = "the clip has no picture" if info else "text alone"
    elif "video" in sources:
        faces, seen = _read_faces(path, info, progress)
        if not faces.tracks:
            absent["video"] = "no face found"
    if not cues:
        absent["text"] = "no text was given"

    duration_s = _duration(info, cues)
    segments, planned = _plan(info, duration_s, cues, speech)
    return Contents(
        path=path,
        duration_s=duration_s,
        segments=tuple(segments),
        signal=signal,
        speech=speech,
        faces=faces,
        absent=absent,
        warnings=tuple(dict.fromkeys((*said, *_oddities(info), *heard, *seen, *planned))),
    )


def check_words(path: Path, *, transcript: Path | None, text: str | None) -> None:
    """Raise `InputError` where the words of a clip come from two places."""
    if transcript is not None and text is not None:
        raise InputError("both a transcript and a text were given; one of them is wanted")
    if (transcript is not None or text is not None) and path.is_file() and is_written(path):
        raise InputError(f"{path} is a text itself; a transcript or text goes beside media")


def is_written(path: Path) -> bool:
    """Whether the file is text, with or without times: its name says so, its first bytes do not object."""
    if path.suffix.lower() not in (*_TIMED, *_PLAIN):
        return False
    if not path.is_file():
        raise MediaError(f"{path}: {'found a folder, wanted a file' if path.is_dir() else 'no such file'}")
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise MediaError(f"{path}: the file is empty")
    return b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _read_words(path: Path | None, text: str | None) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    if path is None:
        return tuple(Cue(sentence, None, None, None) for sentence in split_sentences(text or "")), ()
    cues, warnings = read_transcript(path)
    return tuple(cues), tuple(warnings)


def _read_sound(path: Path, info: MediaInfo) -> tuple[Signal | None, tuple[str, ...]]:
    if not info.has_audio:
        return None, () if info.is_picture else ("the video has no sound: speech is not judged",)
    try:
        signal = read_audio(path, rate=RATE)
    except ClipTooShortError:
        return Signal(np.zeros(0, np.float32), RATE), ()
    return signal, ()


def _unusable(signal: Signal) -> str:
    """Why nothing can be heard, or nothing."""
    if signal.duration_s < _SYLLABLE_S:
        return f"the sound lasts {signal.duration_s:.2f} s, too short for speech features"
    if float(np.abs(signal.samples).max(initial=0.0)) < _SILENCE:
        return "the audio is pure silence"
    return ""


class _Watched:
    """Frames that pass by once: their times are kept, and how far they are is told."""

    def __init__(self, frames: VideoFrames, duration_s: float, progress: Progress) -> None:
        self._frames, self._duration_s, self._progress = frames, duration_s, progress
        self.times: list[float] = []

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            self.times.append(frame.time_s)
            if self._duration_s > 0:
                self._progress("looking for faces", 0.15 + 0.55 * min(1.0, frame.time_s / self._duration_s))
            yield frame


def _read_faces(path: Path, info: MediaInfo, progress: Progress) -> tuple[Faces, tuple[str, ...]]:
    from emofuse.features.face import find_faces

    frames = _Watched(VideoFrames(path, rate=FRAME_RATE), info.duration_s, progress)
    tracks, warnings = find_faces(frames)
    return Faces(tuple(tracks), np.array(frames.times)), tuple(warnings)


def _duration(info: MediaInfo | None, cues: Sequence[Cue]) -> float:
    if info is not None:
        return info.duration_s if info.is_picture else max(info.duration_s, 1 / RATE)
    return max((cue.end_s for cue in cues if cue.end_s is not None), default=0.0)


def _plan(
    info: MediaInfo | None, duration_s: float, cues: Sequence[Cue], speech: Sequence[tuple[float, float]]
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    if info is not None and info.is_picture:
        return (Segment(0.0, 0.0, " ".join(cue.text for cue in cues) or None, None),), ()
    return plan_segments(
        duration_s, cues=cues, speech=speech, has_video=info is not None and info.has_video
    )


def _oddities(info: MediaInfo | None) -> Iterator[str]:
    """What a reader of the result should know about the recording."""
    if info is None:
        return
    if 0 < info.rate < RATE:
        yield f"the audio is narrow-band ({info.rate} Hz): speech is judged with less certainty"
    if info.channels > 2:
        yield f"the audio has {info.channels} channels at {info.rate} Hz; mixed down to one at {RATE} Hz"
    if info.rotation_deg % 360:
        yield f"the video is stored rotated by {info.rotation_deg} degrees; it was turned upright"
    if info.variable_rate:
        yield "the video has a variable frame rate; its own time stamps were used"


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
