"""Feature archives of MMSA and MMSA-FET: CMU-MOSI, CMU-MOSEI, CH-SIMS and own data as one pickle.

Layout: ``{train, valid, test: {id, raw_text, text, text_bert, audio, vision, audio_lengths, vision_lengths,
annotations, classification_labels, regression_labels[_T|_A|_V]}}``, aligned or not; or one clip of
MMSA-FET: ``{text, text_bert, audio, vision}`` without an axis of clips.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.archives import load_restricted
from emofuse.datasets.blocks import (
    name_of,
    numbers_of,
    one_archive,
    parallel,
    same_widths,
    source_of,
    splits_of,
)
from emofuse.datasets.cleaning import cleaned, fault_notes, occupied, spans
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Mao, Yuan, Xu, Yu, Liu & Gao (2022). M-SENA: An Integrated Platform for Multimodal Sentiment Analysis. "
    "ACL demo; and the paper of the corpus itself (CMU-MOSI, CMU-MOSEI, CH-SIMS)."
)
LICENCE = "the archive's layout is MIT; the features stand under the terms of their corpus"
CONSENT = "consent: that of the corpus the features were taken from; found videos were not asked for"
LABELS = ("negative", "neutral", "positive")
RATINGS = {
    "regression_labels": "sentiment",
    "regression_labels_T": "sentiment_text",
    "regression_labels_A": "sentiment_audio",
    "regression_labels_V": "sentiment_vision",
}
MODALITIES = {"text": "text", "audio": "audio", "vision": "video"}

_KEYS = (
    *("id", "raw_text", "text", "text_bert", "audio", "vision", "audio_lengths", "vision_lengths"),
    *("text_lengths", "annotations", "classification_labels", *RATINGS),
)


def read_mmsa(path: Path, *, rating_range: tuple[float, float] | None = None) -> Corpus:
    """Read one archive: a ``.pkl``, or a folder that holds one.

    ``vectors`` are views into the arrays of the file, cut to their true length: ``text``, ``audio``,
    ``video`` ``(frames, dim)`` and ``text_ids`` ``(tokens, 3)`` (BERT's input ids, mask and segment as float32).
    Lengths are those stated; else of BERT's mask; else where the zeros begin. ``source`` is the video.
    ``rating_range`` is read off the values unless given: -1 to 1, or -3 to 3.

    Raises:
        DatasetError: another layout, with split, key, what was found and what was wanted.
        ConfigError: ``rating_range`` is no pair of rising numbers.
    """
    file = one_archive(path, (".pkl", ".pickle"))
    content = load_restricted(file, narrow=True)
    if not isinstance(content, dict):
        raise DatasetError(f"{file}: holds a {type(content).__name__}, wanted splits by name")
    notes = [CONSENT]
    if "config" in content:
        notes.append(f"made by MMSA-FET, with {_configured(content.pop('config'))}")
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    clips: list[Clip] = []
    widths: dict[str, tuple[str, int]] = {}
    for split, parts in _splits(content, file).items():
        place = f"{file}: {split}"
        blocks = _blocks(parts, place, faults)
        same_widths(blocks, widths, split, str(file))
        clips += _clips(parts, blocks, place, faults)
    if not clips:
        raise DatasetError(f"{file}: no clip is in it")
    notes += fault_notes(faults)
    task = _task(clips, rating_range, file)
    return Corpus("mmsa", tuple(clips), task, CITATION, LICENCE, tuple(notes))


def _configured(config: object) -> str:
    parts = config if isinstance(config, dict) else {}
    tools = {key: held.get("tool") for key, held in parts.items() if isinstance(held, dict)}
    named = [f"{str(key)[:20]} {tool[:40]}" for key, tool in tools.items() if isinstance(tool, str)]
    return ", ".join(named[:10]) or "a configuration that names no tool"


def _splits(content: dict[Any, Any], file: Path) -> dict[str, dict[str, Any]]:
    if any(isinstance(content.get(key), np.ndarray) and content[key].ndim == 2 for key in MODALITIES):
        single = {key: content[key] for key in (*MODALITIES, "text_bert") if key in content}
        return {"": {**{key: np.asarray(value)[None] for key, value in single.items()}, "id": [file.stem]}}
    return splits_of(content, str(file))


def _blocks(parts: dict[str, Any], place: str, faults: dict[str, Counter[str]]) -> dict[str, np.ndarray]:
    if "labels" in parts and "regression_labels" not in parts:
        parts["regression_labels"] = parts["labels"]
    count = parallel(parts, _KEYS, place)
    blocks = {}
    for key, name in MODALITIES.items():
        if key in parts:
            # Taken out, so that what had to be converted is not kept twice.
            block = cleaned(parts.pop(key), f"{place}: {key}", faults[name], silence=key == "audio")
            blocks[name] = block[:, None] if block.ndim == 2 else block
    if "text_bert" in parts:
        ids = cleaned(parts.pop("text_bert"), f"{place}: text_bert", faults["text_ids"])
        if ids.ndim != 3 or ids.shape[1] != 3:
            raise DatasetError(f"{place}: text_bert: shape {ids.shape}, wanted ({count}, 3, tokens)")
        blocks["text_ids"] = ids.transpose(0, 2, 1)
    for name, block in blocks.items():
        if block.ndim != 3:
            raise DatasetError(f"{place}: {name}: shape {block.shape}, wanted ({count}, frames, features)")
    if not blocks:
        raise DatasetError(
            f"{place}: no text, text_bert, audio or vision; found {', '.join(map(str, parts))}"
        )
    return blocks


def _cuts(
    parts: dict[str, Any], blocks: dict[str, np.ndarray], place: str, faults: dict[str, Counter[str]]
) -> dict[str, list[slice]]:
    tokens = blocks["text_ids"][..., 1].sum(axis=1).round() if "text_ids" in blocks else None
    stated = {
        name: numbers_of(parts[f"{key}_lengths"], f"{place}: {key}_lengths")
        for key, name in MODALITIES.items()
        if name in blocks and f"{key}_lengths" in parts
    }
    for name, lengths in stated.items():
        if not np.isfinite(lengths).all():
            raise DatasetError(f"{place}: {name}: a length that is no number")
    aligned = not stated and len({block.shape[1] for block in blocks.values()}) == 1
    if aligned and tokens is None:
        # A word may be zeros in one modality: it is there where any of them holds something.
        held = np.any([occupied(block) for block in blocks.values()], axis=0)
        return dict.fromkeys(blocks, spans(held[..., None]).cuts())
    cuts = {}
    for name, block in blocks.items():
        by_mask = tokens if aligned or name in ("text", "text_ids") else None
        if by_mask is not None and by_mask.max(initial=0) > block.shape[1]:
            by_mask = None
        found = spans(block, stated.get(name, by_mask))
        faults[name]["longer"] += found.longer if name in stated else 0
        cuts[name] = found.cuts()
    return cuts


def _clips(
    parts: dict[str, Any], blocks: dict[str, np.ndarray], place: str, faults: dict[str, Counter[str]]
) -> list[Clip]:
    count = len(next(iter(blocks.values())))
    split = place.rpartition(": ")[2] or None
    cuts = _cuts(parts, blocks, place, faults)
    ratings = {
        name: numbers_of(parts[key], f"{place}: {key}") for key, name in RATINGS.items() if key in parts
    }
    labels = _labels(parts, ratings.get("sentiment"), count, place)
    texts = [name_of(text, f"{place}: raw_text") for text in parts.get("raw_text", ())]
    ids = parts.get("id", [f"{split}_{index:05d}" for index in range(count)])
    clips = []
    for index in range(count):
        name = name_of(ids[index], f"{place}: id")
        source, turn = source_of(name)
        vectors = {key: block[index, cuts[key][index]] for key, block in blocks.items()}
        for key, vector in vectors.items():
            faults[key]["absent"] += not len(vector)
        clips.append(
            Clip(
                id=name,
                text=texts[index] if texts else None,
                label=labels[index],
                ratings={
                    key: float(held[index]) for key, held in ratings.items() if np.isfinite(held[index])
                },
                source=source,
                turn=turn,
                split=split,
                vectors={key: vector for key, vector in vectors.items() if len(vector)},
            )
        )
    return clips


def _labels(
    parts: dict[str, Any], sentiment: np.ndarray | None, count: int, place: str
) -> list[str | None]:
    if "annotations" in parts:
        names = [name_of(name, f"{place}: annotations").lower() for name in parts["annotations"]]
        # CH-SIMS v2 also says "weak negative"; the last word is the class.
        found = [next((label for label in LABELS if name.endswith(label)), None) for name in names]
        if odd := [name for name, label in zip(names, found, strict=True) if label is None and name]:
            raise DatasetError(
                f"{place}: annotations: found {odd[0][:40]!r}, wanted one of {', '.join(LABELS)}"
            )
        return list(found)
    if "classification_labels" in parts:
        codes = numbers_of(parts["classification_labels"], f"{place}: classification_labels")
        if np.isin(codes, (0, 1, 2)).all():
            return [LABELS[int(code)] for code in codes]
    if sentiment is None:
        return [None] * count
    return [LABELS[int(np.sign(value)) + 1] if np.isfinite(value) else None for value in sentiment]


def _task(clips: list[Clip], wanted: tuple[float, float] | None, file: Path) -> TaskSpec:
    names = tuple(name for name in RATINGS.values() if any(name in clip.ratings for clip in clips))
    labels = LABELS if any(clip.label for clip in clips) else ()
    values = [value for clip in clips for value in clip.ratings.values()]
    most = max(map(abs, values), default=0.0)
    held = _range(wanted) if wanted is not None else (-1.0, 1.0) if most <= 1 else (-3.0, 3.0)
    if values and not held[0] <= min(values) <= max(values) <= held[1]:
        found = f"{min(values):g} to {max(values):g}"
        raise DatasetError(f"{file}: regression_labels: {found} found, {held[0]:g} to {held[1]:g} wanted")
    metrics = (*(("mae", "pearson", "ccc") if names else ()), *(TaskSpec.metrics if labels else ()))
    return TaskSpec(labels, names, held, metrics or TaskSpec.metrics)


def _range(wanted: object) -> tuple[float, float]:
    if isinstance(wanted, list | tuple) and len(wanted) == 2:
        low, high = wanted
        if isinstance(low, int | float) and isinstance(high, int | float) and low < high:
            return float(low), float(high)
    raise ConfigError(f"rating_range is {wanted!r}, wanted two rising numbers")
