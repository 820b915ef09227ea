"""The index of a store: one Parquet row a clip, columns for every field, places of arrays by key."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from emofuse.datasets.shards import Place, Shards
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Clip, Media, Picture

_TEXTS = ("id", "text", "label", "speaker", "dialogue", "source", "split")
_NUMBERS = {"turn": "int64", "start_s": "float64", "end_s": "float64"}
_MEDIA = {
    "media_kind": "string", "media": "string", "member": "string", "offset": "int64", "size": "int64",
    "media_sha256": "string",
}  # fmt: skip
_PLACE = {"shard": "int32", "start": "int64", "length": "int64", "flat": "bool"}


def columns_of(
    clips: Sequence[Clip], places: Sequence[Mapping[str, Place]], media: Sequence[Mapping[str, Any]]
) -> bytes:
    """The index as the bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array([getattr(clip, name) for clip in clips], pa.string()) for name in _TEXTS}
    for name, kind in _NUMBERS.items():
        columns[name] = pa.array([getattr(clip, name) for clip in clips], _type(kind))
    for group in ("shares", "ratings"):
        for key in dict.fromkeys(key for clip in clips for key in getattr(clip, group)):
            values = [getattr(clip, group).get(key) for clip in clips]
            columns[f"{group}:{key}"] = pa.array(values, pa.float64())
    for key in dict.fromkeys(key for clip in clips for key in clip.facts):
        columns[f"facts:{key}"] = pa.array([clip.facts.get(key) for clip in clips], pa.string())
    for name, kind in _MEDIA.items():
        columns[name] = pa.array([row.get(name) for row in media], _type(kind))
    for key in dict.fromkeys(key for found in places for key in found):
        for field, kind in _PLACE.items():
            values = [getattr(found[key], field) if key in found else None for found in places]
            columns[f"{field}:{key}"] = pa.array(values, _type(kind))
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()


def _type(name: str) -> Any:
    import pyarrow as pa

    return {
        "string": pa.string(), "int64": pa.int64(), "int32": pa.int32(), "float64": pa.float64(),
        "bool": pa.bool_(),
    }[name]  # fmt: skip


class Places:
    """Where the arrays of all clips lie, by key, column by column as the index holds them."""

    def __init__(self, columns: Mapping[str, list[Any]]) -> None:
        keys = (name.removeprefix("shard:") for name in columns if name.startswith("shard:"))
        self.columns = {key: tuple(columns[f"{field}:{key}"] for field in _PLACE) for key in keys}
        self.pictures = tuple(key for key in self.columns if key.startswith("picture."))

    def keys(self, row: int) -> list[str]:
        """The keys of one clip."""
        return [key for key, (shards, *_) in self.columns.items() if shards[row] is not None]

    def has(self, row: int, key: str) -> bool:
        """Whether a clip has an array of that key."""
        return key in self.columns and self.columns[key][0][row] is not None

    def place(self, row: int, key: str) -> Place:
        """Where it lies.

        Raises:
            KeyError: the clip has none.
        """
        if not self.has(row, key):
            raise KeyError(key)
        shards, starts, lengths, flats = self.columns[key]
        return Place(shards[row], starts[row], lengths[row], flats[row])


class Vectors(Mapping[str, np.ndarray]):
    """The arrays of one clip by key; each is a view of its file, mapped when it is asked for.

    ``hidden`` is a key that is no vector: that of the clip's picture.
    """

    __slots__ = ("_hidden", "_places", "_row", "_shards")

    def __init__(self, row: int, places: Places, shards: Shards, hidden: str | None = None) -> None:
        self._row, self._places, self._shards, self._hidden = row, places, shards, hidden

    def __getitem__(self, key: str) -> np.ndarray:
        return self._shards.rows(key, self._place(key))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key != self._hidden and self._places.has(self._row, key)

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._places.keys(self._row) if key != self._hidden)

    def __len__(self) -> int:
        return len(self._places.keys(self._row)) - (self._hidden is not None)

    def length(self, key: str) -> int:
        """How many rows the array has, without reading it."""
        return self._place(key).length

    def _place(self, key: str) -> Place:
        if key == self._hidden:
            raise KeyError(key)
        return self._places.place(self._row, key)


class StoredPicture(Picture):
    """A picture whose pixels are read when they are asked for."""

    _from: tuple[str, Place, Shards]

    def __init__(self, key: str, place: Place, shards: Shards) -> None:
        object.__setattr__(self, "_from", (key, place, shards))

    @property
    def pixels(self) -> np.ndarray:
        """uint8 ``(height, width)`` or ``(height, width, 3)``."""
        key, place, shards = self._from
        width, channels = (int(part) for part in key.removeprefix("picture.").split("x"))
        rows = shards.rows(key, place)
        return rows if channels == 1 else rows.reshape(len(rows), width, channels)


def clips_from(content: bytes, shards: Shards, folder: Path, *, place: str) -> tuple[Clip, ...]:
    """The clips of an index.

    Raises:
        DatasetError: it is no Parquet file, or a column is missing.
    """
    columns = _columns(content, place=place)
    if missing := [name for name in (*_TEXTS, *_NUMBERS, *_MEDIA) if name not in columns]:
        raise DatasetError(f"{place}: lacks the column {missing[0]!r}")
    count = len(columns["id"])
    try:
        places = Places(columns)
    except KeyError as error:
        raise DatasetError(f"{place}: lacks the column {error}") from error
    shares, ratings, facts = (
        _by_name(columns, group, count) for group in ("shares:", "ratings:", "facts:")
    )
    plain = [columns[name] for name in (*_TEXTS, *_NUMBERS)]
    kinds, clips = columns["media_kind"], []
    for row, (id_, text, label, speaker, dialogue, source, split, turn, start_s, end_s) in enumerate(
        zip(*plain, strict=True)
    ):
        media, hidden = None, None
        if kinds[row] is not None:
            hidden = _picture_key(columns, row, places)
            media = (
                _media(columns, row, folder) if hidden is None else _picture(row, hidden, places, shards)
            )
        clips.append(
            Clip(
                id_, media, text, label, shares[row], ratings[row], speaker, dialogue, turn, source, split,
                start_s, end_s, Vectors(row, places, shards, hidden), facts[row],
            )
        )  # fmt: skip
    return tuple(clips)


def media_of(content: bytes, folder: Path) -> dict[Media, str]:
    """The files of an index that was read before, and the sha256 that each had when it was imported."""
    columns = _columns(content, place=str(folder), only=[*_MEDIA])
    return {
        _media(columns, row, folder): sha256
        for row, sha256 in enumerate(columns["media_sha256"])
        if sha256 is not None
    }


def _columns(content: bytes, *, place: str, only: list[str] | None = None) -> dict[str, list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # `read_table` would first import a tenth of a second's worth of code for data in many files.
        # Threads of Arrow that still hold the bytes when Python ends would abort it.
        table = pq.ParquetFile(pa.BufferReader(content)).read(columns=only, use_threads=False)
        return cast(dict[str, list[Any]], table.to_pydict())
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{place}: no readable index ({error})") from error


def _by_name(columns: Mapping[str, list[Any]], group: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, values in columns.items():
        if name.startswith(group):
            key = name.removeprefix(group)
            for row, value in enumerate(values):
                if value is not None:
                    found[row][key] = value
    return found


def _picture_key(columns: Mapping[str, list[Any]], row: int, places: Places) -> str | None:
    if columns["media_kind"][row] != "picture":
        return None
    found = next((key for key in places.pictures if places.has(row, key)), None)
    if found is None:
        raise DatasetError(f"clip {columns['id'][row]}: its picture is not in the store; it is damaged")
    return found


def _picture(row: int, key: str, places: Places, shards: Shards) -> StoredPicture:
    return StoredPicture(key, places.place(row, key), shards)


def _media(columns: Mapping[str, list[Any]], row: int, folder: Path) -> Media:
    kind, path = columns["media_kind"][row], columns["media"][row]
    if kind == "member":
        return ArchiveMember(
            Path(path), columns["member"][row], columns["offset"][row], columns["size"][row]
        )
    return folder / path if kind == "stored" else Path(path)
