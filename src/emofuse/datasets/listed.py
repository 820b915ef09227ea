"""One's own clips: a CSV or JSON lines that list them, or a folder of media files.

Columns: ``media`` (a path relative to the list), ``text`` or a vector; optional ``id label speaker split
dialogue turn source start_s end_s``; a rating as ``valence``, ``arousal`` or ``rating.NAME``; soft or
several labels as ``share.LABEL``; features as ``vector.KEY``, an ``.npy`` file, or ``FILE.npz#NAME``; what results are
told by as ``fact.NAME`` (``fact.gender``). A file of
the same name ending in ``.toml`` may state ``labels``, ``ratings``, ``rating_range``, ``citation``, ``licence``;
with ``exported`` the table is one that `exports` wrote, and is taken as it stands.
Folder: ``[train|valid|test/][label/]file``.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.rows import SPLIT_NAMES, Row, read_rows
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = "own clips: no publication is known"
LICENCE = "own clips: the terms are those of whoever recorded them"
CONSENT = "consent: not stated; whoever lists clips of people answers for their consent"
RATINGS = ("valence", "arousal")
_LISTS = ("labels", "ratings", "notes", "metrics")
_WANTED = {
    "rating_range": "two rising numbers", "labels": "a list of names", "ratings": "a list of names",
    "notes": "a list of lines", "metrics": "a list of names", "exported": "true or false",
}  # fmt: skip
SUFFIXES = frozenset(
    (
        *(".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aac", ".opus"),
        *(".mp4", ".mkv", ".mov", ".webm", ".avi", ".flv"),
        *(".jpg", ".jpeg", ".png"),
    )
)


def read_listed(
    path: Path,
    *,
    rating_range: tuple[float, float] | list[float] | None = None,
    labels: list[str] | None = None,
) -> Corpus:
    """Read a list in its order, or a folder sorted by name; labels are sorted unless their order is given,
    and may be unknown.

    Ratings lie in ``rating_range``, -1 to 1 unless it is given or stated beside the list. Without an ``id``
    column a clip is named by its media path (and start), or by its line.

    Raises:
        DatasetError: with file and line: no clip, no ``media`` or ``text``, a media file that is not there,
            an id that is there twice, or a cell that does not hold.
    """
    stated = {} if path.is_dir() else _stated(path.with_suffix(".toml"))
    low, high = (float(end) for end in rating_range or stated.get("rating_range", (-1.0, 1.0)))
    exported = bool(stated.get("exported"))
    places = _from_folder(path) if path.is_dir() else _from_table(path, (low, high), exported=exported)
    if not places:
        raise DatasetError(f"{path}: no clip is listed, or no media file is there")
    clips = tuple(clip for _, clip in places)
    repeated = {name for name, count in Counter(clip.id for clip in clips).items() if count > 1}
    if repeated:
        where = [(place, clip.id) for place, clip in places if clip.id in repeated]
        raise DatasetError(f"{where[1][0]}: the id {where[1][1]!r} is there more than once")
    found = {name for clip in clips for name in (clip.label, *clip.shares) if name is not None}
    known = stated.get("labels") if labels is None else labels
    # A corpus may have labels that its task lacks; who lists clips of their own has misspelt one.
    if known is not None and not (exported and labels is None) and (strange := sorted(found - set(known))):
        raise DatasetError(f"{path}: the label {strange[0]!r} is not among those given, {', '.join(known)}")
    task = _task(stated, tuple(sorted(found) if known is None else known), clips, (low, high))
    terms = stated.get("citation", CITATION), stated.get("licence", LICENCE)
    return Corpus(stated.get("name", "listed"), clips, task, *terms, tuple(stated.get("notes", (CONSENT,))))


def _task(
    stated: dict[str, Any], labels: tuple[str, ...], clips: Sequence[Clip], bounds: tuple[float, float]
) -> TaskSpec:
    rated = () if stated.get("exported") else (name for clip in clips for name in clip.ratings)
    ratings = tuple(dict.fromkeys((*stated.get("ratings", ()), *rated)))
    labelled = any(clip.label is not None or clip.shares for clip in clips)
    metrics = (*(TaskSpec.metrics if labelled else ()), *(("ccc", "pearson", "mae") if ratings else ()))
    return TaskSpec(labels, ratings, bounds, tuple(stated.get("metrics", metrics or TaskSpec.metrics)))


def _stated(path: Path) -> dict[str, Any]:
    """What the file beside a list says of the corpus; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read as TOML ({error})") from error
    for name, value in tree.items():
        if name in _LISTS:
            holds = isinstance(value, list) and all(isinstance(one, str) for one in value)
        elif name == "rating_range":
            holds = isinstance(value, list) and len(value) == 2 and all(_is_number(end) for end in value)
            holds = holds and value[0] < value[1]
        elif name == "exported":
            holds = isinstance(value, bool)
        else:
            holds = isinstance(value, str)
        if not holds:
            raise DatasetError(f"{path}: {name} is {value!r:.80}, wanted {_WANTED.get(name, 'text')}")
    return tree


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _from_table(path: Path, bounds: tuple[float, float], *, exported: bool) -> list[tuple[str, Clip]]:
    json_lines = path.suffix.lower() in (".jsonl", ".ndjson")
    rows = _json_rows(path) if json_lines else read_rows(path, (), exact=exported)
    archive = lru_cache(maxsize=None)(_archive)
    if exported and not json_lines:
        return [(row.place, _as_exported(row, path.parent, archive)) for row in rows]
    return [(row.place, _from_row(row, path.parent, bounds, archive)) for row in rows]


def _json_rows(path: Path) -> Iterator[Row]:
    """One JSON object a line; ``ratings``, ``shares`` and ``vectors`` may be objects of their own, and several
    labels a list.
    """
    try:
        # Only this ends a line: a text may hold others that Unicode calls an end, U+2028 for one.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as UTF-8 ({error})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            tree = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{place}: not a JSON object ({error})") from error
        if not isinstance(tree, dict):
            raise DatasetError(f"{place}: found {type(tree).__name__}, wanted a JSON object")
        for name in ("rating", "share", "vector", "fact"):
            inner = tree.pop(f"{name}s", None)
            if inner is not None and not isinstance(inner, dict):
                raise DatasetError(f"{place}: {name}s is {type(inner).__name__}, wanted an object")
            tree |= {f"{name}.{key}": value for key, value in (inner or {}).items()}
        if isinstance(several := tree.get("label"), list):
            shared = any(name.startswith("share.") for name in tree)
            tree = tree | {"label": None} | ({} if shared else _several(several))
        yield Row(place, {str(key): _text(value) for key, value in tree.items() if value is not None})


def _several(labels: list[Any]) -> dict[str, Any]:
    """Equal shares of several labels; one alone is the label."""
    names = list(dict.fromkeys(_text(label) for label in labels if label is not None))
    return {f"share.{name}": 1 for name in names} | ({"label": names[0]} if len(names) == 1 else {})


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value).strip()


def _from_row(row: Row, folder: Path, bounds: tuple[float, float], archive: Any) -> Clip:
    cells = {name: cell for name, cell in row.cells.items() if cell}
    vectors = {
        name.removeprefix("vector."): cell for name, cell in cells.items() if name.startswith("vector.")
    }
    if not {"media", "text"} & set(row.cells) and not vectors:
        raise DatasetError(f"{row.place}: no column media or text; found {', '.join(row.cells)}")
    if not {"media", "text"} & set(cells) and not vectors:
        raise DatasetError(f"{row.place}: neither media nor text")
    media = _media(row, folder, cells)
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
        shares=_shares(row, cells),
        ratings={
            name.removeprefix("rating."): row.number(name, *bounds)
            for name in cells
            if name in RATINGS or name.startswith("rating.")
        },
        speaker=cells.get("speaker"),
        dialogue=cells.get("dialogue"),
        turn=row.whole("turn") if "turn" in cells else None,
        source=cells.get("source") or (cells.get("media") if start_s is not None else None),
        split=SPLIT_NAMES[row.one_of("split", SPLIT_NAMES)] if "split" in cells else None,
        start_s=start_s,
        end_s=end_s,
        vectors={key: _vector(row.place, key, folder, cell, archive) for key, cell in vectors.items()},
        facts={
            name.removeprefix("fact."): cell for name, cell in cells.items() if name.startswith("fact.")
        },
    )


def _as_exported(row: Row, folder: Path, archive: Any) -> Clip:
    """A row as `exports` wrote it; odd times, shares and blanks are those of the corpus, and for an audit to tell."""
    # A table does not tell an empty text from none: `exports` names the cells that are empty texts.
    empty = row.cells.get("empty", "").split()
    cells = {name: cell for name, cell in row.cells.items() if cell or name in empty}
    groups: dict[str, dict[str, Any]] = {"rating": {}, "share": {}, "vector": {}, "fact": {}}
    for name, cell in cells.items():
        group, dot, key = name.partition(".")
        if dot and group in groups:
            groups[group][key] = cell if group in ("vector", "fact") else _number(row, name, float)
    return Clip(
        id=cells["id"] if "id" in cells else _id(cells, row.place),
        media=_media(row, folder, cells),
        **{name: cells.get(name) for name in ("text", "label", "speaker", "dialogue", "source")},
        shares=groups["share"],
        ratings=groups["rating"],
        turn=_number(row, "turn", int) if "turn" in cells else None,
        split=SPLIT_NAMES[row.one_of("split", SPLIT_NAMES)] if "split" in cells else None,
        start_s=_number(row, "start_s", float) if "start_s" in cells else None,
        end_s=_number(row, "end_s", float) if "end_s" in cells else None,
        vectors={k: _vector(row.place, k, folder, cell, archive) for k, cell in groups["vector"].items()},
        facts=groups["fact"],
    )


def _number(row: Row, column: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(row.cells[column])
    except ValueError as error:
        raise DatasetError(f"{row.place}: {column} is {row.cells[column]!r}, wanted a number") from error


def _media(row: Row, folder: Path, cells: dict[str, str]) -> Path | None:
    media = folder / cells["media"] if "media" in cells else None
    if media is not None and not media.is_file():
        raise DatasetError(f"{row.place}: no file {media}")
    return media


def _shares(row: Row, cells: dict[str, str]) -> dict[str, float]:
    """Shares that sum to 1; votes are counted out."""
    named = [name for name in cells if name.startswith("share.")]
    found = {name.removeprefix("share."): row.number(name, 0) for name in named}
    total = sum(found.values())
    if found and not total:
        raise DatasetError(f"{row.place}: all shares are 0")
    if abs(total - 1) < 1e-9:
        return {name: value for name, value in found.items() if value}
    return {name: value / total for name, value in found.items() if value}


def _archive(path: Path) -> Any:
    # Without pickles, so that no file of arrays can run code.
    return np.load(path, allow_pickle=False)


def _vector(place: str, key: str, folder: Path, cell: str, archive: Any) -> np.ndarray:
    name, _, member = cell.partition("#")
    try:
        found = archive(folder / name) if member else _archive(folder / name)
        array = np.asarray(found[member] if member else found)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DatasetError(f"{place}: vector {key!r}: {folder / cell} cannot be read ({error})") from error
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
        found = f"{array.dtype} {array.shape}"
        raise DatasetError(f"{place}: vector {key!r} is {found}, wanted numbers (dim,) or (frames, dim)")
    return array


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
