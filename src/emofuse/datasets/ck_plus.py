"""CK+ and folders like it: sequences of faces from neutral to the peak of one of 7 emotions.

Paper: Lucey et al. 2010, https://doi.org/10.1109/CVPRW.2010.5543262
Layouts: the release (``cohn-kanade-images/S005/001/*.png`` and ``Emotion/S005/001/*_emotion.txt``), or the
common copy with one folder an emotion (``anger/S010_004_00000017.png``); as folders or in uncompressed tars.
"""

import re
from pathlib import Path, PurePosixPath

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.media_names import content, files_of, place
from emofuse.datasets.rows import count_note
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus, TaskSpec

CITATION = (
    "Lucey, Cohn, Kanade, Saragih, Ambadar & Matthews (2010). The Extended Cohn-Kanade Dataset (CK+). "
    "CVPR Workshops."
)
LICENCE = "research use, on agreement; few subjects allow their pictures in print"
CONSENT = "consent: students who posed for research; not how people feel"
LABELS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
PUBLISHED = 327
PUBLISHED_LABELS = {
    "anger": 45, "contempt": 18, "disgust": 59, "fear": 25, "happy": 69, "sadness": 28, "surprise": 83,
}  # fmt: skip

_PICTURE = re.compile(r"(S\d{3})_(\d{3})_(\d{8})", re.IGNORECASE)
_ENDS = (".png", ".jpg", ".jpeg", ".tiff", ".bmp")
Files = dict[str, Path | ArchiveMember]
_NAMES = {name: name for name in LABELS} | {
    "angry": "anger",
    "happiness": "happy",
    "sad": "sadness",
    "surprised": "surprise",
}


def read_ck_plus(path: Path, *, frames: int = 3) -> Corpus:
    """Read labelled sequences. Of the release the last ``frames`` pictures of each sequence, its peak, are
    clips; of the common copy every picture is. ``source`` is the sequence, ``speaker`` the subject.

    Raises:
        ConfigError: ``frames`` is no whole number of at least 1.
        DatasetError: neither layout is there, a label does not hold, or a tar cannot be read.
    """
    if not isinstance(frames, int) or frames < 1:
        raise ConfigError(f"frames is {frames!r}, wanted a whole number of at least 1")
    emotions, pictures = files_of(path, ("_emotion.txt",)), files_of(path, _ENDS)
    clips = _release(pictures, emotions, frames) if emotions else _folders(pictures)
    if not clips:
        raise DatasetError(f"{path}: no *_emotion.txt, and no folder called as an emotion with pictures")
    sequences = {clip.source for clip in clips}
    labels = tuple(label for label in LABELS if any(clip.label == label for clip in clips))
    notes = (
        CONSENT,
        *count_note({"sequences": len(sequences)}, {"sequences": PUBLISHED}),
        *label_note({clip.source: clip for clip in clips}.values(), {None: PUBLISHED_LABELS}),
    )
    return Corpus("ck_plus", tuple(clips), TaskSpec(labels=labels), CITATION, LICENCE, notes)


def _release(files: Files, emotions: Files, frames: int) -> list[Clip]:
    pictures: dict[tuple[str, str], list[Path | ArchiveMember]] = {}
    for name, file in files.items():
        if match := _PICTURE.fullmatch(PurePosixPath(name).stem):
            pictures.setdefault((match[1].upper(), match[2]), []).append(file)
    clips = []
    for name, file in emotions.items():
        label = _code(file)
        match = _PICTURE.match(PurePosixPath(name).stem)
        if match is None:
            raise DatasetError(f"{place(file)}: wanted a name such as S005_001_00000011_emotion.txt")
        subject, number = match[1].upper(), match[2]
        clips += [
            _clip(one, subject, f"{subject}_{number}", label)
            for one in pictures.get((subject, number), [])[-frames:]
        ]
    return clips


def _code(file: Path | ArchiveMember) -> str:
    text = content(file).decode("ascii", errors="replace").strip()
    try:
        code = float(text)
    except ValueError:
        code = -1.0
    if code not in range(len(LABELS)):
        raise DatasetError(f"{place(file)}: found {text!r}, wanted a code from 0 to {len(LABELS) - 1}")
    return LABELS[int(code)]


def _folders(files: Files) -> list[Clip]:
    clips = []
    for name, file in files.items():
        inside = PurePosixPath(name)
        label, match = _NAMES.get(inside.parent.name.lower()), _PICTURE.match(inside.stem)
        if label and match:
            clips.append(_clip(file, match[1].upper(), f"{match[1].upper()}_{match[2]}", label))
    return clips


def _clip(file: Path | ArchiveMember, subject: str, sequence: str, label: str) -> Clip:
    return Clip(id=PurePosixPath(file.name).stem, media=file, label=label, speaker=subject, source=sequence)
