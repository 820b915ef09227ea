"""Pictures of robustness: as PNG and SVG, whole, the same bytes each time, refused where they cannot be."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from emofuse.errors import OutputError
from emofuse.evaluation.curves import Curve, baseline, compare_curves
from emofuse.evaluation.robustness import SubsetRow, SubsetTable
from emofuse.evaluation.robustness_plots import comparison_plot, curves_plot, subsets_plot

NAN = float("nan")
KNOWN = baseline("multibench-lf:mosi:text")
CURVES = [
    replace(
        KNOWN, method=f"method {place}", values=tuple(value + place / 50 for value in KNOWN.values),
        by_seed=tuple(tuple(value + (place + seed) / 50 for value in KNOWN.values) for seed in (-1, 1)), n=686,
    )
    for place in range(1, 5)
]  # fmt: skip
TABLE = SubsetTable(
    "gru", 686,
    (
        SubsetRow(("text", "audio"), (), 0, {"uar": 0.6, "mae": 0.9}),
        SubsetRow(("text",), ("audio",), 0, {"uar": 0.55, "mae": NAN}),
        SubsetRow(("audio",), ("text",), 7, {"uar": 0.3, "mae": 1.4}),
    ),
)  # fmt: skip
DRAWN = {
    "curves": lambda path: curves_plot(CURVES, path, baseline=KNOWN),
    "comparison": lambda path: comparison_plot(compare_curves(CURVES, baseline=KNOWN), path),
    "subsets": lambda path: subsets_plot(TABLE, path),
}


@pytest.mark.parametrize("name", DRAWN)
def test_png_and_svg_repeat_byte_for_byte(name, tmp_path):
    for ending in ("png", "svg"):
        paths = [tmp_path / f"{number}.{ending}" for number in range(2)]
        for path in paths:
            DRAWN[name](path)
        first, second = (path.read_bytes() for path in paths)
        assert first == second and len(first) > 5000
    root = ElementTree.fromstring((tmp_path / "0.svg").read_bytes())
    assert root.tag.endswith("svg") and b"http://www.w3.org" in (tmp_path / "0.svg").read_bytes()


@pytest.mark.parametrize("name", DRAWN)
def test_another_ending_or_place_is_a_typed_error(name, tmp_path):
    for path in (tmp_path / "a.jpg", tmp_path / "a", tmp_path / "absent" / "a.png"):
        with pytest.raises(OutputError):
            DRAWN[name](path)
    assert not list(tmp_path.iterdir())


def test_methods_differ_by_more_than_colour(tmp_path):
    image = pytest.importorskip("PIL.Image")
    curves_plot(CURVES[:1], tmp_path / "one.png")
    curves_plot(CURVES[:2], tmp_path / "two.png")
    shades = []
    for name in ("one", "two"):
        with image.open(tmp_path / f"{name}.png") as opened:
            shades.append(len(np.unique(np.asarray(opened.convert("L")))))
            assert opened.width > 700
    assert shades[1] > shades[0]


def test_noises_of_one_method_and_odd_values(tmp_path):
    noises = [replace(CURVES[0], noise=name) for name in ("hiss", "hum")]
    curves_plot(
        [*noises, replace(CURVES[0], noise="none", values=(NAN,) * 10, by_seed=())], tmp_path / "a.svg"
    )
    curves_plot(
        [Curve("x", "hiss", "mae", (0.0,), (0.4,), higher_is_better=False)], tmp_path / "b.png", title="one"
    )
    comparison_plot(compare_curves(CURVES[:1]), tmp_path / "c.png")
    subsets_plot(TABLE, tmp_path / "d.png", metric="mae")
    assert len(list(tmp_path.iterdir())) == 4


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError):
        curves_plot([], tmp_path / "a.png")
    with pytest.raises(ValueError):
        curves_plot([CURVES[0], replace(CURVES[0], metric="mae")], tmp_path / "a.png")
    with pytest.raises(ValueError):
        subsets_plot(TABLE, tmp_path / "a.png", metric="ccc")
