"""Turns of a conversation: what was said and done before and after a clip, as a track of its own."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.errors import DatasetError
from emofuse.types import Clip, Track


@dataclass(frozen=True)
class Context:
    """How many turns ``before`` and ``after`` a clip are looked at, and whether its ``own`` is among them."""

    before: int = 0
    after: int = 0
    own: bool = False


def with_context(
    clips: Sequence[Clip], tracks: Sequence[Mapping[str, Track]], contexts: Mapping[str, Context]
) -> list[dict[str, Track]]:
    """Tracks in which each modality of ``contexts`` is a frame a turn, in the order of ``turn`` in a dialogue (or
    source): the mean of that turn's own frames, at its distance from the clip in turns (-2, -1, 0, 1).

    Turns without the modality are passed over; a clip with no turn to look at lacks it.

    Raises:
        DatasetError: a clip has no turn, or neither dialogue nor source.
    """
    found = [dict(one) for one in tracks]
    if not contexts:
        return found
    for rows in _conversations(clips):
        for name, context in contexts.items():
            means = {row: tracks[row][name].values.mean(axis=0) for row in rows if name in tracks[row]}
            for place, row in enumerate(rows):
                first, last = max(0, place - context.before), place + context.after + 1
                near = [
                    (there - place, means[other])
                    for there, other in enumerate(rows[first:last], first)
                    if other in means and (context.own or there != place)
                ]
                found[row].pop(name, None)
                if near:
                    times, values = zip(*near, strict=True)
                    found[row][name] = Track(np.stack(values), np.array(times, dtype=np.float64))
    return found


def _conversations(clips: Sequence[Clip]) -> list[list[int]]:
    """Rows of ``clips`` by conversation, in the order of turns."""
    held: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, clip in enumerate(clips):
        where = clip.dialogue or clip.source
        if where is None or clip.turn is None:
            wanted = "turn" if clip.turn is None else "dialogue or source"
            raise DatasetError(f"clip {clip.id} has no {wanted}, so it has no context")
        held[where].append((clip.turn, row))
    return [[row for _, row in sorted(rows)] for rows in held.values()]
