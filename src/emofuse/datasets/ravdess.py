"""RAVDESS: 24 actors say and sing two sentences in 8 emotions.

Paper: Livingstone & Russo 2018, https://doi.org/10.1371/journal.pone.0196391
Layout: ``Actor_NN/MM-VV-EE-II-SS-RR-AA.wav`` (or flac, mp4) at any depth. Where several files hold the same
take (audio-video, audio only, video only, or a second copy) one is read, in that order.
"""

import re
from pathlib import Path

import numpy as np

from emofuse.datasets.rows import choose, count_note, read_rows
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Livingstone & Russo (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS). "
    "PLoS ONE 13(5): e0196391."
)
LICENCE = "CC BY-NC-SA 4.0: attribution, non-commercial, share alike"
CONSENT = "consent: professional actors, acted emotions at two intensities; not how people feel off stage"
LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
CHANNELS = {"speech": "01", "song": "02"}
PUBLISHED = {"speech": 1440, "song": 1012}
ACTION_UNITS = 35

_NAME = re.compile(r"(0[1-3])-(0[12])-0[1-8](?:-0[12]){3}-\d\d\.(wav|flac|mp4)", re.IGNORECASE)
# Sound and picture first, then sound alone, then picture alone.
_PREFERENCE = {"01": 0, "03": 1, "02": 2}


def read_ravdess(path: Path, *, channel: str = "speech") -> Corpus:
    """Read the takes of one vocal channel, ``"speech"`` or ``"song"``, sorted by id.

    Where ``action_units.csv`` lies at the root each clip gets ``vectors["action_units"]``, ``(35,)``
    float32. There is no official split: split by speaker.

    Raises:
        ConfigError: ``channel`` is neither.
        DatasetError: no such take is found, or the action units cannot be read.
    """
    code = CHANNELS[choose("channel", channel, CHANNELS)]
    files, spare = _takes(path, code)
    if not files:
        raise DatasetError(f"{path}: no {channel} file named MM-VV-EE-II-SS-RR-AA.wav, .flac or .mp4")
    units = _action_units(path / "action_units.csv")
    clips = tuple(_clip(file, units) for file in sorted(files, key=lambda file: file.stem))
    notes = [
        CONSENT,
        "all actors say the same two sentences: speaker-disjoint is not sentence-disjoint",
    ]
    notes += count_note({channel: len(clips)}, {channel: PUBLISHED[channel]})
    if spare:
        notes.append(f"{spare} further files of takes that were already read were left out")
    if units and (bare := sum(not clip.vectors for clip in clips)):
        notes.append(f"{bare} clips have no row in action_units.csv")
    return Corpus("ravdess", clips, TaskSpec(labels=LABELS), CITATION, LICENCE, tuple(notes))


def _takes(root: Path, channel: str) -> tuple[list[Path], int]:
    best: dict[str, tuple[int, str, Path]] = {}
    seen = 0
    for file in root.rglob("*-*-*-*-*-*-*.*"):
        match = _NAME.fullmatch(file.name)
        if match is None or match[2] != channel:
            continue
        seen += 1
        take, candidate = file.stem[3:], (_PREFERENCE[match[1]], file.as_posix(), file)
        best[take] = min(best.get(take, candidate), candidate)
    return [file for _, _, file in best.values()], seen - len(best)


def _action_units(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    units = {}
    for row in read_rows(path, ("id",)):
        names = [name for name in row.cells if name != "id"]
        if len(names) != ACTION_UNITS:
            raise DatasetError(f"{row.place}: {len(names)} action units, wanted {ACTION_UNITS}")
        units[row.cells["id"][3:]] = np.array([row.number(name) for name in names], dtype=np.float32)
    return units


def _clip(file: Path, units: dict[str, np.ndarray]) -> Clip:
    _, _, emotion, _, statement, _, actor = file.stem.split("-")
    vector = units.get(file.stem[3:])
    return Clip(
        id=file.stem,
        media=file,
        text=STATEMENTS[statement],
        label=LABELS[int(emotion) - 1],
        speaker=f"actor_{actor}",
        vectors={} if vector is None else {"action_units": vector},
    )
