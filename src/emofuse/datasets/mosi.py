"""CMU-MOSI: opinions in 93 video blogs, 2,199 segments rated for sentiment from -3 to 3.

Paper: Zadeh et al. 2016, https://arxiv.org/abs/1606.06259
Layouts: ``mosi_utterances.npz`` (a vector a modality and segment, no pickles), or MMSA's ``label.csv`` with
``Raw/``. MMSA's pickles are read by ``mmsa``, computational sequences by ``csd``.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from emofuse.datasets.mmsa_folder import read_mmsa_folder
from emofuse.datasets.rows import choose, count_note
from emofuse.datasets.sentiment_labels import renamed, sentiment_label, sentiment_task, split_counts
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus

CITATION = (
    "Zadeh, Zellers, Pincus & Morency (2016). MOSI: Multimodal Corpus of Sentiment Intensity and Subjectivity "
    "Analysis in Online Opinion Videos. arXiv:1606.06259."
)
LICENCE = "research use"
CONSENT = "consent: public video blogs; the speakers were not asked"
PUBLISHED = {"train": 1284, "valid": 229, "test": 686}
VECTORS = {"train": 1447, "test": 752}
BOUNDS = (-3.0, 3.0)

_TABLE = "mosi_utterances.npz"
_KEYS = {"text": "text", "audio": "audio", "video": "video_features"}
_FITTED = (
    "the text and video vectors come from networks that were fitted on the 1,447 train rows: a validation carved "
    "from these videos is blind; use the split rotated_test (by source) with these vectors"
)


def read_mosi(path: Path, *, task: str = "sentiment", splits: str = "vectors") -> Corpus:
    """Read the segments in file order; ``dialogue`` and ``source`` are the video, ``turn`` the order in it.

    ``splits`` says which the table's clips carry: ``"vectors"``, the rows the vectors' networks were fitted
    on (1447) against the held-out ones (752), or ``"standard"``, the field's (1284, 229, 686), on which the
    text and video vectors are contaminated.

    Raises:
        ConfigError: ``task`` or ``splits`` is unknown.
        DatasetError: neither layout is there, or the table does not hold.
    """
    choose("splits", splits, ("vectors", "standard"))
    if not (path / _TABLE).is_file() and (path / "label.csv").is_file():
        corpus = read_mmsa_folder(path, task=task, rating_range=BOUNDS)
        notes = count_note(split_counts(corpus.clips), PUBLISHED)
        return renamed(corpus, "mosi", CITATION, LICENCE, (CONSENT, *notes))
    table = _load(path if path.is_file() else path / _TABLE)
    spec = sentiment_task(task, ("sentiment",), BOUNDS)
    column = "split" if splits == "vectors" else "standard_split"
    clips = tuple(_clip(table, row, column, task) for row in range(len(table["id"])))
    wanted = VECTORS if splits == "vectors" else PUBLISHED
    notes = (CONSENT, _FITTED, *count_note(split_counts(clips), wanted))
    return Corpus("mosi", clips, spec, CITATION, LICENCE, notes)


def _load(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DatasetError(f"{path.parent}: neither {_TABLE} nor label.csv with Raw/ is there")
    if not zipfile.is_zipfile(path):
        raise DatasetError(
            f"{path}: is no .npz table; wanted {_TABLE}, or a folder with it or with label.csv"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            table = {name: file[name] for name in file.files}
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    except ValueError as error:
        # numpy would advise to read pickles, which are programs.
        raise DatasetError(
            f"{path}: cannot be read: an array is damaged or holds Python objects"
        ) from error
    needed = ("id", "video", "turn", "split", "standard_split", "transcript", "sentiment", *_KEYS.values())
    if absent := [name for name in needed if name not in table]:
        raise DatasetError(f"{path}: no array {', '.join(absent)}; found {', '.join(table)}")
    if odd := [name for name in needed if len(table[name]) != len(table["id"])]:
        raise DatasetError(f"{path}: {odd[0]} has {len(table[odd[0]])} rows, id has {len(table['id'])}")
    return table


def _clip(table: dict[str, np.ndarray], row: int, column: str, task: str) -> Clip:
    value, video = round(float(table["sentiment"][row]), 6), str(table["video"][row])
    return Clip(
        id=str(table["id"][row]),
        text=str(table["transcript"][row]),
        label=sentiment_label(value, task),
        ratings={"sentiment": value},
        dialogue=video,
        turn=int(table["turn"][row]),
        source=video,
        split=str(table[column][row]),
        vectors={name: table[key][row] for name, key in _KEYS.items()},
    )
