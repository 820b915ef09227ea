"""Ragged arrays in safetensors files: rows of many clips end to end, mapped into memory when asked for.

Format: https://github.com/huggingface/safetensors (an 8-byte length, a JSON header, the bytes).
"""

import contextlib
import hashlib
import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emofuse.errors import DatasetError

SHARD_BYTES = 256 << 20
_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"), "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
# A header names a few keys; anything near this is damage or an attack.
_LONGEST_HEADER = 16 << 20


class Place(NamedTuple):
    """Where the rows of one clip and key lie; ``flat`` where they were one vector ``(dim,)``."""

    shard: int
    start: int
    length: int
    flat: bool


class Shard(NamedTuple):
    """A written file: its name, size and sha256."""

    name: str
    bytes: int
    sha256: str


def shard_name(number: int) -> str:
    """The file of a shard."""
    return f"shard-{number:05d}.safetensors"


def write_shards(
    folder: Path, clips: Iterable[Mapping[str, np.ndarray]], *, shard_bytes: int = SHARD_BYTES
) -> tuple[list[Shard], list[dict[str, Place]]]:
    """Write the arrays of clips, each ``(dim,)`` or ``(rows, dim)``, in shards of about ``shard_bytes``.

    Returns the files, and where each clip's arrays lie. Memory holds the arrays of one shard at most.

    Raises:
        DatasetError: an array has three axes or more or an odd type, or a key has another width or type
            than in an earlier clip.
        OSError: the disk is full, for instance.
    """
    shards: list[Shard] = []
    places: list[dict[str, Place]] = []
    kinds: dict[str, tuple[int, np.dtype]] = {}
    waiting: dict[str, list[np.ndarray]] = {}
    rows: dict[str, int] = {}
    filled = 0
    for number, arrays in enumerate(clips):
        found = {}
        for key, value in arrays.items():
            block, flat = _block(key, value, kinds, number)
            found[key] = Place(len(shards), rows.get(key, 0), len(block), flat)
            waiting.setdefault(key, []).append(block)
            rows[key] = rows.get(key, 0) + len(block)
            filled += block.nbytes
        places.append(found)
        if filled >= shard_bytes:
            shards.append(_write(folder / shard_name(len(shards)), waiting))
            waiting, rows, filled = {}, {}, 0
    if waiting:
        shards.append(_write(folder / shard_name(len(shards)), waiting))
    return shards, places


def _block(
    key: str, value: np.ndarray, kinds: dict[str, tuple[int, np.dtype]], number: int
) -> tuple[np.ndarray, bool]:
    array = np.asarray(value)
    if array.ndim not in (1, 2):
        raise DatasetError(f"clip {number}: {key!r} has shape {array.shape}, wanted (dim,) or (rows, dim)")
    little = array.dtype.newbyteorder("<") if array.dtype.byteorder == ">" else array.dtype
    if little not in _NAMES:
        raise DatasetError(
            f"clip {number}: {key!r} is of type {array.dtype}, wanted one of {sorted(_DTYPES)}"
        )
    block = np.ascontiguousarray(np.atleast_2d(array), dtype=little)
    width, dtype = kinds.setdefault(key, (block.shape[1], block.dtype))
    if (block.shape[1], block.dtype) != (width, dtype):
        found = f"{block.shape[1]} wide {block.dtype}"
        raise DatasetError(f"clip {number}: {key!r} is {found}, earlier clips have {width} wide {dtype}")
    return block, array.ndim == 1


def _write(path: Path, blocks: Mapping[str, Sequence[np.ndarray]]) -> Shard:
    # The widest items first: every tensor then begins at a multiple of its item's size.
    order = sorted(blocks, key=lambda key: (-blocks[key][0].itemsize, key))
    header, offset = {}, 0
    for key in order:
        first = blocks[key][0]
        size = sum(block.nbytes for block in blocks[key])
        shape = [sum(len(block) for block in blocks[key]), first.shape[1]]
        header[key] = {
            "dtype": _NAMES[first.dtype],
            "shape": shape,
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    digest, written = hashlib.sha256(), 0
    with path.open("wb") as file:
        parts: Iterator[bytes | memoryview] = _parts(text, order, blocks)
        for part in parts:
            file.write(part)
            digest.update(part)
            written += len(part)
        file.flush()
        os.fsync(file.fileno())
    return Shard(path.name, written, digest.hexdigest())


def _parts(
    text: bytes, order: Sequence[str], blocks: Mapping[str, Sequence[np.ndarray]]
) -> Iterator[bytes | memoryview]:
    yield len(text).to_bytes(8, "little")
    yield text
    for key in order:
        for block in blocks[key]:
            if block.nbytes:
                yield block.data.cast("B")


class _File(NamedTuple):
    """A shard that is open: its mapping, and by key where the tensor ``(rows, dim)`` begins and its view."""

    mapping: mmap.mmap
    tensors: dict[str, tuple[int, np.ndarray]]


class Shards:
    """The arrays of a store; a file is mapped when the first of its rows is asked for."""

    def __init__(self, folder: Path, files: Sequence[Shard]) -> None:
        self._folder, self._files = folder, tuple(files)
        self._open: dict[int, _File] = {}
        self._inode = folder.stat().st_ino

    def rows(self, key: str, place: Place) -> np.ndarray:
        """A view of the file: ``(dim,)`` where the array was one vector, else ``(rows, dim)``.

        Raises:
            DatasetError: the file is missing or damaged, or lacks the rows.
        """
        file = self._open.get(place.shard)
        if file is None:
            file = self._open[place.shard] = self._map(place.shard)
        if key not in file.tensors:
            raise DatasetError(
                f"{self._folder / shard_name(place.shard)}: holds no {key!r}; the store is damaged"
            )
        begin, tensor = file.tensors[key]
        if place.start < 0 or place.start + place.length > len(tensor):
            wanted = f"rows {place.start} to {place.start + place.length} were wanted"
            path = self._folder / shard_name(place.shard)
            raise DatasetError(f"{path}: {key!r} has {len(tensor)} rows, {wanted}")
        found = tensor[place.start : place.start + place.length]
        _announce(file.mapping, begin + place.start * tensor.strides[0], found.nbytes)
        return found[0] if place.flat else found

    def _map(self, number: int) -> _File:
        path = self._folder / shard_name(number)
        if number >= len(self._files):
            raise DatasetError(f"{path}: the index names this shard, store.toml does not")
        try:
            # The index that was read belongs to the folder as it was then.
            if self._folder.stat().st_ino != self._inode:
                raise DatasetError(f"{self._folder}: was replaced since it was opened; open it again")
            size = path.stat().st_size
            if size != self._files[number].bytes:
                raise DatasetError(
                    f"{path}: has {size} bytes, wanted {self._files[number].bytes}; it is damaged"
                )
            mapping = _mapped(path)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from error
        except ValueError as error:
            raise DatasetError(f"{path}: is empty; the store is damaged") from error
        return _File(mapping, _tensors(mapping, path))


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(mmap, "MADV_RANDOM"):
        # Clips are drawn in any order: what the system reads ahead, up to megabytes a clip, is of others.
        with contextlib.suppress(OSError):
            mapping.madvise(mmap.MADV_RANDOM)
    return mapping


def _announce(mapping: mmap.mmap, begin: int, length: int) -> None:
    """Have bytes that will be looked at read in one go, rather than page by page."""
    if length and hasattr(mmap, "MADV_WILLNEED"):
        first = begin - begin % mmap.PAGESIZE
        with contextlib.suppress(OSError):
            mapping.madvise(mmap.MADV_WILLNEED, first, begin + length - first)


def _tensors(mapping: mmap.mmap, path: Path) -> dict[str, tuple[int, np.ndarray]]:
    raw = np.frombuffer(mapping, np.uint8)
    try:
        length = int.from_bytes(raw[:8].tobytes(), "little")
        if not 2 <= length <= min(_LONGEST_HEADER, len(raw) - 8):
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(raw[8 : 8 + length].tobytes())
        found = {}
        for key, facts in header.items():
            if key == "__metadata__":
                continue
            (begin, end), dtype = facts["data_offsets"], _DTYPES[facts["dtype"]]
            rows, width = facts["shape"]
            if begin < 0 or end > len(raw) - 8 - length or end - begin != rows * width * dtype.itemsize:
                raise ValueError(f"{key!r} does not fit its {facts['shape']}")
            first = 8 + length + begin
            found[key] = (first, raw[first : 8 + length + end].view(dtype).reshape(rows, width))
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: damaged shard ({error})") from error


def verify_shards(folder: Path, files: Sequence[Shard]) -> None:
    """Read every file and compare its sha256.

    Raises:
        DatasetError: one is missing or has another content.
    """
    for shard in files:
        path = folder / shard.name
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while part := file.read(1 << 22):
                    digest.update(part)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from error
        if digest.hexdigest() != shard.sha256:
            raise DatasetError(
                f"{path}: sha256 is {digest.hexdigest()}, wanted {shard.sha256}; it is damaged"
            )
