"""Hugging Face ``datasets`` on disk, read without that package: Arrow, Parquet, or media with metadata.

Layouts: ``save_to_disk`` (``dataset_dict.json``, ``<split>/data-*.arrow``), Parquet shards (``data/<split>-*.parquet``)
and ``audiofolder``, ``imagefolder``, ``videofolder`` (files beside ``metadata.csv`` or ``metadata.jsonl``).
Format: https://huggingface.co/docs/datasets/about_arrow
"""

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emofuse.datasets.huggingface_rows import ALIASES, NUMBERS, Rows
from emofuse.datasets.listed import read_listed
from emofuse.datasets.rows import SPLIT_NAMES, read_rows
from emofuse.errors import ConfigError, DatasetError
from emofuse.files import write_atomically
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = "the data set's own; see its card"
LICENCE = "the data set's own; see its card"
CONSENT = "consent: that of the data set; see its card"


def read_huggingface(
    path: Path, *, columns: Mapping[str, str] | None = None, unpack_to: str | Path | None = None
) -> Corpus:
    """Read a folder. Columns are found by `ALIASES`; ``columns`` says which one a field is, where it is another.

    ``ratings.NAME``, ``shares.LABEL``, ``facts.NAME`` and ``vectors.KEY`` columns are what they say; several
    labels in a list share equally. Sound and pictures that are embedded are written to files in ``unpack_to`` (a
    folder of the system's temporary ones by default),
    named by their content.

    Raises:
        ConfigError: ``columns`` names a field that a clip does not have, or a column that is not there.
        DatasetError: no known layout is there, or a file is damaged.
    """
    if strange := sorted(set(columns or {}) - set(ALIASES)):
        raise ConfigError(f"columns names {strange[0]!r}, wanted fields of {', '.join(ALIASES)}")
    if tables := _metadata(path):
        return _media_folder(tables)
    folder = Path(unpack_to or Path(tempfile.gettempdir()) / "emofuse-unpacked")
    clips: list[Clip] = []
    names: list[str] = []
    places: list[int] = []
    ours: dict[str, Any] = {}
    for split, table in _tables(path):
        reader = Rows(table, columns or {}, path, folder)
        names += [name for name in reader.labels if name not in names]
        ours = ours or reader.ours
        places += reader.places(len(clips))
        clips += reader.clips(split, len(clips))
    clips = [clips[row] for row in sorted(range(len(clips)), key=places.__getitem__)]
    known = names or sorted(
        {name for clip in clips for name in (clip.label, *clip.shares) if name is not None}
    )
    task = TaskSpec(
        labels=tuple(ours.get("labels", known)),
        ratings=tuple(ours.get("ratings", dict.fromkeys(key for clip in clips for key in clip.ratings))),
        rating_range=ours.get("rating_range", TaskSpec.rating_range),
        metrics=tuple(ours.get("metrics", TaskSpec.metrics)),
    )
    terms = ours.get("citation", CITATION), ours.get("licence", LICENCE)
    return Corpus(
        ours.get("name", "huggingface"), tuple(clips), task, *terms, tuple(ours.get("notes", (CONSENT,)))
    )


def _metadata(path: Path) -> Sequence[tuple[str | None, Path]]:
    """Tables of media by split: one at the root, or one in the folder of each split."""
    for pattern in ("metadata", "*/metadata"):
        found = [file for end in ("csv", "jsonl") for file in sorted(path.glob(f"{pattern}.{end}"))]
        named = [(SPLIT_NAMES.get(file.parent.name.lower()), file) for file in found]
        if pattern == "metadata" and named:
            return [(None, file) for _, file in named[:1]]
        if kept := [(split, file) for split, file in named if split is not None]:
            return kept
    return []


def _media_folder(tables: Sequence[tuple[str | None, Path]]) -> Corpus:
    lines = []
    for split, table in tables:
        for row in _metadata_rows(table):
            named = _named({key: value for key, value in row.items() if value not in (None, "")})
            named["media"] = str((table.parent / str(row["file_name"])).absolute())
            lines.append(json.dumps(named if split is None else {"split": split, **named}))
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place) / "clips.jsonl"
        write_atomically(listed, "".join(f"{line}\n" for line in lines))
        try:
            corpus = read_listed(listed)
        except DatasetError as error:
            told = str(error).replace(f"{listed}:", f"{tables[0][1]}: row ")
            raise DatasetError(told) from error
    return Corpus("huggingface", corpus.clips, corpus.task, CITATION, LICENCE, (CONSENT,))


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in the words of `listed`; a column that others call as a number of ours and that is none is left out."""
    known = {name for several in ALIASES.values() for name in several}
    found = {key: value for key, value in row.items() if key not in known}
    for field, several in ALIASES.items():
        held = [
            n for n in several if n in row and (n == field or field not in NUMBERS or _is_number(row[n]))
        ]
        if held:
            found[field] = row[held[0]]
    return found


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _metadata_rows(table: Path) -> list[dict[str, Any]]:
    if table.suffix == ".csv":
        return [dict(row.cells) for row in read_rows(table, ("file_name",))]
    rows = []
    try:
        # Only this ends a line: a text may hold others that Unicode calls an end, U+2028 for one.
        for number, line in enumerate(table.read_text(encoding="utf-8-sig").split("\n"), 1):
            if line.strip():
                rows.append(_json_row(line, f"{table}:{number}"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{table}: cannot be read as UTF-8 ({error})") from error
    return rows


def _json_row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: no JSON ({error})") from error
    if not isinstance(row, dict) or "file_name" not in row:
        raise DatasetError(f"{place}: wanted an object with a file_name")
    return row


def _tables(path: Path) -> Iterator[tuple[str | None, Any]]:
    """Split and Arrow table of every file, in the order of their names."""
    found = [
        (file, "arrow") for file in sorted(path.rglob("*.arrow")) if not file.name.startswith("cache-")
    ]
    found = found or [(file, "parquet") for file in sorted(path.rglob("*.parquet"))]
    if not found:
        raise DatasetError(f"{path}: no *.arrow, no *.parquet, and no metadata.csv or metadata.jsonl")
    order = {"train": 0, "valid": 1, "test": 2, None: 3}
    named = [(_split_of(file, path, kind), file, kind) for file, kind in found]
    for split, file, kind in sorted(named, key=lambda one: (order[one[0]], one[1])):
        yield split, _table(file, kind)


def _split_of(file: Path, root: Path, kind: str) -> str | None:
    inside = file.relative_to(root)
    name = inside.parts[0] if kind == "arrow" and len(inside.parts) > 1 else file.name
    return SPLIT_NAMES.get(name.split("-")[0].split(".")[0].lower())


def _table(file: Path, kind: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if kind == "parquet":
            return pq.read_table(file)
        with pa.memory_map(str(file)) as source:
            try:
                return pa.ipc.open_stream(source).read_all()
            except pa.ArrowInvalid:  # later versions write the file form
                return pa.ipc.open_file(source).read_all()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{file}: cannot be read as {kind} ({error})") from error
