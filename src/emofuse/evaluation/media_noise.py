"""Noise on sound, pictures and words: media are read, made worse, and their features extracted anew."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from emofuse.alignment.intervals import to_common_axis
from emofuse.errors import ClipTooShortError, ConfigError, MissingModalityError
from emofuse.evaluation.conditions import MediaCondition
from emofuse.features.extraction import AUDIO_RATE
from emofuse.features.media import VideoFrames, read_audio
from emofuse.models.recipe import make
from emofuse.perturbations import PERTURBATIONS
from emofuse.perturbations.views import PerturbedFrames
from emofuse.types import Clip, Extractor, Sample, Track

# What a noise of a kind is heard, seen or read by.
SOURCES = {"signal": "audio", "picture": "video", "words": "text"}


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a subject's features come from: its clips by id, its extractors by modality, and what is done to
    their tracks (standardisers by modality, a common axis of ``axis_rate`` frames a second or 0).

    ``per_speaker`` names modalities that are z-scored over all clips of a speaker: they cannot be made worse,
    since one worse clip would change the others. ``contextual`` names those that are the turns around a clip: they
    stay as they are, since the noise is on the clip.
    """

    clips: Mapping[str, Clip]
    extractors: Mapping[str, Extractor]
    standardisers: Mapping[str, Callable[[Track], Track]] = field(default_factory=dict)
    axis_rate: float = 0.0
    per_speaker: tuple[str, ...] = ()
    contextual: tuple[str, ...] = ()


def media_noise(name: str, origin: Origin, **options: Any) -> MediaCondition:
    """A noise of `PERTURBATIONS` on media, with its options but for the strength.

    Every modality of the clip's own whose extractor works on such media is extracted anew; nothing is cached,
    since each strength and seed has features of its own. A clip in which nothing is found any more (no face, no
    word) lacks that modality. Chance is drawn for each clip by its id, alike at every strength.

    Raises:
        ConfigError: an unknown name or option, a noise on batches, no extractor that works on such media, or
            one whose modality is z-scored by speaker.
    """

    def made(strength: float) -> Any:
        return make(PERTURBATIONS, {"name": name, **options, "strength": strength})

    kind = getattr(made(0.0), "kind", "")
    if kind not in SOURCES:
        raise ConfigError(f"noise {name!r} works on {kind or 'something else'}, not on media")
    own = {one: part for one, part in origin.extractors.items() if one not in origin.contextual}
    worse = tuple(one for one, part in own.items() if part.source == SOURCES[kind])
    if not worse:
        used = ", ".join(f"{one}: {part.source}" for one, part in own.items()) or "other turns alone"
        raise ConfigError(f"noise {name!r} works on {SOURCES[kind]}, and the features are made of {used}")
    if spoken := sorted(set(worse) & set(origin.per_speaker)):
        raise ConfigError(
            f"noise {name!r}: {', '.join(spoken)} is normalised by speaker and cannot be redone"
        )

    def remake(samples: Sequence[Sample], strength: float, seed: int) -> Sequence[Sample]:
        operation = made(strength)
        return [_remade(one, origin, worse, operation, seed) for one in samples]

    return MediaCondition(name, remake, worse)


def _remade(sample: Sample, origin: Origin, worse: Sequence[str], operation: Any, seed: int) -> Sample:
    clip, tracks = origin.clips[sample.id], dict(sample.tracks)
    for name in worse:
        if name not in tracks:
            continue
        del tracks[name]
        chance = np.random.SeedSequence([seed, *clip.id.encode()])
        try:
            track = origin.extractors[name](_worse(clip, operation, chance))
        except (MissingModalityError, ClipTooShortError):
            continue
        if len(track):
            tracks[name] = origin.standardisers[name](track) if name in origin.standardisers else track
    return replace(sample, tracks=to_common_axis(tracks, origin.axis_rate))


def _worse(clip: Clip, operation: Any, chance: np.random.SeedSequence) -> object:
    """What an extractor is given: the clip's sound, frames or words after the operation."""
    if operation.kind == "words":
        return operation(clip.text or "", np.random.default_rng(chance))
    if clip.media is None:
        raise MissingModalityError(f"clip {clip.id} has no media")
    if operation.kind == "signal":
        signal = read_audio(clip.media, rate=AUDIO_RATE, start_s=clip.start_s, end_s=clip.end_s)
        return operation(signal, np.random.default_rng(chance))
    frames = VideoFrames(clip.media, start_s=clip.start_s, end_s=clip.end_s)
    return PerturbedFrames(frames, operation, seed=int(chance.generate_state(1)[0]))
