"""Where a model looked in a clip: its attention on the clip's clock and on the words that are said."""

import numpy as np
import pytest
import torch

from emofuse.inference.bundle import Expert
from emofuse.inference.explanation import explain
from emofuse.inference.explanation_html import explanation_html
from emofuse.inference.explanation_parts import attention_of
from emofuse.inference.explanation_pictures import pictures
from emofuse.models import MODELS
from emofuse.models.calibrators import softmax
from emofuse.models.encoders.pooling import AttentionPool
from emofuse.models.recipe import make
from emofuse.types import TaskSpec, Track

SRT = "1\n00:00:00,000 --> 00:00:01,000\nso very glad\n\n2\n00:00:01,000 --> 00:00:02,000\nno\n"


class Lengths:
    """One frame a word: its letters."""

    source, name, dim, files, settings = "text", "lengths", 1, (), {}

    def __call__(self, given):
        values = np.array([[len(word)] for word in given.split()], np.float32)
        return Track(values, np.arange(len(values), dtype=float))


class Level:
    """Frames of 0.05 s: 1 where the sound is loud."""

    source, name, dim, files, settings = "audio", "level", 1, (), {}

    def __call__(self, given):
        step = given.rate // 20
        frames = len(given.samples) // step
        loud = np.abs(given.samples[: frames * step]).reshape(frames, -1).max(axis=1)
        return Track((loud > 0.2)[:, None].astype(np.float32), np.arange(frames) / 20 + 0.025)


class Letters(Lengths):
    """A frame a letter: neither words nor known tokens."""

    def __call__(self, given):
        values = np.ones((len(given), 1), np.float32)
        return Track(values, np.arange(len(values), dtype=float))


@pytest.fixture
def clip(fakes, tmp_path, hears):
    """Two seconds, loud from 1.5 s on, with words for both seconds."""
    hears((0.0, 2.0))
    samples = np.full(32000, 0.05, np.float32)
    samples[24000:] = 0.5
    (tmp_path / "said.srt").write_text(SRT)
    return fakes.wav(tmp_path / "said.wav", samples), tmp_path / "said.srt"


def expert(fakes, text=None, *, pooling="attention"):
    """Attention that grows with what it sees, of the voice and of the words."""
    extractors = {"audio": Level(), "text": text or Lengths()}
    dims, task = {"audio": 1, "text": 1}, TaskSpec(labels=tuple(fakes.labels))
    torch.manual_seed(0)
    encoders = {name: {"name": "gru", "hidden": 4, "pooling": pooling} for name in dims}
    model = make(MODELS, {"name": "composed", "encoders": encoders}, dims, task).model
    for layer in model.modules():
        if isinstance(layer, AttentionPool):
            layer.score.weight.data.zero_()
    return Expert("both", task, {}, {}, extractors, model, softmax)


def test_shares_stand_on_the_clock_and_on_the_words(fakes, clip):
    path, transcript = clip
    found = explain(fakes.bundle((expert(fakes),)), path, transcript=transcript)
    first, second = (segment.modalities for segment in found.segments)
    # Scores of 0 share evenly: 20 frames in ten stretches of 0.1 s, three words.
    assert [one.share for one in first["audio"].attention] == pytest.approx([0.1] * 10, abs=1e-6)
    assert first["audio"].attention[0].start_s == 0 and second["audio"].attention[
        0
    ].start_s == pytest.approx(1.0)
    assert second["audio"].attention[-1].end_s == pytest.approx(2.0)
    said = first["text"].attention
    assert [one.text for one in said] == ["so", "very", "glad"]
    assert [one.share for one in said] == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert said[0].start_s == 0 and said[-1].end_s == pytest.approx(1.0)
    assert [one.share for one in second["text"].attention] == pytest.approx([1.0])


def test_it_is_drawn_in_lanes_of_its_own(fakes, clip):
    path, transcript = clip
    found = explain(fakes.bundle((expert(fakes),)), path, transcript=transcript)
    assert set(attention_of(found)) == {"audio attention", "text attention"}
    html = explanation_html(found)
    assert "audio attention" in html and "text attention" in html
    assert "The same words by the attention" in html
    assert found.to_dict()["segments"][0]["modalities"]["text"]["attention"][0]["text"] == "so"
    assert b"<svg" in pictures(found, kind="svg")["timeline"]


def test_what_has_no_place_in_the_clip_is_left_out(fakes, clip, tmp_path):
    path, transcript = clip
    found = explain(fakes.bundle((expert(fakes, Letters()),)), path, transcript=transcript)
    assert set(attention_of(found)) == {"audio attention"}
    assert "The same words" not in explanation_html(found)
    # A text has no clock: its words are looked at all the same.
    (tmp_path / "said.txt").write_text("so very glad")
    (segment,) = explain(fakes.bundle((expert(fakes),)), tmp_path / "said.txt").segments
    assert [(one.text, one.start_s) for one in segment.modalities["text"].attention] == [
        ("so", None),
        ("very", None),
        ("glad", None),
    ]


def test_a_model_without_attention_has_none(fakes, clip):
    path, transcript = clip
    found = explain(fakes.bundle((expert(fakes, pooling="mean"),)), path, transcript=transcript)
    assert attention_of(found) == {}
    assert "attention" not in explanation_html(found).split("</style>")[1].lower()
