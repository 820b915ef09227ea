"""EmoBank: English sentences rated for valence, arousal and dominance.

Paper: Buechel & Hahn 2017, https://aclanthology.org/E17-2092
Layout: ``emobank.csv`` (id, split, V, A, D, text; 1 to 5) and ``meta.tsv`` (id, document, ...). Ratings are
brought from 1..5 to -1..1.
"""

from pathlib import Path

from emofuse.datasets.rows import Row, count_note, read_rows
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Buechel & Hahn (2017). EmoBank: Studying the Impact of Annotation Perspective and Representation "
    "Format on Dimensional Emotion Analysis. EACL."
)
LICENCE = "CC BY-SA 4.0"
CONSENT = "consent: published texts (news, letters, blogs, fiction, essays), rated by paid crowd workers"
RATINGS = {"valence": "V", "arousal": "A", "dominance": "D"}
METRICS = ("ccc", "pearson", "mae")
PUBLISHED = {"train": 8062, "valid": 1000, "test": 1000}

_SPLITS = {"train": "train", "dev": "valid", "test": "test"}


def read_emobank(path: Path) -> Corpus:
    """Read the official splits; ``source`` is the document where ``meta.tsv`` is there.

    Raises:
        DatasetError: a file cannot be read, or a rating is not a number from 1 to 5.
    """
    folder = path if path.is_dir() else path.parent
    documents = {}
    if (folder / "meta.tsv").is_file():
        rows = read_rows(folder / "meta.tsv", ("id", "document"), tabs=True)
        documents = {row.cells["id"]: row.cells["document"] for row in rows}
    table = folder / "emobank.csv" if path.is_dir() else path
    clips = tuple(_clip(row, documents) for row in read_rows(table, ("id", "split", *"VAD", "text")))
    found = {split: sum(clip.split == split for clip in clips) for split in PUBLISHED}
    task = TaskSpec(ratings=tuple(RATINGS), metrics=METRICS)
    return Corpus("emobank", clips, task, CITATION, LICENCE, (CONSENT, *count_note(found, PUBLISHED)))


def _clip(row: Row, documents: dict[str, str]) -> Clip:
    return Clip(
        id=row.cells["id"],
        text=row.cells["text"],
        ratings={name: (row.number(column, 1, 5) - 3) / 2 for name, column in RATINGS.items()},
        split=_SPLITS[row.one_of("split", _SPLITS)],
        source=documents.get(row.cells["id"]),
    )
