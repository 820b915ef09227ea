"""Which clip is in which group: by speaker, by what the corpus says, by numbers cut into bins, by a user's table."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from emofuse.errors import InputError
from emofuse.evaluation.groups import binned_groups, lengths_s, word_counts
from emofuse.features.durations import stated_seconds
from emofuse.features.pictures import is_picture
from emofuse.types import Clip, Predictions


def speakers(made: Predictions) -> dict[str, str]:
    """Clip id to the group it was predicted with (its speaker, dialogue or source)."""
    return {name: group for name, group in zip(made.ids, made.groups, strict=True) if group}


def fact_groups(clips: Sequence[Clip]) -> dict[str, dict[str, str]]:
    """By fact that the corpus tells of clips (gender, intensity), clip id to it."""
    names = dict.fromkeys(name for clip in clips for name in clip.facts)
    return {name: {clip.id: clip.facts[name] for clip in clips if clip.facts.get(name)} for name in names}


def clip_seconds(
    clips: Sequence[Clip], *, progress: Callable[[str, float], None] = lambda stage, done: None
) -> tuple[dict[str, float], list[str]]:
    """Clip id to length in seconds, and a note where some cannot be told: by the times of the clip where it has both,
    else by what the container of its file states, else by the evenly spaced frames of a track in a store. Pictures
    and clips without media or track have none.
    """
    found, unknown = lengths_s(clips), 0
    asked = [clip for clip in clips if clip.id not in found]
    for number, clip in enumerate(asked, 1):
        length = _file_seconds(clip) or _track_seconds(clip)
        if length is not None:
            found[clip.id] = length
        elif clip.media is not None and not is_picture(clip.media):
            unknown += 1
        if number % 64 == 0 or number == len(asked):
            progress("lengths of the clips", number / len(asked))
    told = f"results by length leave out {unknown} of {len(clips)} clips, whose files do not state how long they last"
    return found, [told] if unknown else []


def number_groups(
    clips: Sequence[Clip], *, seconds: Mapping[str, float] | None = None
) -> dict[str, dict[str, str]]:
    """By name, bins of length and of each rating's distance from 0, with about as many clips each. ``seconds`` are
    lengths by clip id (`clip_seconds`), instead of those of the clips that say where they start and end.
    """
    known = lengths_s(clips) if seconds is None else seconds
    numbers = {"length": (known, "s"), "length of the text": (word_counts(clips), "words")}
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


def _file_seconds(clip: Clip) -> float | None:
    """The part of its file that is the clip."""
    whole = stated_seconds(clip.media) if clip.media is not None else None
    if whole is None:
        return None
    return max(0.0, min(whole, whole if clip.end_s is None else clip.end_s) - (clip.start_s or 0.0))


def _track_seconds(clip: Clip) -> float | None:
    """The end of the last frame of a track that a store holds; words, which have no even steps, tell none."""
    for key in clip.vectors:
        if not key.endswith(".times"):
            continue
        times = np.asarray(clip.vectors[key], dtype=np.float64)
        steps = np.diff(times)
        # Positions count from 0; the centre of a frame of sound or picture lies later.
        if len(times) > 2 and times[0] > 0 and np.allclose(steps, steps[0], rtol=0.02):
            return float(times[-1] + times[0])
    return None
