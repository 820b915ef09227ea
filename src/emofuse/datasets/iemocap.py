"""IEMOCAP: ten actors in five sessions, scripted and improvised, emotions by several raters.

Paper: Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6
Layout: the release's ``Session{1..5}/dialog/EmoEvaluation/*.txt``, ``dialog/transcriptions``, ``sentences/wav``
and ``dialog/avi/DivX``, at the root or below ``IEMOCAP_full_release``.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from emofuse.datasets.label_counts import label_note
from emofuse.datasets.rows import choose, count_note
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, Media, TaskSpec

CITATION = (
    "Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee & Narayanan (2008). IEMOCAP: Interactive Emotional "
    "Dyadic Motion Capture Database. Language Resources and Evaluation 42(4)."
)
LICENCE = "research use, on agreement with USC"
CONSENT = "consent: actors, recorded for research; not how people feel off stage"
CODES = {
    "ang": "anger", "hap": "happiness", "exc": "excitement", "sad": "sadness", "neu": "neutral",
    "fru": "frustration", "fea": "fear", "sur": "surprise", "dis": "disgust", "oth": "other",
}  # fmt: skip
SETS = {
    "4": ("anger", "happiness", "sadness", "neutral"),
    "6": ("happiness", "sadness", "neutral", "anger", "excitement", "frustration"),
    "all": tuple(CODES.values()),
}
# Turns of a majority, as the release's evaluation files give it. The processed dialogues that models of conversation
# share count 7,433 turns of six emotions: 53 more of happiness.
_MAJORITIES = {
    "anger": 1103, "happiness": 595, "excitement": 1041, "sadness": 1084, "neutral": 1708, "frustration": 1849,
    "fear": 40, "surprise": 107, "disgust": 2, "other": 3,
}  # fmt: skip
PUBLISHED_LABELS = {name: {label: _MAJORITIES[label] for label in labels} for name, labels in SETS.items()}
PUBLISHED_LABELS["4"]["happiness"] += _MAJORITIES["excitement"]
PUBLISHED = {"4": 5531, "6": 7380, "all": 10039}
MEDIA = ("wav", "avi", "none")
BOUNDS = (1.0, 5.0)

_SUMMARY = re.compile(
    r"\[(\d+\.\d+) - (\d+\.\d+)\]\t(Ses0[1-5][FM]_\w+?_[FM]\w?\d+)\t(\w{3})\t\[([\d.]+), ([\d.]+), ([\d.]+)\]\s*"
)
_VOTE = re.compile(r"C-([EFM]\d):\t(.*?)(?:\t.*)?")
_WORDS = re.compile(r"(\w+) \[[\d.]+-[\d.]+\]: ?(.*)")
_VOTED = {"neutral state": "neutral", "excited": "excitement"}
_RATINGS = ("valence", "arousal", "dominance")


class _Turn(NamedTuple):
    """One block of an evaluation file."""

    name: str
    start_s: float
    end_s: float
    code: str
    ratings: dict[str, float]
    votes: list[str]


def read_iemocap(
    path: Path, *, labels: str | int = "4", media: str = "wav", target: str = "majority"
) -> Corpus:
    """Read turns by session, dialogue and time.

    ``labels`` is ``"4"`` (anger, happiness with excitement, sadness, neutral), ``"6"`` or ``"all"`` (turns
    without a majority too): 5,531, 7,380 and 10,039 turns in the release.

    ``media`` is the turn's own ``"wav"``, the dialogue's ``"avi"`` cut by its times, or ``"none"``. With
    ``target="votes"`` the evaluators' votes are ``shares``. Ratings are valence, arousal (activation) and
    dominance from 1 to 5. ``source`` is the session, ``speaker`` session and sex (``Ses01F``); splits by
    ``source`` leave a session out, by ``speaker`` an actor.

    Raises:
        ConfigError: an option is unknown.
        DatasetError: no session is there, or a file does not hold.
    """
    labels = choose("labels", str(labels), SETS)
    choose("media", media, MEDIA)
    choose("target", target, ("majority", "votes"))
    sessions = _sessions(path)
    clips = []
    for session in sessions:
        words = _transcripts(session / "dialog" / "transcriptions")
        for file in sorted((session / "dialog" / "EmoEvaluation").glob("Ses*.txt")):
            for turn in _turns(file):
                clip = _clip(turn, session, words, labels, target)
                if clip is not None:
                    clips.append(clip)
    if not clips:
        raise DatasetError(f"{path}: no turn with a label of set {labels!r}")
    folders = {session.name: session for session in sessions}
    numbered = tuple(_placed(clip, folders[str(clip.source)], media) for clip in _numbered(clips))
    notes = [CONSENT, "the sessions share their scripts: session-disjoint is not sentence-disjoint"]
    if target == "majority":
        notes += count_note({"turns": len(numbered)}, {"turns": PUBLISHED[labels]})
        notes += label_note(numbered, {None: PUBLISHED_LABELS[labels]})
    if media == "wav" and (bare := sum(clip.media is None for clip in numbered)):
        notes.append(f"{bare} turns have no wav")
    task = TaskSpec(SETS[labels], _RATINGS, BOUNDS, ("accuracy", "uar", "weighted_f1", "macro_f1"))
    return Corpus("iemocap", numbered, task, CITATION, LICENCE, tuple(notes))


def _sessions(path: Path) -> list[Path]:
    for root in (path, path / "IEMOCAP_full_release"):
        if found := sorted(root.glob("Session[1-5]")):
            return found
    raise DatasetError(f"{path}: no folder Session1 to Session5 here or in IEMOCAP_full_release")


def _turns(file: Path) -> Iterator[_Turn]:
    turn: _Turn | None = None
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.startswith("["):
            match = _SUMMARY.fullmatch(line)
            if match is None:
                raise DatasetError(f"{file}:{number}: {line!r} is no [start - end] TURN code [V, A, D]")
            if turn is not None:
                yield turn
            start, end, name, code, *rated = match.groups()
            ratings = {key: float(value) for key, value in zip(_RATINGS, rated, strict=True)}
            known = {key: value for key, value in ratings.items() if BOUNDS[0] <= value <= BOUNDS[1]}
            turn = _Turn(name, float(start), float(end), code, known, [])
        # What the actors said of themselves (F, M) is no evaluator's vote.
        elif turn is not None and (vote := _VOTE.fullmatch(line)) and vote[1].startswith("E"):
            turn.votes.extend(part.strip().lower() for part in vote[2].split(";") if part.strip())
    if turn is not None:
        yield turn


def _transcripts(folder: Path) -> dict[str, str]:
    words = {}
    for file in sorted(folder.glob("Ses*.txt")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            # Lines without times are breathing and noises between turns.
            if match := _WORDS.fullmatch(line.strip()):
                words[match[1]] = match[2].strip()
    return words


def _clip(turn: _Turn, session: Path, words: dict[str, str], labels: str, target: str) -> Clip | None:
    known = SETS[labels]
    shares: dict[str, float] = {}
    if target == "votes":
        votes = [label for vote in turn.votes if (label := _named(_VOTED.get(vote, vote), labels)) in known]
        shares = {label: votes.count(label) / len(votes) for label in dict.fromkeys(votes)}
    label = _named(CODES.get(turn.code), labels)
    label = label if label in known else None
    if label is None and not shares and labels != "all":
        return None
    dialogue = turn.name.rpartition("_")[0]
    sex = turn.name.rpartition("_")[2][0]
    return Clip(
        id=turn.name, text=words.get(turn.name), label=label, shares=shares, ratings=turn.ratings,
        speaker=f"{turn.name[:5]}{sex}", dialogue=dialogue, source=session.name, start_s=turn.start_s, end_s=turn.end_s,
        facts={
            "gender": "female" if sex == "F" else "male",
            "scenario": "improvised" if "impro" in dialogue else "scripted",
        },
    )  # fmt: skip


def _named(label: str | None, labels: str) -> str | None:
    return "happiness" if labels == "4" and label == "excitement" else label


def _placed(clip: Clip, session: Path, media: str) -> Clip:
    if media == "wav":
        folder = session / "sentences" / "wav" / str(clip.dialogue)
        found = next(
            (file for end in ("wav", "flac") if (file := folder / f"{clip.id}.{end}").is_file()), None
        )
        return replace(clip, media=found, start_s=None, end_s=None) if found else clip
    if media == "avi":
        files = (session / "dialog" / "avi" / "DivX" / f"{clip.dialogue}.{end}" for end in ("avi", "mp4"))
        picture: Media | None = next((file for file in files if file.is_file()), None)
        return replace(clip, media=picture)
    return clip


def _numbered(clips: list[Clip]) -> list[Clip]:
    """Turns of a dialogue in the order of time; files hold them as they come."""
    dialogues: dict[str, list[Clip]] = {}
    for clip in clips:
        dialogues.setdefault(str(clip.dialogue), []).append(clip)
    return [
        replace(clip, turn=number)
        for turns in dialogues.values()
        for number, clip in enumerate(sorted(turns, key=lambda clip: (clip.start_s or 0.0, clip.id)))
    ]
