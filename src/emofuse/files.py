"""Writing a result as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from emofuse.errors import OutputError


def write_atomically(path: Path, data: bytes | str) -> None:
    """Put ``data`` (text as UTF-8) at ``path``: a reader sees the old file or the new one, never a part.

    A device, a pipe and a stream that is already open (``/dev/stdout``) are added to as they are, and a link
    stays one: what it points to is replaced. What UTF-8 cannot hold, in the name of a file for instance, is
    written as an escape that JSON knows.

    Raises:
        OutputError: the folder is missing or not writable, the disk is full, or ``path`` is a folder.
    """
    write_all_atomically({Path(path): data})


def write_all_atomically(contents: Mapping[Path, bytes | str]) -> None:
    """`write_atomically` for several files: none is replaced before all are on the disk under another name.

    Raises:
        OutputError: as `write_atomically` does; streams that came before have what was written to them.
    """
    staged: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, data in contents.items():
            if path.is_dir():
                raise OutputError(f"cannot write {path}: it is a folder, a file name is wanted")
            content = data.encode(errors="backslashreplace") if isinstance(data, str) else data
            if is_stream(path):
                with path.open("ab") as stream:
                    stream.write(content)
            else:
                target = path.resolve()
                # A letter has up to 4 bytes and a name at most 255, of which mkstemp takes some.
                handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
                staged.append((Path(name), target))
                _fill(handle, content)
                Path(name).chmod(_mode(target))
        for temporary, target in staged:
            path = target
            temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for temporary, _ in staged:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _fill(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def is_stream(path: Path) -> bool:
    """Whether ``path`` is a device, a pipe or another name of an open stream, rather than a file."""
    if path.exists() and not path.is_file():
        return True
    places = [path, path.parent / path.readlink()] if path.is_symlink() else []
    return any(place.parent.resolve().match("/proc/*/fd") for place in places)


def _mode(path: Path) -> int:
    """Permissions of the file that is replaced, or those of a usual new one.

    ``mkstemp`` makes files that only the owner may read; a result should be as readable as any file.
    """
    if path.exists():
        return path.stat().st_mode & 0o777
    return 0o644
