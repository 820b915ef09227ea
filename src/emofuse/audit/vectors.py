"""Published features that hold nothing: NaN, infinities, constants, rows of zeros."""

from collections.abc import Iterator

import numpy as np

from emofuse.audit import Audited
from emofuse.audit.findings import Finding, listed

# Share of clips whose rows are all zero above which it is more than a few silent ones (our choice).
_MANY_ZEROS = 0.01


def vector_faults(given: Audited) -> list[Finding]:
    """By key: clips with values that are not finite, columns that never change, clips of zeros, lone widths."""
    findings: list[Finding] = []
    for key in keys_of(given):
        found = _Seen()
        for name, values in _arrays(given, key):
            found.look(name, values)
        findings += found.findings(key)
        have = {clip.id for clip in given.corpus.clips if key in clip.vectors}
        if lacking := [clip.id for clip in given.corpus.clips if clip.id not in have]:
            message = f"{len(lacking)} clips have no {key!r}: {listed(lacking)}"
            findings.append(Finding("vectors", "note", message, len(lacking), lacking[:200]))
    return findings


def keys_of(given: Audited) -> list[str]:
    """The keys of the clips' vectors, in the order in which they first appear."""
    return list(dict.fromkeys(key for clip in given.corpus.clips for key in clip.vectors))


def _arrays(given: Audited, key: str) -> Iterator[tuple[str, np.ndarray]]:
    for clip in given.corpus.clips:
        if key in clip.vectors:
            yield clip.id, np.atleast_2d(np.asarray(clip.vectors[key]))


class _Seen:
    """What passes by once: extremes of each column, clips that are not finite, empty or all zero."""

    def __init__(self) -> None:
        self.low: np.ndarray | None = None
        self.high: np.ndarray | None = None
        self.odd: dict[str, int] = {}
        self.zero: list[str] = []
        self.empty: list[str] = []
        self.clips = 0

    def look(self, name: str, values: np.ndarray) -> None:
        """Take in one clip's ``(frames, dim)``."""
        self.clips += 1
        if not values.size:
            self.empty.append(name)
            return
        finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
        if not finite.all():
            self.odd[name] = int((~finite).sum())
        if not values.any():
            self.zero.append(name)
        low = np.where(finite, values, np.inf).min(axis=0).astype(float)
        high = np.where(finite, values, -np.inf).max(axis=0).astype(float)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)

    def findings(self, key: str) -> list[Finding]:
        """What is to be said of the key."""
        found = []
        if self.odd:
            told = f"{key!r}: {sum(self.odd.values())} values in {len(self.odd)} clips are NaN or infinite"
            found.append(
                Finding("vectors", "fault", f"{told}: {listed(list(self.odd))}", len(self.odd), [self.odd])
            )
        if self.empty:
            told = f"{key!r}: {len(self.empty)} clips have no frame: {listed(self.empty)}"
            found.append(Finding("vectors", "fault", told, len(self.empty), self.empty))
        if self.low is not None and self.high is not None and self.clips > 1:
            constant = np.flatnonzero(self.low == self.high).tolist()
            if constant:
                told = (
                    f"{key!r}: {len(constant)} of {len(self.low)} columns never change: {listed(constant)}"
                )
                found.append(Finding("vectors", "warning", told, len(constant), constant))
        if self.zero:
            severity = "warning" if len(self.zero) > _MANY_ZEROS * self.clips else "note"
            told = f"{key!r}: {len(self.zero)} of {self.clips} clips are all zero: {listed(self.zero)}"
            found.append(Finding("vectors", severity, told, len(self.zero), self.zero[:200]))
        return found
