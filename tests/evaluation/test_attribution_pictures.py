"""Words and times by hand; pictures whole and repeatable; the video plays, and shows what it is told to."""

import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import av
import numpy as np
import pytest

from emofuse.errors import OutputError
from emofuse.evaluation.attribution import ModalityAttribution
from emofuse.evaluation.attribution_plots import (
    Stretch,
    faithfulness_plot,
    heatmap,
    modality_bars,
    probability_bars,
    shares_plot,
    waveform_plot,
)
from emofuse.evaluation.attribution_video import Scene, attribution_video
from emofuse.evaluation.faithfulness import Faithfulness
from emofuse.evaluation.intervals import Interval
from emofuse.evaluation.words import (
    Word,
    from_tokens,
    spread,
    token_offsets,
    words_html,
    words_of,
    words_svg,
)
from emofuse.types import Frame, Signal

TONE = Signal((0.3 * np.sin(np.arange(32000) / 10)).astype(np.float32), 16000)
LANES = {
    "voice": [Stretch(0.0, 0.5, 0.4), Stretch(0.5, 1.0, -0.2)],
    "words": [Stretch(0.1, 0.6, 0.9, "Well,"), Stretch(0.6, 1.4, -0.1, "naïve <b>")],
}
ROWS = [("0–1 s: joy", {"voice": 0.5, "words": -1.25}), ("1–2 s: fear", {"voice": 0.0, "words": 2.0})]
CURVE = np.linspace(1, 0, 5)
FAITHFUL = Faithfulness(
    np.linspace(0, 1, 5), CURVE**2, 1 - CURVE**2, CURVE, 1 - CURVE, 0.3, 0.7,
    Interval(0.2, 0.1, 0.3), Interval(0.2, float("nan"), float("nan")),
)  # fmt: skip
SHARES = ModalityAttribution(
    ("a", "b"), ("voice", "words"), "log_odds", "the prior", np.zeros(2, int), np.array([[1.0, 0.5], [0.0, 2.0]]),
    np.ones(2), np.zeros(2), np.array([[True, True], [False, True]]), np.array([[0.4, 0.6], [0.0, 1.0]]),
)  # fmt: skip
DRAWN = {
    "bars": lambda kind: modality_bars(ROWS, kind=kind),
    "probabilities": lambda kind: probability_bars([("a", {"x": 0.2, "y": 0.8})] * 6, kind=kind),
    "waveform": lambda kind: waveform_plot(TONE, LANES, words=LANES["words"], kind=kind),
    "lanes alone": lambda kind: waveform_plot(None, LANES, captions=[Stretch(0, 1, 0, "joy")], kind=kind),
    "faithfulness": lambda kind: faithfulness_plot(FAITHFUL, kind=kind),
    "heatmap": lambda kind: heatmap([("a", np.arange(5)), ("b", -np.ones(3))], kind=kind),
    "shares": lambda kind: shares_plot(SHARES, kind=kind),
}


@pytest.mark.parametrize("name", DRAWN)
def test_png_and_svg_repeat_byte_for_byte(name):
    assert DRAWN[name]("png").startswith(b"\x89PNG")
    picture = DRAWN[name]("svg")
    assert picture == DRAWN[name]("svg")
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    with pytest.raises(OutputError, match="pdf"):
        DRAWN[name]("pdf")


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="same modalities"):
        modality_bars([*ROWS, ("other", {"face": 1.0})])
    with pytest.raises(ValueError, match="one row"):
        probability_bars([])
    with pytest.raises(ValueError, match="no row"):
        heatmap([])
    with pytest.raises(ValueError, match="neither"):
        waveform_plot(None, {})


def test_shares_of_the_absolute_values():
    assert SHARES.shares() == pytest.approx([1 / 3, 2 / 3])
    assert np.isnan(replace(SHARES, values=np.zeros((2, 2))).shares()).all()


class TestWords:
    def test_tokens_add_up_to_words(self):
        text = "Unhappy? no."
        offsets = [(0, 0), (0, 2), (2, 7), (7, 8), (9, 11), (11, 12), (0, 0)]
        found = from_tokens(text, offsets, [9.0, 1.0, 2.0, 0.5, -1.0, 0.25, 9.0])
        assert [(word.text, word.value) for word in found] == [("Unhappy?", 3.5), ("no.", -0.75)]
        assert [text[word.start : word.end] for word in found] == ["Unhappy?", "no."]

    def test_offsets_are_those_of_the_extractor_s_tokens(self, tmp_path):
        from tokenizers import Tokenizer, models, pre_tokenizers

        from emofuse.features.tokens import Tokens

        tokenizer = Tokenizer(
            models.WordPiece({"[UNK]": 0, "so": 1, "sad": 2, "##dest": 3}, unk_token="[UNK]")
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.enable_padding(length=20)
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        text = "so saddest so so"
        track = Tokens(vocabulary=tmp_path / "tokenizer.json", max_tokens=4)(text)
        offsets = token_offsets(tmp_path / "tokenizer.json", text, max_tokens=4)
        assert offsets == [(0, 2), (3, 6), (6, 10), (11, 13)]
        words = from_tokens(text, offsets, track.values[:, 0])
        assert [word.value for word in words] == [1, 5, 1, 0]

    def test_a_token_over_two_words_is_shared_by_letters(self):
        found = from_tokens("a bcd", [(0, 5)], [4.0])
        assert [word.value for word in found] == pytest.approx([1.0, 3.0])

    def test_each_token_needs_a_value(self):
        with pytest.raises(ValueError, match="each of 1 tokens"):
            from_tokens("a", [(0, 1)], [1.0, 2.0])
        assert words_of("  ") == ()

    def test_times_by_letters_leave_pauses_out(self):
        # 8 letters over 1 s and, after a pause, another: 0.25 s a letter.
        found = spread(["ab", "ab", "abcd"], [(1.0, 2.0), (5.0, 6.0)])
        assert found == [pytest.approx(one) for one in [(1.0, 1.5), (1.5, 2.0), (5.0, 6.0)]]
        assert spread(["abc", "a"], [(0.0, 4.0)]) == [pytest.approx((0, 3)), pytest.approx((3, 4))]
        assert spread([], [(0.0, 1.0)]) == [] and spread(["a"], []) == []

    def test_html_is_escaped_and_tells_the_sign_without_colour(self):
        found = words_html(
            [Word("<i>", 0, 3, 1.0), Word("no", 4, 6, -0.5), Word("x", 7, 8, 0.0)], unit="log-odds"
        )
        root = ElementTree.fromstring(found)
        assert [span.text for span in root] == ["<i>", "no", "x"]
        assert root[0].get("title") == "+1.000 log-odds"
        assert ["wavy" in span.get("style") for span in root] == [False, True, False]
        assert [re.search(r"rgba\(.*,(.*)\)", one.get("style"))[1] for one in root] == [
            "0.60",
            "0.30",
            "0.00",
        ]
        # Ink and ground are the page's, which may be dark.
        assert "color:" not in found.replace("background:", "")

    def test_svg_holds_every_word_within_its_width(self):
        words = [Word(f"word{number}&", 0, 0, number - 5.0) for number in range(30)]
        root = ElementTree.fromstring(words_svg(words, width_px=300))
        boxes = [one for one in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
        assert len(boxes) == 30
        assert all(float(one.get("x")) + float(one.get("width")) <= 300 for one in boxes)
        assert float(boxes[-1].get("y")) < float(root.get("height"))
        assert words_svg([]).endswith("</svg>\n") and words_html([]).startswith("<p")


class Greys:
    """Six frames at 5 Hz, 160 x 90."""

    def __iter__(self):
        for number in range(6):
            yield Frame(number / 5, np.full((90, 160, 3), 100, np.uint8))


class TestVideo:
    def decoded(self, data):
        with av.open(io.BytesIO(data)) as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]

    def test_it_lasts_as_long_as_the_clip_and_has_its_sound(self):
        scene = Scene(2.0, Greys(), TONE, LANES, words=LANES["words"], bordered="voice")
        data = attribution_video(scene, rate=5)
        with av.open(io.BytesIO(data)) as container:
            assert len(container.streams.video) == len(container.streams.audio) == 1
            assert container.duration / 1e6 == pytest.approx(2.0, abs=0.15)
        frames = self.decoded(data)
        assert len(frames) == 10
        assert frames[0].shape[1] == 640 and frames[0].shape[0] % 2 == 0

    def test_the_border_tells_for_and_against(self):
        scene = Scene(1.0, Greys(), None, {"voice": LANES["voice"]}, bordered="voice")
        first, *_, last = self.decoded(attribution_video(scene, rate=10))
        blue, orange = first[200, 3].astype(int), last[200, 1].astype(int)
        assert blue[2] > blue[0] + 60 and orange[0] > orange[2] + 60

    def test_without_pictures_the_lanes_stand_alone_and_long_clips_are_cut(self):
        scene = Scene(50.0, None, None, {"voice": [Stretch(0, 50, 1.0)]})
        frames = self.decoded(attribution_video(scene, rate=2, limit_s=20))
        assert len(frames) == 40 and frames[0].shape[0] < 200
        assert (frames[0] != frames[5]).any()

    def test_nothing_to_show_is_refused(self):
        with pytest.raises(OutputError, match="length in time"):
            attribution_video(Scene(0.0, None, None, LANES))
        with pytest.raises(OutputError, match="attributed"):
            attribution_video(Scene(1.0, Greys(), TONE, {}))
