"""A corpus in the forms that other tools read: the pickle of MMSA, a CSV, a Hugging Face folder."""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.archives import plain_pickle
from emofuse.datasets.replacing import replaced_folder
from emofuse.errors import DatasetError, OutputError
from emofuse.files import write_atomically
from emofuse.registry import Table
from emofuse.types import ArchiveMember, Clip, Corpus, Picture

_HERE = "emofuse.datasets.exports"

EXPORTS = Table(
    "export",
    {
        "mmsa": (
            f"{_HERE}:export_mmsa",
            "the feature pickle of MMSA: train, valid, test with padded arrays",
        ),
        "csv": (f"{_HERE}:export_csv", "a folder with clips.csv and arrays, read back by `listed`"),
        "huggingface": (f"{_HERE}:export_huggingface", "a folder of Parquet files that `datasets` loads"),
    },
)
SPLITS = ("train", "valid", "test")
# Ours to theirs, and which ratings are which of their labels.
_MODALITIES = {"text": "text", "audio": "audio", "video": "vision"}
_RATINGS = {"sentiment_text": "T", "sentiment_audio": "A", "sentiment_vision": "V"}


def export_corpus(corpus: Corpus, to: str, out: Path | str) -> None:
    """Write ``corpus`` as ``to``, a name of `EXPORTS`, at ``out``.

    Raises:
        UnknownNameError: no such form.
        DatasetError: the corpus lacks what the form needs.
        OutputError: ``out`` cannot be written, or holds something else.
    """
    write: Callable[[Corpus, Path], None] = EXPORTS.load(to)
    write(corpus, Path(out))


def export_mmsa(corpus: Corpus, out: Path) -> None:
    """One pickle of plain lists and numpy arrays, in the layout of MMSA 2.

    It is a pickle because MMSA reads nothing else; ours are read back by ``mmsa``, which runs none of their
    code. Arrays are padded with zeros at the end, to the longest of all splits; stated lengths keep the true
    ones. A clip without a split is train; one without the sentiment rating is left out.

    Raises:
        DatasetError: no clip has a sentiment and a track called text, audio or video.
    """
    clips = [clip for clip in corpus.clips if "sentiment" in clip.ratings]
    keys = [key for key in _MODALITIES if clips and all(key in clip.vectors for clip in clips)]
    if not keys:
        found = sorted({key for clip in corpus.clips for key in clip.vectors})
        raise DatasetError(
            f"{corpus.name}: MMSA wants a sentiment and tracks called text, audio or video for every clip; "
            f"found ratings {list(corpus.task.ratings)} and tracks {found}"
        )
    longest = {key: max(len(np.atleast_2d(clip.vectors[key])) for clip in clips) for key in keys}
    content = {
        split: _mmsa_split([clip for clip in clips if (clip.split or "train") == split], keys, longest)
        for split in SPLITS
    }
    write_atomically(out, plain_pickle(content))


def _mmsa_split(clips: Sequence[Clip], keys: Sequence[str], longest: dict[str, int]) -> dict[str, Any]:
    values = np.array([clip.ratings["sentiment"] for clip in clips], dtype=np.float32)
    found: dict[str, Any] = {
        "id": [_mmsa_id(clip) for clip in clips],
        "raw_text": [clip.text or "" for clip in clips],
        "annotations": [("Negative", "Neutral", "Positive")[int(np.sign(value)) + 1] for value in values],
        "classification_labels": (np.sign(values) + 1).astype(np.int64),
        "regression_labels": values,
    }
    for name, letter in _RATINGS.items():
        if clips and all(name in clip.ratings for clip in clips):
            column = [clip.ratings[name] for clip in clips]
            found[f"regression_labels_{letter}"] = np.array(column, dtype=np.float32)
    for key in keys:
        arrays = [np.atleast_2d(clip.vectors[key]) for clip in clips]
        width = arrays[0].shape[1] if arrays else 0
        block = np.zeros((len(arrays), longest[key], width), dtype=np.float32)
        for row, array in enumerate(arrays):
            block[row, : len(array)] = array
        found[_MODALITIES[key]] = block
        # Text has its own where there is no mask of BERT to tell it by.
        found[f"{_MODALITIES[key]}_lengths"] = [len(array) for array in arrays]
    return found


def _mmsa_id(clip: Clip) -> str:
    if "$_$" in clip.id or clip.source is None:
        return clip.id
    return f"{clip.source}$_${clip.id.removeprefix(clip.source).lstrip('_-$')}"


def export_csv(corpus: Corpus, out: Path) -> None:
    """A folder with ``clips.csv``, one ``.npz`` a track, pictures as PNG and media by their path.

    Raises:
        DatasetError: media lie in an archive (import them with their media copied, then export).
        OutputError: the folder cannot be written, or is not empty.
    """
    out = out.absolute()
    with _new_folder(out) as folder:
        tracks: dict[str, dict[str, np.ndarray]] = {}
        rows = []
        for number, clip in enumerate(corpus.clips):
            row = _plain(clip) | {"media": _media_cell(clip, number, folder, out)}
            row |= {f"rating.{name}": value for name, value in clip.ratings.items()}
            row |= {f"share.{name}": value for name, value in clip.shares.items()}
            for key in clip.vectors:
                tracks.setdefault(key, {})[f"{number:06d}"] = np.asarray(clip.vectors[key])
                row[f"vector.{key}"] = f"{_file_name(key)}.npz#{number:06d}"
            rows.append({name: value for name, value in row.items() if value is not None})
        for key, arrays in tracks.items():
            np.savez(folder / f"{_file_name(key)}.npz", **arrays)  # type: ignore[arg-type]
        (folder / "clips.csv").write_text(_csv(rows), encoding="utf-8", newline="")


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([{k: repr(v) if isinstance(v, float) else v for k, v in row.items()} for row in rows])
    return text.getvalue()


def _plain(clip: Clip) -> dict[str, Any]:
    fields = ("id", "text", "label", "speaker", "dialogue", "turn", "source", "split", "start_s", "end_s")
    return {name: getattr(clip, name) for name in fields}


def _media_cell(clip: Clip, number: int, folder: Path, out: Path) -> str | None:
    media = clip.media
    if media is None:
        return None
    if isinstance(media, Picture):
        from PIL import Image

        (folder / "pictures").mkdir(exist_ok=True)
        Image.fromarray(np.asarray(media.pixels)).save(folder / "pictures" / f"{number:06d}.png")
        return f"pictures/{number:06d}.png"
    if isinstance(media, ArchiveMember):
        (folder / "media").mkdir(exist_ok=True)
        name = f"{number:06d}_{Path(media.name).name}"
        (folder / "media" / name).write_bytes(media.read())
        return f"media/{name}"
    return Path(os.path.relpath(media.absolute(), out)).as_posix()


def export_huggingface(corpus: Corpus, out: Path) -> None:
    """A folder with ``data/<split>-*.parquet`` whose metadata name the features, and a README.

    Columns: id, text, label (ClassLabel), split, speaker, dialogue, turn, source, start_s, end_s,
    ``ratings.NAME``, ``shares.LABEL``, ``vectors.KEY`` as lists of rows, and ``media`` as a path.

    Raises:
        OutputError: the folder cannot be written, or is not empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = out.absolute()
    keys = {group: _keys(corpus, group) for group in ("ratings", "shares", "vectors")}
    schema = _hf_schema(corpus, keys)
    with _new_folder(out) as folder:
        (folder / "data").mkdir()
        for split in dict.fromkeys(clip.split for clip in corpus.clips):
            clips = [(n, clip) for n, clip in enumerate(corpus.clips) if clip.split == split]
            name = {None: "train", "valid": "validation"}.get(split, split)
            rows = [_hf_row(clip, number, corpus, keys, folder, out) for number, clip in clips]
            table = pa.Table.from_pylist(rows, schema=schema)
            pq.write_table(table, folder / "data" / f"{name}-00000-of-00001.parquet")
        (folder / "README.md").write_text(_hf_readme(corpus), encoding="utf-8")


def _keys(corpus: Corpus, group: str) -> list[str]:
    return list(dict.fromkeys(key for clip in corpus.clips for key in getattr(clip, group)))


def _hf_schema(corpus: Corpus, keys: dict[str, list[str]]) -> Any:
    import pyarrow as pa

    text, whole, number = pa.string(), pa.int64(), pa.float64()
    first = {
        key: next(np.asarray(clip.vectors[key]) for clip in corpus.clips if key in clip.vectors)
        for key in keys["vectors"]
    }
    fields = [
        ("id", text), ("text", text), ("label", whole), ("split", text), ("speaker", text), ("dialogue", text),
        ("turn", whole), ("source", text), ("start_s", number), ("end_s", number), ("media", text),
        *((f"{group}.{key}", number) for group in ("ratings", "shares") for key in keys[group]),
        *((f"vectors.{key}", _nested(array)) for key, array in first.items()),
    ]  # fmt: skip
    features: dict[str, Any] = {name: _feature(kind) for name, kind in fields}
    features["label"] = {"names": list(corpus.task.labels), "_type": "ClassLabel"}
    facts = {"info": {"features": features, "citation": corpus.citation, "license": corpus.licence}}
    ours = {"ratings": corpus.task.ratings, "rating_range": corpus.task.rating_range, "name": corpus.name}
    return pa.schema(fields, {"huggingface": json.dumps(facts), "emofuse": json.dumps(ours)})


def _nested(array: np.ndarray) -> Any:
    import pyarrow as pa

    inner = pa.list_(pa.from_numpy_dtype(array.dtype))
    return inner if array.ndim == 1 else pa.list_(inner)


def _feature(kind: Any) -> dict[str, Any]:
    import pyarrow as pa

    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    names = {pa.float64(): "float64", pa.float32(): "float32", pa.float16(): "float16"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}


def _hf_row(
    clip: Clip, number: int, corpus: Corpus, keys: dict[str, list[str]], folder: Path, out: Path
) -> dict[str, Any]:
    row = _plain(clip) | {"media": _media_cell(clip, number, folder, out)}
    row["label"] = corpus.task.labels.index(clip.label) if clip.label is not None else None
    for group in ("ratings", "shares"):
        row |= {f"{group}.{key}": getattr(clip, group).get(key) for key in keys[group]}
    for key in keys["vectors"]:
        array = np.asarray(clip.vectors[key]) if key in clip.vectors else None
        row[f"vectors.{key}"] = None if array is None else array.tolist()
    return row


def _hf_readme(corpus: Corpus) -> str:
    counts = {split or "train": 0 for split in dict.fromkeys(clip.split for clip in corpus.clips)}
    files = "".join(
        f"  - split: {'validation' if name == 'valid' else name}\n"
        f"    path: data/{'validation' if name == 'valid' else name}-*\n"
        for name in counts
    )
    head = f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n"
    notes = "".join(f"- {note}\n" for note in corpus.notes)
    return f"{head}# {corpus.name}\n\nLicence: {corpus.licence}\n\nCitation: {corpus.citation}\n\n{notes}"


def _file_name(key: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in key)


def _new_folder(out: Path) -> Any:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: is there already; name a new folder")
    return replaced_folder(out)
