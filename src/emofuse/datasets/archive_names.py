"""The names that a pickle may hold, and what we make for each: arrays, plain containers and tables.

`NAMES` is the whole list. No entry is the thing that it names: each is a function of ours.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from emofuse.datasets.archive_source import (
    Name,
    Payload,
    Pending,
    Source,
    checked_range,
    items_of,
    of_kind,
    only_a_name,
    shown,
)
from emofuse.datasets.archive_tables import TABLE_NAMES, Columns
from emofuse.errors import DatasetError

DEEPEST = 100


class _Array(Pending):
    def _made(self, state: object, source: Source) -> object:
        parts = of_kind(state, tuple, source)
        shape, dtype, fortran, data = parts[-4:]
        if not isinstance(dtype, np.dtype):
            raise source.refused("an array of no type")
        if dtype.kind != "O":
            return source.array(dtype, shape, data, fortran=fortran is True)
        items = of_kind(data, list, source)
        lengths = source.shape(shape)
        if math.prod(lengths) != len(items):
            raise DatasetError(f"{source.place}: an array {lengths} of objects holds {len(items)}")
        source.spend(8 * len(items))
        flat = np.empty(len(items), dtype)
        for index, item in enumerate(items):
            flat[index] = item
        return flat.reshape(lengths, order="F" if fortran is True else "C")


class _DType(Pending):
    def __init__(self, kind: str, size: str) -> None:
        super().__init__()
        self._kind, self._size = kind, size

    def _made(self, state: object, source: Source) -> object:
        parts = (*of_kind(state, tuple, source), None, None)
        order, sub, names, fields, item_size = parts[1:6]
        if order not in ("<", ">", "|", "=") or sub is not None or names or fields:
            raise source.refused("an array of records")
        if self._kind in "SU":
            width = of_kind(item_size, int, source)
            return np.dtype(
                f"{order}{self._kind}{_bounded(width, source) // (4 if self._kind == 'U' else 1)}"
            )
        if self._kind in "Mm":
            unit = _unit(parts[8])
            if unit is None:
                raise source.refused("times of no unit")
            return np.dtype(f"{order}{self._kind}8[{unit}]")
        return np.dtype(f"{order}{self._kind}{self._size}")


def checked_key(key: object, source: Source) -> object:
    """``key`` where it is a plain one: hashing a deep or a strange one can bring the process down."""
    parts = key if type(key) is tuple else (key,)
    for part in parts:
        if type(part) not in _SCALARS and not isinstance(part, np.generic):
            raise source.refused(f"a {type(part).__name__} as a key")
        if type(part) is int and abs(part) >= 1 << 60:
            raise source.refused("a key that is too large a number")
    return key


def checked_value(root: object, source: Source) -> None:
    """Refuse what is not plain, refers to itself, nests too deep, or grows endless when walked through."""
    if source.left_over():
        raise source.refused("a long string that belongs to no array")
    direct = 1_000_000
    sizes: dict[int, tuple[int, int]] = {}
    open_ones: set[int] = set()
    waiting: list[tuple[object, bool]] = [(root, False)]
    while waiting:
        value, ready = waiting.pop()
        if id(value) in sizes and not ready:
            continue
        inside = _inside(value, source)
        if ready:
            held = [sizes[id(item)] for item in inside]
            size = 1 + len(inside) + sum(size for size, _ in held)
            depth = 1 + max((depth for _, depth in held), default=0)
            direct += 20 * (1 + len(inside))
            if depth > DEEPEST:
                raise source.refused("containers in each other without end")
            sizes[id(value)] = (size, depth)
            open_ones.discard(id(value))
            continue
        if id(value) in open_ones:
            raise source.refused("a container that holds itself")
        open_ones.add(id(value))
        waiting.append((value, True))
        waiting += ((item, False) for item in inside)
    # What is shared must not come to many times what is there: walking through it would never end.
    if max((size for size, _ in sizes.values()), default=0) > direct:
        raise source.refused("containers that share each other without end")


def _inside(value: object, source: Source) -> list[object]:
    # The containers and the strange things in a value; plain values need no further look.
    items: Iterable[object]
    if isinstance(value, Columns):
        items = [*value.columns.values(), value.index]
    elif type(value) in (list, tuple):
        items = value  # type: ignore[assignment]
    elif isinstance(value, dict):
        items = value.values()
    elif isinstance(value, np.ndarray):
        items = value.ravel(order="K").tolist() if value.dtype.kind == "O" else ()
    elif type(value) in _LEAVES or isinstance(value, np.generic):
        items = ()
    else:
        raise source.refused(
            value.name if isinstance(value, Name) else f"an unfinished {type(value).__name__}"
        )
    if set(map(type, items)) <= _LEAVES:
        return []
    return [
        item
        for item in items
        if type(item) not in _LEAVES and not (type(item) is np.ndarray and item.dtype.kind != "O")
    ]


_SCALARS = frozenset((str, bytes, int, float, bool, complex, type(None)))
_LEAVES = _SCALARS | {bytearray, set, frozenset, slice, range}


def _bounded(width: int, source: Source) -> int:
    if not 0 <= width <= 1 << 20:
        raise source.refused(f"array items of {width} bytes")
    return width


def _unit(metadata: object) -> str | None:
    # ``(None or {}, (b"ns", 1, 1, 1))``
    parts = metadata[1] if isinstance(metadata, tuple) and len(metadata) == 2 else None
    if not isinstance(parts, tuple) or parts[1:] != (1, 1, 1):
        return None
    unit = parts[0].decode("latin-1") if isinstance(parts[0], bytes) else parts[0]
    return unit if isinstance(unit, str) and unit in _UNITS else None


def _reconstruct(source: Source, kind: object, shape: object, code: object) -> object:
    if kind is not _NDARRAY:
        raise source.refused("an array of another class")
    return _Array()


def _dtype(source: Source, code: object, *rest: object) -> object:
    text = code.decode("latin-1") if isinstance(code, bytes) else code
    found = re.fullmatch(r"[<>|=]?([biufcOSUMm])(\d{0,6})", text) if isinstance(text, str) else None
    if found is None:
        raise source.refused(f"an array of {shown(code)}")
    return _DType(found[1], found[2])


def _scalar(source: Source, dtype: object, data: object = None) -> object:
    if not isinstance(dtype, np.dtype) or dtype.kind == "O":
        raise source.refused("a number of no type")
    return source.array(dtype, (1,), source.content(data), fortran=False)[0]


def _frombuffer(source: Source, data: object, dtype: object, shape: object, order: object = "C") -> object:
    if not isinstance(dtype, np.dtype) or dtype.kind == "O":
        raise source.refused("a buffer of no type")
    held = bytes(data) if isinstance(data, bytearray) else data
    return source.array(dtype, shape, held, fortran=order == "F")


def _encode(source: Source, text: object, encoding: object = "utf-8") -> object:
    if encoding not in ("latin1", "latin-1", "utf8", "utf-8"):
        raise source.refused(f"text in the encoding {shown(encoding)}")
    if isinstance(text, Payload):
        if text.form != "utf8" or encoding not in ("latin1", "latin-1"):
            raise source.refused("a long text that is no array")
        return source.as_bytes(text)
    source.spend(60 + 4 * len(of_kind(text, str, source)))
    return of_kind(text, str, source).encode(str(encoding))


def _bytearray(source: Source, data: object = b"", encoding: object = "latin-1") -> object:
    if isinstance(data, Payload):
        return data
    if encoding not in ("latin1", "latin-1"):
        raise source.refused(f"bytes in the encoding {shown(encoding)}")
    return source.content(data)


def _bytes(source: Source) -> object:
    return b""


def _container(kind: Callable[[Iterable[object]], object], *, keys: bool = False) -> Callable[..., object]:
    def make(source: Source, items: object = ()) -> object:
        held = items_of(source, items)
        return kind(checked_key(item, source) for item in held) if keys else kind(held)

    return make


def _mapping(kind: type[dict]) -> Callable[..., object]:
    def make(source: Source, items: object = ()) -> object:
        pairs = [items_of(source, pair) for pair in items_of(source, items)]
        return kind((checked_key(key, source), value) for key, value in pairs)

    return make


def _defaultdict(source: Source, factory: object = None) -> object:
    # The standard kinds alone; a class of one's own would run on the first absent key.
    if factory is None:
        return defaultdict(None)
    if not isinstance(factory, Name) or factory.name not in _FACTORIES:
        raise source.refused("a dictionary that makes its own values")
    return defaultdict(_FACTORIES[factory.name])


def _slice(source: Source, *bounds: object) -> object:
    if len(bounds) != 3 or not all(bound is None or type(bound) is int for bound in bounds):
        raise source.refused("a slice of no numbers")
    return slice(*bounds)


def _complex(source: Source, *parts: object) -> object:
    if not all(type(part) in (int, float) for part in parts) or len(parts) != 2:
        raise source.refused("a complex number of no numbers")
    return complex(*parts)  # type: ignore[call-overload]


def _empty_or_refused(empty: object) -> Callable[..., object]:
    def make(source: Source, *given: object) -> object:
        if given:
            raise source.refused("a call of a class")
        return empty

    return make


_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
_FACTORIES: dict[str, Callable[[], object]] = {
    "list": list, "dict": dict, "set": set, "int": int, "float": float,
}  # fmt: skip
_NDARRAY = Name("numpy.ndarray", only_a_name)
_PLAIN: dict[str, Callable[..., object]] = {
    "list": _container(list),
    "tuple": _container(tuple),
    "set": _container(set, keys=True),
    "frozenset": _container(frozenset, keys=True),
    "dict": _mapping(dict),
    "bytearray": _bytearray,
    "bytes": _bytes,
    "complex": _complex,
    "slice": _slice,
    "range": checked_range,
    "int": _empty_or_refused(0),
    "float": _empty_or_refused(0.0),
    "str": _empty_or_refused(""),
    "bool": _empty_or_refused(False),
}
_NUMPY: dict[str, Callable[..., object]] = {
    "_reconstruct": _reconstruct,
    "scalar": _scalar,
    "_frombuffer": _frombuffer,
    "dtype": _dtype,
}
_NUMPY_PLACES = {
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.numeric": ("_frombuffer",),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy": ("dtype",),
}
_ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    **{(module, name): make for module in ("builtins", "__builtin__") for name, make in _PLAIN.items()},
    **{(module, name): _NUMPY[name] for module, names in _NUMPY_PLACES.items() for name in names},
    **TABLE_NAMES,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _mapping(OrderedDict),
    ("collections", "defaultdict"): _defaultdict,
}
NAMES: dict[tuple[str, str], Name] = {
    (module, name): Name(name if module in ("builtins", "__builtin__") else f"{module}.{name}", make)
    for (module, name), make in _ALLOWED.items()
}
NAMES["numpy", "ndarray"] = _NDARRAY
NAMES["__builtin__", "xrange"] = NAMES["builtins", "range"]
ABSENT = ("pandas.NA", "pandas._libs.missing.NA")
ABSENT = ("pandas.NA", "pandas._libs.missing.NA")
