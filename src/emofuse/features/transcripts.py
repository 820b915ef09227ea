"""Transcripts of others: SubRip and WebVTT cues with times, plain text without.

The two subtitle formats are read by one tolerant reader, because real files mix them: dots in SubRip,
missing numbers, missing blank lines. What had to be guessed or dropped is said in warnings.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from emofuse.errors import TranscriptError

_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?(?:[A-Za-z][^<>]*|\d[\d:.]*)>|\{\\[^}]*\}")
_SPEAKER = re.compile(r"^\s*(?:-\s*)?([^\W\d_][\w .'’\-]{0,39}?)\s*:\s+(\S.*)$", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

_EMOJI = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d]"
_SENTENCE_END = re.compile(
    r"(?P<mark>[.!?…]+)(?P<quote>[\"'”’»«)\]]*)"
    rf"(?:(?=\s|$)|(?={_EMOJI}))(?P<mood>(?:\s*(?:{_EMOJI}+|[:;=]-?[()DPp/](?=\s|$)))*)"
    r"|[。！？]+[」』”’）]*"
)
# Never the end of a sentence, because a name, a number or an example follows.
_OPENING = re.compile(
    r"mr|mrs|ms|dr|prof|st|rev|hon|lt|capt|vs|e\.g|i\.e|cf|fig|approx"
    r"|hr|fr|frl|hrn|dipl|ing|z\.b|d\.h|u\.a|o\.ä|bzw|ca|nr|bspw|vgl|sog|evtl|ggf|inkl|zzgl",
    re.IGNORECASE,
)
# The end only where a capital follows.
_CLOSING = re.compile(r"etc|usw|inc|ltd|co|corp|jr|sr|a\.m|p\.m|ph\.d|u\.s|u\.k", re.IGNORECASE)
_GERMAN_MONTH = re.compile(
    r"(?:januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)\W*",
    re.IGNORECASE,
)
_GERMAN_ARTICLE = re.compile(r"d(?:er|ie|as|em|en|es)|am|im|vom|zu[mr]|beim", re.IGNORECASE)


class Cue(NamedTuple):
    """Words with the time at which they are said, in seconds (None: not known), and who says them."""

    text: str
    start_s: float | None
    end_s: float | None
    speaker: str | None


class _Timed(NamedTuple):
    cue: Cue
    line: int


def read_transcript(path: Path) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    """Cues in the order of time, and warnings; lines with ``-->`` give times, else it is plain text.

    Plain text is one cue a line where at least half of two or more lines read ``Name: words``, otherwise
    one cue a sentence.

    Raises:
        TranscriptError: missing, empty, binary, or a cue whose times cannot be read (with its line).
    """
    text, warnings = _read_text(Path(path))
    lines = text.splitlines()
    if Path(path).suffix.lower() in (".srt", ".vtt") or any(_TIMES.match(line) for line in lines):
        cues, found = _read_timed(lines, Path(path))
        return cues, (*warnings, *found)
    return _read_plain(lines), tuple(warnings)


def split_sentences(text: str) -> list[str]:
    """Sentences without surrounding space; emoji stay with the sentence before them.

    Knows the usual abbreviations of English and German, initials, dates and CJK punctuation.
    """
    sentences, begin = [], 0
    for match in _SENTENCE_END.finditer(text):
        if match["mark"] and not _ends_sentence(text[begin : match.start()], match, text[match.end() :]):
            continue
        sentences.append(text[begin : match.end()].strip())
        begin = match.end()
    sentences.append(text[begin:].strip())
    return [sentence for sentence in sentences if sentence]


def _ends_sentence(before: str, match: re.Match[str], after: str) -> bool:
    following = after.split(maxsplit=1)[0].strip("\"'“”‘’«»(") if after.strip() else ""
    if not following:
        return True
    lower = following[0].islower()
    if match["quote"] and lower:
        return False  # "Stop!" he said.
    if match["mark"].startswith(("..", "…")):
        return not lower and len(before.split()) > 2
    if match["mark"] != "." or match["mood"]:
        return True
    return not _is_abbreviation(before, following)


def _is_abbreviation(before: str, following: str) -> bool:
    """Whether the full stop after ``before`` belongs to its last word."""
    words = before.split()
    last = words[-1].strip("\"'“”‘’«»(") if words else ""
    lower = following[0].islower()
    if _OPENING.fullmatch(last) or (lower and _CLOSING.fullmatch(last)):
        return True
    if last.isdigit() and len(last) <= 2:
        counted = len(words) == 1 or _GERMAN_ARTICLE.fullmatch(words[-2]) is not None
        return lower or counted or _GERMAN_MONTH.fullmatch(following) is not None
    if len(last) == 1 and last.isalpha():  # an initial, or the "z." of "z. B."
        return last != "I" and not (last.islower() and len(words) > 1 and len(following.rstrip(".")) > 1)
    return False


def _read_text(path: Path) -> tuple[str, list[str]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise TranscriptError(f"{path}: no such file") from error
    except OSError as error:
        raise TranscriptError(f"{path}: cannot be read ({error.strerror or error})") from error
    text, warnings = _decode(data)
    if not text.strip():
        raise TranscriptError(f"{path}: the transcript is empty")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise TranscriptError(f"{path}:{line}: found binary data, wanted text (srt, vtt or txt)")
    return text, warnings


def _decode(data: bytes) -> tuple[str, list[str]]:
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16"), []
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        warning = "transcript: not UTF-8; read as Windows-1252"
        return data.decode("cp1252", errors="replace"), [warning]


def _read_timed(lines: Sequence[str], path: Path) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    found, warnings = [], []
    for entry in _timed_cues(lines, path):
        start_s, end_s = entry.cue.start_s or 0.0, entry.cue.end_s or 0.0
        if end_s < start_s:
            warnings.append(f"transcript: the cue in line {entry.line} ends before it starts; dropped")
        elif entry.cue.text:
            found.append(entry.cue)
    if not found:
        raise TranscriptError(f"{path}: no cue with times and text in {len(lines)} lines")
    cues = sorted(found, key=_start)
    if cues != found:
        warnings.append("transcript: cues are not in the order of time; sorted")
    overlaps = sum(_start(late) < (early.end_s or 0.0) for early, late in pairwise(cues))
    if overlaps:
        warnings.append(f"transcript: cues that begin before the one before them ends: {overlaps}")
    return _with_speakers(cues), tuple(warnings)


def _start(cue: Cue) -> float:
    return cue.start_s or 0.0


def _timed_cues(lines: Sequence[str], path: Path) -> Iterator[_Timed]:
    heads = [number for number, line in enumerate(lines) if "-->" in line and _is_head(line, number, path)]
    for head, following in pairwise([*heads, len(lines)]):
        words = []
        for number in range(head + 1, following):
            # The last line before the next head may be its number, where a blank line is missing.
            is_index = (
                number == following - 1 and following < len(lines) and lines[number].strip().isdigit()
            )
            if not lines[number].strip() or is_index:
                break
            words.append(lines[number].strip())
        match = _TIMES.match(lines[head])
        assert match is not None
        clock = match.groups()
        text = " ".join(words)
        voice = _VOICE.search(text)
        speaker = html.unescape(voice[1]).strip() if voice else None
        cue = Cue(_clean(text), _seconds(clock[:4]), _seconds(clock[4:]), speaker)
        yield _Timed(cue, head + 1)


def _is_head(line: str, number: int, path: Path) -> bool:
    """Whether a line with an arrow gives times; one that begins like them and does not is an error."""
    if _TIMES.match(line):
        return True
    if re.match(r"^\s*\S*\d\S*\s*-->|^\s*-->", line):
        raise TranscriptError(
            f"{path}:{number + 1}: found {line.strip()!r}, wanted 00:00:01.000 --> 00:00:02.000"
        )
    return False


def _seconds(clock: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = clock
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000


def _clean(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", text)).split())


def _read_plain(lines: Sequence[str]) -> tuple[Cue, ...]:
    cues = tuple(Cue(" ".join(line.split()), None, None, None) for line in lines if line.strip())
    named = _with_speakers(cues)
    if any(cue.speaker for cue in named):
        return named
    return tuple(
        Cue(sentence, None, None, None) for block in _blocks(lines) for sentence in split_sentences(block)
    )


def _with_speakers(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """Take ``Name:`` off the words where at least half of the cues, and two, begin so.

    An untimed line without a name goes on with the speaker before it.
    """
    matches = [None if cue.speaker else _SPEAKER.match(cue.text) for cue in cues]
    if sum(match is not None for match in matches) < max(2, len(cues) / 2):
        return tuple(cues)
    named: list[Cue] = []
    for cue, match in zip(cues, matches, strict=True):
        if match is not None:
            named.append(cue._replace(text=match[2].strip(), speaker=match[1].strip()))
        elif cue.start_s is None and named:
            named.append(cue._replace(speaker=named[-1].speaker))
        else:
            named.append(cue)
    return tuple(named)


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """Lines joined where one goes on in the next: no mark at its end and a small letter after it."""
    block = ""
    for line in (" ".join(line.split()) for line in lines):
        if block and line and line[0].islower() and block[-1] not in ".!?…。！？:;":
            block = f"{block} {line}"
            continue
        if block:
            yield block
        block = line
    if block:
        yield block
