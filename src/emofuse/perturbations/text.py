"""Typing mistakes: the five word operations of Belinkov and Bisk 2018, https://arxiv.org/abs/1711.02173.

As in the MultiBench code: words whose last letter or digit is the fifth or later are changed, at most
once. Differs: case, punctuation and white space stay, where that code lowers and splits the text first.
"""

import re
from collections.abc import Callable

import numpy as np

from emofuse.perturbations.ranges import checked_strength

Mistake = Callable[[str, int, np.random.Generator], str]

SHORTEST_LAST = 4
NEIGHBOURS = {
    "q": "w", "w": "qes", "e": "wrd", "r": "etf", "t": "rgy", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "o", "a": "qsz", "s": "awdxz", "d": "sefxc", "f": "drgcv", "g": "fthvb", "h": "gyjbn",
    "j": "huknm", "k": "jilm", "l": "ko", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn",
    "n": "bhmj", "m": "njk",
}  # fmt: skip


class TextNoise:
    """Each longer word gets one mistake, of any kind, with probability ``level`` at strength 1, less below."""

    kind = "words"

    def __init__(self, *, strength: float = 1.0, level: float = 0.3) -> None:
        if not 0 <= level <= 1:
            raise ValueError(f"level lies in [0, 1], got {level}")
        self.strength, self.level = checked_strength(strength), level
        self._mistakes: tuple[Mistake, ...] = MISTAKES

    def __call__(self, given: str, generator: np.random.Generator) -> str:
        """The text with mistakes; its white space and short words are as before."""
        level = self.strength * self.level
        if level == 0:
            return given
        return "".join(self._typed(part, level, generator) for part in re.split(r"(\s+)", given))

    def _typed(self, word: str, level: float, generator: np.random.Generator) -> str:
        last = max((place for place, letter in enumerate(word) if letter.isalnum()), default=-1)
        if last < SHORTEST_LAST or generator.random() > level:
            return word
        mistake = self._mistakes[int(generator.integers(len(self._mistakes)))]
        return mistake(word, last, generator)


class SwapLetter(TextNoise):
    """Two neighbours in the inside of a longer word change places, with probability ``level`` at strength 1."""

    def __init__(self, *, strength: float = 1.0, level: float = 1.0) -> None:
        super().__init__(strength=strength, level=level)
        self._mistakes = (swap_letter,)


class RandomMid(TextNoise):
    """A longer word is shuffled but for its ends, with probability ``level`` at strength 1."""

    def __init__(self, *, strength: float = 1.0, level: float = 1.0) -> None:
        super().__init__(strength=strength, level=level)
        self._mistakes = (random_mid,)


class QwertyTypo(TextNoise):
    """One letter of a longer word becomes its neighbour on the keyboard, with probability ``level`` at strength 1."""

    def __init__(self, *, strength: float = 1.0, level: float = 1.0) -> None:
        super().__init__(strength=strength, level=level)
        self._mistakes = (qwerty_typo,)


class StickyKeys(TextNoise):
    """One character of a longer word is doubled, with probability ``level`` at strength 1."""

    def __init__(self, *, strength: float = 1.0, level: float = 1.0) -> None:
        super().__init__(strength=strength, level=level)
        self._mistakes = (sticky_keys,)


class Omission(TextNoise):
    """One inner character of a longer word is left out, with probability ``level`` at strength 1."""

    def __init__(self, *, strength: float = 1.0, level: float = 1.0) -> None:
        super().__init__(strength=strength, level=level)
        self._mistakes = (omission,)


def swap_letter(word: str, last: int, generator: np.random.Generator) -> str:
    """Two neighbours in the inside of the word change places; ``last`` is its last letter's index."""
    place = int(generator.integers(last - 2)) + 1
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def random_mid(word: str, last: int, generator: np.random.Generator) -> str:
    """The letters between the first and the last one are shuffled."""
    return word[0] + "".join(generator.permutation(list(word[1:last]))) + word[last:]


def qwerty_typo(word: str, last: int, generator: np.random.Generator) -> str:
    """One letter becomes a neighbour on the keyboard; a word without such a letter stays."""
    for place in generator.permutation(last + 1):
        if near := NEIGHBOURS.get(word[place].lower()):
            typed = near[int(generator.integers(len(near)))]
            return word[:place] + (typed.upper() if word[place].isupper() else typed) + word[place + 1 :]
    return word


def sticky_keys(word: str, last: int, generator: np.random.Generator) -> str:
    """One character is doubled."""
    place = int(generator.integers(last + 1))
    return word[: place + 1] + word[place:]


def omission(word: str, last: int, generator: np.random.Generator) -> str:
    """One character of the inside is left out."""
    place = int(generator.integers(last - 1)) + 1
    return word[:place] + word[place + 1 :]


MISTAKES = (swap_letter, random_mid, qwerty_typo, sticky_keys, omission)
