"""CH-SIMS and CH-SIMS v2: Mandarin film and series clips, sentiment from -1 to 1, also of each modality alone.

Papers: Yu et al. 2020, https://aclanthology.org/2020.acl-main.343; Liu et al. 2022, https://arxiv.org/abs/2209.02604
Layouts: ``ch_sims.csv`` (``id split label chinese english``); the first release (``metadata/sentiment/
label_{M,T,A,V}.csv``, ``metadata/*_index.csv``, ``metadata/Translation.csv``, ``Raw/``); v2's ``meta.csv`` or
MMSA's ``label.csv`` with ``Raw/``. ``Raw.tar`` may stand for ``Raw/``.
"""

from dataclasses import replace
from pathlib import Path

from emofuse.datasets.mmsa_folder import raw_files, read_mmsa_folder
from emofuse.datasets.rows import SPLIT_NAMES, Row, choose, count_note, read_rows
from emofuse.datasets.sentiment_labels import renamed, sentiment_label, sentiment_task, split_counts
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus

CITATION = (
    "Yu, Xu, Meng, Zhu, Ma, Wu, Zou & Yang (2020). CH-SIMS: A Chinese Multimodal Sentiment Analysis Dataset with "
    "Fine-grained Annotation of Modality. ACL. v2: Liu et al. (2022). ICMI."
)
LICENCE = "research use"
CONSENT = "consent: actors in films, series and shows; the clips belong to their makers"
PUBLISHED = {
    "1": {"train": 1368, "valid": 456, "test": 457},
    "2": {"train": 2722, "valid": 647, "test": 1034},
}
BOUNDS = (-1.0, 1.0)
LANGUAGES = ("chinese", "english")
# Of a clip's number, in the files.
DIGITS = 4

_LETTERS = {"M": "sentiment", "T": "sentiment_text", "A": "sentiment_audio", "V": "sentiment_vision"}


def read_ch_sims(
    path: Path, *, task: str = "sentiment", version: str | int = "1", language: str = "chinese"
) -> Corpus:
    """Read the clips in file order; ratings are ``sentiment`` and, where they are published,
    ``sentiment_text``, ``sentiment_audio`` and ``sentiment_vision``. English texts are those of the column
    ``english``, or of ``Translation.csv``.

    Raises:
        ConfigError: an option is unknown.
        DatasetError: no known layout is there, the language is not, or a row does not hold.
    """
    wanted = PUBLISHED[choose("version", str(version), PUBLISHED)]
    choose("language", language, LANGUAGES)
    if (path / "ch_sims.csv").is_file():
        corpus = _plain(path / "ch_sims.csv", task, language)
    elif (path / "metadata" / "sentiment" / "label_M.csv").is_file():
        corpus = _first_release(path, task, language)
    else:
        table = next((name for name in ("meta.csv", "label.csv") if (path / name).is_file()), None)
        if table is None:
            raise DatasetError(
                f"{path}: no ch_sims.csv, metadata/sentiment, meta.csv or label.csv is there"
            )
        corpus = _second_release(path, table, task, language)
    notes = (CONSENT, *count_note(split_counts(corpus.clips), wanted))
    return renamed(corpus, "ch_sims", CITATION, LICENCE, notes)


def _plain(table: Path, task: str, language: str) -> Corpus:
    spec = sentiment_task(task, ("sentiment",), BOUNDS)
    clips = []
    for row in read_rows(table, ("id", "split", "label", *LANGUAGES)):
        video, _, number = row.cells["id"].rpartition("_")
        value = row.number("label", *BOUNDS)
        clips.append(
            Clip(
                id=f"{video}$_${number}",
                text=row.cells[language] or None,
                label=sentiment_label(value, task),
                ratings={"sentiment": value},
                dialogue=video,
                turn=int(number) if number.isdecimal() else None,
                source=video,
                split=SPLIT_NAMES[row.one_of("split", SPLIT_NAMES)],
            )
        )
    return Corpus("ch_sims", tuple(clips), spec)


def _first_release(path: Path, task: str, language: str) -> Corpus:
    folder = path / "metadata"
    tables = {
        name: list(read_rows(table, ("video_id", "clip_id", "label")))
        for letter, name in _LETTERS.items()
        if (table := folder / "sentiment" / f"label_{letter}.csv").is_file()
    }
    if odd := [name for name, rows in tables.items() if len(rows) != len(tables["sentiment"])]:
        counts = f"{len(tables[odd[0]])} rows, sentiment has {len(tables['sentiment'])}"
        raise DatasetError(f"{folder}: the labels of {odd[0]} have {counts}")
    words = _translations(folder / "Translation.csv", language)
    files = raw_files(path, DIGITS)
    roles = _roles(folder, len(tables["sentiment"]))
    spec = sentiment_task(task, tuple(tables), BOUNDS)
    clips = []
    for number, row in enumerate(tables["sentiment"]):
        key = _key(row)
        ratings = {name: rows[number].number("label", *BOUNDS) for name, rows in tables.items()}
        clips.append(
            Clip(
                id="$_$".join(key),
                media=files.get(key),
                text=words.get(key),
                label=sentiment_label(ratings["sentiment"], task),
                ratings=ratings,
                dialogue=key[0],
                turn=int(key[1]) if key[1].isdecimal() else None,
                source=key[0],
                split=roles[number],
            )
        )
    return Corpus("ch_sims", tuple(clips), spec)


def _second_release(path: Path, table: str, task: str, language: str) -> Corpus:
    header = next(iter(read_rows(path / table, ("text",))), None)
    columns = {name.lower(): name for name in header.cells} if header else {}
    words = columns.get(language, "text")
    corpus = read_mmsa_folder(path, task=task, table=table, rating_range=BOUNDS, words=words, digits=DIGITS)
    if language == "chinese" or words != "text":
        return corpus
    english = _translations(path / "metadata" / "Translation.csv", language)
    if not english:
        raise DatasetError(f"{path / table}: no column english, and no metadata/Translation.csv beside it")
    texts = (english.get((str(clip.source), clip.id.rpartition("$_$")[2])) for clip in corpus.clips)
    return corpus.with_clips(
        tuple(replace(clip, text=text) for clip, text in zip(corpus.clips, texts, strict=True))
    )


def _key(row: Row) -> tuple[str, str]:
    # The tables drop the leading zeros that the files have.
    return row.cells["video_id"], row.cells["clip_id"].lstrip("0").zfill(DIGITS)


def _translations(table: Path, language: str) -> dict[tuple[str, str], str]:
    if not table.is_file():
        return {}
    column = {"chinese": "Chinese", "english": "English"}[language]
    return {_key(row): row.cells[column] for row in read_rows(table, ("video_id", "clip_id", column))}


def _roles(folder: Path, count: int) -> list[str | None]:
    roles: list[str | None] = [None] * count
    for name, split in (("train", "train"), ("val", "valid"), ("test", "test")):
        for row in read_rows(folder / f"{name}_index.csv", ("index",)):
            place = row.whole("index")
            if place >= count or roles[place] is not None:
                found = f"row {place} of {count} labels" if place >= count else f"row {place} twice"
                raise DatasetError(f"{row.place}: names {found}")
            roles[place] = split
    return roles
