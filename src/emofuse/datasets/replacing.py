"""A folder that appears as a whole: written under a temporary name, renamed when it is complete."""

import contextlib
import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emofuse.errors import DatasetError, OutputError

# From Linux's fcntl.h: paths count from the working folder; the two names are exchanged.
_HERE, _EXCHANGE = -100, 2


@contextlib.contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Hold the right to write ``path``; it ends with the process, however that ends.

    Raises:
        DatasetError: another process holds it.
        OutputError: the parent folder cannot be written.
    """
    name = path.parent / f".{path.name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(name, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        _lock(handle, path)
        _check_place(handle, name, path)
        try:
            yield
        finally:
            # While the lock is held, so that nobody takes a file that is about to go.
            name.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; renaming alone keeps readers safe there
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DatasetError(f"{path}: another process is writing it; wait until it has finished") from error


def _check_place(handle: int, name: Path, path: Path) -> None:
    """Refuse a lock whose file was taken away by its last holder: the next one locks a new file."""
    try:
        here = os.path.samestat(os.fstat(handle), name.stat())
    except FileNotFoundError:
        here = False
    if not here:
        raise DatasetError(f"{path}: another process was writing it at this moment; write it again")


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of ``path`` at the end.

    Whatever fails, the folder that was there stays as it was.

    Raises:
        OutputError: the disk is full, or a file cannot be written.
    """
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}.new-"))
        folder.chmod(0o755)
        yield folder
        _flush(folder)
        _exchange(folder, path)
        folder = None
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _exchange(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
        return
    if _swapped(new, path):
        shutil.rmtree(new, ignore_errors=True)
        return
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}.old-")) / path.name
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)


def _swapped(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, so that no kill leaves a gap; False where the system cannot."""
    try:
        swap = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # only Linux has it
        return False
    done = swap(_HERE, os.fsencode(one.absolute()), _HERE, os.fsencode(other.absolute()), _EXCHANGE)
    return bool(done == 0)


def _flush(folder: Path) -> None:
    for inner in folder.rglob("*"):
        if inner.is_file():
            with inner.open("rb") as file:
                os.fsync(file.fileno())
