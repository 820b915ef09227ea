"""From a file to its emotions over time: contents -> features -> experts -> pool -> result.

A `Recognizer` keeps its bundle loaded. What it found in a file is kept in the cache under the file's
content, the words, the bundle and this version; the second time, nothing is decoded and no model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emofuse import __version__
from emofuse.errors import BundleError, EmofuseError, FeatureError
from emofuse.features.cache import Cache
from emofuse.features.media import content_hash
from emofuse.inference.bundle import DEFAULT_BUNDLE, Bundle, Expert, bundle_digest
from emofuse.inference.contents import MIN_SIDE_PX, Contents, Material, Piece
from emofuse.inference.evidence import Judgement, Voice, judge
from emofuse.inference.reading import Progress, check_words, read_contents
from emofuse.inference.result import BundleName, ClipEmotion, ModalityEvidence, Result, SegmentEmotion
from emofuse.types import Track

if TYPE_CHECKING:
    from emofuse.features.segments import Segment

NOTHING = "nothing to judge by: how often each class occurs is returned; its label is no finding"
# Raised whenever the same file would give another result with the same bundle.
_METHOD = 5


class Recognizer:
    """Recognises expressed emotions with one bundle, which is loaded when it is first needed.

    Args:
        bundle: folder of a bundle or of a training run; the default bundle where it is None.
        cache: where results are kept; the user's cache where it is None, ``Cache(None)`` keeps nothing.
    """

    def __init__(self, bundle: Path | str | None = None, *, cache: Cache | None = None) -> None:
        self._folder = None if bundle is None else Path(bundle)
        self._cache = Cache.default() if cache is None else cache
        self._bundle: Bundle | None = None
        self._digest: str | None = None

    @classmethod
    def from_bundle(cls, bundle: Bundle, *, cache: Cache | None = None) -> Recognizer:
        """With a bundle that is already in memory."""
        recognizer = cls(cache=cache)
        recognizer._bundle, recognizer._digest = bundle, bundle.digest
        return recognizer

    def predict(
        self,
        path: Path | str,
        *,
        transcript: Path | str | None = None,
        text: str | None = None,
        progress: Progress = lambda stage, done: None,
    ) -> Result:
        """The emotions of a video, audio file, picture, text, or transcript with times (srt, vtt).

        Args:
            path: the file; its kind is told by its content.
            transcript: the words of media, with times or without.
            text: the words of media, as they are.
            progress: called with what is being done and the share that is done, 0 to 1.

        Raises:
            InputError: the file, the transcript or the bundle cannot be used.
            FeatureError: a feature is not finite.
        """
        path, transcript = Path(path), None if transcript is None else Path(transcript)
        check_words(path, transcript=transcript, text=text)
        key = self._key(path, transcript, text)
        if (kept := self._kept(key)) is not None:
            return replace(kept, source=str(path))

        progress("loading the bundle", 0.0)
        bundle = self.bundle
        extractors = [extractor for expert in bundle.experts for extractor in expert.extractors.values()]
        sides = [side for one in extractors if (side := getattr(one, "min_side_px", None)) is not None]
        contents = read_contents(
            path,
            transcript=transcript,
            text=text,
            sources={extractor.source for extractor in extractors},
            min_side_px=min(sides, default=MIN_SIDE_PX),
            progress=progress,
        )
        progress("asking the experts", 0.75)
        assert bundle.pool is not None, "a bundle without classes was refused"
        materials = _materials(bundle.experts, contents)
        judgement = judge(
            bundle.experts,
            bundle.pool,
            labels=bundle.labels,
            items={name: _items(by_modality, contents) for name, by_modality in materials.items()},
            quality=_qualities(materials),
        )
        result = _result(bundle, contents, materials, judgement)
        self._cache.put_document(key, result.to_dict())
        progress("done", 1.0)
        return result

    def _key(self, path: Path, transcript: Path | None, text: str | None) -> str:
        if self._digest is None:
            self._digest = bundle_digest(self._bundle_folder())
        words = None if transcript is None else [transcript.suffix.lower(), content_hash(transcript)]
        kind = path.suffix.lower()
        return self._cache.key(
            "result", __version__, _METHOD, self._digest, kind, content_hash(path), words, text
        )

    def _kept(self, key: str) -> Result | None:
        document = self._cache.get_document(key)
        try:
            return None if document is None else Result.from_dict(document)
        except EmofuseError:  # written by another version, or damaged
            return None

    def _bundle_folder(self) -> Path:
        return DEFAULT_BUNDLE if self._folder is None else self._folder

    @property
    def bundle(self) -> Bundle:
        """The model, loaded and checked on first use.

        Raises:
            BundleError: it is damaged, or cannot recognise a single file.
        """
        if self._bundle is None:
            self._bundle = Bundle.load(self._bundle_folder())
        _check(self._bundle)
        return self._bundle


def recognize(
    path: Path | str,
    *,
    transcript: Path | str | None = None,
    text: str | None = None,
    bundle: Path | str | None = None,
) -> Result:
    """The expressed emotions of one file over time; see `Recognizer.predict` for arguments and errors."""
    return Recognizer(bundle).predict(path, transcript=transcript, text=text)


def _check(bundle: Bundle) -> None:
    if not bundle.labels:
        raise BundleError(f"bundle {bundle.name} predicts ratings only; recognising needs one with classes")
    if names := sorted({name for expert in bundle.experts for name in getattr(expert, "per_speaker", ())}):
        raise BundleError(
            f"bundle {bundle.name} wants {', '.join(names)} normalised over many clips of one speaker; "
            "one file does not have them"
        )
    if names := sorted({name for expert in bundle.experts for name in getattr(expert, "contextual", ())}):
        raise BundleError(
            f"bundle {bundle.name} wants {', '.join(names)} of the turns around a clip; recognising looks at "
            "each segment by itself"
        )
    extractors = [extractor for expert in bundle.experts for extractor in expert.extractors.values()]
    if all(extractor.source == "vectors" for extractor in extractors):
        stored = ", ".join(sorted({extractor.name for extractor in extractors})) or "none"
        raise BundleError(
            f"bundle {bundle.name} was trained on features that its corpus publishes ({stored}); "
            "they cannot be made from media"
        )


Materials = Mapping[str, Mapping[str, Sequence[Material]]]


def _materials(experts: Sequence[Expert], contents: Contents) -> Materials:
    """By expert and modality, what each segment gives.

    Raises:
        FeatureError: a feature is not finite.
    """
    found = {
        expert.name: {
            modality: contents.materials(expert.extractors[modality]) for modality in expert.modalities
        }
        for expert in experts
    }
    for expert in experts:
        for modality, several in found[expert.name].items():
            for number, material in enumerate(several, 1):
                place = f"{contents.path}: segment {number}: {expert.extractors[modality].name}"
                for piece in material.pieces:
                    _check_finite(piece.track, place)
    return found


def _check_finite(track: Track, place: str) -> None:
    if track.values.dtype.kind == "f" and not np.isfinite(track.values).all():
        frame, column = np.argwhere(~np.isfinite(track.values))[0]
        raise FeatureError(f"{place} gave {track.values[frame, column]} at frame {frame}, feature {column}")


def _items(
    by_modality: Mapping[str, Sequence[Material]], contents: Contents
) -> list[dict[str, tuple[Piece, ...]]]:
    """For each segment the modalities that it has, in pieces."""
    items: list[dict[str, tuple[Piece, ...]]] = [{} for _ in contents.segments]
    for name, several in by_modality.items():
        for item, material in zip(items, several, strict=True):
            if material.pieces:
                item[name] = material.pieces
    return items


def _qualities(materials: Materials) -> dict[str, np.ndarray]:
    """By modality ``(n,)``; 1 where it is not measured."""
    qualities: dict[str, np.ndarray] = {}
    for by_modality in materials.values():
        for name, several in by_modality.items():
            given = np.array(
                [1.0 if material.quality is None else material.quality for material in several]
            )
            qualities[name] = np.minimum(qualities.get(name, 1.0), given)
    return qualities


def _result(bundle: Bundle, contents: Contents, materials: Materials, judgement: Judgement) -> Result:
    segments = tuple(
        _segment(bundle.labels, segment, number, materials, judgement)
        for number, segment in enumerate(contents.segments)
    )
    warnings = contents.warnings
    warnings = warnings if judgement.judged.any() else (*warnings, NOTHING)
    return Result(
        source=str(contents.path),
        duration_s=contents.duration_s,
        labels=tuple(bundle.labels),
        clip=_clip(bundle.labels, segments, judgement),
        segments=segments,
        warnings=warnings,
        bundle=BundleName(bundle.name, bundle.version, bundle.digest),
        valence_arousal_source={name: voice.origin for name, voice in judgement.voices.items()},
    )


def _segment(
    labels: Sequence[str], segment: Segment, number: int, materials: Materials, judgement: Judgement
) -> SegmentEmotion:
    evidence = {}
    for name, voice in judgement.voices.items():
        given = [by_modality[name][number] for by_modality in materials.values() if name in by_modality]
        evidence[name] = _evidence(labels, voice, number, given)
    emotion = _emotion(labels, judgement.probabilities[number], judgement.affect[number])
    return SegmentEmotion(
        start_s=float(segment.start_s),
        end_s=float(segment.end_s),
        text=segment.text,
        speaker=segment.speaker,
        label=emotion.label,
        confidence=emotion.confidence,
        probabilities=emotion.probabilities,
        valence=emotion.valence,
        arousal=emotion.arousal,
        modalities=evidence,
    )


def _evidence(
    labels: Sequence[str], voice: Voice, number: int, given: Sequence[Material]
) -> ModalityEvidence:
    if not voice.present[number]:
        reason = next((material.reason for material in given if material.reason), "absent")
        return ModalityEvidence(present=False, probabilities=None, weight=0.0, reason=reason)
    emotion = _emotion(labels, voice.probabilities[number], voice.affect[number])
    return ModalityEvidence(
        present=True,
        probabilities=emotion.probabilities,
        weight=float(voice.weights[number]),
        valence=emotion.valence,
        arousal=emotion.arousal,
        quality=next((float(material.quality) for material in given if material.quality is not None), None),
    )


def _clip(labels: Sequence[str], segments: Sequence[SegmentEmotion], judgement: Judgement) -> ClipEmotion:
    """The mean over the segments that were judged, by duration; equally where there is no clock."""
    lengths = [part.end_s - part.start_s for part in segments]
    weights = np.maximum(lengths, 1e-3) * (judgement.judged if judgement.judged.any() else 1.0)
    weights = weights / weights.sum()
    known = np.isfinite(judgement.affect)
    shares = weights[:, None] * known
    total = shares.sum(axis=0)
    summed = (shares * np.where(known, judgement.affect, 0.0)).sum(axis=0)
    affect = np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)
    return _emotion(labels, weights @ judgement.probabilities, affect)


def _emotion(labels: Sequence[str], probabilities: np.ndarray, affect: np.ndarray) -> ClipEmotion:
    """Plain numbers: the winner, and probabilities that sum to 1."""
    shares = probabilities / probabilities.sum()
    best = int(shares.argmax())
    valence, arousal = (None if np.isnan(value) else float(np.clip(value, -1, 1)) for value in affect)
    return ClipEmotion(
        label=labels[best],
        confidence=float(shares[best]),
        probabilities={label: float(share) for label, share in zip(labels, shares, strict=True)},
        valence=valence,
        arousal=arousal,
    )
