"""State of a training that may be killed at any time: written whole, then renamed."""

import io
from pathlib import Path
from typing import Any

import torch

from emofuse.errors import InputError
from emofuse.files import write_atomically


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; raises `OutputError` where it cannot."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any] | None:
    """The state, or None where there is none; only tensors and plain values are read, never code.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"{path}: damaged training state ({error}); delete it to begin anew") from error
