import librosa
import numpy as np
import pytest

from emofuse.errors import ClipTooShortError, ConfigError, FeatureError
from emofuse.features import load_extractor
from emofuse.features.mel import LogMel, mel_filters, pre_emphasised
from emofuse.types import Signal


def speech_like(rate: int, seconds: float = 1.0) -> Signal:
    noise = np.random.default_rng(3).standard_normal(round(rate * seconds))
    times = np.arange(len(noise)) / rate
    tone = np.sin(2 * np.pi * 180 * times) * (1 + np.sin(2 * np.pi * 4 * times))
    return Signal((0.2 * tone + 0.02 * noise).astype(np.float32), rate)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("area_norm", [True, False])
@pytest.mark.parametrize(("rate", "window_s"), [(16000, 0.025), (22050, 0.025)])
def test_equal_to_librosa_when_centred(scale, area_norm, rate, window_s):
    signal = speech_like(rate)
    mel = LogMel(
        rate=rate,
        window_s=window_s,
        centre=True,
        preemphasis=0,
        scale=scale,
        area_norm=area_norm,
        low_hz=20,
    )
    power = librosa.feature.melspectrogram(
        y=signal.samples,
        sr=rate,
        n_fft=mel.settings["fft_size"],
        win_length=round(window_s * rate),
        hop_length=round(0.010 * rate),
        n_mels=64,
        fmin=20,
        htk=scale == "htk",
        norm="slaney" if area_norm else None,
    )
    track = mel(signal)
    assert track.values.shape == power.T.shape
    np.testing.assert_allclose(track.values, librosa.power_to_db(power, top_db=None).T, atol=1e-4)
    np.testing.assert_allclose(track.times[:3], [0.0, 0.01, 0.02], atol=1e-3)


def test_equal_to_librosa_when_not_centred_and_limited_in_range():
    signal = speech_like(16000)
    mel = LogMel(window_s=0.032, centre=False, preemphasis=0, range_db=80, low_hz=0)
    power = librosa.feature.melspectrogram(
        y=signal.samples, sr=16000, n_fft=512, hop_length=160, n_mels=64, center=False
    )
    track = mel(signal)
    np.testing.assert_allclose(track.values, librosa.power_to_db(power).T, atol=1e-4)
    assert track.times[0] == pytest.approx(0.016)
    assert track.times[1] - track.times[0] == pytest.approx(0.010)


def test_filters_are_librosas():
    ours = mel_filters(8000, 1024, bands=40, low_hz=0, high_hz=4000, scale="htk", area_norm=False)
    theirs = librosa.filters.mel(sr=8000, n_fft=1024, n_mels=40, htk=True, norm=None)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_natural_log_mel_of_the_meld_script():
    """8 kHz, 40 HTK bands, 20 and 10 ms, FFT of 1024, natural logarithm, minus infinity as -100."""
    mel = LogMel(
        rate=8000, window_s=0.02, hop_s=0.01, bands=40, low_hz=0, fft_size=1024, preemphasis=0, centre=True,
        log="natural", scale="htk", area_norm=False, floor_db=-100,
    )  # fmt: skip
    signal = speech_like(8000)
    power = librosa.feature.melspectrogram(
        y=signal.samples.astype(np.float64), sr=8000, n_fft=1024, win_length=160, hop_length=80, n_mels=40,
        htk=True, norm=None,
    )  # fmt: skip
    np.testing.assert_allclose(mel(signal).values, np.log(power).T, atol=1e-4)
    silence = mel(Signal(np.zeros(8000, np.float32), 8000))
    assert (silence.values == -100).all()


def test_a_tone_lies_in_its_band():
    tone = Signal(np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32), 16000)
    edges = librosa.mel_frequencies(n_mels=66, fmin=50, fmax=8000)
    loudest = set(LogMel(preemphasis=0)(tone).values.argmax(axis=1))
    assert loudest == {int(np.abs(edges[1:-1] - 1000).argmin())}


def test_preemphasis_by_hand():
    np.testing.assert_allclose(pre_emphasised(np.array([1.0, 2.0, 4.0]), 0.5), [0.5, 1.5, 3.0])
    assert pre_emphasised(np.array([1.0, 2.0]), 0).tolist() == [1.0, 2.0]


def test_another_rate_is_resampled():
    at_16, at_48 = (LogMel(high_hz=6000)(speech_like_tone(rate)) for rate in (16000, 48000))
    assert at_16.values.shape == at_48.values.shape
    # The band that holds the tone: far from it there is only rounding.
    band = at_16.values.mean(axis=0).argmax()
    np.testing.assert_allclose(at_16.values[5:-5, band], at_48.values[5:-5, band], atol=0.1)


def speech_like_tone(rate: int) -> Signal:
    return Signal((0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32), rate)


def test_blocks_do_not_show():
    long = speech_like(8000, 45.0)
    mel = LogMel(rate=8000, bands=20)
    whole = mel(long)
    late = mel(Signal(long.samples[80 * 4000 - 80 :], 8000))
    # The first frame of a cut has another neighbour for the pre-emphasis.
    np.testing.assert_allclose(whole.values[4000:4200], late.values[1:201], atol=1e-4)


def test_one_window_is_enough_and_less_is_an_error():
    mel = LogMel()
    assert len(mel(Signal(np.zeros(400, np.float32), 16000))) == 1
    with pytest.raises(ClipTooShortError, match=r"0\.02"):
        mel(Signal(np.zeros(399, np.float32), 16000))
    with pytest.raises(ClipTooShortError):
        mel(Signal(np.zeros(0, np.float32), 44100))


def test_a_sample_that_is_no_number_is_named():
    samples = np.zeros(800, np.float32)
    samples[7] = np.nan
    with pytest.raises(FeatureError, match="sample 7"):
        LogMel()(Signal(samples, 16000))


@pytest.mark.parametrize(
    "options",
    [
        {"hop_s": 0.03},
        {"hop_s": 0},
        {"window": "square"},
        {"log": "two"},
        {"scale": "bark"},
        {"bands": 0},
        {"high_hz": 9000.0},
        {"low_hz": 8000.0},
        {"fft_size": 256},
    ],
)
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError):
        LogMel(**options)
    with pytest.raises(ConfigError, match="log_mel"):
        load_extractor("log_mel", **options)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(ConfigError, match="bands"):
        load_extractor("log_mel", band=3)
    with pytest.raises(ConfigError, match="key"):
        load_extractor("stored", dim=3)
