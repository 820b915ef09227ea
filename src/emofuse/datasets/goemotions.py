"""GoEmotions: Reddit comments with one or several of 27 emotions and neutral, or the 7 Ekman groups.

Paper: Demszky et al. 2020, https://arxiv.org/abs/2005.00547
Layout: ``train.tsv dev.tsv test.tsv`` (text, label numbers, comment id; no header, quoting off) and
``labels.txt``, in a folder of their own or in ``ekman/`` and ``original/``.
"""

from collections.abc import Iterator
from pathlib import Path

from emofuse.datasets.label_counts import by_split, label_note
from emofuse.datasets.rows import choose, count_note
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Demszky, Movshovitz-Attias, Ko, Cowen, Nemade & Ravi (2020). "
    "GoEmotions: A Dataset of Fine-Grained Emotions. ACL."
)
LICENCE = "Apache-2.0"
CONSENT = "consent: public Reddit comments, authors not asked; mostly young, male, American"
PUBLISHED = {"train": 43410, "valid": 5426, "test": 5427}
# Comments that have a label, in the official files.
PUBLISHED_LABELS = {
    "ekman": {
        "anger": (5579, 717, 726), "disgust": (793, 97, 123), "fear": (726, 105, 98),
        "joy": (17410, 2219, 2104), "neutral": (14219, 1766, 1787), "sadness": (3263, 390, 379),
        "surprise": (5367, 624, 677),
    },
    "original": {
        "admiration": (4130, 488, 504), "amusement": (2328, 303, 264), "anger": (1567, 195, 198),
        "annoyance": (2470, 303, 320), "approval": (2939, 397, 351), "caring": (1087, 153, 135),
        "confusion": (1368, 152, 153), "curiosity": (2191, 248, 284), "desire": (641, 77, 83),
        "disappointment": (1269, 163, 151), "disapproval": (2022, 292, 267), "disgust": (793, 97, 123),
        "embarrassment": (303, 35, 37), "excitement": (853, 96, 103), "fear": (596, 90, 78),
        "gratitude": (2662, 358, 352), "grief": (77, 13, 6), "joy": (1452, 172, 161),
        "love": (2086, 252, 238), "nervousness": (164, 21, 23), "optimism": (1581, 209, 186),
        "pride": (111, 15, 16), "realization": (1110, 127, 145), "relief": (153, 18, 11),
        "remorse": (545, 68, 56), "sadness": (1326, 143, 156), "surprise": (1060, 129, 141),
        "neutral": (14219, 1766, 1787),
    },
}  # fmt: skip
FOLDERS = ("ekman", "original")
METRICS = ("macro_f1", "multilabel_macro_f1", "accuracy", "uar")

_FILES = {"train": "train.tsv", "valid": "dev.tsv", "test": "test.tsv"}


def read_goemotions(path: Path, *, labels: str = "ekman") -> Corpus:
    """Read the official splits; of a root folder, those in its subfolder ``labels``.

    Several labels become equal shares; ``label`` is set where there is one.

    Raises:
        ConfigError: ``labels`` is neither ``"ekman"`` nor ``"original"``.
        DatasetError: a file is absent, or a line is not text, label numbers and id.
    """
    choose("labels", labels, FOLDERS)
    folder = path if (path / "train.tsv").is_file() else path / labels
    names = tuple(line for _, line in _lines(folder / "labels.txt") if line)
    clips = tuple(clip for split, name in _FILES.items() for clip in _clips(folder / name, split, names))
    found = {split: sum(clip.split == split for clip in clips) for split in _FILES}
    kind = "ekman" if set(names) == set(PUBLISHED_LABELS["ekman"]) else "original"
    odd = label_note(clips, by_split(PUBLISHED_LABELS[kind]))
    notes = (CONSENT, *count_note(found, PUBLISHED), *odd)
    return Corpus("goemotions", clips, TaskSpec(labels=names, metrics=METRICS), CITATION, LICENCE, notes)


def _clips(path: Path, split: str, names: tuple[str, ...]) -> Iterator[Clip]:
    for place, line in _lines(path):
        cells = line.split("\t")
        if len(cells) != 3:
            raise DatasetError(f"{place}: {len(cells)} cells, wanted text, label numbers and id")
        chosen = _chosen(cells[1], names, place)
        yield Clip(
            id=cells[2].strip(),
            text=cells[0],
            label=chosen[0] if len(chosen) == 1 else None,
            shares={name: 1 / len(chosen) for name in chosen},
            split=split,
        )


def _chosen(cell: str, names: tuple[str, ...], place: str) -> list[str]:
    numbers = cell.split(",")
    if not all(number.isascii() and number.isdigit() and int(number) < len(names) for number in numbers):
        raise DatasetError(f"{place}: labels are {cell!r}, wanted numbers from 0 to {len(names) - 1}")
    return list(dict.fromkeys(names[int(number)] for number in numbers))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        # Only line feeds end a line: comments hold other characters that Python takes for line ends.
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                yield f"{path}:{number}", line.rstrip("\r\n")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 ({error})") from error
