import numpy as np
import pytest

from emofuse.perturbations.audio import COLOURS, Clip, Gain, Noise, coloured_noise, limited
from emofuse.types import Signal

RATE = 16000
TONE = Signal((0.2 * np.sin(2 * np.pi * 250 * np.arange(RATE) / RATE)).astype(np.float32), RATE)


def power_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


@pytest.mark.parametrize("colour", [*COLOURS, "any"])
def test_noise_has_the_ratio_that_is_asked_for(colour):
    for ratio_db in (0, 10, 30):
        noisy = Noise(low_db=ratio_db, high_db=ratio_db, colour=colour)(TONE, np.random.default_rng(0))
        added = noisy.samples - TONE.samples
        assert power_db(TONE.samples) - power_db(added) == pytest.approx(ratio_db, abs=0.05)


def test_half_the_strength_is_half_the_noise():
    whole, half = (
        Noise(strength=strength, low_db=10, high_db=10, colour="pink")(TONE, np.random.default_rng(0))
        for strength in (1.0, 0.5)
    )
    np.testing.assert_allclose(whole.samples - TONE.samples, 2 * (half.samples - TONE.samples), atol=1e-6)


def test_colours_have_their_slope():
    def octave_db(colour: str, hz: float) -> float:
        noise = coloured_noise(20 * RATE, RATE, np.random.default_rng(0), colour=colour)
        power, bins = np.abs(np.fft.rfft(noise)) ** 2, np.fft.rfftfreq(20 * RATE, 1 / RATE)
        return float(10 * np.log10(power[(bins > 0.9 * hz) & (bins < 1.1 * hz)].mean()))

    assert octave_db("white", 1000) - octave_db("white", 4000) == pytest.approx(0, abs=0.5)
    assert octave_db("pink", 1000) - octave_db("pink", 4000) == pytest.approx(6, abs=0.5)
    assert octave_db("babble", 1000) - octave_db("babble", 4000) == pytest.approx(18, abs=1)
    assert octave_db("babble", 100) - octave_db("babble", 400) == pytest.approx(0, abs=1)


def test_noise_is_heard_under_silence():
    noisy = Noise(low_db=0, high_db=0)(Signal(np.zeros(RATE, np.float32), RATE), np.random.default_rng(0))
    assert power_db(noisy.samples) == pytest.approx(-60, abs=0.1)


def test_gain_stays_in_its_range_and_reaches_it():
    rng = np.random.default_rng(0)
    quiet = Signal(0.01 * TONE.samples, RATE)
    changes = [
        power_db(Gain(range_db=12)(quiet, rng).samples) - power_db(quiet.samples) for _ in range(200)
    ]
    assert -12 <= min(changes) < -11 and 11 < max(changes) <= 12
    changes = [
        power_db(Gain(strength=0.5, range_db=12)(quiet, rng).samples) - power_db(quiet.samples)
        for _ in range(50)
    ]
    assert max(np.abs(changes)) <= 6.01


def test_too_loud_is_scaled_not_cut():
    louder = limited(np.array([0.5, -2.0, 1.0]), RATE)
    assert louder.samples.tolist() == [0.25, -1.0, 0.5]


def test_peaks_are_cut():
    flat = Clip(lowest=0.2)(TONE, np.random.default_rng(1))
    peak = np.abs(flat.samples).max()
    assert 0.2 * 0.2 <= peak < 0.2
    assert (np.abs(flat.samples) > 0.999 * peak).mean() > 0.05
    small = np.abs(TONE.samples) < 0.9 * peak
    np.testing.assert_allclose(flat.samples[small], TONE.samples[small], atol=1e-7)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Noise(low_db=5, high_db=0),
        lambda: Noise(colour="green"),
        lambda: Gain(range_db=-1),
        lambda: Clip(lowest=0),
    ],
)
def test_ranges_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError):
        make()
