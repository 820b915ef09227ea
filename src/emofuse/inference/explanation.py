"""Why a clip was recognised as it was: what each modality, word, stretch of speech and face added.

Modalities: exact Shapley values of the fused answer over all their subsets. Words, speech and faces: Shapley values
among the parts of one modality while the others stay, estimated over random orders of the parts so that they add
up exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import ConfigError
from emofuse.evaluation.attribution import log_odds
from emofuse.evaluation.shapley import sampled_shapley, shapley_values
from emofuse.inference.bundle import Bundle
from emofuse.inference.contents import MIN_SIDE_PX
from emofuse.inference.evidence import Judgement
from emofuse.inference.looks import Look, looks
from emofuse.inference.predictor import Recognizer
from emofuse.inference.reading import Progress, check_words, read_contents
from emofuse.inference.result import BundleName
from emofuse.inference.versions import Panel, Version

UNITS = ("log_odds", "probability")
BASELINE = "the pool's class prior, which stands where no modality is present"
ESTIMATED = "word times are estimated: a segment's words are spread over its speech by their letters"


@dataclass(frozen=True)
class How:
    """What is explained and how finely. ``label`` is the class (None: of each segment the likeliest), ``unit`` one of
    `UNITS`. Speech is cut into windows of ``heard_s``, pictures into windows of ``seen_s`` (0: frame by frame); of
    words or windows there are at most ``most`` in a segment: neighbours are taken together where there are more.
    Their values are estimated over ``orders`` random orders, drawn from ``seed``.

    Raises:
        ConfigError: a value that cannot be.
    """

    label: str | None = None
    unit: str = "log_odds"
    heard_s: float = 0.5
    seen_s: float = 0.4
    most: int = 48
    orders: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ConfigError(f"unit is one of {', '.join(UNITS)}, got {self.unit!r}")
        if not (self.heard_s >= 0 and self.seen_s >= 0) or self.most < 1 or self.orders < 1:
            raise ConfigError(
                "need windows of 0 s or more, 1 part and 1 order or more, got "
                f"{self.heard_s}, {self.seen_s}, {self.most} and {self.orders}"
            )


@dataclass(frozen=True)
class Part:
    """A word, a stretch of speech or of pictures. ``value`` is what it adds to the fused answer: over all parts of a
    modality that is the answer minus the one without this modality. ``own`` is what it adds to what its modality says
    by itself, over all parts that minus the class prior. Times are None where there is no clock, ``text`` where it is
    no word.
    """

    start_s: float | None
    end_s: float | None
    text: str | None
    value: float
    own: float


@dataclass(frozen=True)
class ModalityShare:
    """One modality of one segment: its Shapley ``value`` (0 where it is absent, for the ``reason``), the ``weight``
    that the pool gave it, what it says by itself, its ``parts``, and where a model with attention over time looked.
    """

    present: bool
    value: float
    weight: float
    probabilities: Mapping[str, float] | None
    reason: str | None = None
    parts: tuple[Part, ...] = ()
    attention: tuple[Look, ...] = ()


@dataclass(frozen=True)
class SegmentExplanation:
    """One segment: ``output``, that of ``label``, is ``base`` plus the values of its modalities."""

    start_s: float
    end_s: float
    text: str | None
    speaker: str | None
    label: str
    output: float
    base: float
    probabilities: Mapping[str, float]
    modalities: Mapping[str, ModalityShare]


@dataclass(frozen=True)
class Explanation:
    """A clip's segments explained, in ``unit`` ("log_odds" or "probability") of each segment's class."""

    source: str
    duration_s: float
    labels: tuple[str, ...]
    unit: str
    baseline: str
    segments: tuple[SegmentExplanation, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    bundle: BundleName

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and floats."""
        return json.loads(json.dumps(asdict(self)))

    def to_json(self) -> str:
        """The explanation as indented JSON; no NaN, no rounding."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)


def explain(
    recognizer: Recognizer | Bundle | Path | str | None,
    path: Path | str,
    *,
    transcript: Path | str | None = None,
    text: str | None = None,
    how: How | None = None,
    progress: Progress = lambda stage, done: None,
) -> Explanation:
    """What in a file made the recogniser say what it says of it.

    Args:
        recognizer: one, or its bundle, or the folder of a bundle or run; the default bundle where it is None.
        path: a video, audio file, picture, text, or transcript with times.
        transcript: the words of media, with times or without.
        text: the words of media, as they are.
        how: what is explained, and how finely.
        progress: called with what is being done and the share that is done, 0 to 1.

    Raises:
        InputError: the file, the transcript or the bundle cannot be used.
        ConfigError: the bundle has no class of the name that is to be explained.
    """
    path, transcript, how = Path(path), None if transcript is None else Path(transcript), how or How()
    check_words(path, transcript=transcript, text=text)
    progress("loading the bundle", 0.0)
    bundle = _bundle(recognizer)
    if how.label is not None and how.label not in bundle.labels:
        raise ConfigError(
            f"no class {how.label!r} to explain; {bundle.name} has {', '.join(bundle.labels)}"
        )
    extractors = [extractor for expert in bundle.experts for extractor in expert.extractors.values()]
    sides = [side for one in extractors if (side := getattr(one, "min_side_px", None)) is not None]
    contents = read_contents(
        path, transcript=transcript, text=text, sources={extractor.source for extractor in extractors},
        min_side_px=min(sides, default=MIN_SIDE_PX), progress=progress,
    )  # fmt: skip
    return _Explainer(Panel(bundle, contents), how).explain(progress)


class _Explainer:
    """One clip before a panel of experts."""

    def __init__(self, panel: Panel, how: How) -> None:
        self.panel, self.how, self.labels = panel, how, panel.bundle.labels

    def explain(self, progress: Progress) -> Explanation:
        """All segments."""
        contents, bundle = self.panel.contents, self.panel.bundle
        versions = self.panel.whole()
        progress("asking the experts", 0.75)
        full = self.panel.judge(versions)
        wanted = None if self.how.label is None else self.labels.index(self.how.label)
        columns = self._fused(full).argmax(axis=1) if wanted is None else np.full(len(versions), wanted)
        worths: dict[frozenset[str], np.ndarray] = {}

        def _worth(some: frozenset[str]) -> np.ndarray:
            # The whole was judged already, and in the order in which recognition judges it.
            everything = len(some) == len(self.panel.names)
            judged = full if everything else self.panel.judge([one.only(some) for one in versions])
            worths[some] = self._read(self._fused(judged), columns)
            return worths[some]

        shapley = shapley_values(self.panel.names, _worth)
        segments = []
        for number, whole in enumerate(versions):
            progress("taking parts away", 0.8 + 0.2 * number / len(versions))
            shares = {
                name: self._share(
                    name, number, whole, full, int(columns[number]), float(shapley[name][number])
                )
                for name in self.panel.names
            }
            shares |= {
                name: replace(shares[name], attention=seen)
                for name, seen in looks(self.panel, whole, number).items()
            }
            base, output = (float(worths[frozenset(some)][number]) for some in ((), self.panel.names))
            segments.append(self._segment(number, full, int(columns[number]), shares, base, output))
        progress("done", 1.0)
        return Explanation(
            source=str(contents.path), duration_s=contents.duration_s, labels=tuple(self.labels),
            unit=self.how.unit, baseline=BASELINE, segments=tuple(segments), warnings=contents.warnings,
            notes=(ESTIMATED,) if _has_timed_words(segments) else (),
            bundle=BundleName(bundle.name, bundle.version, bundle.digest),
        )  # fmt: skip

    def _fused(self, judged: Judgement) -> np.ndarray:
        """``(n, classes)``; the prior where nothing was there to judge by."""
        return np.where(judged.judged[:, None], judged.probabilities, self.panel.prior)

    def _own(self, judged: Judgement, name: str) -> np.ndarray:
        voice = judged.voices[name]
        return np.where(voice.present[:, None], voice.probabilities, self.panel.prior)

    def _read(self, probabilities: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """What is explained ``(n,)``, of ``(n, classes)`` probabilities."""
        shares = probabilities / probabilities.sum(axis=1, keepdims=True)
        chosen = shares[np.arange(len(columns)), columns]
        return chosen if self.how.unit == "probability" else log_odds(chosen)

    def _share(
        self, name: str, number: int, whole: Version, full: Judgement, column: int, value: float
    ) -> ModalityShare:
        voice = full.voices[name]
        if not voice.present[number]:
            return ModalityShare(False, value, 0.0, None, self.panel.reason(name, number))
        return ModalityShare(
            True, value, float(voice.weights[number]), _named(self.labels, voice.probabilities[number]),
            parts=self._parts(name, number, whole, column),
        )  # fmt: skip

    def _parts(self, name: str, number: int, whole: Version, column: int) -> tuple[Part, ...]:
        parts = self.panel.parts(
            name, number, whole, heard_s=self.how.heard_s, seen_s=self.how.seen_s, most=self.how.most
        )

        def _worths(subsets: Sequence[frozenset[int]]) -> np.ndarray:
            judged = self.panel.judge(parts.keeping(subsets))
            columns = np.full(len(subsets), column)
            given = (self._fused(judged), self._own(judged, name))
            return np.stack([self._read(one, columns) for one in given], axis=1)

        values = sampled_shapley(
            len(parts.times), _worths, orders=self.how.orders, seed=self.how.seed + number
        )
        return tuple(
            Part(start_s, end_s, word, float(value), float(own))
            for (start_s, end_s), word, (value, own) in zip(parts.times, parts.words, values, strict=True)
        )

    def _segment(
        self, number: int, full: Judgement, column: int, shares: Mapping[str, ModalityShare], *ends: float
    ) -> SegmentExplanation:
        segment, (base, output) = self.panel.contents.segments[number], ends
        return SegmentExplanation(
            float(segment.start_s), float(segment.end_s), segment.text, segment.speaker,
            label=self.labels[column], output=output, base=base,
            probabilities=_named(self.labels, self._fused(full)[number]), modalities=shares,
        )  # fmt: skip


def _bundle(given: Recognizer | Bundle | Path | str | None) -> Bundle:
    if isinstance(given, Recognizer):
        return given.bundle
    if given is None or isinstance(given, Path | str):
        return Recognizer(given).bundle
    return Recognizer.from_bundle(given).bundle


def _named(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    shares = probabilities / probabilities.sum()
    return {label: float(share) for label, share in zip(labels, shares, strict=True)}


def _has_timed_words(segments: Sequence[SegmentExplanation]) -> bool:
    parts = [part for one in segments for share in one.modalities.values() for part in share.parts]
    return any(part.text is not None and part.start_s is not None for part in parts)
