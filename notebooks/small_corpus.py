"""A small made-up corpus for the notebooks: sentences of buzzing "words" whose voice and words each tell half.

Anger and happiness are spoken with one raised, loud word; sadness and neutral ones are flat. Anger and sadness have a
dark word in them, happiness has a bright one. So neither voice nor words alone tell the four apart; both together
do. In some clips one of the two cues is missing, as people do not always show what they mean.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from emofuse import load_corpus
from emofuse.audit import audit
from emofuse.datasets.labels import relabel
from emofuse.datasets.packed import write_store
from emofuse.types import Corpus

RATE = 16000
SPEAKERS, TAKES = 15, 4
LABELS = ("ang", "hap", "neu", "sad")
RAISED = {"ang": True, "hap": True, "neu": False, "sad": False}
BRIGHT = ("great", "lovely", "perfect", "wonderful")
DARK = ("awful", "wrong", "terrible", "hopeless")
MEANING = {"ang": DARK, "hap": BRIGHT, "neu": (), "sad": DARK}
PLAIN = (
    "we",
    "it",
    "was",
    "the",
    "train",
    "today",
    "they",
    "came",
    "in",
    "at",
    "noon",
    "with",
    "my",
    "letter",
)
# How often a clip lacks its cue in the voice, and how often in the words.
WITHOUT_VOICE, WITHOUT_WORD = 0.12, 0.12
WORD_DIM = 16
_PAUSE_S = 0.04


class Word(NamedTuple):
    """A word with the times between which it is spoken, in seconds."""

    text: str
    start_s: float
    end_s: float


def make_corpus(folder: Path, *, seed: int = 0) -> Path:
    """Write sounds, word vectors, times of words and ``clips.csv``; returns the path of the list.

    Beside the good clips stand a few that a recipe has to drop: labels nobody agreed on, breath alone, a copy under
    another speaker's name, silence. A corpus that is there is left as it is.
    """
    table = folder / "clips.csv"
    if table.is_file():
        return table
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    meanings = _meanings(rng)
    rows, times, vectors = [], {}, {}
    for speaker in range(SPEAKERS):
        for label in LABELS:
            for take in range(TAKES):
                name = f"s{speaker:02}_{label}{take}"
                said, sound = _clip(label, speaker, rng)
                # One in three happy clips is called excited, as in IEMOCAP.
                called = "exc" if label == "hap" and take == 0 else label
                rows.append(_row(name, called, speaker, " ".join(word.text for word in said)))
                times[name], vectors[name] = said, [meanings[word.text] for word in said]
                soundfile.write(folder / f"wav/{name}.wav", sound, RATE)
    for name, called, speaker, said, sound in _unfit(rng):
        rows.append(_row(name, called, speaker, " ".join(word.text for word in said)))
        times[name], vectors[name] = said, [meanings[word.text] for word in said]
        soundfile.write(folder / f"wav/{name}.wav", sound, RATE)
    copied = folder / "wav/s14_copy.wav"
    copied.write_bytes((folder / "wav/s00_ang0.wav").read_bytes())
    rows.append({**rows[0], "id": "s14_copy", "media": "wav/s14_copy.wav", "speaker": "s14"})
    rows[-1]["vector.text"] = rows[0]["vector.text"]
    times["s14_copy"] = times["s00_ang0"]
    # Context shifts what a word means a little, so that no two vectors of a word are the same.
    shifted = {
        name: np.stack(one) + 0.3 * rng.normal(size=(len(one), WORD_DIM)) for name, one in vectors.items()
    }
    np.savez(folder / "words.npz", **{name: one.astype(np.float32) for name, one in shifted.items()})
    (folder / "times.json").write_text(json.dumps(times), encoding="utf-8")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table


def word_times(folder: Path) -> dict[str, list[Word]]:
    """The words of each clip by its id, with their times."""
    found = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    return {name: [Word(*word) for word in words] for name, words in found.items()}


def _meanings(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A vector ``(WORD_DIM,)`` for each word; bright ones lie together, and dark ones do."""
    found = {word: rng.normal(size=WORD_DIM) for word in (*PLAIN, *BRIGHT, *DARK, "++breath++")}
    for words in (BRIGHT, DARK):
        common = rng.normal(size=WORD_DIM)
        found |= {word: common + 0.5 * found[word] for word in words}
    return found


def make_store(folder: Path) -> Corpus:
    """The corpus as the first notebook leaves it: cleaned, with four labels, as a store in ``folder / "store"``."""
    store = folder / "store"
    if not store.is_dir():
        write_store(clean(load_corpus("listed", make_corpus(folder / "corpus"))), store)
    return load_corpus("packed", store)


def clean(corpus: Corpus) -> Corpus:
    """The four labels that somebody agreed on, of clips with words that can be heard, each of them once."""
    bad = unusable(corpus)
    clips = [clip for clip in corpus.clips if clip.label not in ("xxx", "fru") and clip.id not in bad]
    spoken = tuple(clip for clip in clips if clip.text and not clip.text.startswith("++"))
    labels = tuple(sorted({clip.label for clip in spoken if clip.label}))
    return relabel(replace(corpus, clips=spoken, task=replace(corpus.task, labels=labels)), "quadrant4")


def unusable(corpus: Corpus) -> set[str]:
    """The ids of clips that an audit of their sound finds silent, or to be copies of others."""
    report = audit(corpus, checks=("media", "duplicates"))
    silent = {found["id"] for one in report.findings if one.check == "media" for found in one.evidence}
    groups = [group for one in report.findings if one.check == "duplicates" for group in one.evidence]
    return silent | {name for group in groups for name in group[1:]}


def _row(name: str, label: str, speaker: int, text: str) -> dict[str, str]:
    return {
        "id": name, "media": f"wav/{name}.wav", "text": text, "vector.text": f"words.npz#{name}",
        "label": label, "speaker": f"s{speaker:02}",
    }  # fmt: skip


def _clip(label: str, speaker: int, rng: np.random.Generator) -> tuple[list[Word], np.ndarray]:
    words = list(rng.choice(PLAIN, size=rng.integers(3, 6)))
    place = int(rng.integers(len(words)))
    if MEANING[label] and rng.random() > WITHOUT_WORD:
        words[place] = str(rng.choice(MEANING[label]))
    raised = place if RAISED[label] and rng.random() > WITHOUT_VOICE else None
    return _spoken(words, raised, speaker, rng)


def _unfit(rng: np.random.Generator) -> list[tuple[str, str, int, list[Word], np.ndarray]]:
    found = []
    for number in range(4):
        label = "xxx" if number < 2 else "fru"
        found.append((f"s0{number}_{label}", label, number, *_clip("ang", number, rng)))
    for number in range(2):
        found.append((f"s0{number}_breath", "neu", number, *_spoken(["++breath++"], None, number, rng)))
    said, sound = _spoken(list(PLAIN[:4]), None, 5, rng)
    return [*found, ("s05_silent", "sad", 5, said, np.zeros_like(sound))]


def _spoken(
    words: list[str], raised: int | None, speaker: int, rng: np.random.Generator
) -> tuple[list[Word], np.ndarray]:
    """Each word a tone with overtones at the speaker's pitch, which wanders a little; the raised one up and loud."""
    base_hz, clock, said, parts = 105 + 9 * speaker, 0.0, [], []
    for place, text in enumerate(words):
        length_s = 0.10 + 0.025 * len(text)
        hertz = base_hz * rng.uniform(0.94, 1.06) * (1.6 if place == raised else 1.0)
        level = rng.uniform(0.05, 0.09) * (2.5 if place == raised else 1.0)
        at = np.arange(int(length_s * RATE)) / RATE
        overtones = sum(np.sin(2 * np.pi * hertz * k * at) / k for k in range(1, 7))
        shape = np.sin(np.pi * np.linspace(0, 1, len(at))) ** 0.5
        parts += [level * shape * overtones, np.zeros(int(_PAUSE_S * RATE))]
        said.append(Word(text, round(clock, 3), round(clock + length_s, 3)))
        clock += length_s + _PAUSE_S
    sound = np.concatenate(parts)
    return said, (sound + 0.002 * rng.normal(size=len(sound))).astype(np.float32)
