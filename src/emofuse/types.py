"""The nouns of the house, frozen.

Axis order is batch, time, feature everywhere. Times are float seconds; audio is mono float32 in
[-1, 1] with its rate in Hz; pictures are uint8 RGB ``(height, width, 3)`` or grey ``(height, width)``.
Modalities are called ``text``, ``audio`` and ``video``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class ArchiveMember:
    """A file that lies uncompressed inside a tar: read in place, never unpacked."""

    archive: Path
    name: str
    offset: int
    size: int

    def read(self) -> bytes:
        """The bytes of the file."""
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that is already in memory: uint8 ``(height, width)`` or ``(height, width, 3)``."""

    pixels: np.ndarray


Media = Path | ArchiveMember | Picture


@dataclass(frozen=True, eq=False)
class Clip:
    """One labelled (or unlabelled) example; what is unknown is None or empty.

    ``label`` is one name of the task's labels. ``shares`` are soft or several labels: name to a
    share, summing to 1. ``ratings`` are continuous, by name, in the task's ``rating_range``.
    ``start_s`` and ``end_s`` cut the clip out of a longer media file. ``vectors`` are features that
    the corpus itself publishes, ``(dim,)`` or ``(frames, dim)``. ``dialogue`` and ``turn`` order a
    conversation; ``source`` names the recording the clip was cut from. ``split`` is the official one.
    ``facts`` are what else the corpus says by name, such as ``gender``: no model reads them, results are told by them.
    """

    id: str
    media: Media | None = None
    text: str | None = None
    label: str | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    ratings: Mapping[str, float] = field(default_factory=dict)
    speaker: str | None = None
    dialogue: str | None = None
    turn: int | None = None
    source: str | None = None
    split: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSpec:
    """What is predicted: class labels in a fixed order, continuous ratings, or both.

    ``metrics`` names the scores that the field reports for this task; the first one is watched on
    validation.
    """

    labels: tuple[str, ...] = ()
    ratings: tuple[str, ...] = ()
    rating_range: tuple[float, float] = (-1.0, 1.0)
    metrics: tuple[str, ...] = ("uar", "accuracy", "weighted_f1", "macro_f1")


@dataclass(frozen=True)
class Corpus:
    """Clips with their task, and what the publishers ask for."""

    name: str
    clips: tuple[Clip, ...]
    task: TaskSpec
    citation: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()

    def with_clips(self, clips: tuple[Clip, ...]) -> Corpus:
        """The same corpus with other clips."""
        return replace(self, clips=clips)


@dataclass(frozen=True)
class Split:
    """Clip ids by role, disjoint, and the name of the protocol that made them."""

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    protocol: str


@dataclass(frozen=True, eq=False)
class Signal:
    """Mono audio: ``samples`` is float32 ``(n,)`` in [-1, 1], ``rate`` in Hz."""

    samples: np.ndarray
    rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def between(self, start_s: float, end_s: float) -> Signal:
        """The part between two times; cut at the ends of the signal."""
        first, last = round(max(start_s, 0.0) * self.rate), round(max(end_s, 0.0) * self.rate)
        return Signal(self.samples[first:last], self.rate)


class Frame(NamedTuple):
    """One video frame: ``pixels`` uint8 RGB ``(height, width, 3)`` shown at ``time_s``."""

    time_s: float
    pixels: np.ndarray


class Frames(Protocol):
    """A stream of frames in time order; iterating decodes, so that a long video is never in memory."""

    def __iter__(self) -> Iterator[Frame]:
        """The frames in time order; each call decodes anew."""
        ...


@dataclass(frozen=True, eq=False)
class Track:
    """Features over time: ``values`` ``(frames, dim)`` float32 (or uint8 pixels), ``times`` ``(frames,)``
    the centre of each frame in seconds.
    """

    values: np.ndarray
    times: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def between(self, start_s: float, end_s: float) -> Track:
        """The frames whose centre lies in ``[start_s, end_s)``."""
        inside = (self.times >= start_s) & (self.times < end_s)
        return Track(self.values[inside], self.times[inside])


class Extractor(Protocol):
    """Turns one modality of a clip into a `Track`.

    ``source`` says what it is called with: ``"audio"`` a `Signal`, ``"video"`` a `Frames`, ``"text"`` a
    str, ``"vectors"`` the clip's own published vectors. ``dim`` is the width of its tracks. ``settings``
    are the arguments that decide the values (they go into the cache key and into a bundle) and
    ``files`` names those among them that are paths, which a bundle carries along.
    """

    name: str
    source: str
    dim: int
    files: tuple[str, ...]

    @property
    def settings(self) -> Mapping[str, str | int | float | bool]:
        """The arguments that decide the values."""
        ...

    def __call__(self, given: object) -> Track:
        """The track of what ``source`` names."""
        ...


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip ready for a model: its tracks by modality (absent ones are left out) and its targets.

    ``shares`` is ``(classes,)`` summing to 1, or NaN where the clip has no label; ``ratings`` is
    ``(ratings,)`` with NaN where one is unknown. ``group`` is the speaker (or dialogue, or source).
    """

    id: str
    tracks: Mapping[str, Track]
    shares: np.ndarray
    ratings: np.ndarray
    group: str = ""
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Batch:
    """Padded samples. By modality: ``values`` ``(batch, time, dim)``, ``masks`` ``(batch, time)`` True where
    valid, ``presence`` ``(batch,)``. ``shares`` ``(batch, classes)`` and ``ratings`` ``(batch, ratings)`` hold
    NaN where a target is unknown; ``weights`` is ``(batch,)``.
    """

    ids: tuple[str, ...]
    values: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    presence: Mapping[str, Tensor]
    shares: Tensor
    ratings: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, which: slice) -> Batch:
        """Some of the rows, padded as they were."""
        return replace(
            self,
            ids=self.ids[which],
            values={name: value[which] for name, value in self.values.items()},
            masks={name: mask[which] for name, mask in self.masks.items()},
            presence={name: flag[which] for name, flag in self.presence.items()},
            shares=self.shares[which],
            ratings=self.ratings[which],
            weights=self.weights[which],
        )

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return replace(
            self,
            values={name: value.to(device) for name, value in self.values.items()},
            masks={name: mask.to(device) for name, mask in self.masks.items()},
            presence={name: flag.to(device) for name, flag in self.presence.items()},
            shares=self.shares.to(device),
            ratings=self.ratings.to(device),
            weights=self.weights.to(device),
        )


class Output(NamedTuple):
    """What a model says of a batch: class ``scores`` ``(batch, classes)`` before the softmax, ``ratings``
    ``(batch, ratings)``, and where the design has them the ``fused`` embedding ``(batch, dim)``, the
    ``weights`` ``(batch, modalities)`` it gave to its modalities, and by name the ``parts`` that its own
    objective reads.
    """

    scores: Tensor
    ratings: Tensor
    fused: Tensor | None = None
    weights: Tensor | None = None
    parts: Mapping[str, Tensor] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions on many clips, in one order: ``probabilities`` and ``truth`` (shares) are ``(n, classes)``,
    ``ratings`` and ``rating_truth`` ``(n, ratings)``; ``groups`` are what the interval clusters by.
    """

    ids: tuple[str, ...]
    task: TaskSpec
    scores: np.ndarray
    probabilities: np.ndarray
    truth: np.ndarray
    ratings: np.ndarray
    rating_truth: np.ndarray
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Metric:
    """A named score over numpy arrays.

    ``kind`` says what ``compute`` takes: ``"labels"`` two ``(n,)`` int arrays (truth, predicted) and the
    number of classes, ``"probabilities"`` ``(n,)`` int truth and ``(n, classes)`` probabilities,
    ``"ratings"`` two ``(n,)`` float arrays (truth, predicted).
    """

    name: str
    kind: str
    compute: Callable[..., float]
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Score:
    """One metric's value with its 95 % interval (NaN where it cannot be had)."""

    metric: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Report:
    """Scores of one set of predictions: how many clips and groups, how the interval was made, and the
    counts ``(classes, classes)`` of truth (row) against prediction (column).
    """

    n: int
    groups: int
    interval: str
    scores: tuple[Score, ...]
    confusion: np.ndarray
    per_class: Mapping[str, Mapping[str, float]]
