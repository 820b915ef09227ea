"""Noise on media: read, made worse, extracted anew; what is lost, what cannot be redone."""

import numpy as np
import pytest

from emofuse.errors import ConfigError, MissingModalityError
from emofuse.evaluation import METRICS
from emofuse.evaluation.media_noise import Origin, media_noise
from emofuse.evaluation.robustness import Subject, curve
from emofuse.types import Clip, Output, Picture, Sample, TaskSpec, Track

DIMS = {"voice": 1, "face": 1, "words": 1}


def track(*values: float) -> Track:
    return Track(np.array(values, np.float32)[:, None], np.arange(len(values)) / 10)


class Part:
    """An extractor of one number from what it is given."""

    def __init__(self, source, measure):
        self.source, self.measure = source, measure

    def __call__(self, given):
        return track(*self.measure(given))


def letters(text: str) -> list[float]:
    if not text.strip():
        raise MissingModalityError("no words")
    return [float(text.count("e"))]


EXTRACTORS = {
    "voice": Part("audio", lambda signal: [float(np.abs(signal.samples).mean())]),
    "face": Part("video", lambda frames: [float(frame.pixels.mean()) for frame in frames]),
    "words": Part("text", letters),
}


@pytest.fixture
def origin(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    times = np.arange(16000) / 16000
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 200 * times), 16000)
    clips = {
        "spoken": Clip("spoken", media=tmp_path / "a.wav", text="every evening everywhere"),
        "seen": Clip("seen", media=Picture(np.full((20, 20, 3), 200, np.uint8))),
    }
    return Origin(clips, EXTRACTORS)


def samples() -> list[Sample]:
    targets = {"shares": np.array([0.0, 1.0], np.float32), "ratings": np.zeros(0, np.float32)}
    return [
        Sample("spoken", {"voice": track(0.318), "words": track(11.0)}, **targets),
        Sample("seen", {"face": track(200.0)}, **targets),
    ]


def value(sample: Sample, name: str) -> float:
    return float(sample.tracks[name].values[0, 0])


def test_each_kind_reaches_its_own_modalities(origin):
    for name, options, modality in (
        ("packet_loss", {"rate": 1.0}, "voice"), ("dark", {"depth": 0.5}, "face"), ("omission", {}, "words"),
    ):  # fmt: skip
        condition = media_noise(name, origin, **options)
        assert condition.modalities == (modality,) and condition.name == name
        spoken, seen = condition.remake(samples(), 1.0, 0)
        assert (spoken.id, seen.id) == ("spoken", "seen")
        for clip, before in ((spoken, samples()[0]), (seen, samples()[1])):
            assert set(clip.tracks) == set(before.tracks)
            changed = [one for one in clip.tracks if value(clip, one) != value(before, one)]
            assert changed == ([modality] if modality in clip.tracks else [])


def test_numbers_by_hand(origin):
    assert value(media_noise("dark", origin, depth=0.5).remake(samples(), 1.0, 0)[1], "face") == 100.0
    assert value(media_noise("dark", origin, depth=0.5).remake(samples(), 0.2, 0)[1], "face") == 180.0
    assert value(media_noise("packet_loss", origin, rate=1.0).remake(samples(), 1.0, 0)[0], "voice") == 0.0


def test_chance_hangs_on_seed_and_clip_and_not_on_the_company(origin):
    noise = media_noise("packet_loss", origin)
    both, alone = noise.remake(samples(), 0.5, 3), noise.remake(samples()[:1], 0.5, 3)
    assert value(both[0], "voice") == value(alone[0], "voice")
    assert value(noise.remake(samples(), 0.5, 4)[0], "voice") != value(both[0], "voice")


def test_tracks_are_standardised_and_put_on_the_axis(origin):
    scaled = Origin(
        origin.clips, EXTRACTORS, {"face": lambda one: Track(one.values / 100, one.times)}, axis_rate=5.0
    )
    remade = media_noise("dark", scaled, depth=0.5).remake(samples(), 1.0, 0)[1]
    assert value(remade, "face") == 1.0 and remade.tracks["face"].times[0] == pytest.approx(0.1)


def test_a_clip_in_which_nothing_is_found_lacks_the_modality(origin):
    mute = Origin({**origin.clips, "spoken": Clip("spoken", text=" ")}, EXTRACTORS)
    remade = media_noise("omission", mute).remake(samples(), 1.0, 0)[0]
    assert set(remade.tracks) == {"voice"}
    assert set(media_noise("packet_loss", mute).remake(samples(), 1.0, 0)[0].tracks) == {"words"}


def test_a_curve_over_media(origin):
    task = TaskSpec(labels=("low", "high"))

    def bright(batch):
        import torch

        seen = batch.values["face"][:, 0, 0] - 110
        heard = batch.values["voice"][:, 0, 0]
        score = torch.where(batch.presence["face"], seen, heard)
        return Output(torch.stack([-score, score], dim=1), score[:, None][:, :0])

    subject = Subject("bright", bright, DIMS, task)
    found = curve(
        subject, samples(), media_noise("dark", origin, depth=0.5), metric=METRICS.load("accuracy"),
        strengths=(0.0, 0.5, 1.0),
    )  # fmt: skip
    assert found.values == (1.0, 1.0, 0.5) and found.modalities == ("face",)


def test_what_cannot_be_redone(origin):
    for name, options in (
        ("white_noise", {}),
        ("no_such", {}),
        ("dark", {"depth": 3}),
        ("codec", {"bits": 1}),
    ):
        with pytest.raises(ConfigError):
            media_noise(name, origin, **options)
    with pytest.raises(ConfigError, match="video"):
        media_noise("blur", Origin(origin.clips, {"words": EXTRACTORS["words"]}))
    with pytest.raises(ConfigError, match="speaker"):
        media_noise("codec", Origin(origin.clips, EXTRACTORS, per_speaker=("voice",)))


def test_the_turns_around_a_clip_stay_as_they_are(origin):
    parts = {"words": EXTRACTORS["words"], "before": EXTRACTORS["words"]}
    said = Sample(
        "spoken", {"words": track(11.0), "before": track(3.0, 4.0)}, np.array([0.0, 1.0], np.float32),
        np.zeros(0, np.float32),
    )  # fmt: skip
    condition = media_noise("omission", Origin(origin.clips, parts, contextual=("before",)))
    assert condition.modalities == ("words",)
    (worse,) = condition.remake([said], 1.0, 0)
    assert value(worse, "words") < 11.0
    np.testing.assert_array_equal(worse.tracks["before"].values, said.tracks["before"].values)
    with pytest.raises(ConfigError, match="other turns alone"):
        media_noise("omission", Origin(origin.clips, {"before": parts["before"]}, contextual=("before",)))
