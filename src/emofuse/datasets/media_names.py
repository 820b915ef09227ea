"""Corpora that tell everything in a file's name: which files fit, the best of several copies, in folders or tar."""

import re
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember

SOUND = ("wav", "flac", "mp3", "ogg")
SIGHT = ("mp4", "flv", "avi", "mov", "mkv", "mpg")
Found = tuple[re.Match[str], Path | ArchiveMember]


def named_media(
    root: Path,
    pattern: str,
    *,
    take: Callable[[re.Match[str]], str] = lambda found: found[0].rpartition(".")[0],
) -> tuple[list[Found], int]:
    """Files below ``root``, a folder or an uncompressed tar, whose name is ``pattern``, one for each take.

    ``pattern`` is matched, regardless of case, against the whole name with its folder, ``folder/name.end``,
    from the right. Of several files of a take the one with picture is read, then sound as it is named in
    `SOUND`. Returns the matches by take, and how many further files were left out.

    Raises:
        DatasetError: the tar is compressed or damaged.
    """
    wanted = re.compile(f"(?:.*/)?{pattern}", re.IGNORECASE | re.DOTALL)
    best: dict[str, tuple[int, str, Found]] = {}
    seen = 0
    for name, file in _members(root) if root.is_file() else _files(root):
        match = wanted.fullmatch(name)
        if match is None or PurePosixPath(name).name.startswith("."):
            continue
        seen += 1
        rank = (_rank(name), name, (match, file))
        key = take(match)
        if key not in best or rank[:2] < best[key][:2]:
            best[key] = rank
    return [best[key][2] for key in sorted(best)], seen - len(best)


def _rank(name: str) -> int:
    order = (*SIGHT, *SOUND)
    end = name.rpartition(".")[2].lower()
    return order.index(end) if end in order else len(order)


def _files(root: Path) -> list[tuple[str, Path]]:
    return [(file.relative_to(root.parent).as_posix(), file) for file in root.rglob("*") if file.is_file()]


def _members(path: Path) -> list[tuple[str, ArchiveMember]]:
    try:
        with tarfile.open(path, "r:") as archive:
            return [
                (member.name, ArchiveMember(path, member.name, member.offset_data, member.size))
                for member in archive
                if member.isfile()
            ]
    except (tarfile.TarError, OSError) as error:
        raise DatasetError(f"{path}: no folder and no uncompressed tar ({error})") from error


def ends(*kinds: str) -> str:
    """The pattern of a file's ending."""
    return rf"\.(?:{'|'.join(kinds or (*SIGHT, *SOUND))})"


def left_out(spare: int) -> tuple[str, ...]:
    """A note on further copies of takes."""
    return (f"{spare} further files of takes that were already read were left out",) if spare else ()
