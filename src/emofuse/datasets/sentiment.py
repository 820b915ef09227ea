"""Targets of the CMU corpora as archives keep them: one sentiment, or sentiment and six emotions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emofuse.errors import DatasetError
from emofuse.types import TaskSpec

SENTIMENTS = ("negative", "neutral", "positive")
EMOTIONS = ("happy", "sad", "anger", "surprise", "disgust", "fear")
SENTIMENT_RANGE = (-3.0, 3.0)

_RATING_METRICS = ("mae", "pearson", "ccc")


class Target(NamedTuple):
    """What one clip is labelled with, ready for `Clip`."""

    label: str | None
    shares: dict[str, float]
    ratings: dict[str, float]


def sentiment_target(row: np.ndarray, place: str) -> Target:
    """``(1,)`` is a sentiment from -3 to 3; ``(7,)`` a sentiment and six emotions from 0 to 3.

    Emotions above 0 are present and share equally; the strongest is the label unless two are.

    Raises:
        DatasetError: another count, or a value out of range.
    """
    if row.shape not in ((1,), (7,)):
        raise DatasetError(f"{place}: {len(row)} labels, wanted 1 (sentiment) or 7 (and six emotions)")
    if (np.abs(row) > SENTIMENT_RANGE[1] + 1e-6).any():
        raise DatasetError(f"{place}: a label of {row[np.abs(row).argmax()]:g}, wanted -3 to 3")
    row = np.clip(row, *SENTIMENT_RANGE)
    names = ("sentiment", *EMOTIONS)[: len(row)]
    ratings = {name: float(value) for name, value in zip(names, row, strict=True) if np.isfinite(value)}
    if len(row) == 1:
        value = ratings.get("sentiment")
        return Target(None if value is None else SENTIMENTS[int(np.sign(value)) + 1], {}, ratings)
    return present({name: ratings.get(name, 0.0) for name in EMOTIONS}, ratings)


def present(strengths: dict[str, float], ratings: dict[str, float]) -> Target:
    """The target of a clip whose emotions above 0 are there: equal shares, the strongest as the label."""
    held = {name: strength for name, strength in strengths.items() if strength > 0}
    most = [name for name, strength in held.items() if strength == max(held.values())]
    shares = {name: 1 / len(held) for name in held}
    return Target(most[0] if len(most) == 1 else None, shares, ratings)


def sentiment_task(width: int) -> TaskSpec:
    """The task of labels of that width, 1 or 7."""
    ratings = ("sentiment", *EMOTIONS)[:width]
    labels = SENTIMENTS if width == 1 else EMOTIONS
    return TaskSpec(labels, ratings, SENTIMENT_RANGE, (*_RATING_METRICS, *TaskSpec.metrics))
