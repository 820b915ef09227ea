"""The index of a store: one Parquet row a clip, columns for every field, places of arrays by key."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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


class Vectors(Mapping[str, np.ndarray]):
    """The arrays of one clip by key; each is a view of its file, mapped when it is asked for."""

    __slots__ = ("_places", "_shards")

    def __init__(self, places: Mapping[str, Place], shards: Shards) -> None:
        self._places, self._shards = places, shards

    def __getitem__(self, key: str) -> np.ndarray:
        return self._shards.rows(key, self._places[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def length(self, key: str) -> int:
        """How many rows the array has, without reading it."""
        return self._places[key].length


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_table(io.BytesIO(content)).to_pydict()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{place}: no readable index ({error})") from error
    if missing := [name for name in (*_TEXTS, *_NUMBERS, *_MEDIA) if name not in columns]:
        raise DatasetError(f"{place}: lacks the column {missing[0]!r}")
    keys = [name.removeprefix("shard:") for name in columns if name.startswith("shard:")]
    count = len(columns["id"])
    places = _places(columns, keys, count)
    shares, ratings = (_by_name(columns, group, count) for group in ("shares:", "ratings:"))
    plain = [columns[name] for name in (*_TEXTS, *_NUMBERS)]
    clips = []
    for row, (id_, text, label, speaker, dialogue, source, split, turn, start_s, end_s) in enumerate(
        zip(*plain, strict=True)
    ):
        found = places[row]
        media = _media(columns, row, found, shards, folder)
        clips.append(
            Clip(
                id_, media, text, label, shares[row], ratings[row], speaker, dialogue, turn, source, split,
                start_s, end_s, Vectors(found, shards),
            )
        )  # fmt: skip
    return tuple(clips)


def _places(columns: Mapping[str, list[Any]], keys: Sequence[str], count: int) -> list[dict[str, Place]]:
    found: list[dict[str, Place]] = [{} for _ in range(count)]
    for key in keys:
        fields = (columns[f"{field}:{key}"] for field in _PLACE)
        for row, (shard, start, length, flat) in enumerate(zip(*fields, strict=True)):
            if shard is not None:
                found[row][key] = Place(shard, start, length, flat)
    return found


def _by_name(columns: Mapping[str, list[Any]], group: str, count: int) -> list[dict[str, float]]:
    found: list[dict[str, float]] = [{} for _ in range(count)]
    for name, values in columns.items():
        if name.startswith(group):
            key = name.removeprefix(group)
            for row, value in enumerate(values):
                if value is not None:
                    found[row][key] = value
    return found


def _media(
    columns: Mapping[str, list[Any]], row: int, places: dict[str, Place], shards: Shards, folder: Path
) -> Media | None:
    kind = columns["media_kind"][row]
    if kind is None:
        return None
    if kind == "picture":
        key = next(key for key in places if key.startswith("picture."))
        return StoredPicture(key, places.pop(key), shards)
    path = columns["media"][row]
    if kind == "member":
        return ArchiveMember(
            Path(path), columns["member"][row], columns["offset"][row], columns["size"][row]
        )
    return folder / path if kind == "stored" else Path(path)
