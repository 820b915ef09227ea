"""Corpora as MERBench prepares them: labels in an ``.npz``, one ``.npy`` of features per clip.

Paper: Lian et al. 2024, https://arxiv.org/abs/2401.03429
Layout: ``label*.npz`` with ``<train|val|test>_corpus -> {name: {emo, val}}``, ``features/<set>/<name>.npy``
``(dim,)`` or ``(frames, dim)``, and where it is there ``transcription-engchi-polish.csv``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.archives import load_restricted_npz
from emofuse.datasets.blocks import name_of
from emofuse.datasets.cleaning import cleaned, fault_notes
from emofuse.datasets.rows import read_rows
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Lian, Sun, Ren, Gu, Sun, Chen, Liu & Tao (2024). MERBench: A Unified Evaluation Benchmark for Multimodal "
    "Emotion Recognition. arXiv 2401.03429; and the paper of the corpus itself."
)
LICENCE = "research only, by MERBench's terms and those of the corpus itself"
CONSENT = "consent: clips from films, series and the web (MER); otherwise that of the corpus itself"
LABELS = ("neutral", "angry", "happy", "sad", "worried", "surprise")
ABSENT = -10.0

_SCALES = (1.0, 3.0, 5.0)


def read_merbench(
    path: Path,
    *,
    labels: tuple[str, ...] = LABELS,
    text: str | None = None,
    audio: str | None = None,
    video: str | None = None,
) -> Corpus:
    """Read a prepared folder, clips in the order of its label file.

    ``text``, ``audio`` and ``video`` name the folders under ``features`` that become those vectors; the others
    are not read. ``labels`` names the numbers of ``emo``. A ``val`` of -10 is none. A split that is called
    otherwise than train, val or test is left to the user.

    Raises:
        ConfigError: no such folder of features (the message names those that are there).
        DatasetError: no label file or several, or a label that does not hold.
    """
    table = _label_file(path)
    root = table.parent
    folders = _folders(root, {"text": text, "audio": audio, "video": video})
    words = _words(root)
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    clips: list[Clip] = []
    for key, held in load_restricted_npz(table).items():
        corpus = held.item() if isinstance(held, np.ndarray) and held.shape == () else held
        if not key.endswith("_corpus") or not isinstance(corpus, dict):
            raise DatasetError(
                f"{table}: {key} holds a {type(corpus).__name__}, wanted <split>_corpus, a dictionary"
            )
        split = {"train": "train", "val": "valid", "test": "test"}.get(key.removesuffix("_corpus"))
        for name, target in corpus.items():
            place = f"{table}: {key}: {name}"
            clips.append(_clip(name_of(name, place), target, split, labels, place))
    if not clips:
        raise DatasetError(f"{table}: no clip is labelled in it")
    clips = [_filled(clip, folders, words, faults) for clip in clips]
    notes = [CONSENT, *fault_notes(faults)]
    for key in folders:
        if bare := sum(key not in clip.vectors for clip in clips):
            notes.append(f"{bare} clips have no {key} features")
    return Corpus("merbench", tuple(clips), _task(clips, labels, table), CITATION, LICENCE, tuple(notes))


def _label_file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("label*.npz"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise DatasetError(f"{path}: wanted one label*.npz, found {names}; name the file itself")
    return found[0]


def _folders(root: Path, wanted: dict[str, str | None]) -> dict[str, Path]:
    folders = {key: root / "features" / name for key, name in wanted.items() if name is not None}
    for key, folder in folders.items():
        if not folder.is_dir() or folder.parent != root / "features":
            there = ", ".join(sorted(place.name for place in root.glob("features/*"))[:20]) or "none"
            raise ConfigError(f"{key} is {folder.name!r}: no such folder of features; there are {there}")
    return folders


def _words(root: Path) -> dict[str, str]:
    table = root / "transcription-engchi-polish.csv"
    if not table.is_file():
        return {}
    found = {}
    for row in read_rows(table, ("name",)):
        held = [row.cells[column] for column in ("english", "chinese", "sentence") if row.cells.get(column)]
        if held:
            found[row.cells["name"]] = held[0]
    return found


def _clip(name: str, target: Any, split: str | None, labels: tuple[str, ...], place: str) -> Clip:
    if not isinstance(target, dict):
        raise DatasetError(f"{place}: a {type(target).__name__}, wanted a dictionary with emo and val")
    code, value = target.get("emo"), target.get("val")
    if isinstance(code, int | np.integer) and 0 <= code < len(labels):
        label = labels[code]
    elif code is None or code in (-1, ABSENT, ""):
        label = None
    elif isinstance(code, str) and code in labels:
        label = code
    else:
        raise DatasetError(
            f"{place}: emo is {code!r:.40}, wanted 0 to {len(labels) - 1} ({', '.join(labels)})"
        )
    ratings = {}
    if value not in (None, "", ABSENT):
        try:
            ratings["valence"] = float(value)
        except (TypeError, ValueError):
            raise DatasetError(f"{place}: val is {value!r:.40}, wanted a number") from None
    return Clip(id=name, label=label, ratings=ratings, split=split)


def _filled(
    clip: Clip, folders: dict[str, Path], words: dict[str, str], faults: dict[str, Counter[str]]
) -> Clip:
    vectors = {}
    for key, folder in folders.items():
        file = folder / f"{clip.id}.npy"
        if file.parent == folder and file.is_file():
            vectors[key] = cleaned(load_restricted_npz(file)[""], str(file), faults[key])
    return replace(clip, vectors=vectors, text=words.get(clip.id))


def _task(clips: list[Clip], labels: tuple[str, ...], table: Path) -> TaskSpec:
    values = [abs(clip.ratings["valence"]) for clip in clips if clip.ratings]
    most = next((scale for scale in _SCALES if max(values, default=0.0) <= scale), None)
    if most is None:
        raise DatasetError(f"{table}: a val of {max(values):g}, wanted at most {_SCALES[-1]:g}")
    named = labels if any(clip.label for clip in clips) else ()
    metrics = (*(TaskSpec.metrics if named else ()), *(("mae", "pearson", "ccc") if values else ()))
    return TaskSpec(named, ("valence",) if values else (), (-most, most), metrics or TaskSpec.metrics)
