"""A corpus as the feature pickle of MMSA: train, valid, test, each with padded arrays and true lengths."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from emofuse.datasets.archives import LateArray, write_plain_pickle
from emofuse.errors import DatasetError, OutputError
from emofuse.files import is_stream
from emofuse.types import Clip, Corpus

SPLITS = ("train", "valid", "test")
# Ours to theirs, and which ratings are which of their labels.
_MODALITIES = {"text": "text", "audio": "audio", "video": "vision"}
_IDS = "text_ids"
_RATINGS = {"sentiment_text": "T", "sentiment_audio": "A", "sentiment_vision": "V"}


def export_mmsa(corpus: Corpus, out: Path) -> int:
    """One pickle of plain lists and numpy arrays, in the layout of MMSA 2.

    It is a pickle because MMSA reads nothing else; ours are read back by ``mmsa``, which runs none of their
    code. Arrays are padded with zeros at the end, to the longest of all splits; stated lengths keep the true
    ones, 0 where a clip lacks the modality. BERT's input is given back as ``text_bert`` where the clips have
    it (``text_ids``). A clip without a split is train; one without the sentiment rating is left out, and not counted.

    Raises:
        DatasetError: no clip has a sentiment and a track called text, audio or video.
    """
    clips = [clip for clip in corpus.clips if "sentiment" in clip.ratings]
    widths = {
        key: np.asarray(clip.vectors[key]).shape[-1]
        for key in (*_MODALITIES, _IDS)
        for clip in clips
        if key in clip.vectors
    }
    if not set(widths) & set(_MODALITIES):
        found = sorted({key for clip in corpus.clips for key in clip.vectors})
        raise DatasetError(
            f"{corpus.name}: MMSA wants a sentiment and tracks called text, audio or video for every clip; "
            f"found ratings {list(corpus.task.ratings)} and tracks {found}"
        )
    longest = {
        key: max(len(np.atleast_2d(clip.vectors[key])) for clip in clips if key in clip.vectors)
        for key in widths
    }
    sizes = {key: (longest[key], width) for key, width in widths.items()}
    content = {
        split: _of_split([clip for clip in clips if (clip.split or "train") == split], sizes)
        for split in SPLITS
    }
    _write(out, content)
    return sum(len(part["id"]) for part in content.values())


def _of_split(clips: Sequence[Clip], sizes: dict[str, tuple[int, int]]) -> dict[str, Any]:
    values = np.array([clip.ratings["sentiment"] for clip in clips], dtype=np.float32)
    found: dict[str, Any] = {
        "id": [_id_of(clip) for clip in clips],
        "raw_text": [clip.text or "" for clip in clips],
        "annotations": [("Negative", "Neutral", "Positive")[int(np.sign(value)) + 1] for value in values],
        "classification_labels": (np.sign(values) + 1).astype(np.int64),
        "regression_labels": values,
    }
    for name, letter in _RATINGS.items():
        if clips and all(name in clip.ratings for clip in clips):
            column = [clip.ratings[name] for clip in clips]
            found[f"regression_labels_{letter}"] = np.array(column, dtype=np.float32)
    for key, size in sizes.items():
        block = LateArray(partial(_padded, clips, key, size))
        if key == _IDS:
            found["text_bert"] = block
            continue
        found[_MODALITIES[key]] = block
        # Text has its own where there is no mask of BERT to tell it by.
        found[f"{_MODALITIES[key]}_lengths"] = [_length(clip, key) for clip in clips]
    return found


def _length(clip: Clip, key: str) -> int:
    return len(np.atleast_2d(clip.vectors[key])) if key in clip.vectors else 0


def _padded(clips: Sequence[Clip], key: str, size: tuple[int, int]) -> np.ndarray:
    """One key of all clips, ``(clips, *size)`` with zeros at the end; BERT's rows as ``(clips, 3, tokens)``."""
    block = np.zeros((len(clips), *size), dtype=np.float32)
    for row, clip in enumerate(clips):
        if key in clip.vectors:
            block[row, : _length(clip, key)] = np.atleast_2d(clip.vectors[key])
    return np.ascontiguousarray(block.transpose(0, 2, 1)) if key == _IDS else block


def _id_of(clip: Clip) -> str:
    if "$_$" in clip.id or clip.source is None:
        return clip.id
    return f"{clip.source}$_${clip.id.removeprefix(clip.source).lstrip('_-$')}"


def _write(out: Path, content: dict[str, Any]) -> None:
    """The pickle at ``out``, as a whole or not at all; it is never in memory."""
    temporary: Path | None = None
    try:
        if is_stream(out):
            with out.open("ab") as stream:
                write_plain_pickle(stream, content)
            return
        with NamedTemporaryFile(dir=out.parent, prefix=f".{out.name[:40]}.", delete=False) as file:
            temporary = Path(file.name)
            write_plain_pickle(file, content)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(out.resolve())
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
