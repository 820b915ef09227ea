"""What experts are given of long segments: everything, in pieces of bounded length."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from emofuse.features.face import FaceCrops, FaceTrack
from emofuse.features.segments import Segment
from emofuse.inference.contents import AT_ONCE_S, Contents, Faces, Sound
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


def heard(material):
    """First and last second of each piece."""
    return [tuple(piece.track.values[[0, -1], 0].round().tolist()) for piece in material.pieces]


def test_a_long_segment_is_heard_in_pieces_between_pauses():
    speech = ((10.0, 12.0), (30.0, 38.0), (300.0, 325.0), (400.0, 404.0))
    (material,) = contents(Segment(11.0, 600.0, None, None), speech=speech).materials(listener())
    assert heard(material) == [(11, 38), (300, 325), (400, 404)]
    assert [piece.length for piece in material.pieces] == [9.0, 25.0, 4.0]  # seconds of speech


def test_speech_without_a_pause_is_heard_in_equal_pieces():
    (material,) = contents(Segment(0.0, 600.0, None, None), speech=((2.0, 80.0),)).materials(listener())
    assert heard(material) == [(2, 28), (28, 54), (54, 80)]
    assert all(len(piece.track) <= AT_ONCE_S * RATE for piece in material.pieces)


def test_a_segment_of_ordinary_length_is_heard_as_a_whole():
    (material,) = contents(Segment(5.0, 35.0, None, None), speech=((6.0, 7.0),)).materials(listener())
    assert heard(material) == [(5, 35)]


def test_an_extractor_of_speech_alone_is_told_where_it_is():
    class Trimmer(SimpleNamespace):
        speech_only = True

        def of_speech(self, given: Signal) -> Track:
            return ears(given)

    trimmer = Trimmer(name="ears", source="audio", dim=1)
    segments = (
        Segment(4.0, 9.0, None, None),
        Segment(9.0, 12.0, None, None),
        Segment(20.0, 22.0, None, None),
    )
    speech = ((5.0, 6.0), (7.0, 8.0), (11.8, 15.0))
    spoken, slip, none = contents(*segments, speech=speech).materials(trimmer)
    assert heard(spoken) == [(5, 8)] and spoken.pieces[0].length == 2
    assert len(slip.pieces[0].track) == 0.5 * RATE  # too short for speech features, and widened
    assert none.reason == "no speech in this segment"


def test_a_long_text_is_read_in_pieces_by_their_length():
    class Words(SimpleNamespace):
        def knows(self, given: str) -> bool:
            return given != "?"

        def pieces(self, given: str) -> list[str]:
            words = given.split()
            return [" ".join(words[first : first + 3]) for first in range(0, len(words), 3)]

        def __call__(self, given: str) -> Track:
            count = len(given.split())
            return Track(np.ones((count, 1)), np.arange(float(count)))

    segments = (
        Segment(0.0, 1.0, "a b c d", None),
        Segment(2.0, 3.0, None, None),
        Segment(4.0, 5.0, "?", None),
    )
    long, none, strange = contents(*segments, speech=()).materials(
        Words(name="words", source="text", dim=1)
    )
    assert [piece.length for piece in long.pieces] == [3, 1]
    assert not none.pieces and none.reason == "no words in this segment"
    assert not strange.pieces and "knows" in strange.reason


def faces(count: int, **settings) -> Faces:
    track = Track(np.zeros((count, 2304), np.uint8), np.arange(count) / 5)
    box = np.tile(np.array([0, 0, 50, 50], np.float32), (count, 1))
    seen = FaceTrack(track, box, np.ones(count, np.float32), np.zeros((8, 8, 3), np.uint8))
    return Faces((seen,), track.times, **settings)


def test_a_face_is_seen_in_pieces():
    given = replace(contents(Segment(0.0, 100.0, None, None), speech=()), faces=faces(500))
    (material,) = given.materials(FaceCrops())
    assert [len(piece.track) for piece in material.pieces] == [125] * 4
    assert material.pieces[1].track.times[0] == 25.0 and material.quality == 1


def test_faces_that_were_looked_for_otherwise_are_looked_for_again(monkeypatch):
    class Other(FaceCrops):
        def __call__(self, given):
            return Track(np.ones((1, 2304), np.uint8), np.zeros(1))

    given = replace(contents(Segment(0.0, 1.0, None, None), speech=()), faces=faces(5, min_side_px=30))
    for side, own in ((30, False), (60, True)):
        (material,) = given.materials(Other(min_side_px=side))
        assert material.pieces[0].track.values[0, 0] == own


def test_a_cue_without_a_length_hears_what_is_around_it():
    segments = (Segment(5.0, 5.0, "so", None), Segment(9.0, 9.0, "so", None))
    voiced, mute = contents(*segments, speech=((4.0, 6.0),)).materials(listener())
    assert len(voiced.pieces[0].track) == 0.5 * RATE and voiced.pieces[0].length == 0.5
    assert mute.reason == "no speech in this segment"
