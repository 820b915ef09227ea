"""EMO-DB: ten German actors say ten everyday sentences in seven emotions.

Paper: Burkhardt et al. 2005, https://www.isca-archive.org/interspeech_2005/burkhardt05b_interspeech.html
Layout: ``wav/SSTTTEv.wav`` (or flac) at any depth or in an uncompressed tar, which is read in place; speaker,
sentence, emotion, version.
"""

from pathlib import Path

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.media_names import Found, left_out, named_media
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005). A Database of German Emotional Speech. "
    "Interspeech."
)
LICENCE = "free of charge, with citation"
CONSENT = "consent: actors, recorded for research; acted emotions, not how people feel off stage"
EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
WOMEN = ("08", "09", "13", "14", "16")
CLIPS = 535
PUBLISHED_LABELS = {
    "anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "sadness": 62, "neutral": 79,
}  # fmt: skip

_PATTERN = r"(\d\d)([ab]\d\d)([WLEAFTN])([a-z])\.(?:wav|flac)"


def read_emodb(path: Path) -> Corpus:
    """Read the clips, sorted by id; the task has those of the seven emotions that are present.

    ``facts`` tell the gender. There is no official split: split by speaker.

    Raises:
        DatasetError: no file is named as published, or the tar cannot be read.
    """
    found, spare = named_media(path, _PATTERN)
    if not found:
        raise DatasetError(f"{path}: no file named SSTTTEv.wav or .flac, as 03a01Fa.wav")
    clips = tuple(sorted((_clip(one) for one in found), key=lambda clip: clip.id))
    present = {clip.label for clip in clips}
    labels = tuple(label for label in EMOTIONS.values() if label in present)
    notes = [
        CONSENT,
        "all speakers say the same ten sentences: speaker-disjoint is not sentence-disjoint",
    ]
    if len(clips) != CLIPS:
        notes.append(f"counts differ from the published ones: found {len(clips)} clips, published {CLIPS}")
    notes += label_note(clips, {None: PUBLISHED_LABELS})
    if absent := [label for label in EMOTIONS.values() if label not in present]:
        notes.append(f"no clip of {', '.join(absent)}")
    notes += left_out(spare)
    return Corpus("emodb", clips, TaskSpec(labels=labels), CITATION, LICENCE, tuple(notes))


def _clip(found: Found) -> Clip:
    match, media = found
    speaker, sentence, emotion, version = match.groups()
    return Clip(
        id=f"{speaker}{sentence.lower()}{emotion.upper()}{version.lower()}",
        media=media,
        label=EMOTIONS[emotion.upper()],
        speaker=speaker,
        facts={"gender": "female" if speaker in WOMEN else "male"},
    )
