"""How a sentiment rating becomes a class, under the names that the field gives these ways.

Ratings of -3 to 3 (CMU-MOSI, CMU-MOSEI) and of -1 to 1 (CH-SIMS). The ways differ where a rating is
between two whole numbers or 0, and so do the scores that are made from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np


@dataclass(frozen=True)
class Binning:
    """``classes`` in order, and ``place``: ratings ``(n,)`` to class numbers ``(n,)``.

    With ``drop_zero`` clips whose true rating is exactly 0 do not count.
    """

    name: str
    classes: tuple[str, ...]
    place: Callable[[np.ndarray], np.ndarray]
    drop_zero: bool = False


def above_zero(ratings: np.ndarray) -> np.ndarray:
    """``(n,)``: 1 where a rating is above 0, else 0."""
    return (ratings > 0).astype(np.int64)


def not_below_zero(ratings: np.ndarray) -> np.ndarray:
    """``(n,)``: 1 where a rating is 0 or above, else 0."""
    return (ratings >= 0).astype(np.int64)


def rounded(ratings: np.ndarray, *, limit: int) -> np.ndarray:
    """``(n,)`` classes ``0 .. 2 limit``: clipped to ``-limit .. limit``, halves rounded to the even number."""
    return np.round(np.clip(ratings, -limit, limit)).astype(np.int64) + limit


def outward(ratings: np.ndarray, *, limit: int) -> np.ndarray:
    """``(n,)`` classes ``0 .. 2 limit``: rounded away from 0, so that only exactly 0 is in the middle."""
    whole = np.sign(ratings) * np.ceil(np.abs(ratings))
    return np.clip(whole, -limit, limit).astype(np.int64) + limit


def cut(ratings: np.ndarray, *, edges: tuple[float, ...]) -> np.ndarray:
    """``(n,)`` classes ``0 .. len(edges)``; an edge belongs to the class below it.

    It compares in single precision: 0.1 read from a float32 file is above 0.1 in double precision.
    """
    narrow = np.array(edges, dtype=np.float32)
    return np.searchsorted(narrow, ratings.astype(np.float32), side="left").astype(np.int64)


def split7(ratings: np.ndarray) -> np.ndarray:
    """``(n,)`` classes of a published thesis, kept as they were coded so that its numbers can be had again.

    Within -3 to 3 they part ratings as `outward` does, numbered 1, 2, 3, 0, 4, 5, 6 from the lowest. A
    rating beyond is cut to its whole part: 3.4 becomes class 3, which is also that of -0.5.
    """
    numbers = np.array([1, 2, 3, 0, 4, 5, 6])
    inside = numbers[outward(ratings, limit=3)]
    return np.where(np.abs(ratings) <= 3, inside, np.trunc(ratings)).astype(np.int64)


_TWO = ("negative", "positive")
_SEVEN = ("-3", "-2", "-1", "0", "1", "2", "3")

NON0 = Binning("non0", _TWO, above_zero, drop_zero=True)
HAS0 = Binning("has0", ("negative", "not negative"), not_below_zero)
LE0 = Binning("le0", ("not positive", "positive"), above_zero)
ROUND3 = Binning("round3", _SEVEN[2:5], partial(rounded, limit=1))
ROUND5 = Binning("round5", _SEVEN[1:6], partial(rounded, limit=2))
ROUND7 = Binning("round7", _SEVEN, partial(rounded, limit=3))
CMU7 = Binning("cmu7", _SEVEN, partial(outward, limit=3))
SIMS2 = Binning("sims2", ("not positive", "positive"), above_zero)
SIMS3 = Binning("sims3", ("negative", "neutral", "positive"), partial(cut, edges=(-0.1, 0.1)))
SIMS5 = Binning(
    "sims5",
    ("negative", "weakly negative", "neutral", "weakly positive", "positive"),
    partial(cut, edges=(-0.7, -0.1, 0.1, 0.7)),
)
