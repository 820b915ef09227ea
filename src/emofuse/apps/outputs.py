"""Files that a command writes: refused before the work starts, written all or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from emofuse.errors import OutputError
from emofuse.files import is_stream, write_all_atomically


def check_outputs(paths: Sequence[Path], *, inputs: Sequence[Path]) -> None:
    """See that each path can be written, and is none of the inputs.

    Raises:
        OutputError: a path is a folder, an input, named twice, or in a folder that is missing or closed.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise OutputError(f"{paths[0]}: named as two outputs")
    for path in paths:
        _check(path, inputs)


def write_together(outputs: Mapping[Path, str]) -> None:
    """Write all or none: a file that was there keeps its content where another cannot be written.

    Raises:
        OutputError: a file cannot be written.
    """
    write_all_atomically(outputs)


def is_stdout(path: Path) -> bool:
    """Whether what is written to ``path`` comes out where the command prints."""
    try:
        return is_stream(path) and os.path.samestat(path.stat(), os.fstat(1))
    except OSError:  # there is no standard output
        return False


def _check(path: Path, inputs: Sequence[Path]) -> None:
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder, a file name is wanted")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    # A device or pipe is written to in place; a file is replaced, which its folder must allow.
    folder = None if is_stream(path) else path.resolve().parent
    folder_closed = folder is not None and not os.access(folder, os.W_OK | os.X_OK)
    if folder_closed or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"cannot write {path}: permission denied")
    if folder is not None:
        _try_folder(folder, path)
    if path.exists() and any(path.samefile(given) for given in inputs):
        raise OutputError(f"cannot write {path}: it is an input")


def _try_folder(folder: Path, path: Path) -> None:
    # Some folders, like those of /proc, refuse what their permissions allow.
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
