import numpy as np
import pytest

from emofuse.perturbations.recording import Recording
from emofuse.perturbations.rooms import Bandpass, Equaliser, Reverb, room_response
from emofuse.types import Signal

RATE = 16000
TIMES = np.arange(RATE) / RATE


def tone(hz: float) -> Signal:
    return Signal((0.2 * np.sin(2 * np.pi * hz * TIMES)).astype(np.float32), RATE)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def gain_db(perturb, hz: float, seed: int = 0) -> float:
    given = tone(hz)
    return 20 * np.log10(rms(perturb(given, np.random.default_rng(seed)).samples) / rms(given.samples))


@pytest.mark.parametrize("decay_s", [0.2, 0.5, 1.0])
def test_a_room_falls_by_60_db_in_its_time(decay_s):
    response = room_response(RATE, decay_s, np.random.default_rng(0))
    assert np.sum(response**2) == pytest.approx(1)
    assert not response[:32].any()
    # Schroeder's backward integral, between the early reflections and the noise of the end.
    left_db = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1] + 1e-30)
    first, last = round(0.15 * decay_s * RATE), round(0.6 * decay_s * RATE)
    slope = np.polyfit(np.arange(first, last) / RATE, left_db[first:last], 1)[0]
    assert -60 / slope == pytest.approx(decay_s, rel=0.15)


def test_a_click_is_followed_by_its_room_at_the_stated_ratio():
    click = np.zeros(RATE, np.float32)
    click[100] = 0.1
    heard = Reverb(low_s=0.3, high_s=0.3, low_db=6, high_db=6)(
        Signal(click, RATE), np.random.default_rng(0)
    )
    assert np.abs(heard.samples).argmax() == 100 and np.abs(heard.samples[:100]).max() < 1e-8
    energy = heard.samples.astype(np.float64) ** 2
    assert 10 * np.log10(energy[100] / energy[101:].sum()) == pytest.approx(6, abs=0.1)
    assert rms(heard.samples) == pytest.approx(rms(click), rel=1e-3)


def test_a_telephone_passes_the_middle_only():
    assert gain_db(Bandpass(), 1000) == pytest.approx(0, abs=0.2)
    assert gain_db(Bandpass(), 300) == pytest.approx(-3, abs=0.2)
    assert gain_db(Bandpass(), 3400) == pytest.approx(-3, abs=0.2)
    assert gain_db(Bandpass(), 100) < -30 and gain_db(Bandpass(), 7000) < -20
    assert gain_db(Bandpass(strength=0.5), 100) == pytest.approx(-6, abs=0.3)


def test_an_equaliser_is_smooth_and_within_its_range():
    curves = np.array(
        [[gain_db(Equaliser(range_db=9), hz, seed) for hz in (125, 700, 5600)] for seed in range(20)]
    )
    assert np.abs(curves).max() <= 9.05 and np.abs(curves).max() > 5
    assert curves.std(axis=0).min() > 2
    near = [gain_db(Equaliser(range_db=9), hz, 3) for hz in (1000, 1010)]
    assert near[0] == pytest.approx(near[1], abs=0.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reverb(low_s=0),
        lambda: Reverb(low_s=1.0, high_s=0.5),
        lambda: Reverb(low_db=3, high_db=0),
        lambda: Bandpass(low_hz=400, high_hz=300),
        lambda: Equaliser(range_db=-1),
        lambda: Recording(chance=1.5),
    ],
)
def test_ranges_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError):
        make()


def test_another_recording_now_and_then():
    given = tone(200)
    assert Recording(chance=0)(given, np.random.default_rng(0)) is given
    results = [Recording(chance=0.1)(given, np.random.default_rng(seed)) for seed in range(40)]
    untouched = sum(result is given for result in results)
    assert 10 < untouched < 32
    assert len({len(result.samples) for result in results}) > 1
