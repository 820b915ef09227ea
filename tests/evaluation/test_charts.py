"""Inline charts: well-formed, titled, told in words, and safe whatever their names hold."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from emofuse.evaluation.bar_charts import Bar, bar_chart, grid_chart, interval_chart
from emofuse.evaluation.charts import Series, clean, histogram, line_chart, span, ticks

NAN = float("nan")


def drawing(html):
    """The figure as a tree: what is not well-formed raises."""
    return ET.fromstring(html)


def numbers(tree, kind, name):
    return [float(one.get(name)) for one in tree.iter(kind) if one.get(name)]


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 1, False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.5, 0.5, False, [-0.4, -0.2, 0, 0.2, 0.4]),
        (1, 3, True, [1, 2, 3]),
        (1, 20, True, [5, 10, 15, 20]),
        (0.412, 0.419, False, [0.412, 0.414, 0.416, 0.418]),
    ],
)
def test_ticks_are_round_numbers_inside(low, high, whole, expected):
    assert ticks(low, high, whole=whole) == pytest.approx(expected)


def test_a_range_has_room_even_where_all_is_alike():
    low, high = span([3.0, 3.0, NAN])
    assert low < 3 < high
    with pytest.raises(ValueError, match="nothing to draw"):
        span([NAN])


def test_lines_run_through_their_points_and_skip_what_is_unknown():
    series = [Series("a", [0, 0.5, 1], [0.0, NAN, 1.0])]
    tree = drawing(
        line_chart(series, title="T", x_label="s", y_label="v", x_range=(0, 1), y_range=(0, 1), mark_x=0.5)
    )
    (line,) = tree.iter("polyline")
    points = [tuple(map(float, one.split(","))) for one in line.get("points").split()]
    assert len(points) == 2
    assert points[0][0] < points[1][0] and points[0][1] > points[1][1]  # up is towards 0
    assert tree.find("figcaption").text == "T"
    assert "a from 0.000 to 1.000" in tree.find("svg").get("aria-label")


def test_lines_differ_by_more_than_colour():
    series = [Series(str(n), [0, 1], [n, n + 1], [n - 1, n], [n + 1, n + 2]) for n in range(3)]
    series.append(Series("reference", [0, 1], [0, 0], quiet=True))
    tree = drawing(line_chart(series, title="T", x_label="x", y_label="y"))
    dashes = [one.get("stroke-dasharray") for one in tree.iter("polyline")]
    assert len(set(dashes)) == 4
    assert len(list(tree.iter("polygon"))) == 3
    assert [item.find("svg").tail for item in tree.iter("li")] == ["0", "1", "2", "reference"]


def test_bars_are_as_long_as_their_values():
    tree = drawing(
        bar_chart([Bar("a", 0.5), Bar("b", 1.0), Bar("c", NAN), Bar("d", -0.5)], title="T", x_label="v")
    )
    widths = numbers(tree, "rect", "width")
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2) and widths[2] == pytest.approx(
        widths[0], abs=0.2
    )
    assert [one.get("class") for one in tree.iter("rect")] == ["bar", "bar", "bar against"]


def test_intervals_are_drawn_where_they_are_known():
    tree = drawing(interval_chart([Bar("a", 0.5, 0.4, 0.6), Bar("b", 0.7)], title="T", x_label="v"))
    assert len([one for one in tree.iter("path") if one.get("class") == "whisker"]) == 1
    first, second = numbers(tree, "circle", "cx")
    assert first < second


def test_cells_are_shaded_by_their_share_of_the_row():
    counts = np.array([[3, 1], [0, 0]])
    tree = drawing(grid_chart(counts, ("yes", "no"), title="T"))
    shades = [float(one.get("fill-opacity")) for one in tree.iter("rect") if one.get("class") == "heat"]
    assert shades == [0.75, 0.25, 0, 0]
    assert "yes taken for no: 1 of 4, 25%" in [one.text for one in tree.iter("title")]
    with pytest.raises(ValueError, match="2 classes"):
        grid_chart(np.zeros((3, 3)), ("yes", "no"), title="T")


def test_a_histogram_has_a_bar_a_bin():
    tree = drawing(histogram([0, 0.5, 1], [2, 4], title="T", x_label="v"))
    low, high = numbers(tree, "rect", "height")
    assert high == pytest.approx(2 * low, abs=0.2)
    with pytest.raises(ValueError, match="nothing"):
        histogram([0], [], title="T", x_label="v")


def test_names_cannot_break_out():
    hostile = '</svg><script>alert(1)</script>"&\x00'
    bars = bar_chart([Bar(hostile, 1.0)], title=hostile, x_label=hostile)
    lines = line_chart(
        [Series(hostile, [0, 1], [0, 1])] * 2, title=hostile, x_label=hostile, y_label=hostile
    )
    for html in (bars, lines, grid_chart(np.ones((1, 1), int), (hostile,), title=hostile)):
        assert "<script" not in html and "\x00" not in html
        drawing(html)
    assert clean("a<b") == "a&lt;b"


def test_a_long_name_is_shortened_in_its_row():
    html = bar_chart([Bar("x" * 80, math.pi)], title="T", x_label="v")
    tree = drawing(html)
    (label,) = [one for one in tree.iter("text") if one.text and one.text.startswith("xx")]
    assert label.text.endswith("…")
