"""Computational sequences of CMU-MultimodalSDK (``.csd``, HDF5): CMU-MOSI, CMU-MOSEI and their like.

Layout: ``/<name>/data/<video or video[k]>/{features (n, d), intervals (n, 2) in seconds}``; ``metadata`` is
not read, since files carry odd keys. A folder of several is one corpus: the segments of its labels are the
clips, and the other sequences are cut to them by time.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emofuse.datasets.blocks import source_of
from emofuse.datasets.cleaning import cleaned, fault_notes
from emofuse.datasets.rows import SPLIT_NAMES, read_rows
from emofuse.datasets.sentiment import sentiment_target, sentiment_task
from emofuse.errors import ConfigError, DatasetError, MissingExtraError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Zadeh, Liang, Poria, Vij, Cambria & Morency (2018). Multi-attention Recurrent Network for Human Communication "
    "Comprehension (CMU-MultimodalSDK). AAAI; and the paper of the corpus itself (CMU-MOSI, CMU-MOSEI)."
)
LICENCE = "research use; the videos belong to those who published them"
CONSENT = "consent: opinion videos found on the web, persons not asked"
SILENCE = "sp"
KINDS = {
    "words": r"timestamped_?words$|^words$",
    "labels": r"labels?$|opinion",
    "text": r"vectors|glove|bert|text",
    "audio": r"covarep|smile|audio|acoustic|mfcc",
    "video": r"facet|openface|visual|video|vision|face",
}

_MOST = 1000


class _Sequence(NamedTuple):
    name: str
    file: Path
    rows: dict[str, tuple[np.ndarray, np.ndarray]]


def read_csd(
    path: Path,
    *,
    text: str | None = None,
    audio: str | None = None,
    video: str | None = None,
    folds: Path | str | None = None,
) -> Corpus:
    """Read a folder of ``.csd`` (or one) into clips, one per labelled segment, in the order of the labels.

    ``text``, ``audio`` and ``video`` name the sequence (root name or file stem) of that modality; where there is
    only one it need not be named. Frames whose middle lies in the segment are kept; words become
    ``text``. ``folds`` is a CSV ``video,split``; without it no clip has a split. Without labels each entry is a clip.

    Raises:
        ConfigError: a modality has several sequences, or the one that was named is absent.
        DatasetError: no such file, HDF5 that is damaged, or entries of another shape.
        MissingExtraError: h5py is not installed.
    """
    files = sorted(path.glob("*.csd")) if path.is_dir() else [path]
    if not files:
        raise DatasetError(f"{path}: no .csd is in it")
    chosen = _chosen(
        [found for file in files for found in _names(file)], {"text": text, "audio": audio, "video": video}
    )
    folded = _folds(Path(folds)) if folds is not None else {}
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    held = {kind: _sequence(*place, kind, faults) for kind, place in chosen.items()}
    labels = held.get("labels")
    entries = labels or next(iter(held.values()))
    clips: list[Clip] = []
    for key, (features, intervals) in entries.rows.items():
        place = f"{entries.file}: {key}"
        for index, (start_s, end_s) in enumerate(intervals if labels else [_span(intervals)]):
            number = index if labels and len(intervals) > 1 else None
            clip = _clip(key, number, (start_s, end_s), held, place)
            clips.append(_labelled(clip, features[index] if labels else None, place, folded))
    task = sentiment_task(_width(labels)) if labels else TaskSpec()
    notes = [CONSENT, *fault_notes(faults)]
    if not folded:
        notes.append("no split: give folds, a CSV of video and split, or split by source")
    if bare := sum(not clip.vectors for clip in clips):
        notes.append(f"{bare} clips have no frame of any sequence")
    return Corpus("csd", tuple(clips), task, CITATION, LICENCE, tuple(notes))


def _names(file: Path) -> list[tuple[Path, str]]:
    with _opened(file) as root:
        names = [(file, name) for name in root if _is_group(root, name) and _is_group(root[name], "data")]
    if not names:
        raise DatasetError(f"{file}: no group <name>/data is in it")
    return names


def _opened(file: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError('h5py is not installed; pip install "emofuse[data]"') from error
    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise DatasetError(f"{file}: not a readable HDF5 file ({str(error)[:120]})") from error


def _is_group(parent: Any, name: str) -> bool:
    import h5py

    # A soft or external link may lead out of the file.
    return isinstance(parent.get(name, getlink=True), h5py.HardLink) and isinstance(
        parent[name], h5py.Group
    )


def _chosen(found: list[tuple[Path, str]], wanted: Mapping[str, str | None]) -> dict[str, tuple[Path, str]]:
    by_kind: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for file, name in found:
        kind = _kind(name) or _kind(file.stem) or ("audio" if len(found) == 1 else "other")
        by_kind[kind].append((file, name))
    chosen: dict[str, tuple[Path, str]] = {}
    for kind in KINDS:
        several = by_kind.get(kind, [])
        if (want := wanted.get(kind)) is not None:
            several = [(file, name) for file, name in found if want in (name, file.stem)]
            if not several:
                there = ", ".join(name for _, name in found)
                raise ConfigError(f"{kind} is {want!r}: no such sequence; there are {there}")
        if len(several) > 1:
            there = ", ".join(name for _, name in several)
            raise ConfigError(f"{kind} has several sequences: {there}; name one of them")
        if several:
            chosen[kind] = several[0]
    if not chosen:
        there = ", ".join(name for _, name in found)
        raise ConfigError(
            f"no sequence has a known name; there are {there}; name one as text, audio or video"
        )
    return chosen


def _kind(name: str) -> str | None:
    return next(
        (kind for kind, form in KINDS.items() if re.search(form, name.lower().replace(" ", "_"))), None
    )


def _sequence(file: Path, name: str, kind: str, faults: dict[str, Counter[str]]) -> _Sequence:
    rows = {}
    size = file.stat().st_size
    with _opened(file) as root:
        data = root[name]["data"]
        for key in data:
            place = f"{file}: {key}"
            if not _is_group(data, key):
                raise DatasetError(f"{place}: no group with features and intervals")
            features, intervals = (
                _array(data[key], part, place, size) for part in ("features", "intervals")
            )
            features = features.reshape(len(features), -1)
            if intervals.shape != (len(features), 2) or intervals.dtype.kind not in "fiu":
                raise DatasetError(
                    f"{place}: intervals {intervals.shape}, wanted ({len(features)}, 2) seconds"
                )
            if kind in ("text", "audio", "video"):
                features = cleaned(features, place, faults[kind], silence=kind == "audio")
            rows[key] = features, intervals.astype(np.float64)
    if not rows:
        raise DatasetError(f"{file}: no entry is in {name}/data")
    return _Sequence(name, file, rows)


def _array(group: Any, part: str, place: str, size: int) -> np.ndarray:
    import h5py

    if not isinstance(group.get(part, getlink=True), h5py.HardLink) or not isinstance(
        group[part], h5py.Dataset
    ):
        raise DatasetError(f"{place}: no {part}; found {', '.join(group)}")
    held = group[part]
    if held.external or held.is_virtual or held.nbytes > _MOST * size:
        raise DatasetError(f"{place}: {part} lies in another file, or is far larger than its file")
    if held.ndim < 2:
        raise DatasetError(f"{place}: {part} {held.shape}, wanted two axes or more")
    try:
        return np.asarray(held[()])
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"{place}: {part} cannot be read ({str(error)[:120]})") from error


def _folds(table: Path) -> dict[str, str]:
    return {
        row.cells["video"]: SPLIT_NAMES[row.one_of("split", SPLIT_NAMES)]
        for row in read_rows(table, ("video", "split"))
    }


def _span(intervals: np.ndarray) -> tuple[float, float]:
    return (float(intervals.min()), float(intervals.max())) if intervals.size else (0.0, 0.0)


def _clip(
    key: str,
    index: int | None,
    span: tuple[float, float],
    held: Mapping[str, _Sequence],
    place: str,
) -> Clip:
    name = key if index is None else f"{key}[{index}]"
    source, turn = source_of(name) if name.endswith("]") else (name, None)
    start_s, end_s = map(float, span)
    if not (np.isfinite(span).all() and end_s >= start_s):
        raise DatasetError(f"{place}: a segment from {start_s:g} to {end_s:g} s")
    vectors = {}
    for kind in ("text", "audio", "video"):
        if kind in held and len(frames := _frames(held[kind], name, key, (start_s, end_s))):
            vectors[kind] = frames
    words = _frames(held["words"], name, key, (start_s, end_s)) if "words" in held else None
    return Clip(
        id=name,
        text=None if words is None else " ".join(_words(words)),
        source=source,
        turn=turn,
        start_s=start_s,
        end_s=end_s,
        vectors=vectors,
    )


def _frames(sequence: _Sequence, name: str, key: str, span: tuple[float, float]) -> np.ndarray:
    # After the SDK's alignment a sequence is kept by segment; before it by video, on the video's clock.
    for exact in (name, key):
        if exact in sequence.rows:
            features, intervals = sequence.rows[exact]
            if exact == name and name.endswith("]"):
                return features
            middles = intervals.mean(axis=1)
            inside = np.flatnonzero((middles >= span[0]) & (middles < span[1]))
            # Frames in order of time are a view; nothing is copied.
            in_order = len(inside) and inside[-1] - inside[0] + 1 == len(inside)
            return features[inside[0] : inside[-1] + 1] if in_order else features[inside]
    return np.empty((0, 1), np.float32)


def _words(features: np.ndarray) -> list[str]:
    words = [
        word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in features[:, 0]
    ]
    return [word for word in words if word not in (SILENCE, "")]


def _labelled(clip: Clip, row: np.ndarray | None, place: str, folds: Mapping[str, str]) -> Clip:
    split = folds.get(str(clip.source))
    if row is None:
        return replace(clip, split=split)
    target = sentiment_target(np.asarray(row, np.float64), place)
    return replace(clip, label=target.label, shares=target.shares, ratings=target.ratings, split=split)


def _width(labels: _Sequence) -> int:
    widths = {features.shape[1] for features, _ in labels.rows.values()}
    if len(widths) != 1 or not widths <= {1, 7}:
        raise DatasetError(f"{labels.file}: labels of {sorted(widths)} numbers, wanted 1 or 7")
    return widths.pop()
