"""AffectNet: faces from the web, 8 emotions with valence and arousal.

Paper: Mollahosseini et al. 2019, https://arxiv.org/abs/1708.03985
Layouts: ``training.csv validation.csv`` (``subDirectory_filePath``, ``expression``, ``valence``, ``arousal``)
beside the pictures, or ``{train,val}_set/images`` with ``annotations/<id>_{exp,val,aro}.npy``.
"""

from pathlib import Path

import numpy as np

from emofuse.datasets.rows import Row, read_rows
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Mollahosseini, Hasani & Mahoor (2019). AffectNet: A Database for Facial Expression, Valence, and Arousal "
    "Computing in the Wild. IEEE Transactions on Affective Computing 10(1)."
)
LICENCE = "research use, on agreement"
CONSENT = "consent: pictures found on the web, persons not asked"
LABELS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")

# Codes 8 to 10 are none, uncertain and no face: such pictures have no label and, by the authors, valence -2.
_CODES = 11
_TABLES = {"train": "training.csv", "valid": "validation.csv"}
_SETS = {"train": "train_set", "valid": "val_set"}
_COLUMNS = ("subDirectory_filePath", "expression", "valence", "arousal")
_FOLDERS = ("", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images", "images")


def read_affectnet(path: Path) -> Corpus:
    """Read training and validation; pictures without an emotion (none, uncertain, no face) are left out.

    Raises:
        DatasetError: neither layout is there, a row does not hold, or a picture is missing.
    """
    if (path / "training.csv").is_file():
        clips = [clip for split, name in _TABLES.items() for clip in _table(path, path / name, split)]
    elif (path / "train_set" / "annotations").is_dir():
        clips = [clip for split, name in _SETS.items() for clip in _set(path / name, split)]
    else:
        raise DatasetError(f"{path}: neither training.csv nor train_set/annotations is there")
    kept = tuple(clip for clip in clips if clip.label is not None)
    left = len(clips) - len(kept)
    notes = (
        (CONSENT, f"{left} pictures of no emotion, uncertain or without a face were left out")
        if left
        else (CONSENT,)
    )
    task = TaskSpec(labels=LABELS, ratings=("valence", "arousal"))
    return Corpus("affectnet", kept, task, CITATION, LICENCE, notes)


def _table(root: Path, table: Path, split: str) -> list[Clip]:
    if not table.is_file():
        return []
    return [_from_row(row, root, split) for row in read_rows(table, _COLUMNS)]


def _from_row(row: Row, root: Path, split: str) -> Clip:
    name = row.cells["subDirectory_filePath"].replace("\\", "/")
    code = row.whole("expression")
    media = next((file for folder in _FOLDERS if (file := root / folder / name).is_file()), None)
    if media is None and code < len(LABELS):
        raise DatasetError(f"{row.place}: no picture {name} below {root}")
    values = (row.number("valence", -2, 1), row.number("arousal", -2, 1))
    return _clip(f"{split}/{name}", media, code, values, split, row.place)


def _set(folder: Path, split: str) -> list[Clip]:
    clips = []
    for file in sorted((folder / "annotations").glob("*_exp.npy")):
        name = file.name.removesuffix("_exp.npy")
        code, valence, arousal = (
            _number(file.with_name(f"{name}_{kind}.npy")) for kind in ("exp", "val", "aro")
        )
        media = next(
            (one for end in ("jpg", "png") if (one := folder / "images" / f"{name}.{end}").is_file()), None
        )
        if media is None:
            raise DatasetError(f"{file}: no picture {name}.jpg in {folder / 'images'}")
        clips.append(_clip(f"{split}/{name}", media, int(code), (valence, arousal), split, str(file)))
    return clips


def _number(file: Path) -> float:
    try:
        return float(str(np.load(file, allow_pickle=False)))
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{file}: wanted one number ({error})") from error


def _clip(
    name: str, media: Path | None, code: int, values: tuple[float, float], split: str, place: str
) -> Clip:
    if not 0 <= code < _CODES:
        raise DatasetError(f"{place}: expression {code}, wanted 0 to {_CODES - 1}")
    rated = {
        key: value for key, value in zip(("valence", "arousal"), values, strict=True) if -1 <= value <= 1
    }
    return Clip(
        id=name, media=media, label=LABELS[code] if code < len(LABELS) else None, ratings=rated, split=split
    )
