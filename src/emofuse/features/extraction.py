"""Clips to tracks: each medium is decoded once, each track is cached by content and settings."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from emofuse.errors import ClipTooShortError, FeatureError, MediaError, MissingModalityError
from emofuse.features.cache import Cache
from emofuse.features.media import VideoFrames, content_hash, probe, read_audio
from emofuse.types import Clip, Extractor, Picture, Signal, Track

Perturb = Callable[[Signal, np.random.Generator], Signal]
AUDIO_RATE = 16000


def extract(
    clips: Sequence[Clip],
    extractors: Mapping[str, Extractor],
    *,
    cache: Cache,
    progress: Callable[[str, float], None] = lambda stage, done: None,
) -> list[dict[str, Track]]:
    """The tracks of each clip by modality; a modality that a clip does not have is left out.

    Raises:
        MediaError: a medium cannot be read.
        FeatureError: a feature is not finite; the message names clip and extractor.
    """
    tracks = []
    for number, clip in enumerate(clips, 1):
        source = _Source(clip, cache)
        found = {name: source.track(extractor) for name, extractor in extractors.items()}
        tracks.append({name: track for name, track in found.items() if track is not None})
        if number % 16 == 0 or number == len(clips):
            progress("features", number / len(clips))
    return tracks


def extract_perturbed(
    clip: Clip,
    extractor: Extractor,
    *,
    perturb: Perturb,
    described: Mapping[str, object],
    seed: Sequence[int],
    cache: Cache,
) -> Track:
    """The track of a perturbed copy of an audio clip; ``described`` and ``seed`` identify the copy."""
    source = _Source(clip, cache)
    key = source.key(extractor, perturbed=described, seed=list(seed))
    track = cache.get_track(key)
    if track is None:
        changed = perturb(source.signal(), np.random.default_rng(seed))
        track = _checked(extractor(changed), clip, extractor)
        cache.put_track(key, track)
    return track


class _Source:
    """One clip, read at most once."""

    def __init__(self, clip: Clip, cache: Cache) -> None:
        self.clip, self.cache = clip, cache
        self._signal: Signal | None = None
        self._hash: str | None = None

    def track(self, extractor: Extractor) -> Track | None:
        if not self._has(extractor.source):
            return None
        # The cache knows media and text by content, the vectors of a corpus not at all.
        if extractor.source == "vectors" or not getattr(extractor, "cached", True):
            return self._extract(extractor)
        key = self.key(extractor)
        track = self.cache.get_track(key)
        if track is None:
            track = self._extract(extractor)
            if track is not None:
                self.cache.put_track(key, track)
        return track

    def key(self, extractor: Extractor, **more: object) -> str:
        part = [self.clip.start_s, self.clip.end_s] if extractor.source != "text" else [self.clip.text]
        return self.cache.key(
            self._content(extractor), part, extractor.name, dict(extractor.settings), more
        )

    def signal(self) -> Signal:
        assert self.clip.media is not None
        if self._signal is None:
            self._signal = read_audio(
                self.clip.media, rate=AUDIO_RATE, start_s=self.clip.start_s, end_s=self.clip.end_s
            )
        return self._signal

    def _content(self, extractor: Extractor) -> str:
        if extractor.source == "text" or self.clip.media is None:
            return "text"
        if self._hash is None:
            self._hash = content_hash(self.clip.media)
        return self._hash

    def _has(self, source: str) -> bool:
        clip = self.clip
        if source == "text":
            return bool(clip.text and clip.text.strip())
        if source == "vectors":
            return bool(clip.vectors)
        return clip.media is not None and not (source == "audio" and isinstance(clip.media, Picture))

    def _extract(self, extractor: Extractor) -> Track | None:
        try:
            track = extractor(self._given(extractor.source))
        except (MissingModalityError, ClipTooShortError):
            return None
        except MediaError as error:
            if self._lacks(extractor.source):
                return None
            raise MediaError(f"clip {self.clip.id}: {error}") from error
        except FeatureError as error:
            raise FeatureError(f"clip {self.clip.id}: {error}") from error
        return _checked(track, self.clip, extractor)

    def _lacks(self, source: str) -> bool:
        """Whether the medium is whole but has no such stream; asked only where reading it failed."""
        assert self.clip.media is not None
        try:
            info = probe(self.clip.media)
        except MediaError:
            return False
        return not (info.has_audio if source == "audio" else info.has_video)

    def _given(self, source: str) -> object:
        clip = self.clip
        if source == "audio":
            return self.signal()
        if source == "video":
            assert clip.media is not None
            return VideoFrames(clip.media, start_s=clip.start_s, end_s=clip.end_s)
        return clip.text if source == "text" else clip.vectors


def _checked(track: Track, clip: Clip, extractor: Extractor) -> Track:
    if track.values.dtype.kind == "f" and not np.isfinite(track.values).all():
        frame, column = np.argwhere(~np.isfinite(track.values))[0]
        raise FeatureError(
            f"clip {clip.id}: {extractor.name} gave {track.values[frame, column]} at frame {frame}, feature {column}"
        )
    return track
