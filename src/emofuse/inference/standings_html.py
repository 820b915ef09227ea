"""Standings of `emofuse compare` as one self-contained page, in the look of a run's own page."""

from collections.abc import Sequence

from emofuse.evaluation.bar_charts import Bar, interval_chart
from emofuse.evaluation.charts import clean
from emofuse.evaluation.comparison import Standings
from emofuse.evaluation.standings import COLUMNS, cells, direction, footnote, heading
from emofuse.inference.page import charts, hint, page, table

# The columns of words.
_SAID = (COLUMNS.index("published"),)


def standings_html(tables: Sequence[Standings], *, title: str, about: str = "") -> str:
    """The page as text, to be written as UTF-8: a card a dataset; for each of its metrics the means with their
    intervals as a figure, and the table that Markdown has.
    """
    names = dict.fromkeys(one.dataset for one in tables)
    cards = [(name, _card([one for one in tables if one.dataset == name])) for name in names]
    return page(title, f'<p class="facts">{clean(about)}</p>' if about else "", cards)


def _card(tables: Sequence[Standings]) -> str:
    drawn = charts(*filter(None, map(_chart, tables)))
    return drawn + "".join(f"<h3>{clean(heading(one))}</h3>{_table(one)}" for one in tables)


def _chart(one: Standings) -> str:
    """The mean of each model as a dot on its interval; nothing where no mean is known."""
    bars = [Bar(row.title, row.value, row.low, row.high) for row in one.rows]
    try:
        return interval_chart(
            bars, title=f"{one.metric} ({direction(one)})", x_label=f"{one.metric}, 95 % interval"
        )
    except ValueError:
        return ""


def _table(one: Standings) -> str:
    best = next((place for place, row in enumerate(one.rows) if row.p is None), -1)
    rows = [[clean(cell) for cell in cells(row, one)] for row in one.rows]
    return table(COLUMNS, rows, first=best, said=_SAID) + hint(footnote(one))
