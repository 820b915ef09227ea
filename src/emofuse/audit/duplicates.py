"""The same sound or picture twice, to the bit or nearly, with what their labels and parts say.

Nearly: a picture's fingerprint is the sign of the difference of neighbours at 16 x 16 (a difference hash), a
sound's the sign of the difference of neighbouring mel bands in 16 stretches of time; neither sees gain or
format. Two are near where at most 3 of 256 signs differ.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emofuse.audit import Audited
from emofuse.audit.findings import Finding, listed
from emofuse.audit.media import in_parallel
from emofuse.errors import EmofuseError
from emofuse.types import Clip, Picture

BITS, NEAR_BITS = 256, 3
_BANDS = 4  # of 64 bits: with 3 signs apart, one of them is equal
_MOST = 64  # clips in one band of a fingerprint; more is a common pattern (a blank picture), not a copy


class _Print(NamedTuple):
    """A hash of the decoded content, and a fingerprint ``(256,)`` bool or None where there is nothing to see."""

    exact: str
    near: np.ndarray | None
    kind: str


def duplicates(given: Audited) -> list[Finding]:
    """Identical content in groups, those whose labels disagree, those that cross the split; near copies."""
    clips = [clip for clip in given.corpus.clips if clip.media is not None and clip.start_s is None]
    prints = list(in_parallel(_print, clips, given.progress))
    exact: dict[str, list[Clip]] = defaultdict(list)
    for clip, one in zip(clips, prints, strict=True):
        if one is not None:
            exact[one.exact].append(clip)
    groups = [members for members in exact.values() if len(members) > 1]
    kinds = {one.kind for one in prints if one is not None}
    what = kinds.pop() if len(kinds) == 1 else "media"
    findings = _identical(given, groups, what)
    near = _near(clips, prints)
    return findings + _alike(given, near, what)


def _identical(given: Audited, groups: list[list[Clip]], what: str) -> list[Finding]:
    if not groups:
        return []
    findings = [
        Finding(
            "duplicates", "warning",
            f"{len(groups)} groups of identical {what} ({sum(map(len, groups))} clips): {_named(groups)}",
            len(groups), [[clip.id for clip in members] for members in groups],
        )
    ]  # fmt: skip
    differ = [members for members in groups if len({clip.label for clip in members}) > 1]
    if differ:
        message = f"{len(differ)} groups of identical {what} have conflicting labels: {_named(differ)}"
        evidence = [{clip.id: clip.label for clip in members} for members in differ]
        findings.append(Finding("conflicting labels", "fault", message, len(differ), evidence))
    crossing = given.crossing(dict(enumerate(groups)))
    if crossing:
        pairs: dict[str, int] = defaultdict(int)
        for members in crossing.values():
            roles = {role for clip in members if (role := given.role(clip)) is not None}
            pairs[" and ".join(role for role in ("train", "valid", "test") if role in roles)] += 1
        told = ", ".join(f"{count} in {roles}" for roles, count in pairs.items())
        message = f"{len(crossing)} groups of identical {what} are in more than one split ({told})"
        evidence = [{clip.id: given.role(clip) for clip in members} for members in crossing.values()]
        findings.append(Finding("shared media", "leak", message, len(crossing), evidence))
    return findings


def _alike(given: Audited, near: list[list[Clip]], what: str) -> list[Finding]:
    if not near:
        return []
    crossing = given.crossing(dict(enumerate(near)))
    message = f"{len(near)} groups of nearly identical {what}: {_named(near)}"
    if crossing:
        message += f"; {len(crossing)} are in more than one split"
    severity = "leak" if crossing else "note"
    return [Finding("near duplicates", severity, message, len(near), [[c.id for c in one] for one in near])]


def _named(groups: Sequence[Sequence[Clip]]) -> str:
    return listed([" = ".join(clip.id for clip in members[:3]) for members in groups], 3)


def _print(clip: Clip) -> _Print | None:
    from emofuse.features.media import probe, read_audio
    from emofuse.features.pictures import picture_pixels

    media = clip.media
    assert media is not None, "chosen for it"
    try:
        pixels = np.asarray(media.pixels) if isinstance(media, Picture) else picture_pixels(media)
        if pixels is not None:
            return _Print(_digest(pixels), _seen(pixels), "pictures")
        if isinstance(media, Picture) or not probe(media).has_audio:
            return None
        samples = read_audio(media, rate=16000).samples
        return _Print(_digest(samples), _heard(samples), "sounds")
    except EmofuseError:  # told by the check of media
        return None


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(
        f"{array.shape}{array.dtype}".encode() + np.ascontiguousarray(array).tobytes()
    ).hexdigest()


def _seen(pixels: np.ndarray) -> np.ndarray | None:
    import cv2

    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2).astype(np.uint8)
    small = cv2.resize(np.ascontiguousarray(grey), (17, 16), interpolation=cv2.INTER_AREA).astype(int)
    # A flat picture has no signs but noise.
    return (np.diff(small, axis=1) > 0).ravel() if small.std() > 2 else None


def _heard(samples: np.ndarray) -> np.ndarray | None:
    from emofuse.features.mel import LogMel
    from emofuse.types import Signal

    if len(samples) < 8000 or not samples.any():
        return None
    frames = LogMel(bands=17, hop_s=0.0125)(Signal(samples, 16000)).values
    stretches = np.stack([part.mean(axis=0) for part in np.array_split(frames, 16)])
    return (np.diff(stretches, axis=1) > 0).ravel()


def _near(clips: Sequence[Clip], prints: Sequence[_Print | None]) -> list[list[Clip]]:
    """Groups of clips whose fingerprints are near but whose content is not the same."""
    places = [place for place, one in enumerate(prints) if one is not None and one.near is not None]
    found = [one.near for one in prints if one is not None and one.near is not None]
    if not found:
        return []
    signs = np.stack(found)
    packed = np.packbits(signs, axis=1)
    pairs = set()
    for band in range(_BANDS):
        width = packed.shape[1] // _BANDS
        same: dict[bytes, list[int]] = defaultdict(list)
        for row, code in enumerate(packed[:, band * width : (band + 1) * width]):
            same[code.tobytes()].append(row)
        for rows in same.values():
            pairs |= _pairs(rows, signs)
    return _grouped(pairs, places, clips, prints)


def _pairs(rows: list[int], signs: np.ndarray) -> set[tuple[int, int]]:
    if not 1 < len(rows) <= _MOST:
        return set()
    apart = (signs[rows][:, None] != signs[rows][None]).sum(axis=2)
    first, second = np.nonzero(np.triu(apart <= NEAR_BITS, 1))
    return {(rows[one], rows[two]) for one, two in zip(first, second, strict=True)}


def _grouped(
    pairs: set[tuple[int, int]], places: list[int], clips: Sequence[Clip], prints: Sequence[_Print | None]
) -> list[list[Clip]]:
    leader = {row: row for pair in pairs for row in pair}

    def root(row: int) -> int:
        while leader[row] != row:
            row = leader[row]
        return row

    for one, two in sorted(pairs):
        leader[root(two)] = root(one)
    groups: dict[int, list[int]] = defaultdict(list)
    for row in sorted(leader):
        groups[root(row)].append(places[row])
    return [
        [clips[place] for place in members]
        for members in groups.values()
        if len({prints[place].exact for place in members}) > 1  # type: ignore[union-attr]
    ]
