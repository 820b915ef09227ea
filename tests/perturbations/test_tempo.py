import numpy as np
import pytest

from emofuse.perturbations.tempo import Pitch, Speed, Stretch, stretched
from emofuse.types import Signal

RATE = 16000


def sweepless(seconds: float = 2.0, hz: float = 200.0, rate: int = RATE) -> Signal:
    return Signal(
        (0.4 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32), rate
    )


def loudest_hz(samples: np.ndarray, rate: int = RATE) -> float:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 20))
    return float(power.argmax() * rate / (1 << 20))


def test_speed_moves_length_and_pitch_together():
    for seed in range(6):
        faster = Speed(factor=1.3)(sweepless(), np.random.default_rng(seed))
        tempo = 2 * RATE / len(faster.samples)
        assert 1 / 1.3 <= tempo <= 1.3
        assert loudest_hz(faster.samples) == pytest.approx(200 * tempo, rel=2e-3)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("tempo", [0.7, 1.0, 1.4])
def test_stretching_keeps_pitch_level_and_place(rate, tempo):
    signal = sweepless(rate=rate)
    longer = stretched(signal.samples, rate, tempo=tempo)
    assert len(longer) == round(len(signal.samples) / tempo)
    assert loudest_hz(longer, rate) == pytest.approx(200, rel=5e-3)
    middle = longer[len(longer) // 4 : -len(longer) // 4]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.1)


def test_stretching_by_one_changes_nothing():
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    np.testing.assert_allclose(stretched(noise, RATE, tempo=1.0)[200:-200], noise[200:-200], atol=1e-4)


def test_an_onset_stays_where_it_belongs():
    samples = np.zeros(2 * RATE, np.float32)
    samples[RATE:] = sweepless(1.0).samples
    slower = stretched(samples, RATE, tempo=0.8)
    onset = np.flatnonzero(np.abs(slower) > 0.2)[0] / RATE
    assert onset == pytest.approx(1.0 / 0.8, abs=0.04)


def test_pitch_keeps_the_length():
    heard = []
    for seed in range(6):
        shifted = Pitch(semitones=4)(sweepless(), np.random.default_rng(seed))
        assert len(shifted.samples) == 2 * RATE
        heard.append(12 * np.log2(loudest_hz(shifted.samples) / 200))
    assert max(np.abs(heard)) <= 4.05 and np.ptp(heard) > 2


def test_strength_narrows_the_range():
    for seed in range(6):
        changed = Stretch(strength=0.1, factor=2.0)(sweepless(), np.random.default_rng(seed))
        assert 2**-0.1 - 0.001 <= len(changed.samples) / (2 * RATE) <= 2**0.1 + 0.001


@pytest.mark.parametrize(
    "make", [lambda: Speed(factor=0.9), lambda: Stretch(factor=0), lambda: Pitch(semitones=-1)]
)
def test_ranges_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError):
        make()
