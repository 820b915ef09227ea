"""Finished runs beside each other as one self-contained page, in the look of a run's own page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from emofuse.evaluation.bar_charts import Bar, interval_chart
from emofuse.evaluation.charts import clean
from emofuse.evaluation.comparison import Standing, Standings
from emofuse.evaluation.standings import cells, direction
from emofuse.inference.page import charts, hint, number, page, table, within

# By entrant and metric, the value of each seed.
Values = Mapping[str, Mapping[str, Sequence[float]]]


def comparison_html(
    tables: Sequence[Standings], *, title: str, scores: Values, recalls: Values | None = None
) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        tables: the tested comparison, one for each corpus and protocol.
        title: of the page.
        scores: every test score of each entrant.
        recalls: the recall of each class of each entrant.
    """
    first = tables[0].rows[0].title
    common = _common([row.title for one in tables for row in one.rows])
    tables = [
        replace(one, rows=tuple(replace(row, title=row.title[common:]) for row in one.rows))
        for one in tables
    ]
    scores, recalls = (
        {name[common:]: one for name, one in (values or {}).items()} for values in (scores, recalls)
    )
    cards = [(_name(one, len(tables)), _standing_card(one)) for one in tables]
    cards.append(("All scores", _values_card(scores, "Means over seeds, on test; without tests.")))
    if any(recalls.values()):
        cards.append(
            (
                "Classes",
                _values_card(
                    recalls, "Recall of each class on test, of clips with one label, mean over seeds."
                ),
            )
        )
    cards.append(("Cost", _cost_card(tables)))
    told = f"Names are without their common beginning, {first[:common]}" if common else ""
    return page(title, hint(told) if told else "", [(name, card) for name, card in cards if card])


def _standing_card(one: Standings) -> str:
    bars = [Bar(row.title, row.value, row.low, row.high) for row in one.rows]
    chart = interval_chart(
        bars, title=f"{one.metric} ({direction(one)})", x_label=f"{one.metric}, 95 % interval"
    )
    best = next((place for place, row in enumerate(one.rows) if row.p is None), -1)
    rows = [_row(row, one) for row in one.rows]
    heads = ("model", one.metric, "seeds", "behind the best", "p (Holm)")
    told = (
        f"{one.n:,} clips. {one.interval}. p: the predictions of whole groups are exchanged at random between a model "
        f"and the best, corrected by Holm. {' '.join(f'{note}.' for note in one.notes)}"
    )
    protocol = hint(f"Protocol: {one.protocol}.") if one.protocol else ""
    return f"{protocol}{charts(chart)}{table(heads, rows, first=best)}{hint(told)}"


def _row(row: Standing, one: Standings) -> tuple[str, ...]:
    behind = "–" if row.p is None else within(row.behind, row.behind_low, row.behind_high)
    tested = clean(cells(row, one)[5])
    return clean(row.title), within(row.value, row.low, row.high), str(len(row.seeds)), behind, tested


def _values_card(values: Values, told: str) -> str:
    names = list(dict.fromkeys(name for one in values.values() for name in one))
    rows = [
        (clean(title), *(number(float(np.mean(one[name]))) if name in one else "–" for name in names))
        for title, one in values.items()
    ]
    return hint(told) + table(("model", *names), rows)


def _cost_card(tables: Sequence[Standings]) -> str:
    known = [row for one in tables for row in one.rows if row.cost.parameters is not None]
    rows = [
        (
            clean(row.title), f"{row.cost.parameters:,}", number(row.cost.epoch_s, digits=2),
            number(row.cost.peak_mb, digits=0),
        )
        for row in known
    ]  # fmt: skip
    heads = ("model", "parameters that learn", "seconds an epoch", "peak memory, MB")
    return table(heads, rows) if rows else ""


def _name(one: Standings, count: int) -> str:
    return "Comparison" if count == 1 else one.dataset


def _common(titles: Sequence[str]) -> int:
    """How many letters all names have in common up to a sign, with something left of each."""
    found = 0
    for place, letters in enumerate(zip(*titles, strict=False), 1):
        if len(set(letters)) > 1:
            break
        found = found if letters[0].isalnum() else place
    several = len(set(titles)) > 1 and all(len(title) > found for title in titles)
    return found if several else 0
