"""A user's file into `Contents`: what it is, the words, the sound and its speech, the faces, the segments.

What is missing or odd is stated as a warning; only a file that cannot be read at all is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from emofuse.errors import InputError
from emofuse.features.containers import opened_file
from emofuse.features.media import MediaInfo, VideoFrames, probe, read_audio
from emofuse.features.segments import Segment, plan_segments, speech_regions
from emofuse.features.transcripts import Cue, read_transcript, split_sentences
from emofuse.inference.contents import FRAME_RATE, MIN_SIDE_PX, Contents, Faces, Sound
from emofuse.types import Frame, Signal

Progress = Callable[[str, float], None]

RATE = 16000
_TIMED = (".srt", ".vtt")
_PLAIN = (".txt", ".text", ".md")
UNREADABLE = "the text holds bytes that are not UTF-8; they were left out"
SILENT = "the audio is pure silence"
CANCELLED = "the channels cancel each other out; the first one is heard alone"
_SYLLABLE_S = 0.1  # a shorter clip holds no syllable (our choice)
_SILENCE = 10 ** (-80 / 20)  # full scale is 1


def read_contents(
    path: Path,
    *,
    transcript: Path | None = None,
    text: str | None = None,
    sources: Collection[str] = ("text", "audio", "video"),
    min_side_px: int = MIN_SIDE_PX,
    progress: Progress = lambda stage, done: None,
) -> Contents:
    """Read what ``sources`` need from a video, audio file, picture, text or transcript; faces that are
    smaller than ``min_side_px`` are left out.

    Raises:
        MediaError: the file is missing, damaged, or neither media nor text.
        TranscriptError: the transcript cannot be read.
        InputError: words were given twice, or the text is empty.
    """
    check_words(path, transcript=transcript, text=text)
    progress("looking at the file", 0.0)
    info = None if is_written(path) else probe(path)
    cues, said = _read_words(path if info is None else transcript, text)
    progress("listening for speech", 0.1)
    sound = _read_sound(path, info)
    faces = _read_faces(path, info, min_side_px, progress) if "video" in sources else Faces()
    duration_s = _duration(info, cues)
    segments, planned = _plan(info, duration_s, cues, sound.speech)
    return Contents(
        path=path,
        duration_s=duration_s,
        segments=segments,
        sound=sound,
        faces=faces,
        absent={
            "text": "" if cues else "no text was given",
            "audio": sound.absent,
            "video": "" if info is not None and info.has_video else faces.absent,
        },
        warnings=tuple(
            dict.fromkeys((*said, *_oddities(info), *sound.warnings, *faces.warnings, *planned))
        ),
    )


def check_words(path: Path, *, transcript: Path | None, text: str | None) -> None:
    """Raise `InputError` where the words of a clip come from two places, or the text says nothing."""
    if transcript is not None and text is not None:
        raise InputError("both a transcript and a text were given; one of them is wanted")
    if text is not None and not text.strip():
        raise InputError("the text is empty; leave it out where a clip has no words")
    if (transcript is not None or text is not None) and path.is_file() and is_written(path):
        raise InputError(f"{path} is a text itself; a transcript or text goes beside media")


def is_written(path: Path) -> bool:
    """Whether the file is text, with or without times: its name says so, its first bytes do not object."""
    if path.suffix.lower() not in (*_TIMED, *_PLAIN):
        return False
    with opened_file(path) as file:
        head = file.read(4096)
    return b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _read_words(path: Path | None, text: str | None) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    if path is None:
        said = (text or "").encode(errors="ignore").decode()
        lost = (UNREADABLE,) if said != (text or "") else ()
        return tuple(Cue(sentence, None, None, None) for sentence in split_sentences(said)), lost
    cues, warnings = read_transcript(path)
    return tuple(cues), tuple(warnings)


def _read_sound(path: Path, info: MediaInfo | None) -> Sound:
    nothing = Signal(np.zeros(0, np.float32), RATE)
    if info is None:
        return Sound(nothing, absent="text alone")
    if not info.has_audio:
        warnings = () if info.is_picture else ("the video has no sound: speech is not judged",)
        return Sound(nothing, absent="the clip has no sound", warnings=warnings)
    told: tuple[str, ...] = ()
    signal = read_audio(path, rate=RATE)
    reason = _unusable(signal)
    if reason == SILENT and info.channels > 1:
        first = read_audio(path, rate=RATE, channel=0)
        if not _unusable(first):
            signal, reason, told = first, "", (CANCELLED,)
    speech = (
        () if reason else tuple((float(since), float(until)) for since, until in speech_regions(signal))
    )
    if not speech:
        reason = reason or "no speech found"
    return Sound(signal, speech, reason, (*told, reason) if reason else told)


def _unusable(signal: Signal) -> str:
    """Why nothing can be heard, or nothing."""
    if signal.duration_s < _SYLLABLE_S:
        return f"the sound lasts {signal.duration_s:.2f} s, too short for speech features"
    if max(signal.samples.max(), -signal.samples.min()) < _SILENCE:
        return SILENT
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


def _read_faces(path: Path, info: MediaInfo | None, min_side_px: int, progress: Progress) -> Faces:
    if info is None:
        return Faces(absent="text alone")
    if not info.has_video:
        return Faces(absent="the clip has no picture")
    from emofuse.features.face import find_faces

    frames = _Watched(VideoFrames(path, rate=FRAME_RATE), info.duration_s, progress)
    tracks, warnings = find_faces(frames, min_side_px=min_side_px)
    reason = "" if tracks else "no face found"
    return Faces(tuple(tracks), np.array(frames.times), reason, tuple(warnings), min_side_px)


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
    if info.is_short:
        yield "the file holds less than its header states: its end may be missing"
    if 0 < info.rate < RATE:
        yield f"the audio is narrow-band ({info.rate} Hz): speech is judged with less certainty"
    if info.channels > 2:
        yield f"the audio has {info.channels} channels at {info.rate} Hz; mixed down to one at {RATE} Hz"
    if info.rotation_deg % 360:
        yield f"the video is stored rotated by {info.rotation_deg} degrees; it was turned upright"
    if info.variable_rate:
        yield "the video has a variable frame rate; its own time stamps were used"
