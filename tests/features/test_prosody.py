import time

import numpy as np
import pytest
from scipy.signal import lfilter, sawtooth

from emofuse.errors import ClipTooShortError
from emofuse.features.mel import LogMel
from emofuse.features.mfcc import Mfcc
from emofuse.features.pitch import track_pitch
from emofuse.features.prosody import COLUMNS, Prosody
from emofuse.features.speech_frames import SpeechFrames
from emofuse.types import Signal

RATE = 16000


def seconds(length_s: float) -> np.ndarray:
    return np.arange(round(length_s * RATE)) / RATE


def column(signal: np.ndarray, name: str, rate: int = RATE) -> np.ndarray:
    return Prosody()(Signal(signal.astype(np.float32), rate)).values[:, COLUMNS.index(name)]


def hz_of(signal: np.ndarray, rate: int = RATE) -> np.ndarray:
    semitones = column(signal, "semitones", rate)
    return np.where(semitones > 0, 27.5 * 2 ** (semitones / 12), 0.0)


@pytest.mark.parametrize("hz", [70, 110, 220, 330, 440, 480])
@pytest.mark.parametrize("wave", [np.sin, sawtooth])
def test_pitch_of_steady_sounds(hz, wave):
    found = hz_of(0.3 * wave(2 * np.pi * hz * seconds(1.0)))
    assert (found > 0).mean() > 0.97
    assert np.percentile(np.abs(found[found > 0] / hz - 1), 95) < 0.01


def test_pitch_follows_a_glide_in_noise():
    times = seconds(3.0)
    hz = 100 * 2 ** (times / 1.5)
    noise = np.random.default_rng(0).standard_normal(len(times))
    found = hz_of(0.3 * sawtooth(2 * np.pi * np.cumsum(hz) / RATE) + 0.03 * noise)
    true = 100 * 2 ** ((np.arange(len(found)) * 0.010 + 0.0125) / 1.5)
    assert np.mean(np.abs(found / true - 1) < 0.02) > 0.97


def test_a_missing_fundamental_is_heard():
    times = seconds(1.0)
    found = hz_of(0.2 * sum(np.sin(2 * np.pi * 150 * order * times) for order in (2, 3, 4, 5)))
    assert np.median(found) == pytest.approx(150, rel=0.01)


def test_noise_and_silence_have_no_pitch():
    assert (hz_of(0.1 * np.random.default_rng(0).standard_normal(RATE)) > 0).mean() < 0.05
    assert not hz_of(np.zeros(RATE)).any()
    assert not hz_of(1e-6 * np.sin(2 * np.pi * 200 * seconds(1.0))).any()


def test_voiced_and_unvoiced_parts_are_told_apart():
    rng = np.random.default_rng(0)
    voiced = 0.3 * sawtooth(2 * np.pi * 140 * seconds(0.5))
    found = hz_of(np.concatenate([voiced, 0.1 * rng.standard_normal(RATE // 2), voiced])) > 0
    assert found[5:44].all() and not found[55:94].any() and found[106:140].all()


def test_levels_by_hand():
    tone = np.sin(2 * np.pi * 400 * seconds(1.0))
    np.testing.assert_allclose(column(tone, "energy_db"), 10 * np.log10(0.5), atol=0.01)
    np.testing.assert_allclose(column(0.1 * tone, "energy_db"), 10 * np.log10(0.005), atol=0.01)
    np.testing.assert_allclose(column(tone, "zero_crossings"), 800 / RATE, atol=0.003)
    np.testing.assert_allclose(column(tone, "centroid_khz"), 0.4, atol=0.01)
    assert (column(np.zeros(RATE), "energy_db") == -100).all()


def test_harmonicity_falls_by_the_noise_that_is_added():
    times = seconds(2.0)
    tone = 0.3 * np.sin(2 * np.pi * 200 * times)
    noise = np.random.default_rng(1).standard_normal(len(times))
    # White noise: half of its power lies below the 4 kHz that are looked at.
    softer = column(tone + 0.3 * noise * 10 ** (-20 / 20), "harmonicity_db")
    assert np.median(softer) == pytest.approx(20.0, abs=1.5)
    assert np.median(column(tone, "harmonicity_db")) > 35


def test_tilt_tells_dull_from_bright():
    noise = np.random.default_rng(2).standard_normal(RATE)
    dull, bright = lfilter([1], [1, -0.95], noise), lfilter([1, -0.95], [1], noise)
    for name in ("alpha_ratio_db", "hammarberg_db"):
        assert np.median(column(0.01 * dull, name)) > np.median(column(0.01 * bright, name)) + 10
    assert (
        np.median(column(0.01 * dull, "slope_high")) < -1 < np.median(column(0.01 * bright, "slope_high"))
    )


def test_shaky_voices_have_jitter_and_shimmer():
    times = seconds(2.0)
    rng = np.random.default_rng(4)
    wobble = np.interp(times, np.arange(0, 2.1, 0.02), rng.uniform(-1, 1, 105))
    steady = 0.3 * np.sin(2 * np.pi * 200 * times)
    shaky_pitch = 0.3 * np.sin(2 * np.pi * np.cumsum(200 * (1 + 0.05 * wobble)) / RATE)
    shaky_level = steady * (1 + 0.3 * wobble)
    assert column(shaky_pitch, "jitter").mean() > 20 * column(steady, "jitter").mean()
    assert column(shaky_level, "shimmer").mean() > 20 * column(steady, "shimmer").mean()


def test_flux_marks_the_change():
    times = seconds(0.5)
    tones = np.concatenate([np.sin(2 * np.pi * 300 * times), np.sin(2 * np.pi * 2000 * times)])
    assert column(0.3 * tones, "flux").argmax() in range(46, 52)


def test_rates_and_lengths():
    track = Prosody()(Signal(np.zeros(400, np.float32), RATE))
    assert track.values.shape == (1, 13) and track.times.tolist() == [0.0125]
    with pytest.raises(ClipTooShortError):
        Prosody()(Signal(np.zeros(399, np.float32), RATE))
    with pytest.raises(ValueError):
        Prosody(hop_s=0.03)
    times = np.arange(8000) / 8000
    assert np.median(hz_of(0.3 * sawtooth(2 * np.pi * 150 * times), 8000)) == pytest.approx(150, rel=0.01)


def test_faster_than_a_hundred_times_real_time():
    signal = Signal((0.3 * sawtooth(2 * np.pi * 150 * seconds(20.0))).astype(np.float32), RATE)
    took = []
    for _ in range(3):
        start = time.process_time()
        Prosody()(signal)
        took.append(time.process_time() - start)
    assert min(took) < 0.2


def test_frames_are_as_many_as_asked_for():
    samples = 0.3 * np.sin(2 * np.pi * 200 * seconds(0.5))
    pitch = track_pitch(samples, RATE, hop=160, offset=200)
    assert len(pitch.hz) == len(pitch.regularity) == 1 + (8000 - 400) // 160


def test_agrees_with_opensmile_on_a_vowel():
    opensmile = pytest.importorskip("opensmile", reason="opensmile is not installed")
    times = seconds(2.0)
    hz = 130 + 30 * np.sin(2 * np.pi * 0.8 * times)
    vowel = sawtooth(2 * np.pi * np.cumsum(hz) / RATE)
    for formant_hz, width_hz in ((700, 110), (1200, 120), (2600, 160)):
        radius = np.exp(-np.pi * width_hz / RATE)
        vowel = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant_hz / RATE), radius**2], vowel)
    vowel = 0.3 * vowel / np.abs(vowel).max()
    smile = opensmile.Smile("eGeMAPSv02", feature_level="lld").process_signal(vowel, RATE)
    theirs = smile["F0semitoneFrom27.5Hz_sma3nz"].to_numpy()
    ours = column(vowel, "semitones")
    count = min(len(ours), len(theirs))
    both = (ours[:count] > 0) & (theirs[:count] > 0)
    assert both.mean() > 0.9
    # Their frames of 60 ms begin, ours of 25 ms are centred, so that the same row is heard a little apart.
    assert np.median(np.abs(ours[:count] - theirs[:count])[both]) < 0.5


def test_speech_frames_are_means_and_deviations():
    signal = Signal((0.1 * np.random.default_rng(6).standard_normal(RATE)).astype(np.float32), RATE)
    wide, prosody = SpeechFrames(), Prosody()(signal)
    track = wide(signal)
    assert wide.dim == track.values.shape[1] == 2 * (40 + 26 + 13)
    assert len(track) == int(np.ceil(len(prosody) / 4))
    np.testing.assert_allclose(
        track.values[3, 66:79], prosody.values[12:16].mean(axis=0), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        track.values[3, 145:], prosody.values[12:16].std(axis=0), rtol=1e-3, atol=1e-4
    )
    # The last hop is short: 98 frames are 24 whole hops and two frames.
    np.testing.assert_allclose(
        track.values[-1, 66:79], prosody.values[96:].mean(axis=0), rtol=1e-3, atol=1e-4
    )
    assert track.times[0] == pytest.approx(0.0275)


def test_speech_frames_of_silence_are_finite():
    for length in (400, RATE):
        values = SpeechFrames(hop_s=0.1)(Signal(np.zeros(length, np.float32), RATE)).values
        assert np.isfinite(values).all()
        assert not values[:, SpeechFrames().dim // 2 :].any()
    with pytest.raises(ValueError, match="multiple"):
        SpeechFrames(hop_s=0.025)


@pytest.mark.parametrize(("bands", "spectra"), [(40, 1), (20, 2)])
def test_bands_and_cepstra_share_a_spectrogram_where_they_can(bands, spectra, monkeypatch):
    signal = Signal((0.1 * np.random.default_rng(6).standard_normal(RATE)).astype(np.float32), RATE)
    apart = np.concatenate([LogMel(bands=bands)(signal).values, Mfcc(deltas=1)(signal).values], axis=1)
    made = []
    whole = LogMel.__call__
    monkeypatch.setattr(LogMel, "__call__", lambda self, given: made.append(1) or whole(self, given))
    # A hop of one frame: the mean is the frame itself.
    track = SpeechFrames(hop_s=0.01, bands=bands)(signal)
    assert np.array_equal(track.values[:, : apart.shape[1]], apart)
    assert len(made) == spectra


def test_speech_that_was_cut_out_is_not_looked_for_again(monkeypatch):
    signal = Signal((0.1 * np.random.default_rng(6).standard_normal(2 * RATE)).astype(np.float32), RATE)
    monkeypatch.setattr(
        "emofuse.features.speech_frames.speech_regions", lambda signal: [(0.5, 1.0), (1.2, 1.5)]
    )
    trimmed = SpeechFrames(speech_only=True)
    cut, whole = trimmed.of_speech(signal.between(0.5, 1.5)), trimmed(signal)
    assert np.array_equal(cut.values, whole.values)
    np.testing.assert_allclose(cut.times + 0.5, whole.times)
