"""Why a clip was recognised so: sums that are exact, absent modalities, parts in their place, the real example."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from emofuse.errors import BundleError, ConfigError, InputError
from emofuse.features.cache import Cache
from emofuse.inference.bundle import Says
from emofuse.inference.explanation import ESTIMATED, How, explain
from emofuse.inference.explanation_html import explanation_html
from emofuse.inference.explanation_pictures import pictures, video_of, write_explanation
from emofuse.inference.explanation_text import summary
from emofuse.inference.predictor import Recognizer
from emofuse.types import TaskSpec, Track

DEMO = Path(__file__).parents[2] / "demo"
SRT = "1\n00:00:00,000 --> 00:00:01,000\nso very glad\n\n2\n00:00:01,000 --> 00:00:02,000\nno\n"


class Listener:
    """A fake expert whose "joy" grows with the sum of what it is given, whatever the modalities."""

    def __init__(self, name, labels, **extractors):
        self.name, self.labels, self.extractors = name, labels, extractors
        self.task, self.asked = TaskSpec(labels=labels), 0

    modalities = property(lambda self: tuple(self.extractors))
    ratings = property(lambda self: self.task.ratings)

    def predict(self, items):
        self.asked += len(items)
        rows = []
        for item in items:
            score = sum(float(track.values.sum()) for track in item.values())
            raised = np.ones(len(self.labels))
            raised[self.labels.index("joy")] = np.exp(0.1 * score)
            rows.append(raised / raised.sum())
        return Says(np.stack(rows), np.zeros((len(items), 0)))


class Letters:
    """One frame a word: how many times "a" is in it."""

    source, name, dim, files, settings = "text", "letters", 1, (), {}

    def __call__(self, given):
        values = np.array([[word.count("a")] for word in given.split()], np.float32)
        return Track(values, np.arange(len(values), dtype=float))


class Level:
    """Frames of 0.1 s: 1 where the sound is loud."""

    source, name, dim, files, settings = "audio", "level", 1, (), {}

    def __call__(self, given):
        frames = len(given.samples) // (given.rate // 10)
        loud = np.abs(given.samples[: frames * (given.rate // 10)]).reshape(frames, -1).max(axis=1)
        return Track((loud > 0.2)[:, None].astype(np.float32), np.arange(frames) / 10 + 0.05)


@pytest.fixture
def clip(fakes, tmp_path, hears):
    """Two seconds, loud from 1.5 s on, with words for both seconds."""
    hears((0.0, 2.0))
    samples = np.full(32000, 0.05, np.float32)
    samples[24000:] = 0.5
    path = fakes.wav(tmp_path / "said.wav", samples)
    transcript = tmp_path / "said.srt"
    transcript.write_text(SRT)
    return path, transcript


def listeners(fakes, *, together=False):
    if together:
        return fakes.bundle((Listener("both", fakes.labels, text=Letters(), audio=Level()),))
    return fakes.bundle(
        (Listener("words", fakes.labels, text=Letters()), Listener("voice", fakes.labels, audio=Level()))
    )


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("unit", ["log_odds", "probability"])
def test_values_add_up_to_what_is_recognised(fakes, clip, together, unit):
    path, transcript = clip
    bundle = listeners(fakes, together=together)
    result = Recognizer.from_bundle(bundle, cache=Cache(None)).predict(path, transcript=transcript)
    found = explain(bundle, path, transcript=transcript, how=How(unit=unit, label="joy"))
    for segment, recognised in zip(found.segments, result.segments, strict=True):
        p = recognised.probabilities["joy"]
        assert segment.output == pytest.approx(np.log(p / (1 - p)) if unit == "log_odds" else p, abs=1e-9)
        total = sum(share.value for share in segment.modalities.values())
        assert segment.base + total == pytest.approx(segment.output, abs=1e-9)
        assert segment.base == pytest.approx(np.log(1 / 6) if unit == "log_odds" else 1 / 7)
        assert {name: share.weight for name, share in segment.modalities.items()} == {
            name: evidence.weight for name, evidence in recognised.modalities.items()
        }
    assert found.labels == tuple(fakes.labels) and found.bundle.name == "fake"


def test_words_get_what_they_bring(fakes, clip):
    path, transcript = clip
    found = explain(listeners(fakes), path, transcript=transcript, how=How(label="joy"))
    parts = found.segments[0].modalities["text"].parts
    assert [part.text for part in parts] == ["so", "very", "glad"]
    # One "a", in the last word, raises the log-odds of its own expert by 0.1.
    assert [part.own for part in parts] == pytest.approx([0, 0, 0.1], abs=1e-9)
    assert [part.value for part in parts] == pytest.approx([0, 0, 0.1], abs=1e-9)
    assert parts[0].start_s == 0 and parts[-1].end_s == pytest.approx(1.0)
    assert found.notes == (ESTIMATED,)


def test_sound_is_placed_on_the_clip_s_clock(fakes, clip):
    path, transcript = clip
    found = explain(listeners(fakes), path, transcript=transcript, how=How(label="joy", heard_s=0.25))
    quiet, loud = (segment.modalities["audio"].parts for segment in found.segments)
    assert [part.own for part in quiet] == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert [(part.start_s, part.end_s) for part in loud] == [
        pytest.approx(one) for one in [(1, 1.25), (1.25, 1.5), (1.5, 1.75), (1.75, 2)]
    ]
    assert [part.own > 0.1 for part in loud] == [False, False, True, True]
    assert sum(part.own for part in loud) == pytest.approx(0.5, abs=1e-9)


def test_parts_add_up_to_the_loss_of_their_modality(fakes, clip):
    path, transcript = clip
    found = explain(listeners(fakes, together=True), path, transcript=transcript, how=How(label="joy"))
    silent = explain(listeners(fakes, together=True), transcript, how=How(label="joy"))
    for whole, written in zip(found.segments, silent.segments, strict=True):
        parts = sum(part.value for part in whole.modalities["audio"].parts)
        assert parts == pytest.approx(whole.output - written.output, abs=1e-9)


def test_an_absent_modality_has_nothing_and_a_reason(fakes, clip):
    path, _ = clip
    found = explain(listeners(fakes), path)
    share = found.segments[0].modalities["text"]
    assert (share.present, share.value, share.weight, share.parts) == (False, 0.0, 0.0, ())
    assert share.reason == "no text was given"


def test_frames_that_are_alike_share_alike_and_windows_hold_several(fakes, tmp_path, sees):
    class Dots:
        source, name, dim, files, settings = "video", "dots", 1, (), {}

        def __call__(self, given):
            times = np.array([frame.time_s for frame in given])
            return Track(np.ones((len(times), 1), np.float32), times)

    sees()
    path = fakes.video(tmp_path / "seen.mp4", seconds=2.0)
    bundle = fakes.bundle((Listener("look", fakes.labels, video=Dots()),))
    single = explain(bundle, path, how=How(label="joy", seen_s=0)).segments[0].modalities["video"].parts
    assert [part.value for part in single] == pytest.approx([0.1] * 10)
    assert [part.start_s for part in single] == pytest.approx(np.maximum(np.arange(10) / 5 - 0.1, 0))
    double = explain(bundle, path, how=How(label="joy")).segments[0].modalities["video"].parts
    assert [part.value for part in double] == pytest.approx([0.2] * 5)


def test_nothing_to_judge_by_is_the_prior(fakes, tmp_path):
    path = fakes.wav(tmp_path / "silent.wav", np.zeros(16000, np.float32))
    found = explain(listeners(fakes), path)
    assert found.segments[0].output == found.segments[0].base
    assert all(share.value == 0 for share in found.segments[0].modalities.values())
    assert sum(found.segments[0].probabilities.values()) == pytest.approx(1)


def test_text_without_a_clock_and_few_parts(fakes, tmp_path):
    path = tmp_path / "said.txt"
    path.write_text("a b c d e f g.")
    found = explain(listeners(fakes), path, how=How(most=3, label="joy"))
    parts = found.segments[0].modalities["text"].parts
    assert [part.text for part in parts] == ["a b c", "d e", "f g."]
    assert all(part.start_s is None for part in parts) and found.notes == ()
    assert list(pictures(found)) == ["modalities", "probabilities"]
    written = write_explanation(found, tmp_path / "out")
    assert [one.name for one in written] == [
        "explanation.json", "explanation.html", "modalities.png", "probabilities.png", "modalities.svg",
        "probabilities.svg", "words-1.svg",
    ]  # fmt: skip


def test_no_question_is_asked_twice(fakes, clip):
    path, transcript = clip
    bundle = listeners(fakes)
    explain(bundle, path, transcript=transcript, how=How(orders=2))
    voice = bundle.experts[1]
    # Two segments with two windows each: whole, each window alone.
    assert voice.asked == 2 * (1 + 2)


def test_json_and_pictures_and_video(fakes, clip, tmp_path):
    path, transcript = clip
    found = explain(listeners(fakes), path, transcript=transcript)
    document = json.loads(found.to_json())
    assert document == found.to_dict()
    assert document["segments"][0]["modalities"]["text"]["parts"][2]["text"] == "glad"
    assert list(pictures(found, kind="svg")) == ["modalities", "probabilities", "timeline"]
    html = explanation_html(found)
    assert "glad" in html and "http" not in html.replace("http://www.w3.org", "")
    assert video_of(found, rate=5)[4:8] == b"ftyp"


def test_the_page_is_in_the_look_of_the_other_pages(fakes, clip):
    path, transcript = clip
    html = explanation_html(explain(listeners(fakes), path, transcript=transcript, how=How(label="joy")))
    assert "prefers-color-scheme: dark" in html and html.count('<section class="card"') == 3
    titles = re.findall("<figcaption>(.*?)</figcaption>", html)
    assert titles == ["Attributions under the waveform"] + 2 * [
        "What each modality adds to joy", "Probability of each class",
    ]  # fmt: skip
    # What is absent says why, and a text has no clock to draw over.
    html = explanation_html(explain(listeners(fakes), path))
    assert "absent: no text was given" in html


def test_a_text_has_a_page_without_a_clock(fakes, tmp_path):
    path = tmp_path / "said.txt"
    path.write_text("<b>so</b> glad", encoding="utf-8")
    html = explanation_html(explain(listeners(fakes), path))
    assert "Over time" not in html and "&lt;b&gt;so&lt;/b&gt;" in html and "<b>so" not in html


def test_a_summary_names_the_words_that_count(fakes, clip):
    path, transcript = clip
    told = summary(explain(listeners(fakes), path, transcript=transcript, how=How(label="joy")))
    assert "words for it: glad +0.10" in told and "against" not in told
    assert "0:00.0-0:01.0  joy" in told and f"note: {ESTIMATED}" in told
    assert "text absent (no text was given)" in summary(explain(listeners(fakes), path))


def test_what_cannot_be_explained_is_refused(fakes, clip, tmp_path):
    path, _ = clip
    with pytest.raises(ConfigError, match="no class 'bliss'"):
        explain(listeners(fakes), path, how=How(label="bliss"))
    with pytest.raises(ConfigError, match="unit is one of"):
        How(unit="odds")
    with pytest.raises(ConfigError, match="1 order"):
        How(orders=0)
    with pytest.raises(InputError, match="both"):
        explain(listeners(fakes), path, transcript=path, text="words")
    with pytest.raises(BundleError, match="no bundle"):
        explain(tmp_path, path)


@pytest.mark.slow
def test_the_example_with_the_default_bundle(tmp_path):
    recognizer = Recognizer(cache=Cache(None))
    result = recognizer.predict(DEMO / "clip.mp4", transcript=DEMO / "clip.srt")
    found = explain(recognizer, DEMO / "clip.mp4", transcript=DEMO / "clip.srt", how=How(orders=2))
    for segment, recognised in zip(found.segments, result.segments, strict=True):
        assert segment.label == recognised.label
        assert segment.probabilities == pytest.approx(recognised.probabilities, abs=1e-6)
        total = sum(share.value for share in segment.modalities.values())
        assert segment.base + total == pytest.approx(segment.output, abs=1e-6)
        assert all(share.present and share.parts for share in segment.modalities.values())
    first, _, third = (
        {part.text: part.value for part in segment.modalities["text"].parts} for segment in found.segments
    )
    assert max(first, key=first.get) == "happiest"
    assert max(third, key=third.get) == "sad."
    # The face smiles throughout: it speaks for joy, and against sadness.
    assert [segment.modalities["video"].value > 0 for segment in found.segments] == [True, True, False]
    for segment in found.segments:
        for part in segment.modalities["audio"].parts:
            assert segment.start_s - 0.5 < part.start_s < part.end_s < segment.end_s + 0.5
    names = {one.name for one in write_explanation(found, tmp_path)}
    assert {
        "explanation.json",
        "explanation.html",
        "explanation.mp4",
        "timeline.svg",
        "words-3.svg",
    } <= names
