"""RAVDESS: 24 actors say and sing two sentences in 8 emotions.

Paper: Livingstone & Russo 2018, https://doi.org/10.1371/journal.pone.0196391
Layout: ``Actor_NN/MM-VV-EE-II-SS-RR-AA.wav`` (or flac, mp4, flv, avi) at any depth, in a folder or in uncompressed
tars, which are read in place. Where several files hold the same take one is read.
"""

import re
from pathlib import Path

import numpy as np

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.media_names import Found, ends, left_out, named_media
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
GENDERS = ("female", "male")  # of actors with even and with odd numbers
INTENSITIES = {"01": "normal", "02": "strong"}
CHANNELS = {"speech": "1", "song": "2", "both": "[12]"}
MODALITIES = {"best": "[123]", "audio_video": "1", "video": "2", "audio": "3"}
PUBLISHED = {"speech": 1440, "song": 1012, "both": 2452}
SPEECH = dict.fromkeys(LABELS, 192) | {"neutral": 96}
# Actor 18 does not sing, and nobody sings in disgust or surprise.
SONG = dict.fromkeys(LABELS[:6], 184) | {"neutral": 92, "disgust": 0, "surprised": 0}
PUBLISHED_LABELS = {
    "speech": SPEECH, "song": SONG, "both": {label: SPEECH[label] + SONG[label] for label in LABELS},
}  # fmt: skip
ACTION_UNITS = 35

# Sound and picture first, then sound alone, then picture alone.
_PREFERENCE = {"01": 0, "03": 1, "02": 2}


def read_ravdess(path: Path, *, channel: str = "speech", modality: str = "best") -> Corpus:
    """Read the takes of a vocal channel, ``"speech"``, ``"song"`` or ``"both"``, sorted by id.

    ``modality`` is ``"audio_video"``, ``"video"`` (a picture without sound), ``"audio"``, or ``"best"``: of each
    take the first that is there of sound and picture, sound alone, picture alone. Where ``action_units.csv`` lies
    at the root (or beside the tar) each clip gets ``vectors["action_units"]``, ``(35,)`` float32. ``facts`` are the
    gender, the intensity that was asked for, and the channel. There is no official split: split by speaker.

    Raises:
        ConfigError: an option is unknown.
        DatasetError: no such take is found, or a tar or the action units cannot be read.
    """
    code = CHANNELS[choose("channel", channel, CHANNELS)]
    sort = MODALITIES[choose("modality", modality, MODALITIES)]
    pattern = rf"(0{sort})-(0{code})-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d){ends()}"
    found, spare = named_media(
        path, pattern, take=lambda match: _name(match)[3:], prefer=lambda match: _PREFERENCE[match[1]]
    )
    if not found:
        kind = "" if modality == "best" else f"{modality} "
        raise DatasetError(
            f"{path}: no {kind}file of {channel} named MM-VV-EE-II-SS-RR-AA.wav, .flac or .mp4"
        )
    units = _action_units((path if path.is_dir() else path.parent) / "action_units.csv")
    clips = tuple(sorted((_clip(one, units) for one in found), key=lambda clip: clip.id))
    notes = [
        CONSENT,
        "all actors say the same two sentences: speaker-disjoint is not sentence-disjoint",
        *count_note({channel: len(clips)}, {channel: PUBLISHED[channel]}),
        *label_note(clips, {None: PUBLISHED_LABELS[channel]}),
        *left_out(spare),
    ]
    if units and (bare := sum(not clip.vectors for clip in clips)):
        notes.append(f"{bare} clips have no row in action_units.csv")
    return Corpus("ravdess", clips, TaskSpec(labels=LABELS), CITATION, LICENCE, tuple(notes))


def _name(match: re.Match[str]) -> str:
    return "-".join(match.groups())


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


def _clip(found: Found, units: dict[str, np.ndarray]) -> Clip:
    match, media = found
    _, channel, emotion, intensity, statement, _, actor = match.groups()
    vector = units.get(_name(match)[3:])
    return Clip(
        id=_name(match),
        media=media,
        text=STATEMENTS[statement],
        label=LABELS[int(emotion) - 1],
        speaker=f"actor_{actor}",
        vectors={} if vector is None else {"action_units": vector},
        facts={
            "gender": GENDERS[int(actor) % 2],
            "intensity": INTENSITIES[intensity],
            "channel": "speech" if channel == "01" else "song",
        },
    )
