"""Where in a segment a bundle's models looked: their own attention over time, as words and stretches of the clip.

It says where a model looked, not what that changed: `Part.value` of an explanation says that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emofuse.errors import ConfigError
from emofuse.evaluation.words import from_tokens, token_offsets, words_of
from emofuse.inference.bundle import Expert
from emofuse.inference.contents import Piece
from emofuse.inference.evidence import from_its_start, met_pieces
from emofuse.inference.versions import Panel, Version
from emofuse.types import Extractor

# Frames come every 10 ms or so: their shares are summed over so long.
STEP_S = 0.1


@dataclass(frozen=True)
class Look:
    """A word or a stretch of speech or pictures, and its ``share`` of the attention over its modality, which sums to
    at most 1 over a segment (markers around a text get some too). Times are None where there is no clock.
    """

    start_s: float | None
    end_s: float | None
    text: str | None
    share: float


def looks(panel: Panel, whole: Version, number: int) -> dict[str, tuple[Look, ...]]:
    """By modality, where the first expert that attends over its time looked in segment ``number``."""
    found: dict[str, tuple[Look, ...]] = {}
    for expert in panel.bundle.experts:
        for name, given in _attention(expert, whole.items[expert.name]).items():
            if name in found:
                continue
            source = expert.extractors[name].source
            made = (
                _on_words(panel, whole, number, name, expert.extractors[name], [one for _, _, one in given])
                if source == "text"
                else _on_clock(panel, expert.name, name, given)
            )
            if made:
                found[name] = made
    return found


# A piece, its frames' times on the clock that begins with it, and what each of its frames gets.
_Given = tuple[Piece, np.ndarray, np.ndarray]


def _attention(expert: Expert, item: Mapping[str, Sequence[Piece]]) -> dict[str, list[_Given]]:
    from torch import nn

    from emofuse.evaluation.attention import attention_over_time
    from emofuse.evaluation.passes import Subject

    found: dict[str, list[_Given]] = defaultdict(list)
    if not isinstance(getattr(expert, "model", None), nn.Module):
        return found
    subject = Subject(expert.name, expert.model, expert.dims, expert.task)
    for pieces, length in met_pieces(item):
        [sample] = expert.samples([{name: from_its_start(piece) for name, piece in pieces.items()}])
        try:
            seen = attention_over_time(subject, sample)
        except ConfigError:
            return {}
        for name, values in seen.values.items():
            found[name].append((pieces[name], seen.times[name], length * values))
    return found


def _on_clock(panel: Panel, expert: str, name: str, given: Sequence[_Given]) -> tuple[Look, ...]:
    if panel.contents.duration_s <= 0:
        return ()
    shares: dict[int, float] = defaultdict(float)
    for piece, times, values in given:
        offset_s = panel.times(expert, name, piece.track)[0] - from_its_start(piece).times[0]
        for time_s, value in zip(times + offset_s, values, strict=True):
            shares[max(0, int(time_s / STEP_S))] += float(value)
    return tuple(
        Look(place * STEP_S, (place + 1) * STEP_S, None, value) for place, value in sorted(shares.items())
    )


def _on_words(
    panel: Panel, whole: Version, number: int, name: str, extractor: Extractor, given: Sequence[np.ndarray]
) -> tuple[Look, ...]:
    """Nothing where frames are neither words nor tokens whose place in the text is known."""
    said = panel.contents.segments[number].text or ""
    texts = extractor.pieces(said) if hasattr(extractor, "pieces") else [said]
    if len(texts) != len(given):
        return ()
    values = [_by_word(extractor, text, some) for text, some in zip(texts, given, strict=True)]
    parts = panel.parts(name, number, whole, heard_s=1.0, seen_s=1.0, most=max(1, len(said)))
    flat = [value for some in values for value in some]
    if len(flat) != len(parts.words):
        return ()
    return tuple(
        Look(start_s, end_s, word, value)
        for (start_s, end_s), word, value in zip(parts.times, parts.words, flat, strict=True)
    )


def _by_word(extractor: Extractor, text: str, values: np.ndarray) -> list[float]:
    if extractor.name == "tokens":
        offsets = token_offsets(extractor.vocabulary, text, max_tokens=extractor.max_tokens)  # type: ignore[attr-defined]
        return [word.value for word in from_tokens(text, offsets, values)]
    return list(map(float, values)) if len(values) == len(words_of(text)) else []
