"""CMU-MOSEI: 23,453 segments of 3,228 monologue videos, sentiment from -3 to 3 and six emotions.

Paper: Zadeh et al. 2018, https://aclanthology.org/P18-1208
Layouts: ``train.tsv valid.tsv test.tsv`` (``vid start stop label cid text``), or MMSA's ``label.csv`` with
``Raw/``. MMSA's pickles are read by ``mmsa``, computational sequences by ``csd``.
"""

from pathlib import Path

from emofuse.datasets.mmsa_folder import read_mmsa_folder
from emofuse.datasets.rows import Row, count_note, read_rows
from emofuse.datasets.sentiment_labels import renamed, sentiment_label, sentiment_task, split_counts
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus

CITATION = (
    "Zadeh, Liang, Poria, Cambria & Morency (2018). Multimodal Language Analysis in the Wild: CMU-MOSEI Dataset "
    "and Interpretable Dynamic Fusion Graph. ACL."
)
LICENCE = "research use"
CONSENT = "consent: public videos; the speakers were not asked"
PUBLISHED = {"train": 16326, "valid": 1871, "test": 4659}
BOUNDS = (-3.0, 3.0)

_SPLITS = ("train", "valid", "test")
_COLUMNS = ("vid", "start", "stop", "label", "cid", "text")


def read_mosei(path: Path, *, task: str = "sentiment") -> Corpus:
    """Read the segments in file order; ``source`` and ``dialogue`` are the video, ``turn`` the segment in it.

    Raises:
        ConfigError: ``task`` is unknown.
        DatasetError: neither layout is there, or a row does not hold.
    """
    if not (path / "train.tsv").is_file() and (path / "label.csv").is_file():
        corpus = read_mmsa_folder(path, task=task, rating_range=BOUNDS)
        notes = count_note(split_counts(corpus.clips), PUBLISHED)
        return renamed(corpus, "mosei", CITATION, LICENCE, (CONSENT, *notes))
    if absent := [name for name in _SPLITS if not (path / f"{name}.tsv").is_file()]:
        raise DatasetError(f"{path}: no {absent[0]}.tsv, and no label.csv with Raw/")
    spec = sentiment_task(task, ("sentiment",), BOUNDS)
    clips = tuple(
        _clip(row, split, task)
        for split in _SPLITS
        for row in read_rows(path / f"{split}.tsv", _COLUMNS, tabs=True)
    )
    notes = (CONSENT, *count_note(split_counts(clips), PUBLISHED))
    return Corpus("mosei", clips, spec, CITATION, LICENCE, notes)


def _clip(row: Row, split: str, task: str) -> Clip:
    video, value = row.cells["vid"], row.number("label", *BOUNDS)
    # Some begin up to half a second before their video does.
    start_s = max(0.0, row.number("start"))
    return Clip(
        id=f"{video}$_${row.cells['cid']}",
        text=row.cells["text"] or None,
        label=sentiment_label(value, task),
        ratings={"sentiment": value},
        dialogue=video,
        turn=row.whole("cid"),
        source=video,
        split=split,
        start_s=start_s,
        end_s=row.number("stop", 0),
    )
