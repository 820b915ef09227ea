"""A page of cards in the look of the report: its frame, its tables, its numbers."""

import math
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from emofuse.evaluation.charts import clean

NOTE = "Scores of a model of expressed emotion, not of inner state."
# A table of more columns is set tighter.
_MANY = 8


def page(title: str, head: str, cards: Sequence[tuple[str, str]], *, notes: Sequence[str] = ()) -> str:
    """The page as text, to be written as UTF-8; ``cards`` are names with their HTML."""
    links = "".join(f'<li><a href="#{_anchor(name)}">{clean(name)}</a></li>' for name, _ in cards)
    body = "".join(
        f'<section class="card" id="{_anchor(name)}" aria-labelledby="{_anchor(name)}-title">'
        f'<h2 id="{_anchor(name)}-title">{clean(name)}</h2>{card}</section>\n'
        for name, card in cards
    )
    below = "".join(f"<p>{clean(note)}</p>" for note in notes)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="emofuse">\n<link rel="icon" href="data:,">\n'
        f"<title>{clean(title)}</title>\n<style>\n{_part('report.css')}{_part('evaluation.css')}</style>\n</head>\n"
        f'<body>\n<div class="top"><span class="brand">emofuse</span><span class="note">{NOTE}</span></div>\n'
        f'<main>\n<h1>{clean(title)}</h1>\n{head}<nav aria-label="Contents"><ul class="contents">{links}</ul></nav>\n'
        f"{body}</main>\n<footer>{below}</footer>\n</body>\n</html>\n"
    )


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, first: int = -1, said: Sequence[int] = ()
) -> str:
    """A table of numbers whose first column names its row. Cells are HTML already, heads are not; ``first`` is the
    row that stands out, ``said`` are columns of words.
    """
    kinds = ["" if place not in said else ' class="said"' for place in range(len(head))]
    heads = "".join(
        f'<th scope="col"{kind}>{clean(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    body = []
    for place, row in enumerate(rows):
        cells = "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row[1:], kinds[1:], strict=True))
        lead = ' class="first"' if place == first else ""
        body.append(f'<tr{lead}><th scope="row">{row[0]}</th>{cells}</tr>')
    shape = "numbers many" if len(head) > _MANY else "numbers"
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Table, scrolls sideways">'
        f'<table class="{shape}"><thead><tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def hint(said: str) -> str:
    """A line of explanation."""
    return f'<p class="hint">{clean(said)}</p>'


def charts(*drawn: str) -> str:
    """Figures side by side where there is room."""
    return f'<div class="charts">{"".join(drawn)}</div>'


def number(value: float | None, *, digits: int = 3) -> str:
    """A number, or a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def share(value: float) -> str:
    """A share in per cent, or a dash."""
    return f"{value:.1%}" if math.isfinite(value) else "–"


def within(value: float, low: float, high: float) -> str:
    """A number with its interval, as HTML."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return number(value)
    return f"{number(value)} <small>{number(low)}–{number(high)}</small>"


def _anchor(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-")


@cache
def _part(name: str) -> str:
    return files("emofuse.inference").joinpath(name).read_text(encoding="utf-8")
