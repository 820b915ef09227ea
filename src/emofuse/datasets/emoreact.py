"""EmoReact: children react to food, technology and videos; 8 affective states, several at once, and valence.

Paper: Nojavanasghari et al. 2016, https://doi.org/10.1145/2993148.2993168
Layout (version 1.0): ``Data/{Train,Validation,Test}/*.mp4`` and, line by line alike, ``{train,val,test}_names.txt``
(at the root or in ``Labels``, names may be in quotes) and ``Labels/{train,val,test}_labels.text``: eight 0 or 1 in
the order of `LABELS`, then the valence from 1 to 7, between commas. At the root or in ``EmoReact_V_1.0``; the whole,
or the videos alone, may lie in uncompressed tars.
"""

import re
from pathlib import Path, PurePosixPath

from emofuse.datasets.media_names import content, files_of, place
from emofuse.datasets.rows import count_note
from emofuse.datasets.sentiment_labels import split_counts
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus, TaskSpec

CITATION = (
    "Nojavanasghari, Baltrusaitis, Hughes & Morency (2016). EmoReact: A Multimodal Approach and Dataset for "
    "Recognizing Emotional Responses in Children. ICMI."
)
LICENCE = "research use, on agreement; the videos belong to their makers"
CONSENT = (
    "consent: children in public videos of a show; neither they nor their parents were asked by the authors"
)
LABELS = (
    "curiosity",
    "uncertainty",
    "excitement",
    "happiness",
    "surprise",
    "disgust",
    "fear",
    "frustration",
)
PUBLISHED = {"train": 432, "valid": 303, "test": 367}
BOUNDS = (1.0, 7.0)

_SPLITS = {"train": ("train", "Train"), "valid": ("val", "Validation"), "test": ("test", "Test")}
_ENDS = (".mp4", ".avi", ".flv", ".wav", ".flac")
Files = dict[str, Path | ArchiveMember]
_TOPIC = re.compile(r"(\D+)\d")


def read_emoreact(path: Path) -> Corpus:
    """Read the official splits in file order; several states of a clip share equally, one alone is its label.

    ``ratings["valence"]`` is from 1 to 7; a clip may have no state beside it. ``source`` is the topic that the
    name begins with. The children are not named, so that no split can be checked for them.

    Raises:
        DatasetError: a list is absent, the lists of a split differ in length, a line does not hold, or a tar cannot
            be read.
    """
    lists, videos = _lists(path), _videos(path)
    listed = [
        clip
        for split, (name, folder) in _SPLITS.items()
        for clip in _split(
            split, _file(lists, f"{name}_names.txt", path), _file(lists, f"{name}_labels.text", path),
            videos.get(folder, {}),
        )
    ]  # fmt: skip
    clips = tuple(clip for clip in listed if clip.media is not None)
    if not clips:
        raise DatasetError(f"{path}: none of the {len(listed)} videos that are named is in Data")
    notes = [CONSENT, "the children are not named: speakers may be shared by the official splits"]
    notes += count_note(split_counts(clips), PUBLISHED)
    if bare := [clip.id for clip in listed if clip.media is None]:
        notes.append(f"{len(bare)} clips without a video were left out, first {bare[0]}")
    task = TaskSpec(LABELS, ("valence",), BOUNDS, ("macro_f1", "uar", "accuracy", "mae", "pearson", "ccc"))
    return Corpus("emoreact", clips, task, CITATION, LICENCE, tuple(notes))


def _lists(path: Path) -> Files:
    found: Files = {}
    # Copies differ in the case of the first letter. Labels is read before what lies at the root.
    for name, file in sorted(
        files_of(path, (".txt", ".text")).items(), key=lambda one: "/Labels/" not in f"/{one[0]}"
    ):
        found.setdefault(PurePosixPath(name).name.lower(), file)
    return found


def _videos(path: Path) -> dict[str, Files]:
    """By folder of the split and lower-case name without its ending."""
    found: dict[str, Files] = {}
    names = {PurePosixPath(name): file for name, file in files_of(path, _ENDS).items()}
    for name in sorted(names, key=lambda name: _ENDS.index(name.suffix.lower())):
        found.setdefault(name.parent.name, {}).setdefault(name.stem.lower(), names[name])
    return found


def _split(
    split: str, names_file: Path | ArchiveMember, labels_file: Path | ArchiveMember, files: Files
) -> list[Clip]:
    names, rows = _lines(names_file), _lines(labels_file)
    if len(names) != len(rows):
        lines = PurePosixPath(labels_file.name).name
        raise DatasetError(f"{place(names_file)}: {len(names)} names, {lines} has {len(rows)} lines")
    return [
        _clip(one.strip("'\""), row, files, split, f"{place(labels_file)}:{number}")
        for number, (one, row) in enumerate(zip(names, rows, strict=True), 1)
    ]


def _file(lists: Files, name: str, root: Path) -> Path | ArchiveMember:
    if name not in lists:
        raise DatasetError(f"{root}: no {name} here or in Labels")
    return lists[name]


def _lines(file: Path | ArchiveMember) -> list[str]:
    try:
        lines = content(file).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{place(file)}: cannot be read as UTF-8 ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def _clip(name: str, row: str, files: Files, split: str, where: str) -> Clip:
    cells = [cell.strip() for cell in row.split(",")]
    try:
        *flags, valence = (float(cell) for cell in cells)
    except ValueError:
        flags, valence = [], 0.0
    if len(flags) != len(LABELS) or not set(flags) <= {0, 1} or not BOUNDS[0] <= valence <= BOUNDS[1]:
        raise DatasetError(
            f"{where}: found {row!r}, wanted {len(LABELS)} of 0 or 1 and a valence from 1 to 7"
        )
    held = [label for label, flag in zip(LABELS, flags, strict=True) if flag]
    stem = name.rpartition(".")[0] or name
    topic = _TOPIC.match(stem)
    return Clip(
        id=f"{split}_{stem}",
        media=files.get(stem.lower()),
        label=held[0] if len(held) == 1 else None,
        shares={label: 1 / len(held) for label in held},
        ratings={"valence": valence},
        source=topic[1].rstrip("_") if topic else stem,
        split=split,
    )
