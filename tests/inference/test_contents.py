"""What experts are given of long segments: bounded, the best part, and said."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from emofuse.features.segments import Segment
from emofuse.inference.contents import HEARD_S, Contents, Faces, Sound
from emofuse.types import Signal, Track

RATE = 1000


def contents(
    *segments: Segment, speech: tuple[tuple[float, float], ...], duration_s: float = 600.0
) -> Contents:
    # A ramp, so that a slice says where it was cut.
    ramp = np.arange(round(duration_s * RATE), dtype=np.float32) / RATE
    return Contents(
        path=Path("clip.wav"), duration_s=duration_s, segments=segments,
        sound=Sound(Signal(ramp, RATE), speech), faces=Faces(), absent={}, warnings=(),
    )  # fmt: skip


def ears(given: Signal) -> Track:
    return Track(given.samples[:, None], np.arange(len(given.samples)) / given.rate)


def listener() -> SimpleNamespace:
    class Ears(SimpleNamespace):
        def __call__(self, given: Signal) -> Track:
            return ears(given)

    return Ears(name="ears", source="audio", dim=1)


def test_a_long_segment_is_heard_where_most_is_said():
    speech = ((10.0, 12.0), (300.0, 325.0), (400.0, 404.0))
    (material,) = contents(Segment(0.0, 600.0, None, None), speech=speech).materials(listener())
    assert len(material.track) == HEARD_S * RATE
    assert material.track.values[0, 0] == 300.0
    assert "300 to 330 s" in material.shortened


def test_the_window_stays_inside_its_segment():
    (material,) = contents(Segment(0.0, 600.0, None, None), speech=((590.0, 600.0),)).materials(listener())
    assert material.track.values[0, 0] == 570.0 and len(material.track) == HEARD_S * RATE


def test_a_segment_of_ordinary_length_is_heard_as_a_whole():
    (material,) = contents(Segment(5.0, 35.0, None, None), speech=((6.0, 7.0),)).materials(listener())
    assert len(material.track) == 30 * RATE and material.shortened is None


def test_a_text_that_is_cut_is_said_to_be():
    class Words(SimpleNamespace):
        def cuts(self, given: str) -> bool:
            return len(given.split()) > 3

        def __call__(self, given: str) -> Track:
            return Track(np.ones((min(3, len(given.split())), 1)), np.arange(3.0))

    segments = (
        Segment(0.0, 1.0, "a b c", None),
        Segment(1.0, 2.0, "a b c d", None),
        Segment(2.0, 3.0, None, None),
    )
    short, long, none = contents(*segments, speech=()).materials(Words(name="words", source="text", dim=1))
    assert short.shortened is None and none.track is None
    assert "3 tokens" in long.shortened
