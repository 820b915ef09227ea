"""Pickled dialogues of the conversation models: DialogueRNN, MMGCN, MM-DFN, SDT and COSMIC.

Layout: a tuple of dictionaries by dialogue, in the order of one of `LAYOUTS`, strings of Python 2 among
them. MELD's dialogues are numbered through: train 0-1038, validation 1039-1152, test 1153-1432.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.datasets.archives import load_restricted
from emofuse.datasets.blocks import name_of, one_archive
from emofuse.datasets.cleaning import cleaned, fault_notes
from emofuse.datasets.rows import choose
from emofuse.errors import DatasetError
from emofuse.types import Clip, Corpus, TaskSpec

CITATION = (
    "Majumder et al. (2019). DialogueRNN. AAAI; Hu, Liu, Zhao & Jin (2021). MMGCN. ACL; Ghosal et al. (2020). "
    "COSMIC. Findings of EMNLP; and the paper of the corpus itself (IEMOCAP or MELD)."
)
LICENCE = "the layouts are MIT; the features stand under the terms of IEMOCAP or MELD"
CONSENT = "consent: actors; see the corpus that the features were taken from"
IEMOCAP = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
MELD = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
MELD_SENTIMENTS = ("neutral", "positive", "negative")
MELD_VALID = range(1039, 1153)
COSMIC_VALID = (
    *("Ses01M_impro01", "Ses01M_script03_1", "Ses02F_impro02", "Ses02F_impro07", "Ses02M_script01_2"),
    *("Ses03F_impro01", "Ses03M_impro02", "Ses03M_impro08a", "Ses03M_script02_2", "Ses03M_script03_2"),
    *("Ses04F_impro07", "Ses04F_script02_1"),
)
LAYOUTS: tuple[tuple[str, ...], ...] = tuple(
    tuple(order.split())
    for order in (
        "ids speakers labels text audio video sentences train test",
        "ids speakers labels text audio video sentences train test other",
        "ids speakers labels text audio sentences train test sentiment",
        "ids speakers labels text text2 text3 text4 audio video sentences train test",
        "ids speakers labels text text2 text3 text4 audio video sentences train test other",
        "speakers labels sentences train test valid",
        "speakers labels sentiment sentences train test valid",
        "speakers labels text text2 text3 text4 sentences train test valid",
        "speakers labels sentiment text text2 text3 text4 sentences train test valid",
    )
)

_VECTORS = ("text", "text2", "text3", "text4", "audio", "video")


def read_dialogues(path: Path, *, task: str = "emotion", valid: str = "named") -> Corpus:
    """Read one pickle, or a folder that holds one; turns in order, a vector ``(dim,)`` each.

    ``task="sentiment"`` takes the sentiments of MELD where the file has them. ``valid="cosmic"`` puts the twelve
    dialogues of IEMOCAP on validation that COSMIC uses; ``"named"`` those that the file names (MELD's own by
    their numbers). Further text vectors are ``text2`` to ``text4``.

    Raises:
        ConfigError: ``task`` or ``valid`` is not known.
        DatasetError: another order, or a dialogue whose lists differ in length.
    """
    choose("task", task, ("emotion", "sentiment"))
    choose("valid", valid, ("named", "cosmic"))
    file = one_archive(path, (".pkl", ".pickle"))
    parts = _parts(load_restricted(file), file)
    acted = all(str(name).startswith("Ses") for name in parts["labels"])
    if task == "sentiment" and "sentiment" not in parts:
        raise DatasetError(f"{file}: holds no sentiments, found {', '.join(parts)}")
    names = MELD_SENTIMENTS if task == "sentiment" else IEMOCAP if acted else MELD
    labels = parts["sentiment" if task == "sentiment" else "labels"]
    roles = _roles(parts, acted, valid, str(file))
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    clips: list[Clip] = []
    for dialogue in labels:
        place = f"{file}: dialogue {name_of(dialogue, str(file))}"
        turns = {key: parts[key][dialogue] for key in parts if _by_dialogue(parts[key], dialogue)}
        _same_length(turns, labels[dialogue], place)
        clips += _turns(turns, dialogue, _named_labels(labels[dialogue], names, place), place, faults)
    clips = [replace(clip, split=roles.get(str(clip.dialogue))) for clip in clips]
    notes = [CONSENT, *fault_notes(faults)]
    if "valid" not in set(roles.values()):
        notes.append("no dialogue is named for validation: take some from train, by dialogue")
    return Corpus("erc_pickle", tuple(clips), TaskSpec(names), CITATION, LICENCE, tuple(notes))


def _parts(content: object, file: Path) -> dict[str, Any]:
    if not isinstance(content, list | tuple):
        raise DatasetError(
            f"{file}: holds a {type(content).__name__}, wanted a list of dictionaries by dialogue"
        )
    for layout in LAYOUTS:
        if len(layout) == len(content) and all(map(_fits, layout, content)):
            return dict(zip(layout, content, strict=True))
    kinds = ", ".join(type(part).__name__ for part in content)
    raise DatasetError(
        f"{file}: {len(content)} parts ({kinds[:200]}) in no known order; wanted one of LAYOUTS"
    )


def _fits(key: str, part: object) -> bool:
    if key == "other":
        return True
    if key in ("train", "test", "valid"):
        return isinstance(part, set | frozenset) or _is_list(part)
    if not isinstance(part, dict) or not part:
        return False
    first = next((turns[0] for turns in part.values() if _is_list(turns) and len(turns)), None)
    if key in ("labels", "sentiment"):
        return isinstance(first, int | np.integer)
    if key in _VECTORS:
        return _is_list(first) and len(first) > 1 and not isinstance(first[0], str)  # type: ignore[arg-type, index]
    if key == "sentences":
        return isinstance(first, str | bytes)
    return first is not None


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _by_dialogue(part: object, dialogue: object) -> bool:
    return isinstance(part, dict) and dialogue in part and _is_list(part[dialogue])


def _same_length(turns: Mapping[str, Sequence[Any]], labels: Sequence[Any], place: str) -> None:
    if not _is_list(labels):
        raise DatasetError(f"{place}: labels: a {type(labels).__name__}, wanted a list")
    for key, held in turns.items():
        if key != "other" and len(held) != len(labels):
            raise DatasetError(
                f"{place}: {key}: {len(held)} turns, wanted {len(labels)} as the labels have"
            )


def _named_labels(codes: Sequence[Any], names: tuple[str, ...], place: str) -> list[str | None]:
    found: list[str | None] = []
    for code in codes:
        if not isinstance(code, int | np.integer) or not -1 <= code < len(names):
            raise DatasetError(f"{place}: the label {code!r}, wanted 0 to {len(names) - 1}, or -1 for none")
        found.append(None if code < 0 else names[code])
    return found


def _roles(parts: Mapping[str, Any], acted: bool, valid: str, place: str) -> dict[str, str]:
    roles = {
        name_of(dialogue, f"{place}: {role}"): role
        for role in ("train", "valid", "test")
        for dialogue in np.ravel(np.asarray(list(parts.get(role, ())), dtype=object))
    }
    fixed = COSMIC_VALID if valid == "cosmic" else () if acted or "valid" in parts else map(str, MELD_VALID)
    moved = {name for name in fixed if roles.get(name) == "train"}
    return roles | dict.fromkeys(moved, "valid")


def _turns(
    turns: Mapping[str, Sequence[Any]],
    dialogue: object,
    labels: list[str | None],
    place: str,
    faults: dict[str, Counter[str]],
) -> list[Clip]:
    name = name_of(dialogue, place)
    blocks = {key: cleaned(turns[key], f"{place}: {key}", faults[key]) for key in _VECTORS if key in turns}
    clips = []
    for turn, label in enumerate(labels):
        own = turns["ids"][turn] if "ids" in turns else None
        clips.append(
            Clip(
                id=own if isinstance(own, str) and own.startswith(name) else f"{name}_{turn:03d}",
                text=name_of(turns["sentences"][turn], f"{place}: sentences")
                if "sentences" in turns
                else None,
                label=label,
                speaker=_speaker(turns["speakers"][turn], name, place) if "speakers" in turns else None,
                dialogue=name,
                turn=turn,
                source=name,
                vectors={key: block[turn].reshape(-1) for key, block in blocks.items()},
            )
        )
    return clips


def _speaker(value: object, dialogue: str, place: str) -> str | None:
    if isinstance(value, np.ndarray | list | tuple):
        places = np.flatnonzero(cleaned(value, f"{place}: speakers", Counter()))
        return f"speaker_{places[0]}" if len(places) == 1 else None
    name = name_of(value, f"{place}: speakers")
    # An actor of IEMOCAP is a session and a gender; the letter alone would be five people.
    return f"{dialogue[:5]}_{name}" if dialogue.startswith("Ses") and name in ("F", "M") else name
