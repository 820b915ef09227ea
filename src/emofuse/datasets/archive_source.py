"""The file that a pickle is read from: lengths held to its size, and arrays made of its bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np

from emofuse.errors import DatasetError

Kind = TypeVar("Kind")
SLACK_BYTES = 64 << 20
CHUNK_BYTES = 16 << 20


class Payload(NamedTuple):
    """A long stretch of the file that is read when it is known what for.

    ``form`` is ``"bytes"``, ``"latin1"`` (a string of Python 2), ``"utf8"``, or ``"utf8_of_latin1"``: bytes
    that an older protocol wrote as text.
    """

    offset: int
    length: int
    form: str


class Source:
    """The file that is read, with what may still be taken up by arrays and by everything else."""

    def __init__(
        self, stream: BinaryIO, size: int, place: str, *, max_bytes: int | None = None, narrow: bool = False
    ) -> None:
        self.stream, self.size, self.place, self.narrow = stream, size, place, narrow
        most = math.inf if max_bytes is None else max_bytes
        self._for_arrays = min(2 * size + SLACK_BYTES, most)
        self._for_objects = min(32 * size + SLACK_BYTES, most)
        self._unused: set[Payload] = set()

    def refused(self, what: str) -> DatasetError:
        """The error for something that is not read; ``what`` comes from the file and is shortened."""
        shown = "".join(letter if letter.isprintable() else "?" for letter in what[:120])
        return DatasetError(f"{self.place}: holds {shown}: nothing but arrays and plain containers is read")

    def read(self, length: int) -> bytes:
        """Exactly so many bytes."""
        content = self.stream.read(length)
        if len(content) != length:
            raise DatasetError(f"{self.place}: is cut off: {length} bytes wanted, {len(content)} are there")
        return content

    def line(self, limit: int = 1024) -> str:
        """The text up to the end of the line, at most ``limit`` bytes."""
        content = self.stream.readline(limit + 1)
        if not content.endswith(b"\n"):
            raise DatasetError(f"{self.place}: is cut off, or a line is longer than {limit} bytes")
        return content[:-1].decode("latin-1")

    def within(self, length: int) -> None:
        """Refuse a length that reaches past the end of the file."""
        if length > self.size - self.stream.tell():
            raise DatasetError(f"{self.place}: is cut off: {length} bytes are said to follow")

    def skipped(self, length: int, form: str) -> Payload:
        """Pass over a long stretch."""
        self.within(length)
        payload = Payload(self.stream.tell(), length, form)
        self.stream.seek(length, 1)
        self._unused.add(payload)
        return payload

    def spend(self, size: int) -> None:
        """Account for objects of so many bytes."""
        self._for_objects -= size
        if self._for_objects < 0:
            raise DatasetError(f"{self.place}: its objects take up more than is allowed for its size")

    def spend_on_array(self, size: int) -> None:
        """Account for an array of so many bytes."""
        self._for_arrays -= size
        if self._for_arrays < 0:
            raise DatasetError(f"{self.place}: its arrays take up more than is allowed for its size")

    def made(self, called: object, given: tuple[object, ...]) -> object:
        """What an entry of `NAMES` makes of its values."""
        if not isinstance(called, Name):
            raise self.refused(f"a call of a {type(called).__name__}")
        return called.make(self, *given)

    def array(self, dtype: np.dtype, shape: object, data: object, *, fortran: bool) -> np.ndarray:
        """A plain array of its own memory, in the machine's byte order."""
        lengths = self.shape(shape)
        count = math.prod(lengths)
        native = dtype.newbyteorder("=")
        if self.narrow and native == np.float64 and len(lengths) > 1:
            native = np.dtype(np.float32)
        held = (
            data.length if isinstance(data, Payload) else len(data) if isinstance(data, bytes | str) else -1
        )
        wanted = count * dtype.itemsize
        # What is written as text holds the same bytes in one or two letters each.
        loose = isinstance(data, Payload) and data.form == "utf8_of_latin1"
        if not (held == wanted or (loose and wanted <= held <= 2 * wanted)):
            raise DatasetError(
                f"{self.place}: an array {lengths} of {dtype} needs {wanted} bytes, not {held}"
            )
        self.spend_on_array(count * native.itemsize)
        flat = np.empty(count, native)
        self._fill(flat, dtype, data)
        if native.kind == "b":
            flat = flat.view(np.uint8) != 0
        if native.kind == "U" and flat.size and flat.view(np.uint32).max() > 0x10FFFF:
            raise DatasetError(f"{self.place}: an array of text holds what is no letter")
        return flat.reshape(lengths, order="F" if fortran else "C")

    def shape(self, shape: object) -> tuple[int, ...]:
        """The lengths of the axes of an array."""
        if (
            not isinstance(shape, tuple)
            or len(shape) > 32
            or not all(type(length) is int and 0 <= length < 1 << 48 for length in shape)
        ):
            raise self.refused(f"an array of shape {shown(shape)}")
        return shape

    def content(self, data: object) -> bytes:
        """Bytes, wherever they are and however they were written."""
        if isinstance(data, Payload):
            self.spend(data.length)
            return b"".join(bytes(part) for part in self._parts(data))
        if isinstance(data, str):
            self.spend(60 + len(data))
        return data.encode("latin-1") if isinstance(data, str) else of_kind(data, bytes, self)

    def as_bytes(self, text: Payload) -> Payload:
        """A long text as the bytes that an older protocol wrote in it."""
        self._unused.discard(text)
        again = text._replace(form="utf8_of_latin1")
        self._unused.add(again)
        return again

    def left_over(self) -> bool:
        """Whether a long stretch was passed over that belongs to no array."""
        return bool(self._unused)

    def _fill(self, flat: np.ndarray, dtype: np.dtype, data: object) -> None:
        if not isinstance(data, Payload):
            flat[:] = np.frombuffer(self.content(data), dtype)
            return
        if data.form == "bytes" and dtype == flat.dtype:
            back = self.stream.tell()
            self._unused.discard(data)
            self.stream.seek(data.offset)
            got = self.stream.readinto(memoryview(flat).cast("B")) if flat.size else 0  # type: ignore[attr-defined, arg-type]
            if got != flat.nbytes:
                raise DatasetError(f"{self.place}: is cut off")
            self.stream.seek(back)
            return
        done, rest = 0, b""
        for part in self._parts(data):
            joined = rest + part
            whole = len(joined) // dtype.itemsize
            flat[done : done + whole] = np.frombuffer(joined, dtype, whole)
            done, rest = done + whole, joined[whole * dtype.itemsize :]
        if done != flat.size or rest:
            raise DatasetError(f"{self.place}: the bytes of an array are not those of its shape")

    def _parts(self, payload: Payload) -> Iterator[bytes]:
        back = self.stream.tell()
        self._unused.discard(payload)
        self.stream.seek(payload.offset)
        left, rest = payload.length, b""
        while left:
            part = self.read(min(left, CHUNK_BYTES))
            left -= len(part)
            if payload.form != "utf8_of_latin1":
                yield part
                continue
            part = rest + part
            # A letter of two bytes must not be cut by the end of the part.
            cut = len(part) - (1 if left and part[-1] >= 0xC0 else 0)
            rest = part[cut:]
            yield part[:cut].decode("utf-8").encode("latin-1")
        self.stream.seek(back)


class Pending:
    """Something that a file announces first and fills afterwards; ``value`` holds once it is ``done``."""

    def __init__(self) -> None:
        self.done = False
        self.value: object = None

    def build(self, state: object, source: Source) -> None:
        """Fill it."""
        self.value = self._made(state, source)
        self.done = True

    def _made(self, state: object, source: Source) -> object:
        raise NotImplementedError


class Name(NamedTuple):
    """An allowed name: what a call of it makes."""

    name: str
    make: Callable[..., object]


def of_kind(value: object, kind: type[Kind], source: Source) -> Kind:
    """``value`` where it is of that kind."""
    if not isinstance(value, kind):
        raise source.refused(f"a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def shown(value: object) -> str:
    """A value for a message: text and numbers as they are, of anything else the kind.

    The text of nested containers could take up more than the machine has.
    """
    if isinstance(value, str):
        return value[:120]
    return repr(value)[:120] if isinstance(value, bytes | int | float) else f"a {type(value).__name__}"


def items_of(source: Source, items: object) -> list[object]:
    """The items of a plain container, as a list."""
    if type(items) not in (list, tuple, set, frozenset):
        raise source.refused(f"a container made of a {type(items).__name__}")
    source.spend(8 * len(items))  # type: ignore[arg-type]
    return list(items)  # type: ignore[call-overload]


def only_a_name(source: Source, *given: object) -> object:
    """A name that stands for a kind and is never called."""
    raise source.refused("a call of a class")


def checked_range(source: Source, *bounds: object) -> object:
    """A range of numbers, its length accounted for."""
    if len(bounds) != 3 or not all(type(bound) is int and abs(bound) < 1 << 60 for bound in bounds):
        raise source.refused("a range of no numbers")
    numbers = range(*bounds)  # type: ignore[call-overload]
    source.spend(36 * len(numbers))
    return numbers


def pending(kind: type[Pending]) -> Callable[..., object]:
    """Makes something to be filled by the state that follows."""

    def make(source: Source, *given: object) -> object:
        return kind()

    return make
