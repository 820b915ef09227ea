"""Rows of a conversation that stand by label instead of by turn: a model that reads neighbours would be told."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from emofuse.audit import Audited
from emofuse.audit.findings import Finding
from emofuse.types import Clip

# Fewer neighbours say too little; a smaller excess over the order of turns is no order by label (our choices).
LEAST_PAIRS = 50
EXCESS = 0.15
SHUFFLES = 99


def ordered_by_label(given: Audited) -> list[Finding]:
    """The likeness of neighbours' labels in file order, against the order of turns and against chance."""
    held: dict[str, list[Clip]] = defaultdict(list)
    for clip in given.corpus.clips:
        if (where := clip.dialogue or clip.source) is not None and clip.turn is not None:
            held[where].append(clip)
    moved = [rows for rows in held.values() if [c.turn for c in rows] != sorted(c.turn or 0 for c in rows)]
    if sum(len(rows) - 1 for rows in moved) < LEAST_PAIRS:
        return []
    rating = given.corpus.task.ratings[0] if given.corpus.task.ratings else None
    values = [_values(rows, rating) for rows in moved]
    by_turn = [
        found[np.argsort([clip.turn or 0 for clip in rows], kind="stable")]
        for rows, found in zip(moved, values, strict=True)
    ]
    filed, turned = _likeness(values), _likeness(by_turn)
    chance = max(_likeness([given.generator.permutation(one) for one in values]) for _ in range(SHUFFLES))
    if not (filed > chance and filed > turned + EXCESS):
        return []
    message = (
        f"the rows of {len(moved)} dialogues stand by label, not by turn: neighbours in the file are alike by "
        f"{filed:.2f}, neighbours in time by {turned:.2f}; read neighbours by their turn"
    )
    evidence = [
        {"dialogue": rows[0].dialogue or rows[0].source, "turns": [c.turn for c in rows]} for rows in moved
    ]
    return [Finding("order", "warning", message, len(moved), evidence[:20])]


def _values(rows: Sequence[Clip], rating: str | None) -> np.ndarray:
    """``(rows,)`` of a rating, or of the label as a text; what is unknown is NaN, or empty."""
    if rating is not None:
        return np.array([clip.ratings.get(rating, np.nan) for clip in rows])
    return np.array([clip.label or "" for clip in rows])


def _likeness(conversations: Sequence[np.ndarray]) -> float:
    """Correlation of neighbours' ratings, or Cohen's kappa of neighbours' labels; 0 where it is undefined."""
    first = np.concatenate([one[:-1] for one in conversations])
    second = np.concatenate([one[1:] for one in conversations])
    rated = first.dtype.kind == "f"
    known = np.isfinite(first) & np.isfinite(second) if rated else (first != "") & (second != "")
    first, second = first[known], second[known]
    if len(first) < LEAST_PAIRS or len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        return 0.0
    if rated:
        return float(np.corrcoef(first, second)[0, 1])
    by_chance = sum(float((first == label).mean() * (second == label).mean()) for label in np.unique(first))
    return float(((first == second).mean() - by_chance) / (1 - by_chance))
