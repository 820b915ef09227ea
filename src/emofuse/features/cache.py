"""Features kept on disk by what they were made from, so that a second run calls no encoder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from emofuse.errors import OutputError
from emofuse.files import write_atomically
from emofuse.types import Track

# Raised whenever what is stored, or how it is keyed, changes: older files are then never found.
FORMAT = 1

Part = str | int | float | bool | Mapping | Sequence | None
Kept = TypeVar("Kept")


class Cache:
    """Tracks and documents under keys made of their content and settings.

    ``folder`` None keeps nothing. ``hits`` and ``misses`` count the look-ups. ``broken`` says why
    nothing could be written, once that has happened; reading goes on, and no error is raised.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else Path(folder)
        self.hits = 0
        self.misses = 0
        self.broken: str | None = None

    @classmethod
    def default(cls) -> Cache:
        """``$EMOFUSE_CACHE``, else ``$XDG_CACHE_HOME/emofuse``, else ``~/.cache/emofuse``."""
        if own := os.environ.get("EMOFUSE_CACHE"):
            return cls(Path(own))
        if base := os.environ.get("XDG_CACHE_HOME"):
            return cls(Path(base) / "emofuse")
        try:
            return cls(Path.home() / ".cache" / "emofuse")
        except RuntimeError:  # an account without a home folder
            return cls(None)

    @staticmethod
    def key(*parts: Part) -> str:
        """One name (64 hex digits) for these parts; the order of a mapping's keys does not matter."""
        canonical = json.dumps([FORMAT, *parts], sort_keys=True, separators=(",", ":"), default=_plain)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def get_track(self, key: str) -> Track | None:
        """The track kept under ``key``, or None; a damaged file counts as absent."""
        return self._get(self._path(key, "safetensors"), _read_track)

    def put_track(self, key: str, track: Track) -> None:
        """Keep ``track``; values and times come back with the same types and bits."""
        if self.folder is None:
            return
        from safetensors.numpy import save

        arrays = {"values": np.ascontiguousarray(track.values), "times": np.ascontiguousarray(track.times)}
        self._put(self._path(key, "safetensors"), save(arrays))

    def get_document(self, key: str) -> dict | None:
        """The JSON object kept under ``key``, or None; a damaged file counts as absent."""
        return self._get(self._path(key, "json"), _read_document)

    def put_document(self, key: str, document: dict) -> None:
        """Keep ``document``, a dict that JSON can hold."""
        self._put(
            self._path(key, "json"),
            json.dumps(document, ensure_ascii=False).encode(errors="backslashreplace"),
        )

    def _path(self, key: str, kind: str) -> Path | None:
        # Two digits first, so that no folder holds more files than a file system likes.
        return None if self.folder is None else self.folder / key[:2] / f"{key}.{kind}"

    def _get(self, path: Path | None, read: Callable[[bytes], Kept]) -> Kept | None:
        try:
            kept = None if path is None else read(path.read_bytes())
        except (OSError, ValueError, KeyError):
            kept = None
        self.hits += kept is not None
        self.misses += kept is None
        return kept

    def _put(self, path: Path | None, data: bytes) -> None:
        if path is None or self.broken is not None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except (OSError, OutputError) as error:
            self.broken = f"features are not kept: {error}"


def _plain(value: object) -> object:
    """Mappings and sequences that JSON does not know, numpy scalars among them, as ones that it does."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Sequence | np.ndarray):
        return list(value)
    raise TypeError(f"a cache key is made of plain values, got {type(value).__name__}")


def _read_track(data: bytes) -> Track:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    values, times = arrays["values"], arrays["times"]
    if times.shape != values.shape[:1]:
        raise ValueError(f"{len(values)} frames with {times.shape} times")
    return Track(values, times)


def _read_document(data: bytes) -> dict:
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError(f"wanted an object, found {type(document).__name__}")
    return document
