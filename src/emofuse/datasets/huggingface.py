"""Hugging Face ``datasets`` on disk, read without that package: Arrow, Parquet, or media with metadata.

Layouts: ``save_to_disk`` (``dataset_dict.json``, ``<split>/data-*.arrow``), Parquet shards (``data/<split>-*.parquet``)
and ``audiofolder``, ``imagefolder``, ``videofolder`` (files beside ``metadata.csv`` or ``metadata.jsonl``).
Format: https://huggingface.co/docs/datasets/about_arrow
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from emofuse.datasets.listed import read_listed
from emofuse.datasets.rows import SPLIT_NAMES, read_rows
from emofuse.errors import ConfigError, DatasetError
from emofuse.files import write_atomically
from emofuse.types import Clip, Corpus, Media, TaskSpec

CITATION = "the data set's own; see its card"
LICENCE = "the data set's own; see its card"
CONSENT = "consent: that of the data set; see its card"
# What others call our fields; the first that is there is taken.
ALIASES = {
    "id": ("id", "utt_id", "key", "name", "segment_id"),
    "text": ("text", "utterance", "sentence", "transcript", "transcription", "raw_text"),
    "label": ("label", "emotion", "Emotion", "labels", "major_emotion", "emo"),
    "speaker": ("speaker", "speaker_id", "Speaker", "actor", "client_id"),
    "dialogue": ("dialogue", "dialogue_id", "Dialogue_ID", "conversation_id"),
    "turn": ("turn", "utterance_id", "Utterance_ID", "turn_id"),
    "source": ("source", "video", "video_id", "episode"),
    "start_s": ("start_s", "start", "begin", "start_time"),
    "end_s": ("end_s", "end", "stop", "end_time"),
    "media": ("media", "audio", "image", "video_file", "file", "path", "file_name"),
}
_ENDINGS = {
    b"RIFF": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xd8": ".jpg",
    b"\x89PNG": ".png",
}


def read_huggingface(
    path: Path, *, columns: Mapping[str, str] | None = None, unpack_to: str | Path | None = None
) -> Corpus:
    """Read a folder. Columns are found by `ALIASES`; ``columns`` says which one a field is, where it is another.

    ``ratings.NAME``, ``shares.LABEL`` and ``vectors.KEY`` columns are what they say; several labels in a list
    share equally. Sound and pictures that
    are embedded are written to files in ``unpack_to`` (a folder of the system's temporary ones by default),
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
    ours: dict[str, Any] = {}
    for split, table in _tables(path):
        reader = _Rows(table, columns or {}, path, folder)
        names += [name for name in reader.labels if name not in names]
        ours = ours or reader.ours
        clips += reader.clips(split, len(clips))
    ratings = tuple(ours.get("ratings") or dict.fromkeys(key for clip in clips for key in clip.ratings))
    low, high = ours.get("rating_range") or (-1.0, 1.0)
    known = names or sorted(
        {name for clip in clips for name in (clip.label, *clip.shares) if name is not None}
    )
    task = TaskSpec(tuple(known), ratings, (float(low), float(high)))
    return Corpus("huggingface", tuple(clips), task, CITATION, LICENCE, (CONSENT,))


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
    """``file_name`` is what `listed` calls ``media``."""
    alias = {one: field for field, several in ALIASES.items() for one in several} | {"file_name": "media"}
    lines = []
    for split, table in tables:
        for row in _metadata_rows(table):
            named = {alias.get(key, key): value for key, value in row.items() if value not in (None, "")}
            if "media" in named:
                named["media"] = str((table.parent / str(named["media"])).absolute())
            lines.append(json.dumps(named if split is None else {"split": split, **named}))
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place) / "clips.jsonl"
        write_atomically(listed, "".join(f"{line}\n" for line in lines))
        corpus = read_listed(listed)
    return Corpus("huggingface", corpus.clips, corpus.task, CITATION, LICENCE, (CONSENT,))


def _metadata_rows(table: Path) -> list[dict[str, Any]]:
    if table.suffix == ".csv":
        return [dict(row.cells) for row in read_rows(table, ("file_name",))]
    rows = []
    try:
        for number, line in enumerate(table.read_text(encoding="utf-8-sig").splitlines(), 1):
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


class _Rows:
    """One table as clips."""

    def __init__(self, table: Any, columns: Mapping[str, str], root: Path, unpack_to: Path) -> None:
        self._table, self._root, self._unpack_to = table, root, unpack_to
        metadata = {key.decode(): value for key, value in (table.schema.metadata or {}).items()}
        features = _json(metadata.get("huggingface")).get("info", {}).get("features", {})
        self.ours = _json(metadata.get("emofuse"))
        self._field = {
            field: columns.get(field)
            or next((name for name in several if name in table.column_names), None)
            for field, several in ALIASES.items()
        }
        if absent := [name for name in columns.values() if name not in table.column_names]:
            found = ", ".join(table.column_names)
            raise ConfigError(f"columns names {absent[0]!r}, which {root} does not have; found {found}")
        self.labels = _names(features.get(self._field["label"] or ""))

    def clips(self, split: str | None, start: int) -> list[Clip]:
        """The rows in order; ``start`` numbers those without an id."""
        return [
            self._clip(row, split, start + number) for number, row in enumerate(self._table.to_pylist())
        ]

    def _clip(self, row: dict[str, Any], split: str | None, number: int) -> Clip:
        found = {field: row.get(name) if name else None for field, name in self._field.items()}
        given = found["label"]
        several = list(dict.fromkeys(map(self._label, given))) if isinstance(given, list) else []
        held = [name for name in several if name is not None]
        label = (held[0] if len(held) == 1 else None) if isinstance(given, list) else self._label(given)
        stated = str(row.get("split") or "").lower()
        start_s, end_s = found["start_s"], found["end_s"]
        return Clip(
            id=str(found["id"]) if found["id"] is not None else f"row_{number}",
            media=self._media(found["media"]),
            text=_text(found["text"]),
            label=label,
            shares=_group(row, "shares.") or {name: 1 / len(held) for name in held},
            ratings=_group(row, "ratings."),
            speaker=_text(found["speaker"]),
            dialogue=_text(found["dialogue"]),
            turn=None if found["turn"] is None else int(found["turn"]),
            source=_text(found["source"]),
            split=SPLIT_NAMES.get(stated) if "split" in row and (stated or self.ours) else split,
            start_s=None if start_s is None else float(start_s),
            end_s=None if end_s is None else float(end_s),
            vectors=self._vectors(row),
        )

    def _label(self, given: Any) -> str | None:
        if isinstance(given, int) and self.labels:
            return self.labels[given] if 0 <= given < len(self.labels) else None
        return _text(given)

    def _vectors(self, row: dict[str, Any]) -> dict[str, np.ndarray]:
        found = {}
        for name, value in row.items():
            if name.startswith("vectors.") and value is not None:
                found[name.removeprefix("vectors.")] = np.array(
                    value, dtype=_numpy_type(self._table.schema.field(name).type)
                )
        return found

    def _media(self, given: Any) -> Media | None:
        if isinstance(given, Mapping):
            content, name = given.get("bytes"), given.get("path")
            return self._unpacked(content, name) if content else self._media(name)
        if not isinstance(given, str) or not given:
            return None
        file = Path(given) if Path(given).is_absolute() else self._root / given
        return file if file.is_file() else None

    def _unpacked(self, content: bytes, name: str | None) -> Path:
        ending = PurePosixPath(name or "").suffix or next(
            (end for mark, end in _ENDINGS.items() if content.startswith(mark)), ".bin"
        )
        file = self._unpack_to / f"{hashlib.sha256(content).hexdigest()}{ending}"
        if not file.is_file():
            self._unpack_to.mkdir(parents=True, exist_ok=True)
            write_atomically(file, content)
        return file


def _names(feature: Any) -> list[str]:
    """The names of a ``ClassLabel``, alone or in one of the ways to write a sequence of them."""
    if isinstance(feature, list):
        feature = feature[0] if feature else {}
    if not isinstance(feature, dict):
        return []
    return list(feature.get("names") or _names(feature.get("feature")))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _group(row: dict[str, Any], start: str) -> dict[str, float]:
    return {
        name.removeprefix(start): float(value)
        for name, value in row.items()
        if name.startswith(start) and value is not None
    }


def _numpy_type(kind: Any) -> np.dtype[Any]:
    import pyarrow as pa

    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return np.dtype(kind.to_pandas_dtype())


def _json(text: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
