"""The parallel lists of an archive's split: names, texts and numbers of its clips, each as long as the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.rows import SPLIT_NAMES
from emofuse.errors import DatasetError

_PARTS = re.compile(r"(.+?)(?:\$_\$|_|\[)(\d+)\]?")


def name_of(value: object, place: str) -> str:
    """A name that was kept as text, as bytes, as a number, or as ``[video, start, end]``.

    Raises:
        DatasetError: it is none of these.
    """
    if isinstance(value, np.ndarray | list | tuple):
        parts = list(value.ravel()) if isinstance(value, np.ndarray) else list(value)
        if parts and not any(isinstance(part, np.ndarray | list | tuple) for part in parts):
            return "_".join(name_of(part, place) for part in parts)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str | int | np.integer):
        return str(value)
    raise DatasetError(f"{place}: a name is a {type(value).__name__}, wanted text")


def source_of(name: str) -> tuple[str, int | None]:
    """The recording that a clip was cut from and its place there: ``abc$_$3``, ``abc_3`` and ``abc[3]``."""
    found = _PARTS.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, None)


def numbers_of(values: object, place: str) -> np.ndarray:
    """A list of numbers as float64 ``(clips,)``; an absent one is NaN.

    Raises:
        DatasetError: they are no numbers.
    """
    try:
        held = np.asarray(values)
        if held.dtype.kind == "c":
            raise TypeError("complex")
        numbers = held.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DatasetError(f"{place}: wanted a list of numbers ({error})") from error
    if not numbers.ndim or (len(numbers) and not numbers.size):
        raise DatasetError(f"{place}: shape {numbers.shape}, wanted a list of numbers")
    return numbers.reshape(len(numbers), -1)[:, 0] if numbers.size else numbers.reshape(-1)


def parallel(parts: Mapping[str, Any], keys: tuple[str, ...], place: str) -> int:
    """How many clips a split has: the length that all of its ``keys`` share.

    Raises:
        DatasetError: one is longer or shorter than the first, or is no list.
    """
    wanted: tuple[str, int] | None = None
    for key in keys:
        if key not in parts:
            continue
        value = parts[key]
        if not isinstance(value, np.ndarray | list | tuple) or (
            isinstance(value, np.ndarray) and not value.ndim
        ):
            raise DatasetError(f"{place}: {key}: found a {type(value).__name__}, wanted one item per clip")
        wanted = wanted or (key, len(value))
        if len(value) != wanted[1]:
            raise DatasetError(f"{place}: {key}: {len(value)} items, wanted {wanted[1]} as {wanted[0]} has")
    if wanted is None:
        raise DatasetError(
            f"{place}: none of the keys {', '.join(keys)}; found {', '.join(map(str, parts))}"
        )
    return wanted[1]


def splits_of(content: object, place: str) -> dict[str, dict[str, Any]]:
    """The splits of an archive under our names; those of the archive are emptied as they are read.

    Raises:
        DatasetError: it is no dictionary, or a key of it is no split.
    """
    if not isinstance(content, dict):
        raise DatasetError(f"{place}: holds a {type(content).__name__}, wanted splits by name")
    splits: dict[str, dict[str, Any]] = {}
    for name in list(content):
        known = SPLIT_NAMES.get(name.lower()) if isinstance(name, str) else None
        if known is None or known in splits or not isinstance(content[name], dict):
            found = ", ".join(str(key)[:40] for key in (*splits, *content))
            raise DatasetError(f"{place}: found the keys {found}; wanted train, valid, test")
        splits[known] = content.pop(name)
    if not splits:
        raise DatasetError(f"{place}: no split is in it")
    return splits


def same_widths(
    blocks: Mapping[str, np.ndarray], widths: dict[str, tuple[str, int]], split: str, place: str
) -> None:
    """Hold each block ``(clips, frames, features)`` to the number of features that the first split had.

    Raises:
        DatasetError: a split has more or fewer.
    """
    for key, block in blocks.items():
        first, width = widths.setdefault(key, (split, block.shape[2]))
        if block.shape[2] != width:
            raise DatasetError(
                f"{place}: {split}: {key}: {block.shape[2]} features, wanted {width} as {first} has"
            )


def one_archive(path: Path, suffixes: tuple[str, ...]) -> Path:
    """``path`` itself, or the only file of these suffixes in the folder (or in its ``Processed``).

    Raises:
        DatasetError: there is none, or more than one.
    """
    if not path.is_dir():
        return path
    found = sorted(
        file
        for folder in (path, path / "Processed")
        for file in folder.glob("*")
        if file.suffix.lower() in suffixes and file.is_file()
    )
    if len(found) != 1:
        names = ", ".join(file.name for file in found[:10]) or "none"
        raise DatasetError(
            f"{path}: wanted one file *{' *'.join(suffixes)}, found {names}; name the file itself"
        )
    return found[0]
