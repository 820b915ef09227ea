"""EmoryNLP: turns of scenes from the series Friends, 7 emotions.

Paper: Zahiri & Choi 2018, https://arxiv.org/abs/1708.04299
Layout: ``emorynlp_{train,dev,test}_final.csv``, and where they are there the clips
``sea<S>_ep<E>_sc<C>_utt<U>.mp4`` at any depth or in uncompressed tars.
"""

import re
from pathlib import Path, PurePosixPath

from emofuse.datasets.label_counts import by_split, label_note
from emofuse.datasets.media_names import files_of
from emofuse.datasets.rows import Row, count_note, read_rows
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus, TaskSpec

CITATION = (
    "Zahiri & Choi (2018). Emotion Detection on TV Show Transcripts with Sequence-based Convolutional Neural "
    "Networks. AAAI Workshop on Affective Content Analysis."
)
LICENCE = "Apache-2.0 for the annotations (a GPL-3.0 copy is common); the recordings belong to their makers"
CONSENT = "consent: actors in a scripted comedy with a laugh track; not how people feel off stage"
LABELS = ("neutral", "joyful", "peaceful", "powerful", "scared", "mad", "sad")
PUBLISHED = {"train": 7551, "valid": 954, "test": 984}
PUBLISHED_LABELS = {
    "neutral": (2485, 322, 288), "joyful": (1677, 205, 217), "peaceful": (638, 82, 111), "powerful": (551, 70, 96),
    "scared": (941, 127, 116), "mad": (785, 97, 86), "sad": (474, 51, 70),
}  # fmt: skip

_SPLITS = {"train": "train", "dev": "valid", "test": "test"}
_COLUMNS = (
    *("Utterance", "Speaker", "Emotion", "Scene_ID", "Utterance_ID", "Season", "Episode"),
    *("Start_Time", "End_Time"),
)
# Picture before sound.
_ENDS = (".mp4", ".flv", ".avi", ".mkv", ".wav", ".flac")
_TIME = re.compile(r"(\d+):(\d\d):(\d\d)[.,](\d{1,3})")
_NAME = re.compile(r"""(?P<mark>['"])(?P<name>.*?)(?P=mark)(?=\s*[,\]])""")


def read_emorynlp(path: Path) -> Corpus:
    """Read the official splits in file order.

    A turn of several speakers has them joined by " & ". ``start_s`` and ``end_s`` count within the episode; a
    clip with media is the whole of its file and has neither.

    Raises:
        DatasetError: a table is absent, or a row does not hold.
    """
    files = _files(path)
    clips, backwards = [], 0
    for name, split in _SPLITS.items():
        table = next((one for one in sorted(path.rglob(f"emorynlp_{name}_final.csv"))), None)
        if table is None:
            raise DatasetError(f"{path}: no emorynlp_{name}_final.csv at any depth")
        for row in read_rows(table, _COLUMNS):
            clip = _clip(row, split, files)
            backwards += clip.media is None and clip.start_s is None
            clips.append(clip)
    found = {split: sum(clip.split == split for clip in clips) for split in PUBLISHED}
    notes = [
        CONSENT,
        "speakers and episodes are shared by the official splits",
        *count_note(found, PUBLISHED),
        *label_note(clips, by_split(PUBLISHED_LABELS)),
    ]
    if backwards:
        notes.append(f"{backwards} turns end where or before they start; their times were left out")
    task = TaskSpec(labels=LABELS, metrics=("weighted_f1", "accuracy", "macro_f1", "uar"))
    return Corpus("emorynlp", tuple(clips), task, CITATION, LICENCE, tuple(notes))


def _files(root: Path) -> dict[str, Path | ArchiveMember]:
    found = {PurePosixPath(name): file for name, file in files_of(root, _ENDS).items()}
    return {name.stem: found[name] for name in sorted(found, key=_rank, reverse=True)}


def _rank(name: PurePosixPath) -> int:
    return _ENDS.index(name.suffix.lower())


def _clip(row: Row, split: str, files: dict[str, Path | ArchiveMember]) -> Clip:
    season, episode, scene = (row.whole(name) for name in ("Season", "Episode", "Scene_ID"))
    turn = row.whole("Utterance_ID")
    name = f"sea{season}_ep{episode}_sc{scene}_utt{turn}"
    media = files.get(name)
    start_s, end_s = _seconds(row, "Start_Time"), _seconds(row, "End_Time")
    timed = media is None and end_s > start_s
    return Clip(
        id=f"{split}_{name}",
        media=media,
        text=row.cells["Utterance"] or None,
        label=row.one_of("Emotion", LABELS),
        speaker=_speakers(row),
        dialogue=f"{split}_sea{season}_ep{episode}_sc{scene}",
        turn=turn,
        source=f"s{season:02d}e{episode:02d}",
        split=split,
        start_s=start_s if timed else None,
        end_s=end_s if timed else None,
    )


def _speakers(row: Row) -> str:
    # A Python list of strings; only quoted names are taken out of it, nothing is evaluated.
    names = [found["name"] for found in _NAME.finditer(row.cells["Speaker"])]
    if not names:
        raise DatasetError(
            f"{row.place}: Speaker is {row.cells['Speaker']!r}, wanted a list such as ['Ross Geller']"
        )
    return " & ".join(names)


def _seconds(row: Row, column: str) -> float:
    found = _TIME.fullmatch(row.cells[column])
    if found is None:
        raise DatasetError(f"{row.place}: {column} is {row.cells[column]!r}, wanted HH:MM:SS.mmm")
    hours, minutes, seconds, fraction = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction}")
