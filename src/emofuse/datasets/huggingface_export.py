"""A corpus as a folder of Parquet files that Hugging Face's ``datasets`` loads, and `huggingface` reads back equal."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.exports import keys_of, media_cell, new_folder, plain_fields, vector_of
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus

# Theirs for ours. Clips without a split are a part of their own beside others, lest somebody trains on them.
_SPLITS = {"train": "train", "valid": "validation", "test": "test", None: "other"}


def export_huggingface(corpus: Corpus, out: Path) -> int:
    """A folder with ``data/<split>-*.parquet`` whose metadata name the features, and a README. Clips without a
    split are ``other``, or ``train`` where no clip has one.

    Columns: id, text, label (ClassLabel), split, speaker, dialogue, turn, source, start_s, end_s,
    ``ratings.NAME``, ``shares.LABEL``, ``facts.NAME``, ``vectors.KEY`` as lists of rows, ``media`` as a path. A key
    whose arrays are ``(dim,)`` in some clips and ``(rows, dim)`` in others has the former in ``vector.KEY``.
    ``position`` is there where the order of the clips is not that of their splits.

    Raises:
        DatasetError: an array is none that Parquet holds.
        OutputError: the folder cannot be written, or is not empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = out.absolute()
    parts, labels = _parts(corpus), _labels(corpus)
    try:
        schema = _schema(corpus, ordered=_in_order(parts.values()))
        with new_folder(out) as folder:
            (folder / "data").mkdir()
            for name, clips in parts.items():
                rows = [
                    _row(clip, labels, schema.names) | _placed(clip, n, folder, out) for n, clip in clips
                ]
                table = pa.Table.from_pylist(rows, schema=schema)
                pq.write_table(table, folder / "data" / f"{name}-00000-of-00001.parquet")
            (folder / "README.md").write_text(_readme(corpus, list(parts)), encoding="utf-8")
    except pa.ArrowException as error:
        raise DatasetError(f"{corpus.name}: cannot be written as Parquet ({error})") from error
    return sum(map(len, parts.values()))


def _parts(corpus: Corpus) -> dict[str, list[tuple[int, Clip]]]:
    """Clips with their place, by the name of their file, in the order in which they are read back."""
    clips = list(enumerate(corpus.clips))
    names = _SPLITS if any(clip.split is not None for clip in corpus.clips) else {None: "train"}
    parts = {name: [one for one in clips if one[1].split == split] for split, name in names.items()}
    return {name: found for name, found in parts.items() if found}


def _in_order(parts: Iterable[Sequence[tuple[int, Clip]]]) -> bool:
    places = [place for part in parts for place, _ in part]
    return places == sorted(places)


def _labels(corpus: Corpus) -> list[str]:
    """The task's, and behind them those that only clips have."""
    found = (clip.label for clip in corpus.clips if clip.label is not None)
    return list(dict.fromkeys((*corpus.task.labels, *found)))


def _schema(corpus: Corpus, *, ordered: bool) -> Any:
    import pyarrow as pa

    text, whole, number = pa.string(), pa.int64(), pa.float64()
    kinds, widths = _vector_columns(corpus)
    fields = [
        ("id", text), ("text", text), ("label", whole), ("split", text), ("speaker", text), ("dialogue", text),
        ("turn", whole), ("source", text), ("start_s", number), ("end_s", number), ("media", text),
        *((f"{group}.{key}", number) for group in ("ratings", "shares") for key in keys_of(corpus, group)),
        *((f"facts.{key}", text) for key in keys_of(corpus, "facts")),
        *kinds.items(), *(() if ordered else (("position", whole),)),
    ]  # fmt: skip
    features: dict[str, Any] = {name: _feature(kind) for name, kind in fields}
    features["label"] = {"names": _labels(corpus), "_type": "ClassLabel"}
    facts = {"info": {"features": features, "citation": corpus.citation, "license": corpus.licence}}
    ours = {
        **asdict(corpus.task), "name": corpus.name, "citation": corpus.citation, "licence": corpus.licence,
        "notes": corpus.notes, "widths": widths,
    }  # fmt: skip
    return pa.schema(fields, {"huggingface": json.dumps(facts), "emofuse": json.dumps(ours)})


def _vector_columns(corpus: Corpus) -> tuple[dict[str, Any], dict[str, int]]:
    """Columns with their types, and by key the width, which lists without a row do not tell."""
    import pyarrow as pa

    columns, widths = {}, {}
    for key in keys_of(corpus, "vectors"):
        arrays = [vector_of(clip, key) for clip in corpus.clips if key in clip.vectors]
        inner = pa.list_(pa.from_numpy_dtype(np.result_type(*{array.dtype for array in arrays})))
        axes = {array.ndim for array in arrays}
        if 2 in axes:
            columns[f"vectors.{key}"] = pa.list_(inner)
        if 1 in axes:
            columns[f"vector.{key}" if 2 in axes else f"vectors.{key}"] = inner
        widths[key] = int(arrays[0].shape[-1])
    return columns, widths


def _feature(kind: Any) -> dict[str, Any]:
    import pyarrow as pa

    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    names = {pa.float64(): "float64", pa.float32(): "float32", pa.float16(): "float16"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}


def _row(clip: Clip, labels: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    row = plain_fields(clip)
    row["label"] = labels.index(clip.label) if clip.label is not None else None
    for group in ("ratings", "shares", "facts"):
        row |= {f"{group}.{key}": value for key, value in getattr(clip, group).items()}
    for key in clip.vectors:
        array = np.asarray(clip.vectors[key])
        alone = array.ndim == 1 and f"vector.{key}" in columns
        row[f"vector.{key}" if alone else f"vectors.{key}"] = array.tolist()
    return row


def _placed(clip: Clip, number: int, folder: Path, out: Path) -> dict[str, Any]:
    return {"media": media_cell(clip, number, folder, out), "position": number}


def _readme(corpus: Corpus, splits: Sequence[str]) -> str:
    files = "".join(f"  - split: {name}\n    path: data/{name}-*\n" for name in splits)
    head = f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n"
    notes = "".join(f"- {note}\n" for note in corpus.notes)
    return f"{head}# {corpus.name}\n\nLicence: {corpus.licence}\n\nCitation: {corpus.citation}\n\n{notes}"
