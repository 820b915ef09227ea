"""EmoReact: children react to food, technology and videos; 8 affective states, several at once, and valence.

Paper: Nojavanasghari et al. 2016, https://doi.org/10.1145/2993148.2993168
Layout (version 1.0): ``Data/{Train,Validation,Test}/*.mp4`` and, line by line alike, ``{train,val,test}_names.txt``
(at the root or in ``Labels``, names may be in quotes) and ``Labels/{train,val,test}_labels.text``: eight 0 or 1 in
the order of `LABELS`, then the valence from 1 to 7, between commas. At the root or in ``EmoReact_V_1.0``.
"""

import re
from pathlib import Path

from emofuse.datasets.rows import count_note
from emofuse.datasets.sentiment_labels import split_counts
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

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
_ENDS = ("mp4", "avi", "flv", "wav", "flac")
_TOPIC = re.compile(r"(\D+)\d")


def read_emoreact(path: Path) -> Corpus:
    """Read the official splits in file order; several states of a clip share equally, one alone is its label.

    ``ratings["valence"]`` is from 1 to 7; a clip may have no state beside it. ``source`` is the topic that the
    name begins with. The children are not named, so that no split can be checked for them.

    Raises:
        DatasetError: a list is absent, the lists of a split differ in length, or a line does not hold.
    """
    root = path / "EmoReact_V_1.0" if (path / "EmoReact_V_1.0").is_dir() else path
    listed = [
        clip
        for split, (name, folder) in _SPLITS.items()
        for clip in _split(root, split, name, root / "Data" / folder)
    ]
    clips = tuple(clip for clip in listed if clip.media is not None)
    if not clips:
        raise DatasetError(f"{root}: none of the {len(listed)} videos that are named is in Data")
    notes = [CONSENT, "the children are not named: speakers may be shared by the official splits"]
    notes += count_note(split_counts(clips), PUBLISHED)
    if bare := [clip.id for clip in listed if clip.media is None]:
        notes.append(f"{len(bare)} clips without a video were left out, first {bare[0]}")
    task = TaskSpec(LABELS, ("valence",), BOUNDS, ("macro_f1", "uar", "accuracy", "mae", "pearson", "ccc"))
    return Corpus("emoreact", clips, task, CITATION, LICENCE, tuple(notes))


def _split(root: Path, split: str, name: str, folder: Path) -> list[Clip]:
    names_file = _file((root / "Labels", root), f"{name}_names.txt")
    labels_file = _file((root / "Labels", root), f"{name}_labels.text")
    names, rows = _lines(names_file), _lines(labels_file)
    if len(names) != len(rows):
        raise DatasetError(f"{names_file}: {len(names)} names, {labels_file.name} has {len(rows)} lines")
    files = {file.stem.lower(): file for end in reversed(_ENDS) for file in folder.glob(f"*.{end}")}
    return [
        _clip(one.strip("'\""), row, files, split, f"{labels_file}:{number}")
        for number, (one, row) in enumerate(zip(names, rows, strict=True), 1)
    ]


def _file(folders: tuple[Path, ...], name: str) -> Path:
    for folder in folders:
        # Copies differ in the case of the first letter.
        for file in sorted(folder.glob("*_*.t*xt")):
            if file.name.lower() == name:
                return file
    raise DatasetError(f"{folders[-1]}: no {name} here or in Labels")


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: cannot be read as UTF-8 ({error})") from error


def _clip(name: str, row: str, files: dict[str, Path], split: str, place: str) -> Clip:
    cells = [cell.strip() for cell in row.split(",")]
    try:
        *flags, valence = (float(cell) for cell in cells)
    except ValueError:
        flags, valence = [], 0.0
    if len(flags) != len(LABELS) or not set(flags) <= {0, 1} or not BOUNDS[0] <= valence <= BOUNDS[1]:
        raise DatasetError(
            f"{place}: found {row!r}, wanted {len(LABELS)} of 0 or 1 and a valence from 1 to 7"
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
