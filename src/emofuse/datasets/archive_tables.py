"""Tables in pickles of pandas 1 to 3, taken apart without pandas: blocks, axes, columns of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from emofuse.datasets.archive_source import (
    Name,
    Pending,
    Source,
    checked_range,
    items_of,
    of_kind,
    only_a_name,
    pending,
    shown,
)
from emofuse.errors import DatasetError


@dataclass(frozen=True, eq=False)
class Columns:
    """A table out of a pickled pandas frame: one array per column, in order, and the index or None."""

    columns: dict[str, np.ndarray]
    index: np.ndarray | None


class _Table(Pending):
    def _made(self, state: object, source: Source) -> object:
        parts = of_kind(state, dict, source)
        manager = parts.get("_mgr", parts.get("_data"))
        return _table(of_kind(manager, _Blocks, source), source)


class _Manager(Pending):
    # The state of pandas up to 1.2: a tuple whose last part holds axes and blocks by name.
    def _made(self, state: object, source: Source) -> object:
        inner = of_kind(of_kind(state, tuple, source)[-1], dict, source)["0.14.1"]
        blocks = [_Block(block["values"], block["mgr_locs"]) for block in inner["blocks"]]
        return _Blocks(tuple(blocks), tuple(inner["axes"]))


class _Strings(Pending):
    def _made(self, state: object, source: Source) -> object:
        if isinstance(state, tuple):
            arrays = [part for part in state if isinstance(part, np.ndarray)]
            return of_kind(arrays[0] if arrays else None, np.ndarray, source)
        parts = of_kind(state, dict, source)
        return of_kind(
            parts.get("_pa_array", parts.get("_data", parts.get("_ndarray"))), np.ndarray, source
        )


class Ignored(Pending):
    """A type of pandas that says nothing about the values."""

    def _made(self, state: object, source: Source) -> object:
        return None


class _Block(NamedTuple):
    values: object
    placement: object


class _Blocks(NamedTuple):
    blocks: tuple[_Block, ...]
    axes: tuple[object, ...]


def _block(source: Source, values: object, placement: object, ndim: object = None) -> object:
    return _Block(values, placement)


def _manager(source: Source, *parts: object) -> object:
    if not parts:
        return _Manager()
    blocks, axes = parts[:2]
    held = [of_kind(block, _Block, source) for block in items_of(source, blocks)]
    return _Blocks(tuple(held), tuple(items_of(source, axes)))


def _index(source: Source, kind: object, parts: object) -> object:
    state = of_kind(parts, dict, source)
    if "data" in state and isinstance(state["data"], np.ndarray):
        return state["data"].ravel()
    if {"start", "stop", "step"} <= set(state):
        return np.array(checked_range(source, state["start"], state["stop"], state["step"]))
    return None


def _table(held: _Blocks, source: Source) -> Columns:
    names, index = held.axes[0], held.axes[-1]
    if len(held.axes) == 1:
        names = np.array(["0"], object)
    held_names = of_kind(names, np.ndarray, source)
    source.spend(60 * held_names.size)
    labels = [shown(name) for name in held_names.tolist()]
    columns: dict[str, np.ndarray] = {}
    for block in held.blocks:
        values = of_kind(block.values, np.ndarray, source)
        rows = values if values.ndim > 1 else values[None]
        places = np.arange(len(labels))[_placement(block.placement, len(held.axes), source)]
        if len(places) != len(rows):
            raise DatasetError(f"{source.place}: a table of {len(labels)} columns does not hold together")
        columns |= {labels[place]: row for place, row in zip(places, rows, strict=True)}
    lengths = {len(column) for column in columns.values()}
    if len(columns) != len(labels) or len(lengths) > 1:
        raise DatasetError(f"{source.place}: a table of {len(labels)} columns does not hold together")
    return Columns(
        {label: columns[label] for label in labels}, index if isinstance(index, np.ndarray) else None
    )


def _placement(placement: object, axes: int, source: Source) -> slice | np.ndarray:
    if axes == 1:
        return slice(0, 1)
    if isinstance(placement, np.ndarray) and placement.dtype.kind == "i":
        return placement
    return of_kind(placement, slice, source)


def _arrow_type(source: Source, name: object, *rest: object) -> object:
    if name not in ("string", "large_string"):
        raise source.refused(f"a column of {shown(name)}")
    return Name(str(name), only_a_name)


def _arrow_array(source: Source, parts: object) -> object:
    kind, count, _, offset, buffers = of_kind(parts, tuple, source)[:5]
    validity, bounds, letters = (None if part is None else source.content(part) for part in buffers)
    if (
        not isinstance(kind, Name)
        or type(count) is not int
        or type(offset) is not int
        or min(count, offset) < 0
    ):
        raise source.refused("a column that is no text")
    edges = np.frombuffer(bounds or b"", "<i8" if kind.name == "large_string" else "<i4")
    edges = edges[offset : offset + count + 1]
    if (
        len(edges) != count + 1
        or (np.diff(edges) < 0).any()
        or edges[0] < 0
        or edges[-1] > len(letters or b"")
    ):
        raise DatasetError(f"{source.place}: a column of text does not hold together")
    bits = np.ones(offset + count, bool)
    if validity is not None:
        bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little").astype(bool)
    texts = np.empty(count, object)
    for row, (start, end) in enumerate(pairwise(edges.tolist())):
        source.spend(60)
        text = (letters or b"")[start:end].decode("utf-8", "replace")
        texts[row] = text if bits[offset + row] else None
    return texts


def _arrow_chunks(source: Source, chunks: object, kind: object = None) -> object:
    held = [of_kind(chunk, np.ndarray, source) for chunk in items_of(source, chunks)]
    source.spend_on_array(sum(chunk.nbytes for chunk in held))
    return np.concatenate(held) if held else np.empty(0, object)


def _given_back(source: Source, value: object, *rest: object) -> object:
    return value


TABLE_NAMES: dict[tuple[str, str], Callable[..., object]] = {
    ("pandas.core.frame", "DataFrame"): pending(_Table),
    ("pandas", "DataFrame"): pending(_Table),
    ("pandas.core.series", "Series"): pending(_Table),
    ("pandas", "Series"): pending(_Table),
    ("pandas.core.internals.managers", "BlockManager"): _manager,
    ("pandas.core.internals.managers", "SingleBlockManager"): _manager,
    ("pandas._libs.internals", "_unpickle_block"): _block,
    ("pandas._libs.internals", "BlockPlacement"): _given_back,
    ("pandas.core.indexes.base", "_new_Index"): _index,
    ("pandas.core.indexes.base", "Index"): only_a_name,
    ("pandas", "Index"): only_a_name,
    ("pandas.core.indexes.range", "RangeIndex"): only_a_name,
    ("pandas", "RangeIndex"): only_a_name,
    ("pandas.core.indexes.numeric", "Int64Index"): only_a_name,
    ("pandas.core.indexes.numeric", "UInt64Index"): only_a_name,
    ("pandas.core.indexes.numeric", "Float64Index"): only_a_name,
    ("pandas.core.arrays.string_", "StringDtype"): pending(Ignored),
    ("pandas", "StringDtype"): pending(Ignored),
    ("pandas.arrays", "ArrowStringArray"): pending(_Strings),
    ("pandas.core.arrays.string_arrow", "ArrowStringArray"): pending(_Strings),
    ("pandas.arrays", "StringArray"): pending(_Strings),
    ("pandas.core.arrays.string_", "StringArray"): pending(_Strings),
    ("pandas", "NA"): only_a_name,
    ("pandas._libs.missing", "NA"): only_a_name,
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): pending(_Strings),
    ("pyarrow.lib", "_restore_array"): _arrow_array,
    ("pyarrow.lib", "chunked_array"): _arrow_chunks,
    ("pyarrow.lib", "type_for_alias"): _arrow_type,
    ("pyarrow.lib", "py_buffer"): _given_back,
}
