"""FER2013: grey face pictures of 48x48 found on the web by emotion words, 7 emotions.

Paper: Goodfellow et al. 2013, https://arxiv.org/abs/1307.0414
Layouts: ``<split>/<emotion>/*.jpg`` in a folder or in an uncompressed tar (read in place), or the official
CSV. Identical pictures cross the official splits and disagree on labels; by default they are taken out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import numpy as np

from emofuse.datasets.label_counts import by_split, label_note
from emofuse.datasets.media_names import archive_members
from emofuse.datasets.rows import SPLIT_NAMES, Row, choose, count_note, read_rows
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, Media, Picture, TaskSpec

CITATION = (
    "Goodfellow et al. (2013). Challenges in Representation Learning: A Report on Three Machine Learning "
    "Contests. ICONIP."
)
LICENCE = "research use; the pictures belong to their owners"
CONSENT = "consent: pictures found on the web, persons not asked; human accuracy on them is 65 +/- 5 %"
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
METRICS = ("accuracy", "uar", "macro_f1", "weighted_f1")
PUBLISHED = {"train": 28709, "valid": 3589, "test": 3589}
PUBLISHED_LABELS = {
    "angry": (3995, 467, 491), "disgust": (436, 56, 55), "fear": (4097, 496, 528), "happy": (7215, 895, 879),
    "sad": (4830, 653, 594), "surprise": (3171, 415, 416), "neutral": (4965, 607, 626),
}  # fmt: skip
SIDE_PX = 48

_SUFFIXES = (".jpg", ".jpeg", ".png")
_TABLES = ("fer2013.csv", "icml_face_data.csv")
_STRICTNESS = {"train": 0, "valid": 1, "test": 2}


def read_fer2013(path: Path, *, duplicates: str = "drop") -> Corpus:
    """Read the pictures, sorted by id (in the order of the official CSV).

    ``duplicates="drop"``: of identical pictures whose labels disagree none is kept; of the others one is
    kept, in test before valid before train. ``"keep"`` keeps all. Counts are in the notes.

    Raises:
        ConfigError: ``duplicates`` is neither.
        DatasetError: no picture is found, a compressed or damaged tar, or a malformed row of the CSV.
    """
    choose("duplicates", duplicates, ("drop", "keep"))
    clips = _read(path)
    if not clips:
        raise DatasetError(f"{path}: no picture at <split>/<emotion>/*.jpg or .png, and no official CSV")
    found = Counter(str(clip.split) for clip in clips)
    notes = [CONSENT, *count_note({name: found[name] for name in PUBLISHED}, PUBLISHED)]
    notes += label_note(clips, by_split(PUBLISHED_LABELS))
    if duplicates == "drop":
        clips, note = _without_duplicates(clips)
        notes.append(note)
    task = TaskSpec(labels=LABELS, metrics=METRICS)
    return Corpus("fer2013", tuple(clips), task, CITATION, LICENCE, tuple(notes))


def _read(path: Path) -> list[Clip]:
    if path.is_dir():
        files = ((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.suffix)
        if clips := _from_names(files):
            return clips
        inside = [path / name for name in _TABLES if (path / name).is_file()] + sorted(path.glob("*.tar"))
        return _read(inside[0]) if inside else []
    if path.suffix.lower() == ".csv":
        return [
            _from_row(number, row)
            for number, row in enumerate(read_rows(path, ("emotion", "pixels", "Usage")))
        ]
    return _from_names(archive_members(path))


def _from_names(files: Iterable[tuple[str, Media]]) -> list[Clip]:
    clips = []
    for name, media in files:
        place = PurePosixPath(name)
        if len(place.parts) < 3 or place.suffix.lower() not in _SUFFIXES:
            continue
        split, emotion = place.parts[-3:-1]
        if split.lower() not in SPLIT_NAMES:
            continue
        if emotion.lower() not in LABELS:
            raise DatasetError(f"{name}: no emotion {emotion!r}; FER2013 has {', '.join(LABELS)}")
        key = f"{split}/{emotion}/{place.stem}"
        clips.append(Clip(key, media, label=emotion.lower(), split=SPLIT_NAMES[split.lower()]))
    return sorted(clips, key=lambda clip: clip.id)


def _from_row(number: int, row: Row) -> Clip:
    split = SPLIT_NAMES[row.one_of("Usage", ("training", "publictest", "privatetest"))]
    emotion = row.whole("emotion")
    if emotion >= len(LABELS):
        raise DatasetError(f"{row.place}: emotion is {emotion}, wanted 0 to {len(LABELS) - 1}")
    return Clip(
        id=f"{row.cells['Usage']}_{number:05d}",
        media=Picture(_pixels(row)),
        label=LABELS[emotion],
        split=split,
    )


def _pixels(row: Row) -> np.ndarray:
    try:
        values = np.array(row.cells["pixels"].split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{row.place}: pixels hold {error}") from None
    if values.size != SIDE_PX**2 or values.min() < 0 or values.max() > 255:
        raise DatasetError(
            f"{row.place}: {values.size} pixels, wanted {SIDE_PX**2} whole numbers from 0 to 255"
        )
    return values.astype(np.uint8).reshape(SIDE_PX, SIDE_PX)


def _without_duplicates(clips: list[Clip]) -> tuple[list[Clip], str]:
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, digest in enumerate(_digests(clips)):
        groups[digest].append(index)
    dropped: dict[int, str] = {}
    for group in groups.values():
        if len({clips[index].label for index in group}) > 1:
            dropped |= dict.fromkeys(group, "label")
            continue
        strictest = max(_STRICTNESS[str(clips[index].split)] for index in group)
        kept = next(index for index in group if _STRICTNESS[str(clips[index].split)] == strictest)
        for index in group:
            if index != kept:
                dropped[index] = "copy" if clips[index].split == clips[kept].split else "cross"
    why = Counter(dropped.values())
    where = Counter(str(clips[index].split) for index in dropped)
    note = (
        f"identical pictures taken out: {len(dropped)} of {len(clips)} "
        f"({why['label']} whose copies disagree on the label, {why['cross']} also in an evaluation "
        f"split, {why['copy']} repeated within their split; by split: "
        f"{', '.join(f'{name} {where[name]}' for name in PUBLISHED)})"
    )
    return [clip for index, clip in enumerate(clips) if index not in dropped], note


def _digests(clips: list[Clip]) -> Iterator[bytes]:
    for clip in clips:
        media = clip.media
        if isinstance(media, Picture):
            content = media.pixels.tobytes()
        else:
            content = media.read_bytes() if isinstance(media, Path) else media.read()  # type: ignore[union-attr]
        yield blake2b(content, digest_size=16).digest()
