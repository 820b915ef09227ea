"""Rows of an Arrow table as clips: whose column is which field, and what a cell may hold."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from emofuse.datasets.rows import SPLIT_NAMES
from emofuse.errors import ConfigError, DatasetError
from emofuse.files import write_atomically
from emofuse.types import Clip, Media

# What others call our fields; the first that is there is taken (of `NUMBERS`, the first that holds numbers).
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
NUMBERS = ("turn", "start_s", "end_s")
# What our own export states of a corpus, and of what kind each is.
_TEXTS, _LISTS = ("name", "citation", "licence"), ("labels", "ratings", "metrics", "notes")
_ENDINGS = {
    b"RIFF": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xd8": ".jpg",
    b"\x89PNG": ".png",
}


class Rows:
    """One table as clips."""

    def __init__(self, table: Any, columns: Mapping[str, str], root: Path, unpack_to: Path) -> None:
        self._table, self._root, self._unpack_to = table, root, unpack_to
        metadata = {key.decode(): value for key, value in (table.schema.metadata or {}).items()}
        features = _json(metadata.get("huggingface")).get("info", {}).get("features", {})
        self.ours, self._widths = _stated(_json(metadata.get("emofuse")))
        self._field = {
            field: columns.get(field)
            or next((name for name in several if name in table.column_names), None)
            for field, several in ALIASES.items()
        }
        if absent := [name for name in columns.values() if name not in table.column_names]:
            found = ", ".join(table.column_names)
            raise ConfigError(f"columns names {absent[0]!r}, which {root} does not have; found {found}")
        self.labels = _names(features.get(self._field["label"] or ""))
        self._numbers = {field: self._column_of(field, columns.get(field)) for field in NUMBERS}

    def places(self, start: int) -> list[int]:
        """Where the rows stand among all of a corpus that we exported; elsewhere they count from ``start``."""
        if not self.ours or "position" not in self._table.column_names:
            return list(range(start, start + len(self._table)))
        found = self._read_numbers("position")
        return [start if place is None else int(place) for place in found]

    def clips(self, split: str | None, start: int) -> list[Clip]:
        """The rows in order; ``start`` numbers those without an id.

        Raises:
            DatasetError: a cell does not hold what its column is for.
        """
        return [
            self._clip(
                row, split, start + number, {key: held[number] for key, held in self._numbers.items()}
            )
            for number, row in enumerate(self._table.to_pylist())
        ]

    def _clip(
        self, row: dict[str, Any], split: str | None, number: int, numbers: dict[str, float | None]
    ) -> Clip:
        found = {field: row.get(name) if name else None for field, name in self._field.items()}
        given = found["label"]
        several = list(dict.fromkeys(map(self._label, given))) if isinstance(given, list) else []
        held = [name for name in several if name is not None]
        label = (held[0] if len(held) == 1 else None) if isinstance(given, list) else self._label(given)
        stated = str(row.get("split") or "").lower()
        turn = numbers["turn"]
        return Clip(
            id=str(found["id"]) if found["id"] is not None else f"row_{number}",
            media=self._media(found["media"]),
            text=_text(found["text"]),
            label=label,
            shares=self._group(row, "shares.") or {name: 1 / len(held) for name in held},
            ratings=self._group(row, "ratings."),
            speaker=_text(found["speaker"]),
            dialogue=_text(found["dialogue"]),
            turn=None if turn is None else int(turn),
            source=_text(found["source"]),
            split=SPLIT_NAMES.get(stated) if "split" in row and (stated or self.ours) else split,
            start_s=numbers["start_s"],
            end_s=numbers["end_s"],
            vectors=self._vectors(row),
            facts={
                name.removeprefix("facts."): str(value)
                for name, value in row.items()
                if name.startswith("facts.") and value is not None
            },
        )

    def _column_of(self, field: str, chosen: str | None) -> list[float | None]:
        """The numbers of a field. A column that others call so and that holds something else is passed over."""
        names = (
            [chosen] if chosen else [name for name in ALIASES[field] if name in self._table.column_names]
        )
        for name in names:
            try:
                return self._read_numbers(name, whole=field == "turn")
            except DatasetError:
                if name in (field, chosen):
                    raise
        return [None] * len(self._table)

    def _read_numbers(self, name: str, *, whole: bool = True) -> list[float | None]:
        wanted = "a whole number" if whole else "a number of seconds"
        return [
            self._number(value, name, row, wanted)
            for row, value in enumerate(self._table.column(name).to_pylist())
        ]

    def _number(self, value: Any, column: str, row: int | str, wanted: str) -> float | None:
        """None where a cell is empty, or NaN as pandas has it."""
        try:
            found = math.nan if value is None or value == "" else float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.inf
        if math.isinf(found) or (wanted == "a whole number" and not math.isnan(found) and found % 1):
            raise DatasetError(
                f"{self._root}: column {column!r}: row {row} is {value!r:.80}, wanted {wanted}"
            )
        return None if math.isnan(found) else found

    def _group(self, row: dict[str, Any], start: str) -> dict[str, float]:
        found = {}
        for name, value in row.items():
            if name.startswith(start):
                number = self._number(value, name, str(row.get(self._field["id"] or "")), "a number")
                if number is not None:
                    found[name.removeprefix(start)] = number
        return found

    def _label(self, given: Any) -> str | None:
        if isinstance(given, float) and given.is_integer() and self.labels:
            given = int(given)  # pandas has whole numbers as floats where one is missing
        if given != given:
            return None
        if isinstance(given, int) and self.labels:
            return self.labels[given] if 0 <= given < len(self.labels) else None
        return _text(given)

    def _vectors(self, row: dict[str, Any]) -> dict[str, np.ndarray]:
        found = {}
        for name, value in row.items():
            start, dot, key = name.partition(".")
            if dot and start in ("vectors", "vector") and value is not None:
                found[key] = self._array(name, key, value)
        return found

    def _array(self, column: str, key: str, value: Any) -> np.ndarray:
        kind = self._table.schema.field(column).type
        dtype, axes = _numpy_type(kind)
        try:
            array = np.array(value, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{self._root}: column {column!r} holds no arrays ({error})") from error
        if not array.size and axes == 2 and array.ndim == 1:
            return array.reshape(0, self._widths.get(key, 0))
        if array.ndim not in (1, 2) or dtype.kind not in "fiub":
            raise DatasetError(
                f"{self._root}: column {column!r} is {kind}, wanted lists of numbers or of rows of them"
            )
        return array

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


def _numpy_type(kind: Any) -> tuple[np.dtype[Any], int]:
    """The type of the numbers in nested lists, and how deep they are."""
    import pyarrow as pa

    axes = 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind, axes = kind.value_type, axes + 1
    try:
        return np.dtype(kind.to_pandas_dtype()), axes
    except (NotImplementedError, TypeError):
        return np.dtype(object), axes


def _stated(tree: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """What our export says of the corpus, and the widths of its vectors; what is of another kind is left out."""
    found: dict[str, Any] = {name: tree[name] for name in _TEXTS if isinstance(tree.get(name), str)}
    for name in _LISTS:
        values = tree.get(name)
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            found[name] = values
    match tree.get("rating_range"):
        case [int() | float() as low, int() | float() as high]:
            found["rating_range"] = (float(low), float(high))
    widths = tree.get("widths")
    kept = widths.items() if isinstance(widths, dict) else ()
    return found, {key: width for key, width in kept if isinstance(width, int) and width >= 0}


def _json(text: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
