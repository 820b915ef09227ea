"""Media that are missing, cannot be decoded, are silent, too short, too long, or end before their clip does."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from emofuse.audit import Audited
from emofuse.audit.findings import Finding, listed
from emofuse.errors import EmofuseError
from emofuse.types import Clip, Media, Picture

# Our choices. A vowel lasts 0.1 s; beyond a minute a clip holds more than one emotion; -60 dB is below the
# noise of any microphone that hears speech; times are stated to about a tenth of a second.
SHORT_S, LONG_S, SILENT, SLACK_S = 0.3, 60.0, 1e-3, 0.1
_THREADS = 2
Given = TypeVar("Given")
Made = TypeVar("Made")


class _Looked(NamedTuple):
    """What one file holds, or why it cannot be read."""

    error: str = ""
    picture: bool = False
    has_audio: bool = False
    duration_s: float = 0.0
    peak: float = 0.0


def media_faults(given: Audited) -> list[Finding]:
    """Findings by kind, each with the ids and what was measured."""
    by_media: dict[Media, list[Clip]] = {}
    for clip in given.corpus.clips:
        if clip.media is not None and not isinstance(clip.media, Picture):
            by_media.setdefault(clip.media, []).append(clip)
    kinds: dict[tuple[str, str], dict[str, str]] = {}
    for media, looked in zip(by_media, in_parallel(_look, list(by_media), given.progress), strict=True):
        for clip in by_media[media]:
            for severity, kind, told in _judged(clip, looked):
                kinds.setdefault((severity, kind), {})[clip.id] = told
    findings = []
    for (severity, kind), found in kinds.items():
        shown = [f"{name} ({told})" if told else name for name, told in found.items()]
        evidence = [{"id": name, "found": told} for name, told in found.items()]
        message = f"{len(found)} clips {kind}: {listed(shown, 3)}"
        findings.append(Finding("media", severity, message, len(found), evidence))
    return findings


def in_parallel(
    work: Callable[[Given], Made], items: Sequence[Given], progress: Callable[[str, float], None]
) -> Iterator[Made]:
    """The results in order, a few at a time; decoders let other threads run."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, made in enumerate(pool.map(work, items, chunksize=8), 1):
            if number % 32 == 0:
                progress("media", number / len(items))
            yield made


def _look(media: Media) -> _Looked:
    from emofuse.features.media import probe, read_audio

    try:
        info = probe(media)
        if not info.has_audio:
            return _Looked(picture=info.is_picture, duration_s=info.duration_s)
        samples = read_audio(media, rate=16000).samples
        peak = float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))
        return _Looked("", info.is_picture, True, max(info.duration_s, len(samples) / 16000), peak)
    except EmofuseError as error:
        return _Looked(error=str(error))


def _judged(clip: Clip, looked: _Looked) -> Iterable[tuple[str, str, str]]:
    if looked.error:
        yield "fault", "have media that cannot be read", looked.error
        return
    if looked.picture:
        return
    start_s, end_s = clip.start_s or 0.0, clip.end_s
    length = (min(end_s, looked.duration_s) if end_s is not None else looked.duration_s) - start_s
    if (end_s or 0.0) > looked.duration_s + SLACK_S or start_s > looked.duration_s:
        yield (
            "fault",
            "end after their media do",
            f"{max(end_s or 0.0, start_s):.2f} of {looked.duration_s:.2f} s",
        )
    if looked.has_audio and looked.peak < SILENT:
        yield "fault", "are silent", f"peak {20 * np.log10(max(looked.peak, 1e-9)):.0f} dB"
    if 0 <= length < SHORT_S:
        yield "warning", f"are shorter than {SHORT_S:g} s", f"{length:.2f} s"
    if length > LONG_S:
        yield "warning", f"are longer than {LONG_S:g} s", f"{length:.1f} s"


def missing_faces(given: Audited) -> list[Finding]:
    """Pictures and videos in which no face is found."""
    clips = [clip for clip in given.corpus.clips if clip.media is not None]
    without = [
        clip.id
        for clip, seen in zip(clips, in_parallel(_seen, clips, given.progress), strict=True)
        if seen is False
    ]
    if not without:
        return []
    message = f"no face is found in {len(without)} of {len(clips)} clips: {listed(without)}"
    return [Finding("faces", "warning", message, len(without), without)]


def _seen(clip: Clip) -> bool | None:
    """Whether a face is found; None where there is nothing to look at."""
    from emofuse.features.face import find_faces
    from emofuse.features.media import VideoFrames, probe

    media = clip.media
    try:
        if media is None or (not isinstance(media, Picture) and not probe(media).has_video):
            return None
        return bool(find_faces(VideoFrames(media, rate=2.0))[0])
    except EmofuseError:
        return None
