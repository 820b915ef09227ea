"""Feature archives of MulT and MultiBench: CMU-MOSI, CMU-MOSEI, IEMOCAP, aligned to words or not.

Papers: Tsai et al. 2019, https://arxiv.org/abs/1906.00295; Liang et al. 2021, https://arxiv.org/abs/2107.07502
Layout: ``{train, valid, test: {vision, audio, text, labels, id}}``, blocks ``(clips, frames, features)`` padded in
front; labels ``(n, 1, 1)`` or ``(n, 1, 7)`` (see `sentiment`), or ``(n, 4, 2)`` one of two per emotion.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.archives import load_restricted
from emofuse.datasets.blocks import name_of, one_archive, parallel, same_widths, source_of, splits_of
from emofuse.datasets.cleaning import cleaned, fault_notes, occupied, spans, stacked
from emofuse.datasets.rows import choose
from emofuse.datasets.sentiment import Target, present, sentiment_target, sentiment_task
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Tsai, Bai, Liang, Kolter, Morency & Salakhutdinov (2019). Multimodal Transformer for Unaligned Multimodal "
    "Language Sequences. ACL; Liang et al. (2021). MultiBench. NeurIPS; and the paper of the corpus itself."
)
LICENCE = "the archive's layout is MIT; the features stand under the terms of their corpus"
CONSENT = "consent: that of the corpus the features were taken from; found videos were not asked for"
IEMOCAP = ("neutral", "happy", "sad", "angry")
MODALITIES = {"text": "text", "audio": "audio", "vision": "video"}


def read_mult(path: Path, *, wordless: str = "keep", video_width: int | None = None) -> Corpus:
    """Read one archive: a ``.pkl``, or a folder that holds one.

    ``vectors`` ``text``, ``audio``, ``video`` ``(frames, dim)`` are views into the arrays of the file without their
    padding. An aligned archive is cut where its words begin, for all modalities alike. ``wordless="drop"``
    leaves out clips without a word, as MultiBench does; ``video_width`` keeps the first so many video features (35
    of CMU-MOSEI's 713).

    Raises:
        ConfigError: ``wordless`` is neither ``"keep"`` nor ``"drop"``.
        DatasetError: another layout, with split, key, what was found and what was wanted.
    """
    choose("wordless", wordless, ("keep", "drop"))
    file = one_archive(path, (".pkl", ".pickle"))
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    widths: dict[str, tuple[str, int]] = {}
    clips: list[Clip] = []
    shapes: set[tuple[int, ...]] = set()
    for split, parts in splits_of(load_restricted(file, narrow=True), str(file)).items():
        place = f"{file}: {split}"
        blocks = _blocks(parts, place, faults, video_width)
        same_widths(blocks, widths, split, str(file))
        rows = _rows(parts["labels"], f"{place}: labels")
        shapes.add(rows.shape[1:])
        clips += _clips(blocks, rows, parts.get("id"), place)
    if not clips:
        raise DatasetError(f"{file}: no clip is in it")
    if len(shapes) > 1:
        raise DatasetError(f"{file}: labels: shapes {sorted(shapes)} of the splits differ")
    clips = _told_apart(clips)
    notes = [CONSENT, *fault_notes(faults)]
    if bare := [clip.id for clip in clips if "text" not in clip.vectors]:
        kept = "left out" if wordless == "drop" else "kept"
        notes.append(f"{len(bare)} clips have no word and are {kept}, first {bare[0]}")
        clips = [clip for clip in clips if wordless == "keep" or "text" in clip.vectors]
    shape = shapes.pop()
    task = TaskSpec(IEMOCAP) if len(shape) == 2 else sentiment_task(shape[0])
    return Corpus("mult", tuple(clips), task, CITATION, LICENCE, tuple(notes))


def _told_apart(clips: list[Clip]) -> list[Clip]:
    # Some files name the video alone: its clips are counted.
    repeated = {name for name, count in Counter(clip.id for clip in clips).items() if count > 1}
    seen: Counter[str] = Counter()
    told = []
    for clip in clips:
        if clip.id not in repeated:
            told.append(clip)
            continue
        turn = seen[clip.id]
        seen[clip.id] += 1
        told.append(replace(clip, id=f"{clip.id}[{turn}]", source=clip.source or clip.id, turn=turn))
    return told


def _blocks(
    parts: dict[str, Any], place: str, faults: dict[str, Counter[str]], video_width: int | None
) -> dict[str, np.ndarray]:
    count = parallel(parts, ("labels", "id", *MODALITIES), place)
    if "labels" not in parts:
        raise DatasetError(f"{place}: no key labels; found {', '.join(map(str, parts))}")
    blocks = {}
    for key, name in MODALITIES.items():
        if key not in parts:
            continue
        block = parts.pop(key)
        if not isinstance(block, np.ndarray) or block.ndim != 3:
            shape = getattr(block, "shape", type(block).__name__)
            raise DatasetError(f"{place}: {key}: shape {shape}, wanted ({count}, frames, features)")
        if name == "video":
            block = block[:, :, :video_width]
        blocks[name] = cleaned(block, f"{place}: {key}", faults[name], silence=name == "audio")
    if not blocks:
        raise DatasetError(f"{place}: no text, audio or vision; found {', '.join(map(str, parts))}")
    return blocks


def _rows(labels: object, place: str) -> np.ndarray:
    rows = stacked(labels, place)
    if rows.dtype.kind not in "biuf":
        raise DatasetError(f"{place}: holds {rows.dtype}, wanted numbers")
    if rows.shape[1:] == (4, 2):
        return rows
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    if flat.shape[1] not in (1, 7):
        raise DatasetError(f"{place}: shape {rows.shape}, wanted (n, 1, 1), (n, 1, 7) or (n, 4, 2)")
    return flat


def _clips(blocks: dict[str, np.ndarray], rows: np.ndarray, ids: Any, place: str) -> list[Clip]:
    split = place.rpartition(": ")[2]
    cuts = _cuts(blocks)
    clips = []
    for index, row in enumerate(rows):
        name, source, turn, times = _named(ids, index, split, place)
        target = _target(row, f"{place}: labels[{index}]")
        vectors = {key: block[index, cuts[key][index]] for key, block in blocks.items()}
        clips.append(
            Clip(
                id=name,
                label=target.label,
                shares=target.shares,
                ratings=target.ratings,
                source=source,
                turn=turn,
                split=split,
                start_s=times[0],
                end_s=times[1],
                vectors={key: vector for key, vector in vectors.items() if vector.any()},
            )
        )
    return clips


def _cuts(blocks: dict[str, np.ndarray]) -> dict[str, list[slice]]:
    lengths = {block.shape[1] for block in blocks.values()}
    if len(lengths) > 1 or len(blocks) == 1:
        return {name: spans(block).cuts() for name, block in blocks.items()}
    # A clip without words begins where any modality does.
    held = np.any([occupied(block) for block in blocks.values()], axis=0)
    if "text" in blocks:
        words = occupied(blocks["text"])
        held = np.where(words.any(axis=1, keepdims=True), words, held)
    return dict.fromkeys(blocks, spans(held[..., None]).cuts())


def _target(row: np.ndarray, place: str) -> Target:
    if row.ndim == 1:
        return sentiment_target(row, place)
    return present(dict(zip(IEMOCAP, map(float, row.argmax(axis=1)), strict=True)), {})


def _named(
    ids: Any, index: int, split: str, place: str
) -> tuple[str, str | None, int | None, tuple[float | None, float | None]]:
    if ids is None:
        return f"{split}_{index:05d}", None, None, (None, None)
    held = ids[index]
    parts = [name_of(part, f"{place}: id") for part in np.ravel(np.asarray(held, dtype=object))]
    if len(parts) == 3:
        try:
            times = float(parts[1]), float(parts[2])
        except ValueError:
            times = None, None  # type: ignore[assignment]
        return "_".join(parts), parts[0], None, times
    name = "_".join(parts)
    return (f"{split}_{name}" if name.isdigit() else name), *source_of(name), (None, None)
