"""Attributions over time as SVG: whole, in their place, signs by height, words that have room."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from emofuse.evaluation.attribution_plots import Stretch
from emofuse.evaluation.time_charts import time_chart
from emofuse.types import Signal

TONE = Signal(np.sin(np.arange(32000) / 10).astype(np.float32), 16000)
LANES = {
    "voice": [Stretch(0.0, 1.0, 0.4), Stretch(1.0, 2.0, -0.2)],
    "words": [Stretch(0.0, 1.0, 0.9, "Well,"), Stretch(1.0, 2.0, 0.0, "<b>")],
}


def chart(signal=TONE, lanes=LANES, **options):
    given = {"duration_s": 2.0, "title": "Why", "unit": "log-odds", "words": LANES["words"]} | options
    return ET.fromstring(time_chart(signal, lanes, **given))


def bars(root):
    """Of the bars of lanes: their texts, left and right ends, tops and bottoms."""
    found = [
        one
        for one in root.iter("rect")
        if one.get("class").startswith("bar") and one.find("title") is not None
    ]
    sizes = [[float(one.get(name)) for name in ("x", "y", "width", "height")] for one in found]
    return [
        (one.find("title").text, x, x + width, y, y + height)
        for one, (x, y, width, height) in zip(found, sizes, strict=True)
    ]


def test_bars_stand_in_time_and_up_or_down_by_their_sign():
    first, second, third, fourth = bars(chart())
    assert first[0] == "0.00 to 1.00 s: 0.400" and third[0] == "Well, 0.00 to 1.00 s: 0.900"
    assert first[2] == pytest.approx(second[1], abs=1) and (first[1], second[1]) == (third[1], fourth[1])
    # The first ends where the second begins: at their lane's zero; half as much is half as tall.
    assert first[4] == pytest.approx(second[3])
    assert first[4] - first[3] == pytest.approx(2 * (second[4] - second[3]), abs=0.2)


def test_the_sound_is_drawn_and_shaded_by_the_lane_that_is_not_of_words():
    root = chart(captions=[Stretch(0.0, 2.0, 1.0, "joy & more")])
    (wave,) = (one for one in root.iter("polygon") if one.get("class") == "wave")
    heights = [float(point.split(",")[1]) for point in wave.get("points").split()]
    shades = [one for one in root.iter("rect") if one.get("fill-opacity")]
    assert [one.get("class") for one in shades] == ["bar", "bar against"]
    assert [float(one.get("fill-opacity")) for one in shades] == [0.4, 0.2]
    top, height = float(shades[0].get("y")), float(shades[0].get("height"))
    assert top <= min(heights) and max(heights) <= top + height
    texts = [one.text for one in root.iter("text")]
    assert {"sound", "voice", "words", "Well,", "<b>", "joy & more"} <= set(texts)


def test_words_that_would_overlap_are_not_written_but_keep_their_boundaries():
    words = [Stretch(n / 100, (n + 1) / 100, 0.1, f"w{n}") for n in range(200)]
    root = chart(words=words)
    written = [
        one.text for one in root.iter("text") if (one.text or "").startswith("w") and one.text != "words"
    ]
    assert 40 < len(written) < 90
    (edges,) = (one for one in root.iter("path") if one.get("class") == "boundary")
    assert edges.get("d").count("M") == 201


def test_without_a_sound_the_lanes_stand_alone_and_without_both_there_is_nothing():
    assert not list(chart(signal=None, words=()).iter("polygon"))
    assert not list(chart(signal=Signal(np.zeros(0, np.float32), 16000)).iter("polygon"))
    assert len(bars(chart(lanes={"voice": [Stretch(0, 2, 0.0)]}))) == 1
    with pytest.raises(ValueError, match="neither a sound nor"):
        chart(signal=None, lanes={})
    with pytest.raises(ValueError, match="neither a sound nor"):
        chart(duration_s=0.0)
