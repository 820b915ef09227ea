"""SAVEE: four English men, 7 emotions, 480 clips of sound and of the face.

Source: Haq & Jackson 2010, http://kahlan.eps.surrey.ac.uk/savee/
Layout: ``DC_a01.wav``, or a folder for each speaker with ``a01.wav`` (or flac, avi).
"""

import re
from pathlib import Path

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.media_names import ends, left_out, named_media
from emofuse.datasets.rows import count_note
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = "Haq & Jackson (2010). Multimodal Emotion Recognition. In: Machine Audition. IGI Global."
LICENCE = "research use, on registration"
CONSENT = "consent: students and staff who acted for research; not how people feel off stage"
EMOTIONS = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "n": "neutral", "sa": "sadness",
    "su": "surprise",
}  # fmt: skip
SPEAKERS = ("DC", "JE", "JK", "KL")
PUBLISHED = 480
PUBLISHED_LABELS = dict.fromkeys(EMOTIONS.values(), 60) | {"neutral": 120}

_PATTERN = rf"({'|'.join(SPEAKERS)})[_/](sa|su|[adfhn])(\d\d){ends()}"


def read_savee(path: Path) -> Corpus:
    """Read the takes, sorted by name. There is no official split: split by speaker (there are four).

    Raises:
        DatasetError: no take is found.
    """
    found, spare = named_media(path, _PATTERN, take=_id)
    if not found:
        raise DatasetError(f"{path}: no file named DC_a01.wav, or a01.wav in a folder DC, JE, JK or KL")
    clips = tuple(
        Clip(
            id=_id(match),
            media=media,
            label=EMOTIONS[match[2].lower()],
            speaker=match[1].upper(),
            facts={"gender": "male"},
        )
        for match, media in found
    )
    notes = (
        CONSENT,
        *count_note({"clips": len(clips)}, {"clips": PUBLISHED}),
        *label_note(clips, {None: PUBLISHED_LABELS}),
        *left_out(spare),
    )
    return Corpus("savee", clips, TaskSpec(labels=tuple(EMOTIONS.values())), CITATION, LICENCE, notes)


def _id(match: re.Match[str]) -> str:
    return f"{match[1].upper()}_{match[2].lower()}{match[3]}"
