"""Which clip is in which group: by speaker, by what the corpus says, by numbers cut into bins, by a user's table."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emofuse.errors import InputError
from emofuse.evaluation.groups import binned_groups, lengths_s, word_counts
from emofuse.types import Clip, Predictions


def speakers(made: Predictions) -> dict[str, str]:
    """Clip id to the group it was predicted with (its speaker, dialogue or source)."""
    return {name: group for name, group in zip(made.ids, made.groups, strict=True) if group}


def fact_groups(clips: Sequence[Clip]) -> dict[str, dict[str, str]]:
    """By fact that the corpus tells of clips (gender, intensity), clip id to it."""
    names = dict.fromkeys(name for clip in clips for name in clip.facts)
    return {name: {clip.id: clip.facts[name] for clip in clips if clip.facts.get(name)} for name in names}


def number_groups(clips: Sequence[Clip]) -> dict[str, dict[str, str]]:
    """By name, bins of length and of each rating's distance from 0, with about as many clips each."""
    numbers = {"length": (lengths_s(clips), "s"), "length of the text": (word_counts(clips), "words")}
    for name in dict.fromkeys(name for clip in clips for name in clip.ratings):
        size = {clip.id: abs(clip.ratings[name]) for clip in clips if name in clip.ratings}
        numbers[name if name == "intensity" else f"intensity of {name}"] = (size, "")
    found = {}
    for name, (values, unit) in numbers.items():
        if edges := even_edges(values):
            found[name] = binned_groups(values, edges, unit=unit)
    return found


def table_groups(path: Path, made: Predictions) -> dict[str, dict[str, str]]:
    """By column of a CSV table, clip id to what stands there; its first column is ``id`` or ``speaker``.

    Raises:
        InputError: the table cannot be read, or names no clip or speaker of the predictions.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    if len(columns) < 2 or columns[0] not in ("id", "speaker"):
        found_names = ", ".join(columns) or "none"
        raise InputError(
            f"{path}:1: found the columns {found_names}, wanted id or speaker, and a group behind"
        )
    keys = dict(zip(made.ids, made.ids if columns[0] == "id" else made.groups, strict=True))
    found = {}
    for column in columns[1:]:
        named = {row[columns[0]]: (row[column] or "").strip() for row in rows}
        found[column] = {one: group for one, key in keys.items() if (group := named.get(key, ""))}
        if not found[column]:
            raise InputError(
                f"{path}: {column}: no {columns[0]} there is in the predictions, such as {made.groups[0]!r}"
            )
    return found


def even_edges(values: Mapping[str, float], *, bins: int = 4) -> tuple[float, ...]:
    """Edges, of three digits, that cut the values into bins of about as many clips each; () where all are alike."""
    known = np.array([value for value in values.values() if not np.isnan(value)])
    if not known.size:
        return ()
    cuts = np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])
    edges = sorted({float(f"{cut:.3g}") for cut in cuts})
    return tuple(edge for edge in edges if known.min() < edge <= known.max())
