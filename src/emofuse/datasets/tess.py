"""TESS: two women say 200 words in 7 emotions, 2,800 clips.

Source: Pichora-Fuller & Dupuis 2020, https://doi.org/10.5683/SP2/E8H2MF
Layout: ``OAF_back_angry.wav`` (or flac) at any depth; ``ps`` is a pleasant surprise.
"""

import re
from pathlib import Path

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.media_names import SOUND, ends, left_out, named_media
from emofuse.datasets.rows import count_note
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = "Pichora-Fuller & Dupuis (2020). Toronto Emotional Speech Set (TESS). Borealis."
LICENCE = "CC BY-NC-ND 4.0"
CONSENT = "consent: two actresses, recorded for research; not how people feel off stage"
EMOTIONS = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness", "neutral": "neutral",
    "ps": "surprise", "sad": "sadness",
}  # fmt: skip
PUBLISHED = 2800
PUBLISHED_LABELS = dict.fromkeys(EMOTIONS.values(), 400)

_AGES = {"OAF": "older", "YAF": "younger"}
# One speaker's folder was published with her letters swapped.
_SPEAKERS = {"OAF": "OAF", "YAF": "YAF", "OA": "OAF"}
_PATTERN = rf"(OAF|YAF|OA)_([a-z]+)_({'|'.join(EMOTIONS)}){ends(*SOUND)}"


def read_tess(path: Path) -> Corpus:
    """Read the takes, sorted by name. With two speakers, speaker-disjoint means training on one voice.

    Raises:
        DatasetError: no take is found.
    """
    found, spare = named_media(path, _PATTERN, take=_id)
    if not found:
        raise DatasetError(f"{path}: no file named OAF_word_emotion.wav or YAF_word_emotion.wav")
    clips = tuple(
        Clip(
            id=_id(match),
            media=media,
            text=f"Say the word {match[2].lower()}",
            label=EMOTIONS[match[3].lower()],
            speaker=_SPEAKERS[match[1].upper()],
            facts={"gender": "female", "age": _AGES[_SPEAKERS[match[1].upper()]]},
        )
        for match, media in found
    )
    notes = (
        CONSENT,
        "both speakers say the same words: speaker-disjoint is not sentence-disjoint",
        *count_note({"clips": len(clips)}, {"clips": PUBLISHED}),
        *label_note(clips, {None: PUBLISHED_LABELS}),
        *left_out(spare),
    )
    return Corpus("tess", clips, TaskSpec(labels=tuple(EMOTIONS.values())), CITATION, LICENCE, notes)


def _id(match: re.Match[str]) -> str:
    return f"{_SPEAKERS[match[1].upper()]}_{match[2].lower()}_{match[3].lower()}"
