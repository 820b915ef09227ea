"""AffectNet: faces from the web, 8 emotions with valence and arousal.

Paper: Mollahosseini et al. 2019, https://arxiv.org/abs/1708.03985
Layouts: ``training.csv validation.csv`` (``subDirectory_filePath``, ``expression``, ``valence``, ``arousal``)
beside the pictures, or ``{train,val}_set/images`` with ``annotations/<id>_{exp,val,aro}.npy``. The pictures, and the
second layout whole, may lie in uncompressed tars.
"""

import io
from pathlib import Path, PurePosixPath

import numpy as np

from emofuse.datasets.media_names import archive_members, content, files_of, place
from emofuse.datasets.rows import Row, read_rows
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus, TaskSpec

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
_ENDS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_COLUMNS = ("subDirectory_filePath", "expression", "valence", "arousal")
_FOLDERS = ("", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images", "images")


def read_affectnet(path: Path) -> Corpus:
    """Read training and validation; pictures without an emotion (none, uncertain, no face) are left out.

    Raises:
        DatasetError: neither layout is there, a row does not hold, a picture is missing, or a tar cannot be read.
    """
    if (path / "training.csv").is_file():
        tarred = _tarred(path)
        clips = [
            clip for split, name in _TABLES.items() for clip in _table(path, path / name, split, tarred)
        ]
    else:
        clips = _sets(path)
    if not clips:
        raise DatasetError(f"{path}: neither training.csv nor train_set/annotations names a picture")
    kept = tuple(clip for clip in clips if clip.label is not None)
    left = len(clips) - len(kept)
    notes = (
        (CONSENT, f"{left} pictures of no emotion, uncertain or without a face were left out")
        if left
        else (CONSENT,)
    )
    task = TaskSpec(labels=LABELS, ratings=("valence", "arousal"))
    return Corpus("affectnet", kept, task, CITATION, LICENCE, notes)


def _tarred(root: Path) -> dict[str, ArchiveMember]:
    """By folder and name, as the tables have them, the pictures in the tars of a folder."""
    members = (one for tar in sorted(root.glob("*.tar")) for one in archive_members(tar))
    return {
        "/".join(PurePosixPath(name).parts[-2:]): member
        for name, member in members
        if name.lower().endswith(_ENDS)
    }


def _table(root: Path, table: Path, split: str, tarred: dict[str, ArchiveMember]) -> list[Clip]:
    if not table.is_file():
        return []
    return [_from_row(row, root, split, tarred) for row in read_rows(table, _COLUMNS)]


def _from_row(row: Row, root: Path, split: str, tarred: dict[str, ArchiveMember]) -> Clip:
    name = row.cells["subDirectory_filePath"].replace("\\", "/")
    code = row.whole("expression")
    loose = (file for folder in _FOLDERS if (file := root / folder / name).is_file())
    media = next(loose, None) or tarred.get(name)
    if media is None and code < len(LABELS):
        raise DatasetError(f"{row.place}: no picture {name} below {root}")
    values = (row.number("valence", -2, 1), row.number("arousal", -2, 1))
    return _clip(f"{split}/{name}", media, code, values, split, row.place)


def _sets(root: Path) -> list[Clip]:
    known = {set_name: split for split, set_name in _SETS.items()}
    numbers, pictures = (_placed(files_of(root, endings)) for endings in ((".npy",), _ENDS))
    clips = []
    for (part, folder, name), file in numbers.items():
        if part not in known or folder != "annotations" or not name.endswith("_exp"):
            continue
        stem = name.removesuffix("_exp")
        code, valence, arousal = (
            _number(numbers.get((part, folder, f"{stem}_{kind}")), f"{place(file)}: no {stem}_{kind}.npy")
            for kind in ("exp", "val", "aro")
        )
        media = pictures.get((part, "images", stem))
        if media is None:
            raise DatasetError(f"{place(file)}: no picture {stem}.jpg in {part}/images")
        split = known[part]
        clips.append(_clip(f"{split}/{stem}", media, int(code), (valence, arousal), split, place(file)))
    return clips


def _placed(files: dict[str, Path | ArchiveMember]) -> dict[tuple[str, ...], Path | ArchiveMember]:
    """Files by the two folders above them and their name without its ending."""
    names = {name: PurePosixPath(name) for name in files}
    return {(*names[name].parts[-3:-1], names[name].stem): file for name, file in files.items()}


def _number(file: Path | ArchiveMember | None, absent: str) -> float:
    if file is None:
        raise DatasetError(absent)
    try:
        return float(str(np.load(io.BytesIO(content(file)), allow_pickle=False)))
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{place(file)}: does not hold one number") from error


def _clip(
    name: str,
    media: Path | ArchiveMember | None,
    code: int,
    values: tuple[float, float],
    split: str,
    where: str,
) -> Clip:
    if not 0 <= code < _CODES:
        raise DatasetError(f"{where}: expression {code}, wanted 0 to {_CODES - 1}")
    rated = {
        key: value for key, value in zip(("valence", "arousal"), values, strict=True) if -1 <= value <= 1
    }
    return Clip(
        id=name, media=media, label=LABELS[code] if code < len(LABELS) else None, ratings=rated, split=split
    )
