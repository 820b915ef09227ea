"""Rows of a CSV or TSV file that know where they stand, so that every complaint has a file and a line."""

import csv
import math
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from emofuse.errors import ConfigError, DatasetError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "dev": "valid",
    "validation": "valid",
    "publictest": "valid",
    "test": "test",
    "privatetest": "test",
}


# A text may be a book. The limit of Python's reader, 131,072 letters, is one for the whole process.
_LONGEST_CELL = 2**31 - 1


class Row(NamedTuple):
    """One row: its cells by column (stripped of outer blanks, unless `read_rows` was told not to) and its place,
    ``file:line``.
    """

    place: str
    cells: dict[str, str]

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float:
        """The cell as a finite number between ``low`` and ``high``, both included.

        Raises:
            DatasetError: it is no such number.
        """
        try:
            value = float(self.cells[column])
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and low <= value <= high):
            wanted = "a number" if math.isinf(high - low) else f"a number from {low:g} to {high:g}"
            raise DatasetError(f"{self.place}: {column} is {self.cells[column]!r}, wanted {wanted}")
        return value

    def whole(self, column: str) -> int:
        """The cell as a whole number of at least 0; ``3.0`` is one, as other tools write 3 beside a gap.

        Raises:
            DatasetError: it is no such number.
        """
        text = self.cells[column].removesuffix(".0")
        if not (text.isascii() and text.isdigit()):
            raise DatasetError(f"{self.place}: {column} is {self.cells[column]!r}, wanted a whole number")
        return int(text)

    def one_of(self, column: str, known: Collection[str]) -> str:
        """The cell in lower case, which must be one of ``known``.

        Raises:
            DatasetError: it is not.
        """
        value = self.cells[column].lower()
        if value not in known:
            raise DatasetError(
                f"{self.place}: {column} is {self.cells[column]!r}, wanted one of {', '.join(known)}"
            )
        return value


def read_rows(
    path: Path, needed: Collection[str], *, tabs: bool = False, exact: bool = False
) -> Iterator[Row]:
    """The rows under the header of a UTF-8 file; blank lines are passed over.

    ``tabs`` reads a TSV with quoting off. Names and cells are stripped of outer blanks unless they are ``exact``.

    Raises:
        DatasetError: no such file, not UTF-8, a column of ``needed`` is absent, or a row has more or
            fewer cells than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(file)
            csv.field_size_limit(_LONGEST_CELL)
            kept: Callable[[str], str] = str if exact else str.strip
            header = [kept(name) for name in next(lines, [])]
            if absent := [name for name in needed if name not in header]:
                raise DatasetError(f"{path}:1: no column {', '.join(absent)}; found {', '.join(header)}")
            for cells in lines:
                place = f"{path}:{lines.line_num}"
                if cells and len(cells) != len(header):
                    raise DatasetError(f"{place}: {len(cells)} cells under a header of {len(header)}")
                if cells:
                    yield Row(place, dict(zip(header, map(kept, cells), strict=True)))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not a UTF-8 table ({error})") from error


def choose(option: str, value: object, known: Collection[str]) -> str:
    """``value`` itself where it is one of ``known``.

    Raises:
        ConfigError: it is not; the message names the option.
    """
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{option} is {value!r}, wanted one of {', '.join(known)}")
    return value


def count_note(found: dict[str, int], published: dict[str, int]) -> tuple[str, ...]:
    """A note where the counts by split are not the published ones: a part is legitimate, silence is not."""
    if found == published:
        return ()
    seen, wanted = (
        ", ".join(f"{split} {count}" for split, count in counts.items()) for counts in (found, published)
    )
    return (f"counts differ from the published ones: found {seen}; published {wanted}",)
