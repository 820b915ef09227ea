import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from emofuse.inference.drawing import clean, clock, colour_of, ink_on
from emofuse.inference.result import ModalityEvidence
from emofuse.inference.timeline_html import NOTE, report_html
from emofuse.inference.timeline_svg import scale_of

VOID = {"meta", "br", "link", "img", "rect", "circle", "path", "polyline"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps tags and text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_asks_nothing_of_the_network(result):
    page = report_html([result])
    parsed = Page(page)
    assert not parsed.open
    assert NOTE in page
    assert not [tag for tag, given in parsed.tags if "src" in given or tag in ("link", "iframe", "object")]
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    ids = [given["id"] for _, given in parsed.tags if "id" in given]
    assert len(ids) == len(set(ids))


def test_every_segment_can_be_reached_and_points_to_its_row(result):
    parsed = Page(report_html([result]))
    segments = [given for _, given in parsed.tags if given.get("class") == "segment"]
    assert len(segments) == len(result.segments)
    ids = {given.get("id") for _, given in parsed.tags}
    for given in segments:
        assert given["tabindex"] == "0"
        assert given["data-row"] in ids
        assert "joy 60%" in given["aria-label"]


def test_what_a_user_gave_is_escaped(result):
    wicked = '<script>alert("x")</script>\x00&'
    segment = replace(
        result.segments[0],
        text=wicked,
        speaker=wicked,
        modalities={"text": ModalityEvidence(False, None, 0.0, wicked)},
    )
    page = report_html([replace(result, source=wicked, warnings=(wicked,), segments=(segment,))])
    assert "<script>alert" not in page
    assert "\x00" not in page
    assert len([tag for tag, _ in Page(page).tags if tag == "script"]) == 1
    assert clean("<a b='c'>") == "&lt;a b=&#x27;c&#x27;&gt;"


def test_several_results_have_contents_and_own_ids(result):
    parsed = Page(report_html([result, replace(result, source="other.wav")]))
    targets = [given["href"] for tag, given in parsed.tags if tag == "a"]
    assert targets == ["#clip0", "#clip1"]
    ids = [given["id"] for _, given in parsed.tags if "id" in given]
    assert len(ids) == len(set(ids))


def test_unknown_values_and_foreign_labels_are_drawn(result):
    labels = ("calm", "boredom", "pride")
    shares = {"calm": 0.2, "boredom": 0.5, "pride": 0.3}
    segments = tuple(
        replace(
            part,
            label="boredom",
            confidence=0.5,
            probabilities=shares,
            valence=None,
            arousal=None,
            modalities={},
        )
        for part in result.segments
    )
    clip = replace(
        result.clip, label="boredom", confidence=0.5, probabilities=shares, valence=None, arousal=None
    )
    page = report_html([replace(result, labels=labels, clip=clip, segments=segments)])
    assert "boredom" in page
    assert len({colour_of(label, labels) for label in labels}) == 3


def test_the_scale_is_linear_in_time_and_even_without_a_clock(result):
    scale = scale_of(result)
    (first, long), (second, short) = scale.places
    assert (first, second) == (0, pytest.approx(scale.width * 2 / 3))
    assert long == pytest.approx(2 * short)
    even = scale_of(replace(result, duration_s=0.0))
    assert even.places[0][1] == even.places[1][1]
    assert [name for _, name in even.ticks] == ["1", "2"]


def test_an_hour_of_segments_stays_drawable(result):
    many = tuple(replace(result.segments[0], start_s=float(n), end_s=n + 1.0) for n in range(600))
    page = report_html([replace(result, duration_s=600.0, segments=many)])
    assert page.count('class="segment"') == 600


def test_a_cue_at_any_time_has_as_many_marks_as_there_is_room(result):
    late = (replace(result.segments[0], start_s=3.6e11, end_s=3.6e11 + 2),)
    assert len(scale_of(replace(result, duration_s=3.6e11 + 2, segments=late)).ticks) < 20


@pytest.mark.parametrize(
    ("time_s", "shown"), [(0, "0:00.0"), (59.96, "1:00.0"), (61.24, "1:01.2"), (3600, "60:00.0")]
)
def test_clock(time_s, shown):
    assert clock(time_s) == shown


def test_ink_is_dark_on_light_colours():
    assert ink_on("#F0E442") == "#111"
    assert ink_on("#0072B2") == "#fff"
