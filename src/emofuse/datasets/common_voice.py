"""Common Voice: sentences read aloud by volunteers in many languages. It has no emotions.

Paper: Ardila et al. 2020, https://aclanthology.org/2020.lrec-1.520
Layout: ``cv-corpus-<version>/<locale>/{train,dev,test,validated}.tsv`` (``client_id path sentence ...``, quoting
off) beside ``clips/*.mp3``, or an uncompressed tar of them; ``path`` may be the folder of the locale or one above.
Useful for streams of training without labels, and to test speech recognition and extractors on many voices.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from emofuse.datasets.media_names import files_of
from emofuse.datasets.rows import Row, choose, read_rows
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus, TaskSpec

CITATION = (
    "Ardila, Branson, Davis, Henretty, Kohler, Meyer, Morais, Saunders, Tyers & Weber (2020). Common Voice: A "
    "Massively-Multilingual Speech Corpus. LREC."
)
LICENCE = "CC0 1.0; whoever downloads it agrees not to determine who the speakers are"
CONSENT = "consent: volunteers gave their recordings to the public; they read sentences and show no emotion on purpose"
PARTS: Mapping[str, Mapping[str, str | None]] = {
    "splits": {"train": "train", "dev": "valid", "test": "test"},
    "validated": {"validated": None},
}

_COLUMNS = ("client_id", "path", "sentence")
_ENDS = (".mp3", ".wav", ".flac")


def read_common_voice(path: Path, *, locale: str | None = None, parts: str = "splits") -> Corpus:
    """Read sentences in file order, without labels; ``speaker`` is the pseudonym ``client_id``.

    ``parts="splits"`` reads the official train, dev and test (no speaker is in two), ``"validated"`` all that
    listeners approved, without a split. ``locale`` chooses the language where several are below ``path``.

    Raises:
        ConfigError: ``parts`` is unknown, or ``locale`` is absent or has to be named.
        DatasetError: no table is there, or a row does not hold.
    """
    tables = PARTS[choose("parts", parts, PARTS)]
    folder = _folder(path, locale, f"{next(iter(tables))}.tsv")
    place = folder / "clips" if (folder / "clips").is_dir() else folder
    files = {PurePosixPath(name).name: file for name, file in files_of(place, _ENDS).items()}
    clips = tuple(
        _clip(row, files, split)
        for name, split in tables.items()
        for row in read_rows(folder / f"{name}.tsv", _COLUMNS, tabs=True)
    )
    if not clips:
        raise DatasetError(f"{folder}: the tables have no row")
    notes = [CONSENT, "there are no labels: for streams without labels, or for speech and text alone"]
    if bare := sum(clip.media is None for clip in clips):
        notes.append(f"{bare} sentences have no file in clips: text only")
    return Corpus("common_voice", clips, TaskSpec(), CITATION, LICENCE, tuple(notes))


def _folder(path: Path, locale: str | None, table: str) -> Path:
    if (path / table).is_file() and locale in (None, path.name):
        return path
    found = {
        file.parent.name: file.parent for depth in ("*", "*/*") for file in path.glob(f"{depth}/{table}")
    }
    if not found:
        raise DatasetError(f"{path}: no {table} here or in the folder of a locale")
    if locale is None and len(found) > 1:
        raise ConfigError(f"locale is not named; {path} holds {', '.join(sorted(found))}")
    return found[choose("locale", locale or next(iter(found)), sorted(found))]


def _clip(row: Row, files: dict[str, Path | ArchiveMember], split: str | None) -> Clip:
    name = row.cells["path"]
    if not name or "/" in name or "\\" in name:
        raise DatasetError(f"{row.place}: path is {name!r}, wanted the name of a file in clips")
    # Early releases leave the ending out.
    media = next((files[f"{name}{end}"] for end in ("", *_ENDS) if f"{name}{end}" in files), None)
    return Clip(
        id=name.removesuffix(".mp3"),
        media=media,
        text=row.cells["sentence"] or None,
        speaker=row.cells["client_id"] or None,
        split=split,
    )
