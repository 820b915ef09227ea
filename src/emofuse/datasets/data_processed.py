"""IEMOCAP turns as one pickled pandas frame: ``data_processed.pkl`` with transcripts and openSMILE frames.

Columns: ``emotion path spk session gender trans_words features``; ``features`` ``(frames, 65)`` are ComParE 2016
low-level descriptors every 10 ms. No split is official; a random one mixes speakers and sessions.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

import numpy as np

from emofuse.datasets.archive_tables import Columns
from emofuse.datasets.archives import load_restricted
from emofuse.datasets.blocks import name_of, one_archive
from emofuse.datasets.cleaning import cleaned, fault_notes
from emofuse.datasets.rows import choose
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee & Narayanan (2008). IEMOCAP: Interactive Emotional "
    "Dyadic Motion Capture Database. Language Resources and Evaluation 42."
)
LICENCE = "IEMOCAP's own: research, on request from USC"
CONSENT = "consent: ten actors, recorded for research"
LABELS = {
    "ang": "angry", "hap": "happy", "exc": "excited", "neu": "neutral", "sad": "sad", "fru": "frustrated",
    "sur": "surprised", "fea": "fearful", "dis": "disgusted", "oth": "other",
}  # fmt: skip
SEXES = {"F": "female", "M": "male"}
PUBLISHED = 5520

_MARK = re.compile(r"<[^<>\s]+>|\+\+\S+?\+\+")


def read_data_processed(path: Path, *, fillers: str = "drop") -> Corpus:
    """Read the frame, rows in order; ``vectors["audio"]`` is ``(frames, 65)`` where the file has features.

    ``fillers="keep"`` leaves marks of breathing, laughter and silence in the text.

    Raises:
        ConfigError: ``fillers`` is neither ``"drop"`` nor ``"keep"``.
        DatasetError: it is no such table, or a row does not hold.
    """
    choose("fillers", fillers, ("drop", "keep"))
    file = one_archive(path, (".pkl", ".pickle"))
    table = load_restricted(file)
    if not isinstance(table, Columns):
        raise DatasetError(f"{file}: holds a {type(table).__name__}, wanted a table")
    columns = table.columns
    if absent := [name for name in ("emotion", "path") if name not in columns]:
        raise DatasetError(f"{file}: no column {', '.join(absent)}; found {', '.join(columns)}")
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    clips = tuple(
        _clip(
            {name: column[row] for name, column in columns.items()}, f"{file}: row {row}", fillers, faults
        )
        for row in range(len(columns["emotion"]))
    )
    notes = [CONSENT, "no split is official; split by session or speaker", *fault_notes(faults)]
    if len(clips) != PUBLISHED:
        notes.append(f"counts differ from the published ones: found {len(clips)}; published {PUBLISHED}")
    held = {clip.label for clip in clips}
    labels = tuple(label for label in LABELS.values() if label in held)
    return Corpus("data_processed", clips, TaskSpec(labels), CITATION, LICENCE, tuple(notes))


def _clip(row: dict[str, object], place: str, fillers: str, faults: dict[str, Counter[str]]) -> Clip:
    emotion = name_of(row["emotion"], f"{place}: emotion")
    if emotion not in LABELS:
        raise DatasetError(f"{place}: emotion is {emotion[:40]!r}, wanted one of {', '.join(LABELS)}")
    name = PurePosixPath(name_of(row["path"], f"{place}: path")).stem
    dialogue, _, turn = name.rpartition("_")
    number = turn[1:]
    vectors = {}
    if "features" in row:
        values = row["features"]
        if isinstance(values, Columns):
            values = np.stack(list(values.columns.values()), axis=1)
        vectors["audio"] = cleaned(values, f"{place}: features", faults["audio"], silence=True)
    speaker, sex = row.get("spk"), str(row.get("gender") or "")[:1].upper()
    return Clip(
        id=name,
        text=_text(row.get("trans_words"), fillers, place),
        label=LABELS[emotion],
        speaker=None if speaker is None else name_of(speaker, f"{place}: spk"),
        dialogue=dialogue or None,
        turn=int(number) if number.isdigit() and number.isascii() else None,
        source=dialogue or None,
        vectors=vectors,
        facts={} if sex not in SEXES else {"gender": SEXES[sex]},
    )


def _text(words: object, fillers: str, place: str) -> str | None:
    if isinstance(words, list | tuple | np.ndarray):
        words = " ".join(name_of(word, f"{place}: trans_words") for word in words)
    if not isinstance(words, str):
        return None
    return " ".join((words if fillers == "keep" else _MARK.sub(" ", words)).split())
