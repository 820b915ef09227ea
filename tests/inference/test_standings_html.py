"""The page of `emofuse compare`: a card a dataset, a figure and a table a metric, in the frame of the other pages."""

import re

import pytest

from emofuse.evaluation.comparison import Cost, Published, Standing, Standings
from emofuse.evaluation.standings import COLUMNS, cells
from emofuse.inference.page import page
from emofuse.inference.standings_html import standings_html

NAN = float("nan")
BEST = Standing(
    "best",
    0.9,
    0.85,
    0.95,
    (0.9, 0.9),
    0,
    0,
    0,
    None,
    Cost(1234567, 1.5, 512.4),
    Published(0.8, "honest", "x"),
)
OTHER = Standing("a|<b>", 0.6, 0.5, 0.7, (0.5, 0.7), 0.3, 0.2, 0.4, 0.0123)


def standings(*rows, dataset="toy", metric="accuracy", higher=True):
    return Standings(
        dataset,
        metric,
        higher,
        120,
        "95 % cluster bootstrap",
        rows or (OTHER, BEST),
        "best",
        "official",
        ("odd",),
    )


def text(html):
    return re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_the_table_says_what_markdown_says():
    made = standings()
    html = standings_html([made], title="T & U", about="Two <seeds>.")
    head, *rows = re.findall(r"<tr.*?</tr>", html)
    told = [[text(cell) for cell in re.findall(r"<t[hd][^>]*>.*?</t[hd]>", row)] for row in (head, *rows)]
    assert told == [list(COLUMNS), *(list(cells(row, made)) for row in made.rows)]
    assert 'class="first"' in rows[1] and 'class="first"' not in rows[0]
    assert "<title>T &amp; U</title>" in html and "Two &lt;seeds&gt;." in html
    assert "Protocol: official. Intervals: 95 % cluster bootstrap." in html and "odd." in html


def test_each_dataset_has_a_card_and_each_metric_a_figure_and_a_table():
    made = [
        standings(dataset=dataset, metric=metric, higher=metric != "mae")
        for dataset in ('as "it" is', "other")
        for metric in ("accuracy", "mae")
    ]
    html = standings_html(made, title="runs")
    assert re.findall(r'<section class="card" id="([^"]*)"', html) == ["as-it-is", "other"]
    assert html.count('<svg role="img"') == html.count("<table") == 4
    assert html.count("mae (lower is better)") and html.count("accuracy (higher is better)")
    # A dot for each model.
    assert html.count('class="point"') == html.count('class="whisker"') == 8


@pytest.mark.parametrize(
    ("row", "figures", "dots", "lines"),
    [
        (Standing("m", 0.5, NAN, NAN, (0.5,), 0, 0, 0, None), 1, 1, 0),
        (Standing("m", NAN, NAN, NAN, (NAN,), 0, 0, 0, None), 0, 0, 0),
    ],
)
def test_what_is_not_known_is_not_drawn(row, figures, dots, lines):
    html = standings_html([standings(row)], title="runs")
    assert html.count('<svg role="img"') == figures
    assert (html.count('class="point"'), html.count('class="whisker"')) == (dots, lines)


def test_it_has_the_frame_of_the_other_pages():
    frame = page("runs", "", []).split("<main>")[0]
    assert standings_html([standings()], title="runs").startswith(frame)
