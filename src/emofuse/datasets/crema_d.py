"""CREMA-D: 91 actors say twelve sentences in 6 emotions, 7,442 clips with crowd votes.

Paper: Cao et al. 2014, https://doi.org/10.1109/TAFFC.2014.2336244
Layout: ``NNNN_SSS_EEE_LL.wav`` (or mp3, flac, flv, mp4) at any depth, ``VideoDemographics.csv``, and
``processedResults/tabulatedVotes.csv`` with the crowd's votes on the sound, the picture, and both of each clip.
"""

from pathlib import Path

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.media_names import Found, ends, left_out, named_media
from emofuse.datasets.rows import Row, choose, count_note, read_rows
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Cao, Cooper, Keutmann, Gur, Nenkova & Verma (2014). CREMA-D: Crowd-Sourced Emotional Multimodal Actors "
    "Dataset. IEEE Transactions on Affective Computing 5(4)."
)
LICENCE = "Open Database License 1.0"
CONSENT = "consent: actors, recorded for research; not how people feel off stage"
EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
LABELS = tuple(EMOTIONS.values())
LEVELS = {"LO": 1.0, "MD": 2.0, "HI": 3.0}
SENTENCES = {
    "IEO": "It's eleven o'clock", "TIE": "That is exactly what happened", "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about", "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold", "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment", "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before", "TSI": "The surface is slick", "WSI": "We'll stop in a couple of minutes",
}  # fmt: skip
PUBLISHED = 7442
PUBLISHED_LABELS = dict.fromkeys(LABELS, 1271) | {"neutral": 1087}
TARGETS = ("intended", "voted")
# What the raters had before them is the first digit of a row's number.
PRESENTED = {"audio": "1", "video": "2", "audio_video": "3"}

_PATTERN = rf"(1\d{{3}})_({'|'.join(SENTENCES)})_({'|'.join(EMOTIONS)})_(XX|X|LO|MD|HI){ends()}"
_VOTES = {"A": "anger", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}


def read_crema_d(path: Path, *, target: str = "intended", presented: str = "audio_video") -> Corpus:
    """Read the takes, sorted by name. ``target`` is the emotion that was asked of the actor, or the shares of
    the crowd's votes (needs ``tabulatedVotes.csv``; a tie has shares and no label), given to those who were
    ``presented`` the ``"audio"``, the ``"video"`` or ``"audio_video"``.

    ``ratings["intensity"]`` is 1 to 3 where a level was asked for; ``facts`` are the actor's gender and age where
    ``VideoDemographics.csv`` is there. There is no official split.

    Raises:
        ConfigError: an option is unknown.
        DatasetError: no take is found, or the votes cannot be read.
    """
    choose("target", target, TARGETS)
    choose("presented", presented, PRESENTED)
    found, spare = named_media(path, _PATTERN)
    if not found:
        raise DatasetError(f"{path}: no file named NNNN_SSS_EEE_LL.wav, .mp3, .flac, .flv or .mp4")
    votes = _votes(path, PRESENTED[presented]) if target == "voted" else {}
    actors = _actors(path)
    clips = tuple(_clip(one, votes, actors) for one in found)
    if target == "voted" and (bare := [clip.id for clip in clips if not clip.shares]):
        raise DatasetError(f"{path}: {len(bare)} clips have no votes on {presented}, first {bare[0]}")
    odd = label_note(clips, {None: PUBLISHED_LABELS}) if target == "intended" else ()
    notes = (
        CONSENT,
        "all actors say the same twelve sentences: speaker-disjoint is not sentence-disjoint",
        *count_note({"clips": len(clips)}, {"clips": PUBLISHED}),
        *odd,
        *left_out(spare),
    )
    rated = ("intensity",) if any(clip.ratings for clip in clips) else ()
    task = TaskSpec(labels=LABELS, ratings=rated, rating_range=(1.0, 3.0) if rated else (-1.0, 1.0))
    return Corpus("crema_d", clips, task, CITATION, LICENCE, notes)


def _clip(found: Found, votes: dict[str, dict[str, float]], actors: dict[str, dict[str, str]]) -> Clip:
    match, media = found
    actor, sentence, emotion, level = (part.upper() for part in match.groups())
    name = f"{actor}_{sentence}_{emotion}_{level}"
    shares = votes.get(name, {})
    top = [label for label, share in shares.items() if share == max(shares.values())]
    return Clip(
        id=name,
        media=media,
        text=SENTENCES[sentence],
        label=(top[0] if len(top) == 1 else None) if shares else EMOTIONS[emotion],
        shares=shares,
        ratings={"intensity": LEVELS[level]} if level in LEVELS else {},
        speaker=actor,
        facts=actors.get(actor, {}),
    )


def _actors(path: Path) -> dict[str, dict[str, str]]:
    """By actor, what the demographics tell; nothing where there is no table."""
    folder = path if path.is_dir() else path.parent
    table = next(iter(sorted(folder.rglob("VideoDemographics.csv"))), None)
    found = {}
    for row in read_rows(table, ("ActorID", "Age", "Sex")) if table else ():
        decade = row.whole("Age") // 10 * 10
        found[row.cells["ActorID"]] = {
            "gender": row.cells["Sex"].lower(), "age": f"{decade} to {decade + 9}",
        }  # fmt: skip
    return found


def _votes(path: Path, presented: str) -> dict[str, dict[str, float]]:
    folder = path if path.is_dir() else path.parent
    table = next(iter(sorted(folder.rglob("tabulatedVotes.csv"))), None)
    if table is None:
        raise DatasetError(f"{folder}: no tabulatedVotes.csv, which holds the crowd's votes")
    rows = read_rows(table, tuple(_VOTES))
    # The column of the rows' numbers has no name.
    chosen = (row for row in rows if _cell(row, "").startswith(presented))
    return {_cell(row, "fileName", "FileName"): _shares(row) for row in chosen}


def _cell(row: Row, *columns: str) -> str:
    for column in columns:
        if column in row.cells:
            return row.cells[column]
    wanted = columns[0] or "without a name that numbers the rows"
    raise DatasetError(f"{row.place}: no column {wanted}; found {', '.join(row.cells)}")


def _shares(row: Row) -> dict[str, float]:
    counts = {label: row.whole(letter) for letter, label in _VOTES.items()}
    total = sum(counts.values())
    return {label: count / total for label, count in counts.items() if count}
