"""Pickled archives of others, read without running any of their code.

A pickle is a little program. It is worked through here by a machine of our own that knows the plain opcodes
and a fixed list of names (`archive_names`); nothing that a file names is imported or called. Everything
else is refused by name.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, SupportsIndex

import numpy as np

from emofuse.datasets.archive_machine import BIG, Machine
from emofuse.datasets.archive_names import checked_value
from emofuse.datasets.archive_source import Payload, Source
from emofuse.errors import DatasetError

_HEADER = re.compile(
    r"\{'descr': '(\|O|[<>|=]?[biufcSU]\d{1,6})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? ?\}"
)
_PLAIN_ERRORS = (
    *(ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError),
    *(struct.error, EOFError, MemoryError, RecursionError, OSError),
)


def load_restricted(path: Path, *, max_bytes: int | None = None, narrow: bool = False) -> object:
    """The value pickled in a file: arrays, numbers, strings and plain containers; tables as `Columns`.

    Arrays may take up twice the size of the file, everything else 32 times, and 64 MiB more each;
    ``max_bytes`` bounds both. Strings of Python 2 are read as Latin-1. ``narrow`` reads float64 arrays
    of two and more axes as float32. What follows the first pickle of a file is not read.

    Raises:
        DatasetError: the file is absent, cut off or damaged, names something that is not on the list,
            refers to itself, nests deeper than 100, or would take up more than the bound.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if file.read(4) == b"PK\x03\x04":
                raise DatasetError(f"{path}: is a zip archive, wanted a pickle")
            file.seek(0)
            return _load(file, Source(file, size, str(path), max_bytes=max_bytes, narrow=narrow))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from error


def load_restricted_npz(path: Path, *, max_bytes: int | None = None) -> dict[str, object]:
    """The members of a ``.npz`` by name, object arrays among them; a ``.npy`` as the one member ``""``.

    Raises:
        DatasetError: as `load_restricted`, or it is no such file, or a member unpacks to more than
            1,000 times its packed size.
    """
    try:
        if Path(path).suffix.lower() == ".npy":
            with Path(path).open("rb") as file:
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                return {"": _npy(Source(file, size, str(path), max_bytes=max_bytes))}
        with zipfile.ZipFile(path) as archive:
            return {
                member.filename.removesuffix(".npy"): _member(archive, member, path, max_bytes)
                for member in archive.infolist()
            }
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, *_PLAIN_ERRORS) as error:
        raise DatasetError(f"{path}: not a readable archive of arrays ({error})") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, max_bytes: int | None) -> object:
    place = f"{path}: {member.filename}"
    if member.file_size > 1000 * member.compress_size + BIG:
        raise DatasetError(f"{place}: {member.compress_size} bytes unpack to {member.file_size}")
    if max_bytes is not None and member.file_size > max_bytes:
        raise DatasetError(f"{place}: takes up {member.file_size} bytes, at most {max_bytes} are read")
    with archive.open(member) as packed:
        content = packed.read(member.file_size)
    return _npy(Source(io.BytesIO(content), len(content), place, max_bytes=max_bytes))


def _npy(source: Source) -> object:
    # The header of a .npy: magic, version, length, and a dictionary in Python's notation.
    start = source.read(8)
    if start[:6] != b"\x93NUMPY":
        raise DatasetError(f"{source.place}: no array is in it")
    length = source.read(2) if start[6] == 1 else source.read(4)
    text = source.read(min(int.from_bytes(length, "little"), BIG)).decode("latin-1")
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        raise DatasetError(f"{source.place}: the header {text[:80]!r} is not that of a plain array")
    descr, order, axes = found.groups()
    shape = tuple(int(axis) for axis in axes.replace(",", " ").split())
    if descr == "|O":
        value = _load(source.stream, source)
        if not isinstance(value, np.ndarray) or value.shape != shape:
            raise DatasetError(f"{source.place}: the header says {shape}, the content does not")
        return value
    rest = Payload(source.stream.tell(), source.size - source.stream.tell(), "bytes")
    return source.array(np.dtype(descr), shape, rest, fortran=order == "True")


def _load(stream: BinaryIO, source: Source) -> object:
    machine = Machine(stream, source)
    try:
        value = machine.run()
        checked_value(value, source)
    except DatasetError:
        raise
    except _PLAIN_ERRORS as error:
        what = str(error) or type(error).__name__
        raise DatasetError(f"{source.place}: not a readable pickle ({what[:200]})") from error
    return value


class LateArray:
    """An array that `write_plain_pickle` makes when its turn has come, and then forgets."""

    def __init__(self, make: Callable[[], np.ndarray]) -> None:
        self._make = make

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """What the array itself is pickled as."""
        return self._make().__reduce_ex__(protocol)


def write_plain_pickle(file: BinaryIO, content: Mapping[str, object]) -> None:
    """Write plain containers and arrays (numpy's, or `LateArray`) for tools that read nothing but pickles.

    It stands here so that pickles have one room: what this writes, `load_restricted` reads without running it.
    Memory holds one late array at a time.
    """
    import pickle

    pickler = pickle.Pickler(file, protocol=4)
    # Otherwise it keeps all that it has written, in case it comes again: here nothing does.
    pickler.fast = True
    pickler.dump(dict(content))
