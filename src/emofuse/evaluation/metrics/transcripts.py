"""Error rates of transcripts: edits (substitutions, deletions, insertions) over the length of the reference.

Over several transcripts edits and lengths are summed before they are divided. Nothing is normalised: case,
punctuation and numbers count as they are written.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np


def edit_distance(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """The fewest substitutions, deletions and insertions that turn ``reference`` into ``hypothesis``."""
    numbers: dict[Hashable, int] = {}
    first, second = (
        np.array([numbers.setdefault(symbol, len(numbers)) for symbol in given], dtype=np.int64)
        for given in (reference, hypothesis)
    )
    steps = np.arange(len(second) + 1)
    row = steps
    for place, symbol in enumerate(first, 1):
        kept = np.minimum(row[:-1] + (second != symbol), row[1:] + 1)
        # Insertions run along the row: the least of what lies to the left plus one for each step.
        row = np.minimum.accumulate(np.append(place, kept) - steps) + steps
    return int(row[-1])


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """WER of ``n`` transcripts, words parted by white space; 0 is perfect, above 1 is possible.

    NaN where the references have no word.

    Raises:
        ValueError: the lengths differ.
    """
    return _rate(references, hypotheses, str.split)


def character_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """CER of ``n`` transcripts over their characters, inner spaces among them; NaN for empty references.

    Raises:
        ValueError: the lengths differ.
    """
    return _rate(references, hypotheses, lambda text: list(text.strip()))


def phoneme_error_rate(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> float:
    """PER of ``n`` sequences of phoneme symbols; NaN where the references have none.

    Raises:
        ValueError: the lengths differ, or a sequence is a plain string.
    """
    if any(isinstance(one, str) for one in (*references, *hypotheses)):
        raise ValueError("need sequences of phoneme symbols, got a string")
    return _rate(references, hypotheses, list)


def _rate(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    parts: Callable[[Any], list[str]],
) -> float:
    if len(references) != len(hypotheses):
        raise ValueError(
            f"need as many hypotheses as references, got {len(hypotheses)} and {len(references)}"
        )
    wanted = [parts(one) for one in references]
    length = sum(len(one) for one in wanted)
    edits = sum(edit_distance(one, parts(other)) for one, other in zip(wanted, hypotheses, strict=True))
    return edits / length if length else float("nan")
