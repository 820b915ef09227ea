"""MELD: turns of dialogues from the series Friends, 7 emotions or 3 sentiments.

Paper: Poria et al. 2019, https://arxiv.org/abs/1810.02508
Layout: ``train_sent_emo.csv dev_sent_emo.csv test_sent_emo.csv`` (the dyadic variant: ``*_sent_emo_dya.csv``), and
where they are there the clips ``dia<D>_utt<U>.mp4`` (or flv, avi, mkv, wav, flac) in the folders of the published
archives. Ids start anew in each split, so that the split goes into ours.
"""

import re
import tarfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from emofuse.datasets.label_counts import by_split, label_note
from emofuse.datasets.rows import Row, choose, count_note, read_rows
from emofuse.datasets.unpacked import unpack_nested
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Poria, Hazarika, Majumder, Naik, Cambria & Mihalcea (2019). MELD: A Multimodal Multi-Party Dataset "
    "for Emotion Recognition in Conversations. ACL."
)
LICENCE = "GPL-3.0 for the annotations; the recordings belong to the makers of the series"
CONSENT = "consent: actors in a scripted comedy with a laugh track; not how people feel off stage"
EMOTIONS = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
SENTIMENTS = ("neutral", "positive", "negative")
METRICS = ("weighted_f1", "accuracy", "macro_f1", "uar")
PUBLISHED = {"train": 9989, "valid": 1109, "test": 2610}
PUBLISHED_LABELS = {
    "emotion": {
        "neutral": (4710, 470, 1256), "surprise": (1205, 150, 281), "fear": (268, 40, 50), "sadness": (683, 111, 208),
        "joy": (1743, 163, 402), "disgust": (271, 22, 68), "anger": (1109, 153, 345),
    },
    "sentiment": {"neutral": (4710, 470, 1256), "positive": (2334, 233, 521), "negative": (2945, 406, 833)},
}  # fmt: skip
LONG_S = 60.0

_TASKS = {"emotion": ("Emotion", EMOTIONS), "sentiment": ("Sentiment", SENTIMENTS)}
_SPLITS = {"train": "train", "dev": "valid", "test": "test"}
_FOLDERS = {
    "train": ("train_splits", "train"),
    "dev": ("dev_splits_complete", "dev"),
    "test": ("output_repeated_splits_test", "test_splits", "test"),
}
# Picture before sound.
_ENDS = ("mp4", "flv", "avi", "mkv", "wav", "flac")
_UNREADABLE = ("train_dia125_utt3", "dev_dia110_utt7")
_COLUMNS = (
    *("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"),
    *("Season", "Episode", "StartTime", "EndTime"),
)


class _Variant(NamedTuple):
    """What its tables end on, how its dialogues are called in our ids, and where the clip's numbers stand."""

    ending: str
    mark: str
    clip: tuple[str, str]


VARIANTS = {
    "multiparty": _Variant("", "dia", ("Dialogue_ID", "Utterance_ID")),
    "dyadic": _Variant("_dya", "dya", ("Old_Dialogue_ID", "Old_Utterance_ID")),
}

_STRAY = re.compile(r"[\x80-\x9f]")
_TIME = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})")


def read_meld(
    path: Path,
    *,
    task: str = "emotion",
    variant: str = "multiparty",
    unpack_to: str | Path | None = None,
) -> Corpus:
    """Read the official splits in file order; ``task`` is ``"emotion"`` (7) or ``"sentiment"`` (3).

    ``variant="dyadic"`` reads the dialogues of two that the authors cut out of the others: a turn may be in
    several, under ids of their own. A clip with media is the whole of its file; without, ``start_s`` and
    ``end_s`` count from the first start of its dialogue, as they are published (one turn has no length).
    ``path`` may be the release's ``MELD.Raw.tar.gz``, which is unpacked, archives inside it too, below
    ``unpack_to``.

    Raises:
        ConfigError: an option is unknown, or an archive comes without ``unpack_to``.
        DatasetError: a table is absent, or a row does not hold.
    """
    column, labels = _TASKS[choose("task", task, _TASKS)]
    kind = VARIANTS[choose("variant", variant, VARIANTS)]
    path = _folder(path, unpack_to)
    clips: list[Clip] = []
    notes = [CONSENT, "speakers and episodes are shared by the official splits"]
    for name in _SPLITS:
        table = _table(path, f"{name}_sent_emo{kind.ending}.csv")
        rows = list(read_rows(table, dict.fromkeys((*_COLUMNS, *kind.clip))))
        turns = _relative([_clip(row, f"{name}_{kind.mark}", row.one_of(column, labels)) for row in rows])
        notes += _faults(turns, name)
        places = ["dia{}_utt{}".format(*(row.whole(number) for number in kind.clip)) for row in rows]
        if repeated := len(places) - len(set(places)):
            notes.append(
                f"{repeated} of {len(places)} turns of {name} are also in another of its dialogues"
            )
        files = _media_folder((table.parent, path), name)
        clips += [_with_media(*one, files, name) for one in zip(turns, places, strict=True)]
    notes.append(_media_note(clips))
    if variant == "multiparty":
        found = {split: sum(clip.split == split for clip in clips) for split in PUBLISHED}
        notes += count_note(found, PUBLISHED)
        notes += label_note(clips, by_split(PUBLISHED_LABELS[task]))
    spec = TaskSpec(labels=labels, metrics=METRICS)
    return Corpus("meld", tuple(clips), spec, CITATION, LICENCE, tuple(notes))


def _folder(path: Path, unpack_to: str | Path | None) -> Path:
    if not (path.is_file() and tarfile.is_tarfile(path)):
        return path
    if unpack_to is None:
        raise ConfigError(f"{path}: is an archive; unpack_to names the folder that it is unpacked into")
    return unpack_nested(path, Path(unpack_to))


def _table(root: Path, name: str) -> Path:
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        for table in sorted(root.glob(pattern)):
            if table.is_file():
                return table
    raise DatasetError(f"{root}: no {name} here or up to two folders below")


def _clip(row: Row, mark: str, label: str) -> Clip:
    cells = row.cells
    dialogue, turn = f"{mark}{row.whole('Dialogue_ID')}", row.whole("Utterance_ID")
    return Clip(
        id=f"{dialogue}_utt{turn}",
        text=_mended(cells["Utterance"]),
        label=label,
        speaker=_mended(cells["Speaker"]),
        dialogue=dialogue,
        turn=turn,
        source=f"s{row.whole('Season'):02d}e{row.whole('Episode'):02d}",
        split=_SPLITS[mark.partition("_")[0]],
        start_s=_seconds(row, "StartTime"),
        end_s=_seconds(row, "EndTime"),
    )


def _mended(text: str) -> str:
    # Windows-1252 quotes that were taken for Latin-1 stand as control characters, U+0080 to U+009F.
    return _STRAY.sub(lambda found: found[0].encode("latin-1").decode("cp1252", "replace"), text)


def _seconds(row: Row, column: str) -> float:
    found = _TIME.fullmatch(row.cells[column])
    if found is None:
        raise DatasetError(f"{row.place}: {column} is {row.cells[column]!r}, wanted HH:MM:SS,mmm")
    hours, minutes, seconds, fraction = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction}")


def _relative(clips: list[Clip]) -> list[Clip]:
    first: dict[str, float] = defaultdict(lambda: float("inf"))
    for clip in clips:
        first[str(clip.dialogue)] = min(first[str(clip.dialogue)], clip.start_s or 0.0)
    placed = []
    for clip in clips:
        zero = first[str(clip.dialogue)]
        # Milliseconds are what the table states; the subtraction must not add digits.
        start_s, end_s = (round((time or 0.0) - zero, 3) for time in (clip.start_s, clip.end_s))
        placed.append(replace(clip, start_s=start_s, end_s=end_s))
    return placed


def _faults(clips: list[Clip], split: str) -> list[str]:
    notes = []
    lengths = {clip.id: (clip.end_s or 0.0) - (clip.start_s or 0.0) for clip in clips}
    if empty := [name for name, length in lengths.items() if length <= 0]:
        notes.append(f"no length: {', '.join(empty)}")
    if long := [f"{name} ({length:.1f} s)" for name, length in lengths.items() if length > LONG_S]:
        notes.append(f"longer than {LONG_S:g} s: {', '.join(long)}")
    numbers = {int(str(clip.dialogue).partition("_")[2][3:]) for clip in clips}
    if absent := sorted(set(range(max(numbers, default=-1) + 1)) - numbers):
        shown = ", ".join(map(str, absent[:10])) + (" ..." if len(absent) > 10 else "")
        notes.append(f"{split} has no dialogue {shown}")
    return notes


def _media_folder(roots: tuple[Path, Path], split: str) -> dict[str, Path]:
    for root in dict.fromkeys(roots):
        for name in _FOLDERS[split]:
            for folder in (root / name, *sorted(root.glob(f"*/{name}")), *sorted(root.glob(f"*/*/{name}"))):
                files = {
                    file.stem: file for end in reversed(_ENDS) for file in folder.glob(f"dia*_utt*.{end}")
                }
                if files:
                    return files
    return {}


def _with_media(clip: Clip, place: str, files: dict[str, Path], split: str) -> Clip:
    media = files.get(place)
    if media is None or f"{split}_{place}" in _UNREADABLE:
        return clip
    return replace(clip, media=media, start_s=None, end_s=None)


def _media_note(clips: list[Clip]) -> str:
    bare = [clip.id for clip in clips if clip.media is None]
    if len(bare) == len(clips):
        return "no media found: text only"
    shown = ", ".join(bare[:10]) + (" ..." if len(bare) > 10 else "")
    return f"{len(clips) - len(bare)} clips have media; {len(bare)} do not: {shown or 'none'}"
