"""Corpora that tell everything in a file's name: which files fit, the best of several copies, in folders or tar."""

import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember

SOUND = ("wav", "flac", "mp3", "ogg")
SIGHT = ("mp4", "flv", "avi", "mov", "mkv", "mpg")
Found = tuple[re.Match[str], Path | ArchiveMember]


def _stem(match: re.Match[str]) -> str:
    return PurePosixPath(match[0]).stem.upper()


def named_media(
    root: Path,
    pattern: str,
    *,
    take: Callable[[re.Match[str]], str] = _stem,
    prefer: Callable[[re.Match[str]], int] = lambda match: 0,
) -> tuple[list[Found], int]:
    """Files below ``root``, a folder or an uncompressed tar, whose name is ``pattern``, one for each take.

    ``pattern`` is matched, regardless of case, against the whole name with its folder, ``folder/name.end``,
    from the right. Of several files of a take the one of the least ``prefer`` is read, then the one with picture,
    then sound as it is named in `SOUND`. A folder without such a file may hold uncompressed tars of them. Returns
    the matches by take, and how many further files were left out.

    Raises:
        DatasetError: a tar is compressed or damaged.
    """
    wanted = re.compile(f"(?:.*/)?{pattern}", re.IGNORECASE | re.DOTALL)
    if root.is_file():
        found = _matching(archive_members(root), wanted)
    else:
        found = _matching(_files(root), wanted)
        tars = [] if found else sorted(root.glob("*.tar"))
        found += [one for tar in tars for one in _matching(archive_members(tar), wanted)]
    best: dict[str, tuple[tuple[int, int, str], Found]] = {}
    for match, file in found:
        rank = (prefer(match), _rank(match[0]), match[0])
        key = take(match)
        if key not in best or rank < best[key][0]:
            best[key] = rank, (match, file)
    return [best[key][1] for key in sorted(best)], len(found) - len(best)


def archive_members(path: Path) -> Iterator[tuple[str, ArchiveMember]]:
    """The files of an uncompressed tar with their names, to be read in place.

    Raises:
        DatasetError: it is no tar, a compressed or a damaged one, or a file in it is cut off or sparse.
    """
    size = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if not member.isreg():
                    continue
                if member.issparse() or member.offset_data + member.size > size:
                    raise DatasetError(f"{path}: {member.name} is cut off or sparse")
                yield member.name, ArchiveMember(path, member.name, member.offset_data, member.size)
    except (tarfile.TarError, OSError) as error:
        raise DatasetError(f"{path}: no folder and no uncompressed tar ({error})") from error


def files_of(root: Path, endings: tuple[str, ...]) -> dict[str, Path | ArchiveMember]:
    """The files below a folder, or in an uncompressed tar, with one of the lower-case ``endings``, by name.

    Where a folder has no such file, those in the tars that lie in it are meant. Hidden files are passed over; names
    hold their folders, and are sorted.

    Raises:
        DatasetError: a tar is compressed or damaged.
    """
    loose = archive_members(root) if root.is_file() else _files(root)
    found = _ending(loose, endings)
    if not found and root.is_dir():
        found = _ending(
            (one for tar in sorted(root.glob("*.tar")) for one in archive_members(tar)), endings
        )
    return {name: found[name] for name in sorted(found)}


def content(file: Path | ArchiveMember) -> bytes:
    """What a file holds, on its own or in a tar.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return file.read_bytes() if isinstance(file, Path) else file.read()
    except OSError as error:
        raise DatasetError(f"{place(file)}: cannot be read ({error.strerror})") from error


def place(file: Path | ArchiveMember) -> str:
    """Where a file lies, to be told to people."""
    return str(file) if isinstance(file, Path) else f"{file.archive}/{file.name}"


def ends(*kinds: str) -> str:
    """The pattern of a file's ending."""
    return rf"\.(?:{'|'.join(kinds or (*SIGHT, *SOUND))})"


def left_out(spare: int) -> tuple[str, ...]:
    """A note on further copies of takes."""
    return (f"{spare} further files of takes that were already read were left out",) if spare else ()


def _ending(
    files: Iterable[tuple[str, Path | ArchiveMember]], endings: tuple[str, ...]
) -> dict[str, Path | ArchiveMember]:
    return {
        name: file
        for name, file in files
        if name.lower().endswith(endings) and not PurePosixPath(name).name.startswith(".")
    }


def _matching(files: Iterable[tuple[str, Path | ArchiveMember]], wanted: re.Pattern[str]) -> list[Found]:
    return [
        (match, file)
        for name, file in files
        if not PurePosixPath(name).name.startswith(".") and (match := wanted.fullmatch(name))
    ]


def _rank(name: str) -> int:
    order = (*SIGHT, *SOUND)
    end = name.rpartition(".")[2].lower()
    return order.index(end) if end in order else len(order)


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for file in root.rglob("*"):
        if file.is_file():
            yield file.relative_to(root.parent).as_posix(), file
