"""Words and what they carry: from tokens to words, from words to times, and words coloured by attribution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from emofuse.evaluation.figures import AGAINST, FOR, INK, MUTED

Span = tuple[float, float]
_LETTER_PX, _LINE_PX, _SIZE_PX = 8.8, 30, 15


@dataclass(frozen=True)
class Word:
    """One word of a text: its place ``[start, end)`` in letters, and what it adds to what is explained."""

    text: str
    start: int
    end: int
    value: float = 0.0


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text, punctuation included, each with its place."""
    return tuple(Word(found.group(), *found.span()) for found in re.finditer(r"\S+", text))


def token_offsets(vocabulary: Path | str, text: str, *, max_tokens: int = 64) -> list[tuple[int, int]]:
    """The place in letters of each token that the extractor ``tokens`` makes of ``text`` with these settings; end
    markers have no length.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(vocabulary))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return [(int(start), int(end)) for start, end in tokenizer.encode(text).offsets]


def from_tokens(
    text: str, offsets: Sequence[tuple[int, int]], values: Sequence[float] | np.ndarray
) -> tuple[Word, ...]:
    """The words of ``text``, each with the sum of the ``values`` of its tokens.

    ``offsets`` are each token's place in letters, as tokenizers give them; a token over several words is shared by
    its letters, one of no length (an end marker) is in no word.

    Raises:
        ValueError: not one value a token.
    """
    if len(offsets) != len(values):
        raise ValueError(f"need a value for each of {len(offsets)} tokens, got {len(values)}")
    words = words_of(text)
    totals = np.zeros(len(words))
    for (start, end), value in zip(offsets, values, strict=True):
        shared = np.array([max(0, min(end, word.end) - max(start, word.start)) for word in words])
        if shared.sum():
            totals += value * shared / shared.sum()
    return tuple(
        Word(word.text, word.start, word.end, float(total))
        for word, total in zip(words, totals, strict=True)
    )


def spread(words: Sequence[str], spoken: Sequence[Span]) -> list[Span]:
    """Estimated times ``(start_s, end_s)`` of words that are said in the stretches ``spoken``: each takes time by
    its letters, pauses between the stretches left out. An estimate: real words are not equally fast.
    """
    lengths = np.array([max(len(word), 1) for word in words], np.float64)
    total_s = sum(end - start for start, end in spoken)
    if not len(lengths) or total_s <= 0:
        return []
    edges = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum() * total_s
    passed = np.concatenate([[0.0], np.cumsum([end - start for start, end in spoken])])
    starts = _on_clock(edges[:-1], passed, spoken, side="right")
    ends = _on_clock(edges[1:], passed, spoken, side="left")
    return list(zip(starts, ends, strict=True))


def words_html(words: Sequence[Word], *, unit: str = "") -> str:
    """A paragraph whose words are shaded by their value: blue speaks for, orange with a wavy line against; the
    number stands in the tooltip. No script; ink and ground are those of the page around it.
    """
    largest = max((abs(word.value) for word in words), default=0.0) or 1.0
    parts = []
    for word in words:
        share = abs(word.value) / largest
        colour = _shade(FOR if word.value >= 0 else AGAINST, 0.6 * share)
        line = f";text-decoration:underline wavy {AGAINST} 1px" if word.value < 0 and share > 0.05 else ""
        style = f"background:{colour};border-radius:3px;padding:1px 3px{line}"
        number = f"{word.value:+.3f} {unit}".strip()
        parts.append(f'<span style="{style}" title="{escape(number)}">{escape(word.text)}</span>')
    return f'<p style="line-height:1.9">{" ".join(parts)}</p>'


def words_svg(words: Sequence[Word], *, width_px: int = 760, unit: str = "") -> str:
    """The same as a picture of its own, with each number under its word."""
    largest = max((abs(word.value) for word in words), default=0.0) or 1.0
    left, top, drawn = 8.0, 8.0, []
    for word in words:
        room = max(len(word.text), 5) * _LETTER_PX + 10
        if left + room > width_px - 8 and left > 8:
            left, top = 8.0, top + _LINE_PX + 16
        colour = _tint(FOR if word.value >= 0 else AGAINST, 0.75 * abs(word.value) / largest)
        middle = left + room / 2 - 2
        drawn.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{room - 4:.1f}" height="{_LINE_PX - 6}" rx="3" '
            f'fill="{colour}"/><text x="{middle:.1f}" y="{top + 17:.1f}" font-size="{_SIZE_PX}" '
            f'fill="{INK}">{escape(word.text)}</text><text x="{middle:.1f}" y="{top + 37:.1f}" font-size="10" '
            f'fill="{MUTED}">{word.value:+.2f}</text>'
        )
        left += room
    height = top + _LINE_PX + 22
    note = f"words by what they add to {unit}" if unit else "words by what they add"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width_px} {height:.0f}" width="{width_px}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(note)}" text-anchor="middle" '
        f'font-family="DejaVu Sans, sans-serif"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(drawn)}</svg>\n"
    )


def _on_clock(edges: np.ndarray, passed: np.ndarray, spoken: Sequence[Span], *, side: str) -> list[float]:
    """Seconds of speech to seconds of the clock; at a pause, its end for ``side`` "right", else its beginning."""
    found = []
    for edge in edges:
        # Sums of lengths are off in the last digits, which must not move a word over a pause.
        at = edge + (1e-9 if side == "right" else -1e-9)
        place = int(np.clip(np.searchsorted(passed, at, side="right") - 1, 0, len(spoken) - 1))
        found.append(float(spoken[place][0] + edge - passed[place]))
    return found


def _shade(colour: str, strength: float) -> str:
    """``colour`` (``#rrggbb``) over whatever is below it, 0 not at all to 1 full."""
    parts = ",".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return f"rgba({parts},{strength:.2f})"


def _tint(colour: str, strength: float) -> str:
    """``colour`` (``#rrggbb``) on white, 0 white to 1 full."""
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (part - 255) * strength):02x}" for part in parts)
