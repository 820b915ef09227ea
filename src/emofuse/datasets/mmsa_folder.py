"""The folder of MMSA and MMSA-FET: ``label.csv`` beside ``Raw/<video_id>/<clip_id>.mp4`` (or ``Raw.tar`` of it).

Columns: ``video_id clip_id text label label_T label_A label_V annotation mode``, in any order; the three
unimodal labels, and their values, may be absent.
"""

import math
from pathlib import Path, PurePosixPath

from emofuse.datasets.media_names import files_of
from emofuse.datasets.rows import SPLIT_NAMES, Row, read_rows
from emofuse.datasets.sentiment_labels import sentiment_label, sentiment_task
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus

CITATION = "Mao et al. (2022). M-SENA: An Integrated Platform for Multimodal Sentiment Analysis. ACL demo."
LICENCE = "the terms of the corpus that lies in the folder"
CONSENT = "consent: that of the corpus in the folder; found videos were not asked for"
UNIMODAL = {"label_T": "sentiment_text", "label_A": "sentiment_audio", "label_V": "sentiment_vision"}
MEDIA = (".mp4", ".avi", ".flv", ".mkv", ".mov", ".wav", ".flac")
Files = dict[tuple[str, str], Path | ArchiveMember]
_COLUMNS = ("video_id", "clip_id", "label")


def read_mmsa_folder(
    path: Path,
    *,
    task: str = "sentiment",
    table: str = "label.csv",
    rating_range: tuple[float, float] | list[float] | None = None,
    words: str = "text",
    digits: int = 0,
) -> Corpus:
    """Read ``table`` in its order; clips without a file are text alone, and are counted in the notes.

    ``rating_range`` is -1 to 1 where no label goes beyond, else -3 to 3, unless it is given. ``words`` is the
    column of the texts. Clip numbers get leading zeros up to ``digits``.

    Raises:
        ConfigError: ``task`` is unknown.
        DatasetError: the table is absent, or a row does not hold.
    """
    rows = list(read_rows(path / table, (*_COLUMNS, words)))
    if not rows:
        raise DatasetError(f"{path / table}: no row under the header")
    found = {
        name: column for column, name in UNIMODAL.items() if any(row.cells.get(column) for row in rows)
    }
    names = ("sentiment", *(name for name in UNIMODAL.values() if name in found))
    columns = {"sentiment": "label", **found}
    low, high = rating_range or _bounds(rows, columns)
    spec = sentiment_task(task, names, (float(low), float(high)))
    files = raw_files(path, digits)
    clips = tuple(
        _clip(row._replace(cells=_cells(row, words, digits)), columns, (low, high), task, files)
        for row in rows
    )
    bare = sum(clip.media is None for clip in clips)
    notes = (CONSENT, f"{len(clips) - bare} clips have media; {bare} do not") if bare else (CONSENT,)
    return Corpus("mmsa_folder", clips, spec, CITATION, LICENCE, notes)


def _bounds(rows: list[Row], columns: dict[str, str]) -> tuple[float, float]:
    values = (
        abs(row.number(column, -3, 3)) for row in rows for column in columns.values() if row.cells[column]
    )
    largest = max(values, default=0.0)
    end = 1.0 if largest <= 1 else 3.0
    return -end, end


def raw_files(path: Path, digits: int = 0) -> Files:
    """The media in ``Raw`` or ``Raw.tar``, picture before sound, by video and clip number, which gets leading zeros
    up to ``digits``, or loses those beyond.
    """
    root = path / "Raw" if (path / "Raw").is_dir() else path / "Raw.tar"
    named = {PurePosixPath(name): file for name, file in files_of(root, MEDIA).items()}
    found: Files = {}
    for name in sorted(named, key=lambda name: MEDIA.index(name.suffix.lower())):
        found.setdefault((name.parent.name, _padded(name.stem, digits)), named[name])
    return found


def _padded(number: str, digits: int) -> str:
    return number.lstrip("0").zfill(digits) if digits and number.isdecimal() else number


def _cells(row: Row, words: str, digits: int) -> dict[str, str]:
    return {**row.cells, "text": row.cells[words], "clip_id": _padded(row.cells["clip_id"], digits)}


def _clip(
    row: Row,
    columns: dict[str, str],
    bounds: tuple[float, float],
    task: str,
    files: Files,
) -> Clip:
    cells = row.cells
    video, number = cells["video_id"], cells["clip_id"]
    ratings = {name: row.number(column, *bounds) for name, column in columns.items() if cells[column]}
    split = cells.get("mode") or None
    return Clip(
        id=f"{video}$_${number}",
        media=files.get((video, number)),
        text=cells["text"] or None,
        label=sentiment_label(ratings.get("sentiment", math.nan), task) if "sentiment" in ratings else None,
        ratings=ratings,
        dialogue=video,
        turn=int(number) if number.isdecimal() else None,
        source=video,
        split=SPLIT_NAMES[row.one_of("mode", SPLIT_NAMES)] if split else None,
    )
