"""Tables of OpenFace 2, one CSV per clip: gaze, pose, landmarks, shape and action units by video frame.

Paper: Baltrusaitis, Zadeh, Lim & Morency 2018. Files lie ``[split/][label/]name.csv``. MMSA's 709 video features are
the 714 columns without the first five.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from emofuse.datasets.cleaning import cleaned, fault_notes
from emofuse.datasets.feature_tables import PlacedFile, lines_of, numbers_under, placed_files
from emofuse.datasets.rows import choose
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Baltrusaitis, Zadeh, Lim & Morency (2018). OpenFace 2.0: Facial Behavior Analysis Toolkit. FG; and the paper "
    "of the corpus the features were taken from."
)
LICENCE = "OpenFace is for research only; the features stand under the terms of their corpus"
CONSENT = "consent: that of the corpus the features were taken from"
FIRST = ("frame", "face_id", "timestamp", "confidence", "success")
WIDTH = 709

_COLUMNS = {
    "all": r".*",
    "units": r"AU\d+_[rc]",
    "intensities": r"AU\d+_r",
    "pose_gaze": r"(pose|gaze)_.*",
}


def read_openface(path: Path, *, columns: str = "all", confidence: float = 0.0) -> Corpus:
    """Read a CSV or a folder of them; ``vectors`` ``video`` ``(frames, dim)`` and ``video_times_s`` ``(frames, 1)``.

    ``columns``: ``"all"`` after the first five (709 in OpenFace 2.2), ``"units"`` (35), ``"intensities"`` (17) or
    ``"pose_gaze"``. Frames without success, or with less than ``confidence``, are set to 0 and counted. Of
    several faces the one with the most successful frames is kept.

    Raises:
        ConfigError: ``columns`` is not known, or ``confidence`` is not from 0 to 1.
        DatasetError: no table, another header, or a line that does not hold.
    """
    form = re.compile(_COLUMNS[choose("columns", columns, _COLUMNS)])
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise ConfigError(f"confidence is {confidence!r}, wanted 0 to 1")
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    counts: Counter[str] = Counter()
    clips: list[Clip] = []
    widths: dict[int, Path] = {}
    for placed in placed_files(path, (".csv",)):
        clip = _clip(placed, form, confidence, faults["video"], counts)
        widths.setdefault(clip.vectors["video"].shape[1], placed.file)
        clips.append(clip)
    if len(widths) > 1:
        found = ", ".join(f"{file.name} {width}" for width, file in widths.items())
        raise DatasetError(f"{path}: tables of different width: {found}")
    notes = [CONSENT, *fault_notes(faults)]
    if columns == "all" and WIDTH not in widths:
        notes.append(f"{next(iter(widths))} features a frame; MMSA's convention has {WIDTH}")
    if counts["failed"]:
        notes.append(
            f"{counts['failed']} of {counts['frames']} frames have no face to rely on and were set to 0"
        )
    if counts["faces"]:
        notes.append(f"{counts['faces']} clips show several faces; the one seen most often was kept")
    labels = tuple(sorted({clip.label for clip in clips if clip.label is not None}))
    return Corpus("openface_csv", tuple(clips), TaskSpec(labels), CITATION, LICENCE, tuple(notes))


def _clip(
    placed: PlacedFile, form: re.Pattern[str], confidence: float, faults: Counter[str], counts: Counter[str]
) -> Clip:
    lines = lines_of(placed.file)
    # OpenFace puts a blank before each name but the first.
    header = [name.strip() for name in lines[0].split(",")] if lines else []
    if absent := [name for name in FIRST if name not in header and name != "face_id"]:
        raise DatasetError(
            f"{placed.file}:1: no column {', '.join(absent)}; found {', '.join(header)[:200]}"
        )
    table = numbers_under(lines[1:], len(header), str(placed.file))
    if not len(table):
        raise DatasetError(f"{placed.file}: no frame is in it")
    kept = [index for index, name in enumerate(header) if name not in FIRST and form.fullmatch(name)]
    if not kept:
        raise DatasetError(f"{placed.file}:1: no column like {form.pattern}")
    good = (table[:, header.index("success")] > 0) & (table[:, header.index("confidence")] >= confidence)
    rows = _most_seen(table[:, header.index("face_id")], good) if "face_id" in header else slice(None)
    table, good, before = table[rows], good[rows], len(table)
    counts["faces"] += len(table) < before
    counts["frames"] += len(table)
    counts["failed"] += int((~good).sum())
    values = cleaned(table[:, kept], str(placed.file), faults)
    values[~good] = 0
    times = table[:, [header.index("timestamp")]].astype(np.float32)
    vectors = {"video": values, "video_times_s": times}
    return Clip(placed.id, label=placed.label, split=placed.split, source=placed.id, vectors=vectors)


def _most_seen(faces: np.ndarray, good: np.ndarray) -> np.ndarray:
    names = np.unique(faces)
    seen = [int(good[faces == name].sum()) for name in names]
    return faces == names[int(np.argmax(seen))]
