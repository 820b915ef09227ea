"""Where tables of features lie: ``[train|valid|test/][label/]file``, one clip per file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from emofuse.datasets.rows import SPLIT_NAMES
from emofuse.errors import DatasetError


class PlacedFile(NamedTuple):
    """A file with what its folders say of it: clip id, label and split (None where they say nothing)."""

    file: Path
    id: str
    label: str | None
    split: str | None


def placed_files(root: Path, suffixes: tuple[str, ...]) -> list[PlacedFile]:
    """The files of these suffixes under ``root``, sorted; or ``root`` itself where it is one.

    Raises:
        DatasetError: there is none, or they lie at different depths.
    """
    if root.is_file():
        return [PlacedFile(root, root.stem, None, None)]
    files = [
        file.relative_to(root)
        for file in sorted(root.rglob("*"))
        if file.suffix.lower() in suffixes and file.is_file() and not file.name.startswith(".")
    ]
    if not files:
        raise DatasetError(f"{root}: no *{' *'.join(suffixes)} is in it")
    by_split = all(len(file.parts) > 1 and file.parts[0].lower() in SPLIT_NAMES for file in files)
    depths = {len(file.parts) - by_split for file in files}
    if depths - {1, 2} or len(depths) > 1:
        odd = max(files, key=lambda file: len(file.parts))
        raise DatasetError(f"{root}: {odd} does not lie as the others; wanted [split/][label/]file")
    placed = []
    for file in files:
        split = SPLIT_NAMES[file.parts[0].lower()] if by_split else None
        label = file.parts[-2] if depths == {2} else None
        placed.append(PlacedFile(root / file, file.with_suffix("").as_posix(), label, split))
    return placed


def numbers_under(lines: list[str], width: int, place: str, *, comma: str = ",") -> np.ndarray:
    """Lines of ``width`` numbers each as float64 ``(lines, width)``.

    Raises:
        DatasetError: a line has another count, or a cell is no number.
    """
    if not lines:
        return np.empty((0, width))
    try:
        values = np.loadtxt(lines, delimiter=comma, ndmin=2, dtype=np.float64, comments=None)
    except ValueError as error:
        raise DatasetError(f"{place}: {error}") from error
    if values.shape[1] != width:
        raise DatasetError(f"{place}: {values.shape[1]} cells under a header of {width}")
    return values


def lines_of(file: Path) -> list[str]:
    """The lines of a UTF-8 file, without blank ones at its end.

    Raises:
        DatasetError: it cannot be read, or is no text.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: not a UTF-8 table ({error})") from error
    return text.rstrip().splitlines()
