import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from emofuse.errors import BundleError, FeatureError, InputError, MediaError
from emofuse.features.cache import Cache
from emofuse.inference.predictor import Recognizer
from emofuse.inference.result import Result


def tone(seconds, rate=16000):
    return (0.3 * np.sin(np.arange(round(seconds * rate)) * 0.1)).astype(np.float32)


@pytest.fixture
def bundle(fakes):
    return fakes.three_experts()


@pytest.fixture
def predict(bundle):
    return Recognizer.from_bundle(bundle, cache=Cache(None)).predict


def assert_sound(result):
    """What every result keeps to, whatever it is made from."""
    document = json.loads(result.to_json())
    assert set(document) >= {"source", "duration_s", "labels", "clip", "segments", "warnings", "bundle"}
    assert document["segments"]
    for part in (document["clip"], *document["segments"]):
        assert sum(part["probabilities"].values()) == pytest.approx(1, abs=1e-9)
        winner = max(part["probabilities"], key=part["probabilities"].get)
        assert part["label"] == winner and part["confidence"] == part["probabilities"][winner]
        for name in ("valence", "arousal"):
            assert part[name] is None or -1 <= part[name] <= 1
    for part in document["segments"]:
        assert 0 <= part["start_s"] <= part["end_s"]
        weights = [given["weight"] for given in part["modalities"].values()]
        assert sum(weights) == pytest.approx(1) or not any(weights)
        for given in part["modalities"].values():
            assert given["present"] == (given["probabilities"] is not None) == (given["reason"] is None)
    assert Result.from_dict(document) == result


def test_a_timed_transcript_is_judged_by_its_words(result):
    assert_sound(result)
    assert result.duration_s == 3.0
    assert [(part.start_s, part.end_s, part.speaker) for part in result.segments] == [
        (0, 2, "Ada"),
        (2, 3, "Ben"),
    ]
    assert result.clip.label == "joy"
    assert result.clip.confidence == pytest.approx(0.6)
    words = result.segments[0].modalities
    assert words["text"].weight == 1
    assert words["audio"].reason == words["video"].reason == "text alone"
    assert (result.clip.valence, result.clip.arousal) == (0.5, -0.25)


def test_text_without_a_clock_counts_every_sentence_the_same(predict, tmp_path):
    path = tmp_path / "said.txt"
    path.write_text("I won! I really did. What a day?", encoding="utf-8")
    result = predict(path)
    assert_sound(result)
    assert len(result.segments) == 3
    assert result.duration_s == 0
    assert any("no clock" in warning for warning in result.warnings)


def test_speech_alone(predict, bundle, fakes, hears, tmp_path):
    hears((0.0, 1.9))
    result = predict(fakes.wav(tmp_path / "a.wav", tone(2)))
    assert_sound(result)
    assert result.clip.label == "anger"
    assert result.segments[0].modalities["text"].reason == "no text was given"
    assert result.segments[0].modalities["video"].reason == "the clip has no picture"
    # 0.6 anger (-0.51) and 0.4 / 6 of each other class
    others = (-0.60 - 0.64 + 0.76 + 0 - 0.63 + 0.40) * 0.4 / 6
    assert result.clip.valence == pytest.approx(-0.51 * 0.6 + others)
    assert "derived" in result.valence_arousal_source["audio"]
    assert "Russell" in result.valence_arousal_source["audio"]
    assert result.valence_arousal_source["text"] == "text regression"


def test_three_modalities_agree_on_weights_and_values(predict, fakes, hears, sees, tmp_path):
    hears((0.0, 1.0))
    sees(fakes.faces([0.0, 0.2]))
    path = fakes.video(tmp_path / "a.mp4", samples=tone(1))
    result = predict(path, text="I won!")
    assert_sound(result)
    part = result.segments[0]
    assert all(given.present for given in part.modalities.values())
    assert part.text == "I won!"
    assert part.modalities["video"].quality == pytest.approx(0.4, abs=0.1)  # 2 of the 5 frames
    assert part.modalities["video"].weight < part.modalities["audio"].weight
    said = [(given.weight, given.valence) for given in part.modalities.values()]
    assert part.valence == pytest.approx(sum(weight * value for weight, value in said))


def test_speech_outside_a_cue_does_not_count_for_it(predict, fakes, hears, tmp_path):
    hears((0.0, 0.9))
    words = tmp_path / "a.vtt"
    words.write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nI won!\n\n00:01.500 --> 00:02.000\n(waves)\n")
    result = predict(fakes.wav(tmp_path / "a.wav", tone(2)), transcript=words)
    assert_sound(result)
    heard, waved = result.segments
    assert heard.modalities["audio"].present
    assert waved.modalities["audio"].reason == "no speech in this segment"
    assert waved.modalities["text"].weight == 1


def test_a_short_slice_is_widened_inside_the_clip(predict, bundle, fakes, hears, tmp_path):
    hears((1.8, 2.0))
    predict(fakes.wav(tmp_path / "a.wav", tone(2)))
    given = bundle.experts[1].extractors["audio"].calls[-1]
    assert given.duration_s == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.zeros(16000, np.float32), "pure silence"),
        (tone(1), "no speech found"),
        (tone(0.05), "too short for speech"),
    ],
)
def test_sound_that_says_nothing_gives_base_rates_and_says_so(fakes, hears, tmp_path, samples, expected):
    hears()
    prior = (0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1)  # joy is the likeliest, and yet nobody showed any
    recognizer = Recognizer.from_bundle(fakes.three_experts(prior=prior), cache=Cache(None))
    result = recognizer.predict(fakes.wav(tmp_path / "a.wav", samples))
    assert_sound(result)
    # The turns of MELD's training split: 4,710 of 9,989 are neutral, 1,743 joy.
    assert (result.clip.label, result.clip.confidence) == ("neutral", pytest.approx(4710 / 9989))
    assert result.segments[0].label == "neutral"
    assert result.clip.probabilities["joy"] == pytest.approx(1743 / 9989)
    assert result.clip.valence is None
    assert any(expected in warning for warning in result.warnings)
    assert any("nothing to judge by" in warning for warning in result.warnings)


def test_without_a_neutral_class_the_prior_stands(fakes, hears, tmp_path):
    hears()
    labels = ("anger", "disgust", "fear", "joy", "calm", "sadness", "surprise")
    prior = (0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1)
    recognizer = Recognizer.from_bundle(
        replace(fakes.three_experts(prior=prior), labels=labels), cache=Cache(None)
    )
    result = recognizer.predict(fakes.wav(tmp_path / "a.wav", tone(1)))
    assert result.clip.label == "joy"
    assert any("no finding" in warning for warning in result.warnings)


def test_a_segment_without_evidence_does_not_pull_the_clip(predict, fakes, hears, sees, tmp_path):
    hears()
    sees(fakes.faces([0.0, 0.2, 0.4]))
    words = tmp_path / "a.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nI won!\n")
    result = predict(fakes.video(tmp_path / "a.mp4", seconds=4), transcript=words)
    assert_sound(result)
    assert len(result.segments) > 1
    assert not any(given.present for given in result.segments[-1].modalities.values())
    assert (result.segments[0].label, result.segments[-1].label) == ("joy", "neutral")
    assert result.clip.probabilities == pytest.approx(dict(result.segments[0].probabilities))


def test_odd_recordings_are_read_with_a_stated_warning(predict, fakes, hears, sees, tmp_path):
    hears((0.0, 1.0))
    sees(warnings=("no face found",))
    narrow = predict(fakes.wav(tmp_path / "narrow.wav", tone(1, 8000), 8000))
    assert any("narrow-band" in warning for warning in narrow.warnings)
    wide = predict(fakes.wav(tmp_path / "wide.wav", np.tile(tone(1, 96000)[:, None], (1, 6)), 96000))
    assert any("6 channels" in warning for warning in wide.warnings)
    mute = predict(fakes.video(tmp_path / "mute.mp4"))
    assert any("no sound" in warning for warning in mute.warnings)
    assert any("no face" in warning for warning in mute.warnings)
    assert mute.segments[0].modalities["video"].reason == "no face found"
    words = tmp_path / "late.srt"
    words.write_bytes(
        "1\n00:00:00,000 --> 00:00:01,000\nJürgen\n\n2\n00:01:00,000 --> 00:01:01,000\nno\n".encode(
            "cp1252"
        )
    )
    late = predict(tmp_path / "narrow.wav", transcript=words)
    assert any("UTF-8" in warning for warning in late.warnings)
    assert any("after the end" in warning for warning in late.warnings)
    for result in (narrow, wide, mute, late):
        assert_sound(result)


def test_a_picture_has_one_segment_and_no_time(predict, fakes, sees, tmp_path):
    from PIL import Image

    Image.new("RGB", (200, 160), (90, 60, 40)).save(tmp_path / "a.png")
    sees(fakes.faces([0.0]))
    result = predict(tmp_path / "a.png")
    assert_sound(result)
    assert (result.duration_s, len(result.segments), result.clip.label) == (0, 1, "joy")
    assert result.segments[0].modalities["audio"].reason == "the clip has no sound"


def test_each_segment_is_judged_by_the_face_that_is_largest_in_it(
    predict, fakes, hears, sees, bundle, tmp_path
):
    hears()
    near, far = fakes.faces([2.0, 2.2], side_px=150), fakes.faces([0.0, 0.2, 0.4], side_px=50)
    sees(near, far)
    words = tmp_path / "a.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nHi.\n\n2\n00:00:02,000 --> 00:00:03,000\nHo.\n")
    predict(fakes.video(tmp_path / "a.mp4", seconds=3), transcript=words)
    times = [item["video"].times for item in bundle.experts[2].asked[0]]
    # From the segment's start, as the times of its sound are.
    assert np.allclose(times[0], [0.0, 0.2, 0.4]) and np.allclose(times[1], [0.0, 0.2])


def test_an_expert_of_two_modalities_also_answers_by_each(fakes, hears, tmp_path):
    hears((0.0, 1.0))
    expert = fakes.expert(
        "both", "fear", {"text": fakes.extractor("text"), "audio": fakes.extractor("audio")}
    )
    recognizer = Recognizer.from_bundle(fakes.bundle((expert,)), cache=Cache(None))
    result = recognizer.predict(fakes.wav(tmp_path / "a.wav", tone(1)), text="Oh no.")
    assert_sound(result)
    assert [sorted(items[0]) for items in expert.asked] == [["audio", "text"], ["text"], ["audio"]]
    assert [given.weight for given in result.segments[0].modalities.values()] == [0.5, 0.5]


def test_labels_without_published_coordinates_have_no_values(fakes, hears, tmp_path):
    hears((0.0, 1.0))
    labels = (*fakes.labels[:-1], "boredom")
    bundle = fakes.bundle((fakes.three_experts().experts[1],), labels=labels)
    result = Recognizer.from_bundle(bundle, cache=Cache(None)).predict(
        fakes.wav(tmp_path / "a.wav", tone(1))
    )
    assert result.clip.valence is None
    assert "no published coordinates" in result.valence_arousal_source["audio"]


def test_a_feature_that_is_not_finite_is_an_error(bundle, predict, tmp_path):
    bundle.experts[0].extractors["text"].value = float("nan")
    path = tmp_path / "a.txt"
    path.write_text("Oh.")
    with pytest.raises(FeatureError, match=r"segment 1.*nan"):
        predict(path)


def test_a_bundle_of_published_features_cannot_hear_or_see(fakes, tmp_path):
    expert = fakes.expert("stored", "joy", {"text": fakes.extractor("vectors", name="stored")})
    path = tmp_path / "a.txt"
    path.write_text("Oh.")
    with pytest.raises(BundleError, match="stored"):
        Recognizer.from_bundle(fakes.bundle((expert,)), cache=Cache(None)).predict(path)


def test_bad_input_is_a_typed_error(predict, tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        predict(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="folder"):
        predict(tmp_path)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(MediaError, match="empty"):
        predict(tmp_path / "empty.txt")
    (tmp_path / "text.mp4").write_text("this is no film")
    with pytest.raises(MediaError, match="neither media"):
        predict(tmp_path / "text.mp4")
    (tmp_path / "a.txt").write_text("Oh.")
    with pytest.raises(InputError, match="text itself"):
        predict(tmp_path / "a.txt", text="Oh.")
    with pytest.raises(InputError, match="both"):
        predict(tmp_path / "a.wav", text="Oh.", transcript=tmp_path / "a.txt")


def test_media_under_a_text_name_is_media(predict, fakes, hears, tmp_path):
    hears((0.0, 1.0))
    path = fakes.wav(tmp_path / "a.wav", tone(1)).rename(tmp_path / "a.txt")
    assert predict(path).clip.label == "anger"


def test_a_kept_result_names_no_other_transcript(fakes, hears, tmp_path):
    hears((0.0, 1.0))
    path, cache = fakes.wav(tmp_path / "a.wav", tone(1)), Cache(tmp_path / "kept")
    for name in ("first.srt", "second.srt"):
        (tmp_path / name).write_bytes("1\n00:00:00,000 --> 00:00:01,000\nJürgen\n".encode("cp1252"))
        recognizer = Recognizer.from_bundle(fakes.three_experts(), cache=cache)
        warnings = " ".join(recognizer.predict(path, transcript=tmp_path / name).warnings)
        assert "UTF-8" in warnings and "first" not in warnings
    assert cache.hits == 1


def test_a_bundle_says_how_small_a_face_may_be(fakes, hears, monkeypatch, tmp_path):
    hears()
    asked = []

    def find(frames, *, min_side_px):
        asked.append(min_side_px)
        return (), ("no face found",)

    monkeypatch.setattr("emofuse.features.face.find_faces", find)
    bundle = fakes.three_experts()
    bundle.experts[2].extractors["video"].min_side_px = 60
    Recognizer.from_bundle(bundle, cache=Cache(None)).predict(fakes.video(tmp_path / "a.mp4"))
    assert asked == [60]


def test_the_second_run_asks_nobody(fakes, bundle, tmp_path):
    cache = Cache(tmp_path / "kept")
    path = tmp_path / "a.txt"
    path.write_text("I won!")
    first = Recognizer.from_bundle(bundle, cache=cache).predict(path)
    copy = tmp_path / "b.txt"
    copy.write_text("I won!")
    again = fakes.three_experts()
    second = Recognizer.from_bundle(again, cache=cache).predict(copy)
    assert not again.experts[0].asked
    assert second.source == str(copy)
    assert second.clip == first.clip
    other = fakes.three_experts()
    other.digest = "d2"
    Recognizer.from_bundle(other, cache=cache).predict(path)
    assert other.experts[0].asked


def test_a_full_cache_hit_imports_nothing_heavy(fakes, hears, tmp_path):
    hears((0.0, 1.0))
    path = fakes.wav(tmp_path / "a.wav", tone(1))
    Recognizer.from_bundle(fakes.three_experts(), cache=Cache(tmp_path / "kept")).predict(
        path, text="I won!"
    )
    code = f"""
import sys
from pathlib import Path
from types import SimpleNamespace
from emofuse.features.cache import Cache
from emofuse.inference.predictor import Recognizer
bundle = SimpleNamespace(digest="d1")
recognizer = Recognizer.from_bundle(bundle, cache=Cache(Path({str(tmp_path / "kept")!r})))
result = recognizer.predict({str(path)!r}, text="I won!")
assert result.clip.label
heavy = {{"torch", "transformers", "cv2", "av", "scipy", "sklearn", "pandas", "matplotlib", "silero_vad"}}
sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_progress_goes_forward(predict, fakes, hears, sees, tmp_path):
    hears()
    sees(fakes.faces([0.0]))
    told = []
    predict(fakes.video(tmp_path / "a.mp4"), progress=lambda stage, done: told.append((stage, done)))
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert told[-1][1] == 1.0
