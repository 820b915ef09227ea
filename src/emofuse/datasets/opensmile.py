"""Tables of openSMILE: CSV of its own (``;``), CSV of the Python package (``file,start,end``) and ARFF.

Paper: Eyben, Woellmer & Schuller 2010. One file for many clips, or ``[split/][label/]name.csv`` with one each. One
row a clip are functionals, several are low-level descriptors over time.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from emofuse.datasets.cleaning import cleaned, fault_notes
from emofuse.datasets.feature_tables import PlacedFile, lines_of, numbers_under, placed_files
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Eyben, Woellmer & Schuller (2010). openSMILE: The Munich Versatile and Fast Open-Source Audio Feature "
    "Extractor. ACM Multimedia; and the paper of the corpus the features were taken from."
)
LICENCE = "openSMILE is free for research; the features stand under the terms of their corpus"
CONSENT = "consent: that of the corpus the features were taken from"
NAMES = ("name", "file", "filename", "instance_name")
TIMES = ("frametime", "start", "end", "frameindex")
LABELS = ("class", "label", "emotion", "emo")

_ATTRIBUTE = re.compile(r"""@attribute\s+('[^']+'|"[^"]+"|\S+)\s+(.+)""", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+) days? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class _Table(NamedTuple):
    header: list[str]
    rows: list[list[str]]
    first_line: int


def read_opensmile(path: Path) -> Corpus:
    """Read a table or a folder of them; ``vectors["audio"]`` is ``(dim,)``, or ``(frames, dim)`` with
    ``audio_times_s`` ``(frames, 1)`` where there are times.

    A clip is named by its ``name`` (or ``file``) where the table has one that says something, otherwise by the
    file. Labels come from the folder, or from a column ``class``, ``label`` or ``emotion``.

    Raises:
        DatasetError: no table, no feature in it, or a line that does not hold.
    """
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    clips: list[Clip] = []
    for placed in placed_files(path, (".csv", ".arff")):
        lines = lines_of(placed.file)
        table = (
            _arff(lines, placed.file) if placed.file.suffix.lower() == ".arff" else _csv(lines, placed.file)
        )
        clips += _clips(table, placed, faults["audio"])
    widths = {clip.vectors["audio"].shape[-1] for clip in clips}
    if len(widths) != 1:
        raise DatasetError(
            f"{path}: tables of {', '.join(map(str, sorted(widths))) or 'no'} features, wanted one width"
        )
    labels = tuple(sorted({clip.label for clip in clips if clip.label is not None}))
    notes = (CONSENT, *fault_notes(faults))
    return Corpus("opensmile", tuple(clips), TaskSpec(labels), CITATION, LICENCE, notes)


def _csv(lines: list[str], file: Path) -> _Table:
    if not lines:
        raise DatasetError(f"{file}: it is empty")
    comma = ";" if lines[0].count(";") >= lines[0].count(",") else ","
    try:
        rows = list(csv.reader(lines, delimiter=comma))
    except csv.Error as error:
        raise DatasetError(f"{file}: not a table ({error})") from error
    return _Table([name.strip() for name in rows[0]], rows[1:], 2)


def _arff(lines: list[str], file: Path) -> _Table:
    header: list[str] = []
    for number, line in enumerate(lines):
        if line.strip().lower() == "@data":
            body = [row for row in lines[number + 1 :] if row.strip() and not row.startswith("%")]
            quoted = csv.reader(body, quotechar="'", skipinitialspace=True)
            return _Table(header, list(quoted), number + 2)
        if found := _ATTRIBUTE.match(line.strip()):
            header.append(found[1].strip("'\""))
    raise DatasetError(f"{file}: no @data is in it")


def _clips(table: _Table, placed: PlacedFile, faults: Counter[str]) -> list[Clip]:
    columns = {name.lower(): index for index, name in enumerate(table.header)}
    for number, row in enumerate(table.rows):
        if len(row) != len(table.header):
            place = f"{placed.file}:{table.first_line + number}"
            raise DatasetError(f"{place}: {len(row)} cells under a header of {len(table.header)}")
    named, labelled = (
        next((columns[key] for key in keys if key in columns), None) for keys in (NAMES, LABELS)
    )
    texts = {columns[key] for key in (*NAMES, *TIMES, *LABELS) if key in columns}
    kept = [index for index in range(len(table.header)) if index not in texts]
    if not kept or not table.rows:
        raise DatasetError(f"{placed.file}: no feature is in it; found {', '.join(table.header)[:200]}")
    joined = [",".join(row[index].strip() or "nan" for index in kept) for row in table.rows]
    values = cleaned(numbers_under(joined, len(kept), str(placed.file)), str(placed.file), faults)
    times = _times(table, columns)
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(table.rows):
        name = row[named].strip("'\" ") if named is not None else ""
        groups["" if name in ("unknown", "?") else name].append(index)
    clips = []
    for name, rows in groups.items():
        label = placed.label or (
            table.rows[rows[0]][labelled].strip("'\" ") if labelled is not None else None
        )
        vectors = {"audio": values[rows] if len(rows) > 1 else values[rows[0]]}
        if times is not None and len(rows) > 1:
            vectors["audio_times_s"] = times[rows, None]
        clips.append(
            Clip(
                id=PurePosixPath(name).with_suffix("").as_posix() if name else placed.id,
                label=None if label in (None, "", "?", "unknown") else label,
                split=placed.split,
                vectors=vectors,
            )
        )
    return clips


def _times(table: _Table, columns: dict[str, int]) -> np.ndarray | None:
    key = next((key for key in TIMES[:2] if key in columns), None)
    if key is None:
        return None
    cells = [row[columns[key]].strip() for row in table.rows]
    return np.array([_seconds(cell) for cell in cells], np.float32)


def _seconds(cell: str) -> float:
    if found := _CLOCK.fullmatch(cell):
        days, hours, minutes, seconds = found.groups()
        return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    try:
        return float(cell)
    except ValueError:
        return float("nan")
