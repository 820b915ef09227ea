"""One's own clips: a CSV that lists them, or a folder of media files.

CSV columns: ``media`` (a path relative to the CSV), ``text`` or both; optional ``id label speaker split
dialogue turn start_s end_s valence arousal``. Folder: ``[train|valid|test/][label/]file``.
"""

from collections import Counter
from pathlib import Path

from emofuse.datasets.rows import SPLIT_NAMES, Row, read_rows
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = "own clips: no publication is known"
LICENCE = "own clips: the terms are those of whoever recorded them"
CONSENT = "consent: not stated; whoever lists clips of people answers for their consent"
RATINGS = ("valence", "arousal")
SUFFIXES = frozenset(
    (
        *(".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aac", ".opus"),
        *(".mp4", ".mkv", ".mov", ".webm", ".avi"),
        *(".jpg", ".jpeg", ".png"),
    )
)


def read_listed(path: Path) -> Corpus:
    """Read a CSV in its order, or a folder sorted by name; labels are sorted, and may be unknown.

    Ratings are in [-1, 1]. Without an ``id`` column a clip is named by its media path (and start), or by
    its line.

    Raises:
        DatasetError: with file and line: no clip, no ``media`` or ``text``, a media file that is not there,
            an id that is there twice, or a cell that does not hold.
    """
    places = _from_folder(path) if path.is_dir() else _from_table(path)
    if not places:
        raise DatasetError(f"{path}: no clip is listed, or no media file is there")
    clips = tuple(clip for _, clip in places)
    repeated = {name for name, count in Counter(clip.id for clip in clips).items() if count > 1}
    if repeated:
        where = [(place, clip.id) for place, clip in places if clip.id in repeated]
        raise DatasetError(f"{where[1][0]}: the id {where[1][1]!r} is there more than once")
    labels = tuple(sorted({clip.label for clip in clips if clip.label is not None}))
    ratings = tuple(name for name in RATINGS if any(name in clip.ratings for clip in clips))
    metrics = (*(TaskSpec.metrics if labels else ()), *(("ccc", "pearson", "mae") if ratings else ()))
    return Corpus(
        "listed",
        clips,
        TaskSpec(labels=labels, ratings=ratings, metrics=metrics or TaskSpec.metrics),
        CITATION,
        LICENCE,
        (CONSENT,),
    )


def _from_table(path: Path) -> list[tuple[str, Clip]]:
    return [(row.place, _from_row(row, path.parent)) for row in read_rows(path, ())]


def _from_row(row: Row, folder: Path) -> Clip:
    cells = {name: cell for name, cell in row.cells.items() if cell}
    if not {"media", "text"} & set(row.cells):
        raise DatasetError(f"{row.place}: no column media or text; found {', '.join(row.cells)}")
    if not {"media", "text"} & set(cells):
        raise DatasetError(f"{row.place}: neither media nor text")
    media = folder / cells["media"] if "media" in cells else None
    if media is not None and not media.is_file():
        raise DatasetError(f"{row.place}: no file {media}")
    start_s = row.number("start_s", 0) if "start_s" in cells else None
    # An end needs a start before it; one without a start counts from 0.
    end_s = row.number("end_s", start_s or 0) if "end_s" in cells else None
    if end_s is not None and end_s <= (start_s or 0):
        raise DatasetError(f"{row.place}: the clip ends at {end_s:g} s, where it starts")
    return Clip(
        id=cells.get("id") or _id(cells, row.place),
        media=media,
        text=cells.get("text"),
        label=cells.get("label"),
        ratings={name: row.number(name, -1, 1) for name in RATINGS if name in cells},
        speaker=cells.get("speaker"),
        dialogue=cells.get("dialogue"),
        turn=row.whole("turn") if "turn" in cells else None,
        source=cells.get("media") if start_s is not None else None,
        split=SPLIT_NAMES[row.one_of("split", SPLIT_NAMES)] if "split" in cells else None,
        start_s=start_s,
        end_s=end_s,
    )


def _id(cells: dict[str, str], place: str) -> str:
    if "media" not in cells:
        return f"line_{place.rpartition(':')[2]}"
    name = Path(cells["media"]).with_suffix("").as_posix()
    return f"{name}@{cells['start_s']}" if "start_s" in cells else name


def _from_folder(root: Path) -> list[tuple[str, Clip]]:
    files = [
        file.relative_to(root)
        for file in sorted(root.rglob("*"))
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
    ]
    by_split = all(len(file.parts) > 1 and file.parts[0].lower() in SPLIT_NAMES for file in files)
    depths = {len(file.parts) - by_split for file in files}
    if depths - {1, 2} or len(depths) > 1:
        odd = max(files, key=lambda file: len(file.parts))
        raise DatasetError(f"{root}: {odd} does not lie as the others; wanted [split/]label/file, or flat")
    return [(str(root / file), _from_file(root, file, by_split=by_split)) for file in files]


def _from_file(root: Path, file: Path, *, by_split: bool) -> Clip:
    folders = file.parent.parts
    label = folders[by_split:]
    return Clip(
        id=file.with_suffix("").as_posix(),
        media=root / file,
        label=label[0] if label else None,
        split=SPLIT_NAMES[folders[0].lower()] if by_split else None,
    )
