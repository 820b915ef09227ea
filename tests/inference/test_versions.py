"""Versions of a segment: what is left is what is judged, where its parts lie, and that nothing is asked twice."""

from types import SimpleNamespace

import numpy as np
import pytest

from emofuse.features.segments import Segment
from emofuse.inference.bundle import Says
from emofuse.inference.contents import Contents, Faces, Sound
from emofuse.inference.versions import Panel, _Remembering, _together, _windows
from emofuse.types import Signal, TaskSpec, Track

RATE = 16000


class Asked:
    """An expert that keeps what it is asked, and answers with the number of frames as a rating."""

    def __init__(self, name, labels, **extractors):
        self.name, self.labels, self.extractors, self.items = name, labels, extractors, []
        self.task = TaskSpec(labels=labels, ratings=("frames",))

    modalities = property(lambda self: tuple(self.extractors))
    ratings = property(lambda self: self.task.ratings)

    def predict(self, items):
        self.items += [dict(item) for item in items]
        frames = np.array([[sum(len(track) for track in item.values())] for item in items], float)
        return Says(np.full((len(items), len(self.labels)), 1 / len(self.labels)), frames)


class Steps:
    """A frame every 0.1 s that holds its own number within the piece."""

    source, name, dim, files, settings = "audio", "steps", 1, (), {}

    def __init__(self, **own):
        self.__dict__.update(own)

    def __call__(self, given):
        frames = int(given.duration_s * 10 + 1e-6)
        return Track(np.arange(frames, dtype=np.float32)[:, None], np.arange(frames) / 10 + 0.05)


class Words:
    """A frame a word; at most ``longest`` words in a piece."""

    source, name, dim, files, settings = "text", "words", 1, (), {}

    def __init__(self, longest=100):
        self.longest = longest

    def pieces(self, given):
        words = given.split()
        return [
            " ".join(words[first : first + self.longest]) for first in range(0, len(words), self.longest)
        ]

    def knows(self, given):
        return given.strip() != "?"

    def __call__(self, given):
        values = np.array([[len(word)] for word in given.split()], np.float32)
        return Track(values, np.arange(len(values), dtype=float))


def contents(*segments, duration_s=100.0, speech=None, **absent):
    signal = Signal(np.ones(round(duration_s * RATE), np.float32) / 2, RATE)
    return Contents(
        path="clip.wav",
        duration_s=duration_s,
        segments=segments,
        sound=Sound(signal, speech if speech is not None else ((0.0, duration_s),)),
        faces=Faces(absent="no face found"),
        absent={"text": "", "audio": "", "video": "the clip has no picture"} | absent,
        warnings=(),
    )


def panel(fakes, *experts, clip):
    return Panel(fakes.bundle(experts), clip)


def test_short_and_long_segments_are_placed_on_the_clip_s_clock(fakes):
    clip = contents(Segment(10.0, 12.0, None, None), Segment(20.0, 95.0, None, None))
    made = panel(fakes, Asked("voice", fakes.labels, audio=Steps()), clip=clip)
    short, long = made.whole()
    assert [len(one.items["voice"]["audio"]) for one in (short, long)] == [1, 3]
    parts = made.parts("audio", 0, short, heard_s=0.5, seen_s=0.4, most=48)
    assert parts.times == tuple(
        pytest.approx(one) for one in [(10, 10.5), (10.5, 11), (11, 11.5), (11.5, 12)]
    )
    parts = made.parts("audio", 1, long, heard_s=0.5, seen_s=0.4, most=30)
    assert len(parts.times) == 30
    assert parts.times[0] == pytest.approx((20, 22.5)) and parts.times[-1] == pytest.approx((92.5, 95))


def test_what_is_kept_is_what_the_expert_gets(fakes):
    clip = contents(Segment(10.0, 12.0, None, None))
    made = panel(fakes, Asked("voice", fakes.labels, audio=Steps()), clip=clip)
    (whole,) = made.whole()
    parts = made.parts("audio", 0, whole, heard_s=0.5, seen_s=0.4, most=48)
    everything, ends, nothing = parts.keeping([{0, 1, 2, 3}, {0, 3}, set()])
    assert everything is whole
    (piece,) = ends.items["voice"]["audio"]
    assert piece.track.values[:, 0].tolist() == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]
    assert piece.length == pytest.approx(whole.items["voice"]["audio"][0].length / 2)
    assert nothing.items == {"voice": {}}


def test_pieces_that_lose_all_frames_go(fakes):
    clip = contents(Segment(0.0, 75.0, None, None))
    made = panel(fakes, Asked("voice", fakes.labels, audio=Steps()), clip=clip)
    (whole,) = made.whole()
    parts = made.parts("audio", 0, whole, heard_s=25.0, seen_s=0.4, most=3)
    (first,) = parts.keeping([{0}])
    assert [len(piece.track) for piece in first.items["voice"]["audio"]] == [250]


def test_speech_that_an_extractor_wants_alone_is_found_again(fakes):
    # Two stretches of speech with a pause: each is a piece of its own place.
    steps = Steps(speech_only=True, of_speech=Steps())
    clip = contents(Segment(0.0, 100.0, None, None), speech=((5.0, 7.0), (60.0, 64.0)))
    made = panel(fakes, Asked("voice", fakes.labels, audio=steps), clip=clip)
    (whole,) = made.whole()
    parts = made.parts("audio", 0, whole, heard_s=1.0, seen_s=0.4, most=200)
    assert parts.times[0][0] == pytest.approx(5.0, abs=0.6)
    assert parts.times[-1][1] == pytest.approx(64.0, abs=0.6)
    # The pause between is no part.
    assert not [one for one in parts.times if 9 < one[0] < 58]


def test_words_go_from_the_text(fakes):
    clip = contents(Segment(0.0, 4.0, "one  two three", None), speech=((0.0, 4.0),))
    made = panel(fakes, Asked("words", fakes.labels, text=Words()), clip=clip)
    (whole,) = made.whole()
    parts = made.parts("text", 0, whole, heard_s=0.5, seen_s=0.4, most=48)
    assert parts.words == ("one", "two", "three")
    assert parts.times[-1] == pytest.approx((4 * 6 / 11, 4.0))
    two, none = parts.keeping([{2, 0}, set()])
    assert two.items["words"]["text"][0].track.values[:, 0].tolist() == [3, 5]
    assert none.items == {"words": {}}


def test_long_texts_keep_their_pieces(fakes):
    clip = contents(Segment(0.0, 0.0, "a bb ccc dddd eeeee", None), duration_s=0.0, audio="text alone")
    made = panel(fakes, Asked("words", fakes.labels, text=Words(longest=2)), clip=clip)
    (whole,) = made.whole()
    assert [len(piece.track) for piece in whole.items["words"]["text"]] == [2, 2, 1]
    parts = made.parts("text", 0, whole, heard_s=0.5, seen_s=0.4, most=48)
    (odd,) = parts.keeping([{0, 2, 4}])
    assert [piece.track.values[:, 0].tolist() for piece in odd.items["words"]["text"]] == [[1, 3], [5]]
    assert parts.times == ((None, None),) * 5


def test_words_that_nobody_knows_are_absent(fakes):
    clip = contents(Segment(0.0, 1.0, "? glad", None))
    made = panel(fakes, Asked("words", fakes.labels, text=Words()), clip=clip)
    (whole,) = made.whole()
    parts = made.parts("text", 0, whole, heard_s=0.5, seen_s=0.4, most=48)
    unknown, known = parts.keeping([{0}, {1}])
    assert unknown.items == {"words": {}} and known.items["words"]["text"]


def test_a_part_goes_from_every_expert_that_hears_it(fakes):
    clip = contents(Segment(10.0, 12.0, None, None))
    experts = (Asked("one", fakes.labels, audio=Steps()), Asked("two", fakes.labels, audio=Steps()))
    made = panel(fakes, *experts, clip=clip)
    (whole,) = made.whole()
    parts = made.parts("audio", 0, whole, heard_s=1.0, seen_s=0.4, most=48)
    (half,) = parts.keeping([{1}])
    assert made.names == ("audio",)
    assert [len(half.items[name]["audio"][0].track) for name in ("one", "two")] == [10, 10]


def test_only_and_put_leave_the_rest_alone(fakes):
    clip = contents(Segment(0.0, 2.0, "so glad", None))
    made = panel(fakes, Asked("both", fakes.labels, text=Words(), audio=Steps()), clip=clip)
    (whole,) = made.whole()
    assert set(whole.only({"text"}).items["both"]) == {"text"} and set(whole.items["both"]) == {
        "text",
        "audio",
    }
    changed = whole.put("text", {"both": ()})
    assert set(changed.items["both"]) == {"audio"} and changed.quality == whole.quality
    assert changed.items["both"]["audio"] is whole.items["both"]["audio"]


def test_an_absent_modality_has_its_reason(fakes):
    clip = contents(Segment(0.0, 2.0, None, None), audio="the audio is pure silence")
    made = panel(fakes, Asked("both", fakes.labels, text=Words(), audio=Steps()), clip=clip)
    assert made.whole()[0].items == {"both": {}}
    assert made.reason("audio", 0) == "the audio is pure silence"
    assert made.reason("text", 0) == "no words in this segment"


def test_the_same_track_is_asked_for_once(fakes):
    expert = Asked("voice", fakes.labels, audio=Steps())
    remembering = _Remembering(expert)
    first, second = (
        Track(np.zeros((size, 1), np.float32), np.arange(size, dtype=float)) for size in (2, 3)
    )
    answers = remembering.predict([{"audio": first}, {"audio": second}, {"audio": first}])
    assert answers.ratings[:, 0].tolist() == [2, 3, 2]
    assert remembering.predict([{"audio": second}]).ratings[:, 0].tolist() == [3]
    assert len(expert.items) == 2
    assert remembering.name == "voice" and remembering.task is expert.task


def test_the_whole_is_judged_as_in_recognition(fakes):
    clip = contents(Segment(0.0, 2.0, "so glad", None), Segment(2.0, 4.0, None, None))
    experts = fakes.three_experts().experts
    made = panel(fakes, *experts[:2], clip=clip)
    judged = made.judge(made.whole())
    alone = made.judge([one.only({"audio"}) for one in made.whole()])
    assert judged.voices["text"].present.tolist() == [True, False]
    assert alone.probabilities[1] == pytest.approx(judged.probabilities[1])
    assert alone.probabilities[0] != pytest.approx(judged.probabilities[0])
    assert made.prior == pytest.approx(np.full(7, 1 / 7))


class TestWindows:
    def test_they_are_equal_and_cover_the_frames(self):
        edges, held = _windows([np.arange(10) / 10 + 0.05], 0.3, 48)
        assert edges == pytest.approx([0, 1 / 3, 2 / 3, 1]) and held == [0, 1, 2]

    def test_none_is_shorter_than_a_frame_and_there_are_not_too_many(self):
        times = [np.arange(20) / 10]
        assert len(_windows(times, 0.0, 48)[1]) == 20
        assert len(_windows(times, 0.0, 7)[1]) == 7

    def test_empty_ones_are_left_out(self):
        edges, held = _windows([np.array([0.0, 0.1, 0.2]), np.array([5.0, 5.1])], 0.5, 48)
        assert held == [0, len(edges) - 2]

    def test_one_frame_is_one_window_and_none_is_none(self):
        edges, held = _windows([np.array([3.0])], 0.5, 48)
        assert held == [0] and edges[0] == 3.0
        assert _windows([], 0.5, 48)[1] == []


def test_words_are_taken_together_without_losing_any():
    text = "  a b c  d e"
    assert [word.text for word in _together(text, 2)] == ["a b c", "d e"]
    assert [word.text for word in _together(text, 9)] == ["a", "b", "c", "d", "e"]
    assert _together("  ", 3) == []


def test_contents_stay_as_they_were(fakes):
    clip = contents(Segment(0.0, 2.0, "so glad", None))
    before = SimpleNamespace(**{name: getattr(clip, name) for name in ("sound", "segments")})
    made = panel(fakes, Asked("both", fakes.labels, text=Words(), audio=Steps()), clip=clip)
    made.parts("text", 0, made.whole()[0], heard_s=0.5, seen_s=0.4, most=48).keeping([{0}])
    assert clip.sound is before.sound and clip.segments is before.segments
