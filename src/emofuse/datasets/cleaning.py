"""Padded blocks of features as archives keep them: what is not a number, silence, padding, true lengths.

A block is ``(clips, frames, features)``. Everything that is changed is counted.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from emofuse.errors import DatasetError

CHUNK_VALUES = 1 << 19
_KINDS = (("-inf", np.isneginf), ("+inf", np.isposinf), ("NaN", np.isnan))


class Spans(NamedTuple):
    """Where each clip of a block stands: ``starts`` and ``ends`` ``(clips,)``, whether the padding is in front,
    and how many clips hold values past the length that was stated.
    """

    starts: np.ndarray
    ends: np.ndarray
    front: bool
    longer: int

    def cuts(self) -> list[slice]:
        """The frames of each clip as a slice."""
        return [slice(*pair) for pair in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]


def cleaned(values: object, place: str, faults: Counter[str], *, silence: bool = False) -> np.ndarray:
    """``values`` as float32 of the same shape, ``-inf``, ``+inf`` and NaN as 0; float32 is cleaned in place.

    ``silence`` also sets frames to 0 whose features are all the same negative number (``-100`` of a log-mel
    of nothing, for instance). ``faults`` counts values by kind, and silent frames as ``"silent"``.

    Raises:
        DatasetError: they are no numbers.
    """
    block = stacked(values, place)
    if block.dtype.kind not in "biuf" or not block.ndim:
        raise DatasetError(f"{place}: holds {block.dtype} {block.shape}, wanted an array of numbers")
    ready = block.dtype == np.float32 and block.flags.writeable
    result = block if ready else np.empty(block.shape, np.float32)
    step = max(1, CHUNK_VALUES // max(1, int(np.prod(block.shape[1:]))))
    for first in range(0, len(block), step):
        part = result[first : first + step]
        with np.errstate(over="ignore", invalid="ignore"):
            if not ready:
                part[...] = block[first : first + step]
            # One sum says whether a chunk is sound; only where it is not are its values looked at.
            sound = np.isfinite(part.sum())
        if not sound:
            _zero_odd(part, faults)
        if silence and part.ndim > 1 and part.shape[-1] > 1:
            _zero_silent(part, faults)
    return result


def stacked(values: object, place: str) -> np.ndarray:
    """A list of numbers or of arrays as one array.

    Raises:
        DatasetError: it is no list, or its parts differ in shape.
    """
    if isinstance(values, np.ndarray):
        return values
    """A list as one array.

    Raises:
        DatasetError: it is no list, or its parts differ in shape.
    """
    if isinstance(values, np.ndarray):
        return values
    if not isinstance(values, list | tuple):
        raise DatasetError(f"{place}: holds a {type(values).__name__}, wanted an array")
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise DatasetError(f"{place}: its parts do not make up one array ({error})") from error


def spans(block: np.ndarray, lengths: np.ndarray | None = None) -> Spans:
    """Where the true frames of each clip are: by the stated ``lengths`` ``(clips,)``, or by rows of zeros.

    The padding is at the end or in front, the same for all clips of a block. A clip of zeros alone has no
    frames.
    """
    most = block.shape[1]
    if most == 0:
        none = np.zeros(len(block), np.int64)
        return Spans(none, none, False, 0)
    head, tail = (block[:, row].any(axis=-1) for row in (0, -1))
    front = bool((tail & ~head).sum() > (head & ~tail).sum())
    if lengths is None:
        return _by_zeros(block, front)
    kept = np.clip(lengths, 0, most).astype(np.int64)
    clips = np.flatnonzero(kept < most)
    beyond = (most - 1 - kept if front else kept)[clips]
    longer = int(block[clips, beyond].any(axis=-1).sum())
    starts = most - kept if front else np.zeros_like(kept)
    return Spans(starts, starts + kept, front, longer)


def occupied(block: np.ndarray) -> np.ndarray:
    """``(clips, frames)``: whether a frame holds anything but zeros."""
    found = np.empty(block.shape[:2], bool)
    step = max(1, CHUNK_VALUES // max(1, block[0].size if len(block) else 1))
    for first in range(0, len(block), step):
        found[first : first + step] = (block[first : first + step] != 0).any(axis=-1)
    return found


def fault_notes(faults: dict[str, Counter[str]]) -> list[str]:
    """One note per feature set whose values had to be changed, with the counts."""
    notes = []
    for name, found in faults.items():
        odd = ", ".join(f"{found[kind]} {kind}" for kind, _ in _KINDS if found[kind])
        if odd:
            notes.append(f"{name}: values that are no numbers were set to 0: {odd}")
        if found["silent"]:
            notes.append(f"{name}: {found['silent']} frames of one repeated number (silence) were set to 0")
        if found["longer"]:
            notes.append(f"{name}: {found['longer']} clips hold values past their stated length; cut there")
        if found["absent"]:
            notes.append(f"{name}: {found['absent']} clips hold nothing but zeros and go without it")
    return notes


def _zero_odd(part: np.ndarray, faults: Counter[str]) -> None:
    odd = ~np.isfinite(part)
    strange = part[odd]
    for kind, is_of_kind in _KINDS:
        faults[kind] += int(is_of_kind(strange).sum())
    part[odd] = 0


def _zero_silent(part: np.ndarray, faults: Counter[str]) -> None:
    # Two features are compared first: of most frames nothing else has to be read.
    places = np.nonzero((part[..., 0] == part[..., 1]) & (part[..., 0] < 0))
    frames = part[places]
    silent = (frames == frames[:, :1]).all(axis=-1)
    if silent.any():
        faults["silent"] += int(silent.sum())
        part[tuple(axis[silent] for axis in places)] = 0


def _by_zeros(block: np.ndarray, front: bool) -> Spans:
    rows, most = occupied(block), block.shape[1]
    first = rows.argmax(axis=1)
    last = most - rows[:, ::-1].argmax(axis=1)
    empty = ~rows.any(axis=1)
    starts = np.where(empty, 0, first if front else 0)
    ends = np.where(empty, 0, most if front else last)
    return Spans(starts, ends, front, 0)
