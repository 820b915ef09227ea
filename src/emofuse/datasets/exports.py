"""A corpus in the forms that other tools read: a CSV, a Hugging Face folder, and by `mmsa_export` MMSA's pickle."""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.replacing import replaced_folder
from emofuse.errors import OutputError
from emofuse.registry import Table
from emofuse.types import ArchiveMember, Clip, Corpus, Picture

_HERE = "emofuse.datasets.exports"

EXPORTS = Table(
    "export",
    {
        "mmsa": (
            "emofuse.datasets.mmsa_export:export_mmsa",
            "the feature pickle of MMSA: train, valid, test with padded arrays",
        ),
        "csv": (
            f"{_HERE}:export_csv",
            "a folder with clips.csv, clips.toml and arrays, read back by `listed`",
        ),
        "huggingface": (f"{_HERE}:export_huggingface", "a folder of Parquet files that `datasets` loads"),
    },
)


def export_corpus(corpus: Corpus, to: str, out: Path | str) -> None:
    """Write ``corpus`` as ``to``, a name of `EXPORTS`, at ``out``.

    Raises:
        UnknownNameError: no such form.
        DatasetError: the corpus lacks what the form needs.
        OutputError: ``out`` cannot be written, or holds something else.
    """
    write: Callable[[Corpus, Path], None] = EXPORTS.load(to)
    write(corpus, Path(out))


def export_csv(corpus: Corpus, out: Path) -> None:
    """A folder with ``clips.csv``, one ``.npz`` a track, pictures as PNG and media by their path; ``clips.toml``
    states labels and ratings, citation and licence.

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
        (folder / "clips.toml").write_text(_stated(corpus), encoding="utf-8")


def _stated(corpus: Corpus) -> str:
    import tomli_w

    task = corpus.task
    return tomli_w.dumps(
        {
            "name": corpus.name,
            "labels": list(task.labels),
            "ratings": list(task.ratings),
            "rating_range": list(task.rating_range),
            "citation": corpus.citation,
            "licence": corpus.licence,
            "notes": list(corpus.notes),
        }
    )


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
