"""Compressed releases, archives inside archives too, into a folder: safely, and where it was cut off it goes on."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from emofuse.errors import DatasetError, OutputError

# Our choice: no release of the field unpacks to more than so many times its compressed size (video hardly shrinks).
_GROWTH, _SLACK = 20, 1 << 30
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_DONE = ".unpacked"


def unpack_nested(archive: Path, into: Path) -> Path:
    """Unpack ``archive`` and every tar inside it below ``into``; returns ``into``.

    Members that are there in full are passed over, so that an unpacking that was cut off goes on. Names that
    lead out of the folder, links and devices are refused, and so is an archive that grows beyond reason.

    Raises:
        DatasetError: it is no tar, is damaged, or holds a member that is refused.
        OutputError: the folder cannot be written.
    """
    mark = into / _DONE
    facts = f"{archive.name} {archive.stat().st_size}\n"
    if mark.is_file() and mark.read_text(encoding="utf-8") == facts:
        return into
    try:
        into.mkdir(parents=True, exist_ok=True)
        budget = _Budget(archive.stat().st_size * _GROWTH + _SLACK, archive)
        waiting = [(archive, into)]
        while waiting:
            source, folder = waiting.pop()
            for file in _unpack(source, folder, budget):
                if file.name.endswith(_ARCHIVES) and file.stat().st_size:
                    waiting.append((file, file.parent))
            if source != archive:
                # Its name stays as an empty file, so that it is not unpacked anew.
                source.write_bytes(b"")
        mark.write_text(facts, encoding="utf-8")
    except tarfile.TarError as error:
        raise DatasetError(f"{archive}: is no tar, or a damaged one ({error})") from error
    except EOFError as error:
        raise DatasetError(f"{archive}: ends in the middle") from error
    except OSError as error:
        raise OutputError(f"cannot unpack {archive} into {into}: {error.strerror or error}") from error
    return into


class _Budget:
    """How many bytes may still be written."""

    def __init__(self, left: int, archive: Path) -> None:
        self.left, self.archive = left, archive

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise DatasetError(f"{self.archive}: unpacks to far more than it holds; it was refused")


def _unpack(archive: Path, into: Path, budget: _Budget) -> Iterator[Path]:
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            if member.isdir():
                continue
            target = into / _inside(member, archive)
            if not member.isfile():
                raise DatasetError(
                    f"{archive}: {member.name} is a link or a device; only files are unpacked"
                )
            budget.spend(member.size)
            if not target.is_file() or (target.stat().st_size != member.size and not _was_unpacked(target)):
                content = tar.extractfile(member)
                assert content is not None, "it is a file"
                _write(content, target)
            yield target


def _was_unpacked(target: Path) -> bool:
    return target.name.endswith(_ARCHIVES) and target.stat().st_size == 0


def _inside(member: tarfile.TarInfo, archive: Path) -> Path:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or not name.parts:
        raise DatasetError(f"{archive}: {member.name!r} leads out of the folder; it was refused")
    return Path(*name.parts)


def _write(content: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name[:200]}.part")
    with partial.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    partial.replace(target)
