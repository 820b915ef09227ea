"""Versions of a clip's segments that lack a modality, a word, a stretch of speech or some frames, and what a
bundle's experts say of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from emofuse.evaluation.words import Word, spread, words_of
from emofuse.inference.bundle import Bundle, Expert, Says
from emofuse.inference.contents import Contents, Material, Piece
from emofuse.inference.evidence import Judgement, judge
from emofuse.types import Extractor, Signal, Track

if TYPE_CHECKING:
    from emofuse.features.segments import Segment

_ROUNDING_S = 1e-6
Times = tuple[float | None, float | None]


@dataclass(frozen=True, eq=False)
class Version:
    """A segment, or what is left of it: by expert and modality its pieces, and by modality their quality."""

    items: Mapping[str, Mapping[str, tuple[Piece, ...]]]
    quality: Mapping[str, float]

    def only(self, names: Collection[str]) -> Version:
        """With some modalities alone."""
        items = {
            expert: {name: pieces for name, pieces in item.items() if name in names}
            for expert, item in self.items.items()
        }
        return replace(self, items=items)

    def put(self, name: str, changed: Mapping[str, tuple[Piece, ...]]) -> Version:
        """With one modality's pieces ``changed`` by expert; an expert that has no piece left lacks it."""
        items = {expert: dict(item) for expert, item in self.items.items()}
        for expert, pieces in changed.items():
            items[expert].pop(name, None)
            if pieces:
                items[expert][name] = pieces
        return replace(self, items=items)


class Parts(NamedTuple):
    """The parts of one modality of a segment: the ``times`` of each in seconds (None where there is no clock), its
    ``words`` (None where it has none), and ``keeping``, which makes versions with some of the parts each.
    """

    times: tuple[Times, ...]
    words: tuple[str | None, ...]
    keeping: Callable[[Sequence[Collection[int]]], list[Version]]


class Panel:
    """A bundle's experts on one clip; they answer the same material once."""

    def __init__(self, bundle: Bundle, contents: Contents) -> None:
        assert bundle.pool is not None, "a bundle without classes was refused"
        self.bundle, self.pool = bundle, bundle.pool
        signal = contents.sound.signal
        clocked = _Heard(signal.samples, signal.rate)
        self.contents = replace(contents, sound=replace(contents.sound, signal=clocked))
        self._experts = tuple(_Remembering(expert) for expert in bundle.experts)
        self._clocks = {
            (expert.name, name): _Clock(extractor)
            for expert in bundle.experts
            for name, extractor in expert.extractors.items()
        }
        self.names = tuple(dict.fromkeys(name for _, name in self._clocks))
        self._materials = {key: self.contents.materials(clock) for key, clock in self._clocks.items()}
        prior = np.asarray(self.pool.prior, np.float64)
        self.prior = prior / prior.sum()

    def whole(self) -> list[Version]:
        """Every segment with all that it has."""
        return [self._whole(number) for number in range(len(self.contents.segments))]

    def judge(self, versions: Sequence[Version]) -> Judgement:
        """What the bundle says of versions, as it does in recognition."""
        return judge(
            self._experts,  # type: ignore[arg-type]
            self.pool,
            labels=self.bundle.labels,
            items={
                expert.name: [one.items[expert.name] for one in versions] for expert in self.bundle.experts
            },
            quality={name: np.array([one.quality[name] for one in versions]) for name in self.names},
        )

    def reason(self, name: str, number: int) -> str:
        """Why a segment lacks a modality."""
        given = [several[number] for (_, other), several in self._materials.items() if other == name]
        return next((material.reason for material in given if material.reason), "absent")

    def times(self, expert: str, name: str, track: Track) -> np.ndarray:
        """The times of a track's frames on the clip's clock, in seconds."""
        return self._clocks[expert, name].times(track)

    def parts(
        self, name: str, number: int, whole: Version, *, heard_s: float, seen_s: float, most: int
    ) -> Parts:
        """The words of a modality that reads text, stretches of ``heard_s`` of one that hears, of ``seen_s`` of one
        that sees: at most ``most``, neighbours taken together where there are more.
        """
        clocks = {expert: clock for (expert, other), clock in self._clocks.items() if other == name}
        sources = {clock.source for clock in clocks.values()}
        if sources == {"text"}:
            return self._worded(name, number, whole, clocks, most)
        return self._timed(name, whole, clocks, heard_s if "audio" in sources else seen_s, most)

    def _whole(self, number: int) -> Version:
        items: dict[str, dict[str, tuple[Piece, ...]]] = {expert.name: {} for expert in self.bundle.experts}
        quality: dict[str, float] = {}
        for (expert, name), several in self._materials.items():
            material = several[number]
            if material.pieces:
                items[expert][name] = material.pieces
            given = 1.0 if material.quality is None else material.quality
            quality[name] = min(quality.get(name, 1.0), given)
        return Version(items, quality)

    def _worded(
        self, name: str, number: int, whole: Version, clocks: Mapping[str, _Clock], most: int
    ) -> Parts:
        segment = self.contents.segments[number]
        words = _together(segment.text or "", most)

        def _keeping(subsets: Sequence[Collection[int]]) -> list[Version]:
            kept = tuple(
                segment._replace(text=" ".join(words[place].text for place in sorted(some)))
                for some in subsets
            )
            given: dict[str, list[Material]] = {
                expert: replace(self.contents, segments=kept).materials(clock)
                for expert, clock in clocks.items()
            }
            return [
                whole
                if len(some) == len(words)
                else whole.put(name, {expert: several[place].pieces for expert, several in given.items()})
                for place, some in enumerate(subsets)
            ]

        times = spread([word.text for word in words], _spoken(self.contents.sound.speech, segment))
        return Parts(
            tuple(times or [(None, None)] * len(words)), tuple(word.text for word in words), _keeping
        )

    def _timed(
        self, name: str, whole: Version, clocks: Mapping[str, _Clock], width_s: float, most: int
    ) -> Parts:
        pieces = {expert: whole.items[expert].get(name, ()) for expert in clocks}
        times = {
            expert: [clock.times(piece.track) for piece in pieces[expert]]
            for expert, clock in clocks.items()
        }
        edges, windows = _windows([one for several in times.values() for one in several], width_s, most)

        def _keeping(subsets: Sequence[Collection[int]]) -> list[Version]:
            versions = []
            for some in subsets:
                chosen = [windows[place] for place in some]
                changed = {
                    expert: tuple(_kept(pieces[expert], [_places(one, edges) for one in several], chosen))
                    for expert, several in times.items()
                }
                versions.append(whole if len(some) == len(windows) else whole.put(name, changed))
            return versions

        on_clock = self.contents.duration_s > 0
        spans: list[Times] = [
            (max(0.0, float(edges[place])), float(edges[place + 1])) if on_clock else (None, None)
            for place in windows
        ]
        return Parts(tuple(spans), (None,) * len(spans), _keeping)


class _Remembering:
    """An expert that answers the same tracks once: versions of a clip share most of theirs."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert
        self._kept: dict[tuple[tuple[str, int], ...], tuple[Any, np.ndarray, np.ndarray]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._expert, name)

    def predict(self, items: Sequence[Mapping[str, Track]]) -> Says:
        """The expert's answers, kept ones where it was asked before."""
        keys = [tuple(sorted((name, id(track)) for name, track in item.items())) for item in items]
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in self._kept}
        if new:
            answer = self._expert.predict(list(new.values()))
            for place, (key, item) in enumerate(new.items()):
                # The tracks are kept too, so that no other takes over their identity.
                self._kept[key] = (item, answer.probabilities[place], answer.ratings[place])
        return Says(
            np.stack([self._kept[key][1] for key in keys]), np.stack([self._kept[key][2] for key in keys])
        )


@dataclass(frozen=True, eq=False)
class _Heard(Signal):
    """Sound that knows when in the clip it begins."""

    start_s: float = 0.0

    def between(self, start_s: float, end_s: float) -> _Heard:
        cut = super().between(start_s, end_s)
        return _Heard(cut.samples, cut.rate, self.start_s + max(start_s, 0.0))


@dataclass(eq=False)
class _Clock:
    """An extractor that notes when in the clip each of its tracks begins."""

    inner: Extractor
    starts: dict[int, tuple[Track, float]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return self._noting(found) if name == "of_speech" else found

    def __call__(self, given: Any) -> Track:
        return self._noting(self.inner)(given)

    def times(self, track: Track) -> np.ndarray:
        """The times of a track's frames on the clip's clock, in seconds."""
        return track.times + (self.starts[id(track)][1] if id(track) in self.starts else 0.0)

    def _noting(self, extract: Callable[[Any], Track]) -> Callable[[Any], Track]:
        def _noted(given: Any) -> Track:
            track = extract(given)
            if isinstance(given, _Heard):
                self.starts[id(track)] = (track, given.start_s)
            return track

        return _noted


def _windows(times: Sequence[np.ndarray], width_s: float, most: int) -> tuple[np.ndarray, list[int]]:
    """Edges of equal windows over all frames, and which windows hold any; at most ``most``."""
    every = np.unique(np.concatenate(times)) if times else np.zeros(0)
    if not len(every):
        return np.zeros(1), []
    step_s = float(np.median(np.diff(every))) if len(every) > 1 else 0.0
    length_s = float(every[-1] - every[0]) + step_s
    # A last window that is but a sliver is shared by the others.
    count = min(most, max(1, round(length_s / max(width_s, step_s))))
    edges = float(every[0]) - step_s / 2 + np.arange(count + 1) * length_s / count
    return edges, [int(place) for place in np.unique(_places(every, edges))]


def _places(times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.clip(np.searchsorted(edges, times + _ROUNDING_S, side="right") - 1, 0, len(edges) - 2)


def _kept(
    pieces: Sequence[Piece], windows: Sequence[np.ndarray], chosen: Collection[int]
) -> Iterator[Piece]:
    """The pieces with the frames of the chosen windows alone."""
    for piece, places in zip(pieces, windows, strict=True):
        kept = np.isin(places, list(chosen))
        if kept.all():
            yield piece
        elif kept.any():
            track = Track(piece.track.values[kept], piece.track.times[kept])
            yield Piece(track, piece.length * float(kept.mean()), piece.origin_s)


def _together(text: str, most: int) -> list[Word]:
    """The words of a text, neighbours together in at most ``most`` groups."""
    words = words_of(text)
    groups = np.array_split(np.arange(len(words)), min(most, len(words))) if words else []
    spans = [(words[group[0]].start, words[group[-1]].end) for group in groups]
    return [Word(text[start:end], start, end) for start, end in spans]


def _spoken(speech: Sequence[tuple[float, float]], segment: Segment) -> list[tuple[float, float]]:
    """Where somebody speaks in a segment; the whole of it where that is not known."""
    cut = [(max(start, segment.start_s), min(end, segment.end_s)) for start, end in speech]
    found = [(start, end) for start, end in cut if end > start]
    return found or ([(segment.start_s, segment.end_s)] if segment.end_s > segment.start_s else [])
