"""A corpus in the forms that other tools read: a CSV here, others each in a file of its own."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.replacing import replaced_folder
from emofuse.errors import DatasetError, OutputError
from emofuse.registry import Table
from emofuse.types import ArchiveMember, Clip, Corpus, Picture

_HERE = "emofuse.datasets.exports"

EXPORTS = Table(
    "export",
    {
        "mmsa": (
            "emofuse.datasets.mmsa_export:export_mmsa",
            "the feature pickle of MMSA: train, valid, test with padded arrays",
        ),
        "csv": (
            f"{_HERE}:export_csv",
            "a folder with clips.csv, clips.toml and arrays, read back by `listed`",
        ),
        "huggingface": (
            "emofuse.datasets.huggingface_export:export_huggingface",
            "a folder of Parquet files that `datasets` loads",
        ),
    },
)


def export_corpus(corpus: Corpus, to: str, out: Path | str) -> int:
    """Write ``corpus`` as ``to``, a name of `EXPORTS`, at ``out``; returns how many clips were written.

    Raises:
        UnknownNameError: no such form.
        DatasetError: the corpus lacks what the form needs.
        OutputError: ``out`` cannot be written, or holds something else.
    """
    write: Callable[[Corpus, Path], int] = EXPORTS.load(to)
    return write(corpus, Path(out))


def export_csv(corpus: Corpus, out: Path) -> int:
    """A folder with ``clips.csv``, one ``.npz`` a track, pictures as PNG, what lies in an archive as a file of its
    own and other media by their path; ``clips.toml`` states labels and ratings, citation and licence.

    Raises:
        DatasetError: a clip's vector is none that can be read back.
        OutputError: the folder cannot be written, or is not empty.
    """
    out = out.absolute()
    files = _file_names(keys_of(corpus, "vectors"))
    with new_folder(out) as folder:
        tracks: dict[str, dict[str, np.ndarray]] = {}
        rows = []
        for number, clip in enumerate(corpus.clips):
            row = plain_fields(clip) | {"media": media_cell(clip, number, folder, out)}
            row |= {f"rating.{name}": value for name, value in clip.ratings.items()}
            row |= {f"share.{name}": value for name, value in clip.shares.items()}
            row |= {f"fact.{name}": value for name, value in clip.facts.items()}
            for key in clip.vectors:
                tracks.setdefault(key, {})[f"{number:06d}"] = vector_of(clip, key)
                row[f"vector.{key}"] = f"{files[key]}#{number:06d}"
            row["empty"] = " ".join(name for name, value in row.items() if value == "") or None
            rows.append({name: value for name, value in row.items() if value is not None})
        for key, arrays in tracks.items():
            np.savez(folder / files[key], **arrays)  # type: ignore[arg-type]
        (folder / "clips.csv").write_text(_csv(rows), encoding="utf-8", newline="")
        (folder / "clips.toml").write_text(_stated(corpus), encoding="utf-8")
    return len(corpus.clips)


def _stated(corpus: Corpus) -> str:
    import tomli_w

    task = corpus.task
    return tomli_w.dumps(
        {
            "name": corpus.name,
            "labels": list(task.labels),
            "ratings": list(task.ratings),
            "rating_range": list(task.rating_range),
            "metrics": list(task.metrics),
            "exported": True,
            "citation": corpus.citation,
            "licence": corpus.licence,
            "notes": list(corpus.notes),
        }
    )


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    # Python quotes a line's end in a cell only where it is the table's own, and reads each as one.
    odd = any("\r" in cell for row in (columns, *cells) for cell in row)
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
    writer.writerows([columns, *cells])
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return repr(float(value))
    return "" if value is None else str(value)


def plain_fields(clip: Clip) -> dict[str, Any]:
    """What fits a cell: all but media, shares, ratings, facts and vectors."""
    fields = ("id", "text", "label", "speaker", "dialogue", "turn", "source", "split", "start_s", "end_s")
    return {name: getattr(clip, name) for name in fields}


def media_cell(clip: Clip, number: int, folder: Path, out: Path) -> str | None:
    """The path of a clip's media, relative to ``out``; pictures in memory and members of an archive are written
    into ``folder``, which will be ``out``.
    """
    media = clip.media
    if media is None:
        return None
    if isinstance(media, Picture):
        from PIL import Image

        (folder / "pictures").mkdir(exist_ok=True)
        Image.fromarray(np.asarray(media.pixels)).save(folder / "pictures" / f"{number:06d}.png")
        return f"pictures/{number:06d}.png"
    if isinstance(media, ArchiveMember):
        (folder / "media").mkdir(exist_ok=True)
        name = f"{number:06d}_{Path(media.name).name}"
        (folder / "media" / name).write_bytes(media.read())
        return f"media/{name}"
    return Path(os.path.relpath(media.absolute(), out)).as_posix()


def vector_of(clip: Clip, key: str) -> np.ndarray:
    """One of a clip's vectors, numbers ``(dim,)`` or ``(rows, dim)``.

    Raises:
        DatasetError: it is something else.
    """
    array = np.asarray(clip.vectors[key])
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
        found = f"{array.dtype} {array.shape}"
        raise DatasetError(f"clip {clip.id}: {key!r} is {found}, wanted numbers (dim,) or (rows, dim)")
    return array


def keys_of(corpus: Corpus, group: str) -> list[str]:
    """The keys of all clips' ``vectors``, ``ratings``, ``shares`` or ``facts``, as they first appear."""
    return list(dict.fromkeys(key for clip in corpus.clips for key in getattr(clip, group)))


def _file_names(keys: Sequence[str]) -> dict[str, str]:
    """A file for each key, also where two differ only in letters that no file may have, or in their case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        plain = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in key)
        several = (plain, *(f"{plain}_{number}" for number in range(2, len(keys) + 2)))
        name = next(one for one in several if one.casefold() not in taken)
        taken.add(name.casefold())
        names[key] = f"{name}.npz"
    return names


def new_folder(out: Path) -> AbstractContextManager[Path]:
    """A folder that is ``out`` once it is complete.

    Raises:
        OutputError: something is there already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: is there already; name a new folder")
    return replaced_folder(out)
