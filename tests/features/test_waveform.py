import numpy as np
import pytest

from emofuse.errors import ClipTooShortError, FeatureError
from emofuse.features.waveform import Waveform
from emofuse.types import Signal


def ramp(count: int, rate: int = 16000) -> Signal:
    return Signal(np.linspace(-1, 1, count, dtype=np.float32), rate)


def test_frames_side_by_side_are_the_samples():
    given = ramp(1000)
    track = Waveform(samples=320)(given)
    assert track.values.shape == (3, 320) and track.values.dtype == np.float32
    np.testing.assert_array_equal(track.values.reshape(-1), given.samples[:960])
    np.testing.assert_allclose(track.times, [0.01, 0.03, 0.05])


def test_a_sample_a_frame_loses_none():
    given = ramp(1001)
    np.testing.assert_array_equal(Waveform(samples=1)(given).values[:, 0], given.samples)


def test_another_rate_is_brought_to_the_networks():
    tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000)
    track = Waveform(rate=16000)(Signal(tone, 8000))
    assert track.values.shape == (50, 320)
    found = np.abs(np.fft.rfft(track.values.reshape(-1)))
    assert found.argmax() == 100


def test_what_lies_beyond_is_left_out():
    given = ramp(16000)
    track = Waveform(longest_s=0.25)(given)
    assert track.values.shape == (12, 320)
    np.testing.assert_array_equal(track.values[0], given.samples[:320])


def test_less_than_a_frame_is_too_short():
    with pytest.raises(ClipTooShortError):
        Waveform()(ramp(319))


def test_a_sample_that_is_no_number_is_refused():
    given = ramp(640)
    given.samples[5] = np.nan
    with pytest.raises(FeatureError, match="sample 5"):
        Waveform()(given)


@pytest.mark.parametrize("options", [{"samples": 0}, {"rate": 10}, {"longest_s": -1}, {"longest_s": 0.001}])
def test_options_that_do_not_hold(options):
    with pytest.raises(ValueError, match="got"):
        Waveform(**options)
