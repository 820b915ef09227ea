import librosa
import numpy as np
import pytest

from emofuse.features.mfcc import Mfcc, changes, cosine_basis
from emofuse.types import Signal

RATE = 16000


def noise(seconds: float = 1.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(5).standard_normal(round(RATE * seconds))


@pytest.mark.parametrize("lifter", [0, 22])
def test_equal_to_librosa(lifter):
    samples = noise()
    theirs = librosa.feature.mfcc(
        y=samples,
        sr=RATE,
        n_mfcc=20,
        lifter=lifter,
        n_fft=512,
        win_length=400,
        hop_length=160,
        n_mels=40,
        fmin=50,
    )
    mfcc = Mfcc(coefficients=20, lifter=lifter, preemphasis=0, centre=True, range_db=80)
    np.testing.assert_allclose(mfcc(Signal(samples, RATE)).values, theirs.T, atol=1e-4)


@pytest.mark.parametrize("order", [1, 2])
def test_deltas_are_librosas_in_the_interior(order):
    values = np.random.default_rng(1).standard_normal((50, 3))
    theirs = librosa.feature.delta(values.T, width=9, order=order).T
    np.testing.assert_allclose(changes(values, order=order)[4:-4], theirs[4:-4], atol=1e-9)


def test_the_change_of_a_line_is_its_slope():
    line = np.arange(30.0)[:, None] * 2.5
    np.testing.assert_allclose(changes(line, order=1)[4:-4], 2.5)
    np.testing.assert_allclose(changes(line**2, order=2)[4:-4], 2 * 2.5**2)
    np.testing.assert_allclose(changes(np.ones((3, 2)), order=1), 0, atol=1e-12)


def test_the_basis_is_orthonormal():
    basis = cosine_basis(8, 8)
    np.testing.assert_allclose(basis.T @ basis, np.eye(8), atol=1e-12)
    assert basis[:, 0].tolist() == pytest.approx([8**-0.5] * 8)


def test_deltas_stand_behind_the_coefficients():
    signal = Signal(noise(), RATE)
    plain, wide = Mfcc(coefficients=12), Mfcc(coefficients=12, deltas=2)
    assert (plain.dim, wide.dim) == (12, 36)
    values = wide(signal).values
    assert values.shape[1] == 36
    np.testing.assert_array_equal(values[:, :12], plain(signal).values)
    np.testing.assert_allclose(values[:, 12:24], changes(values[:, :12], order=1), atol=1e-4)


def test_frames_are_20_to_40_ms_unless_stated():
    for window_s in (0.019, 0.041, 0.1):
        with pytest.raises(ValueError, match="any_window"):
            Mfcc(window_s=window_s)
    assert Mfcc(window_s=0.1, any_window=True)(Signal(noise(), RATE)).values.shape == (91, 13)
    assert Mfcc(window_s=0.040).settings["window_s"] == 0.040


@pytest.mark.parametrize(
    "options", [{"coefficients": 41}, {"coefficients": 0}, {"deltas": 3}, {"lifter": -1}]
)
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError):
        Mfcc(**options)


def test_the_steps_in_order_by_hand():
    """One frame, each step written out: emphasis, window, FFT, bank, logarithm, cosine transform."""
    samples = noise(0.025)
    emphasised = np.append(0.03 * samples[0], samples[1:] - 0.97 * samples[:-1])
    window = np.sin(np.pi * np.arange(400) / 400) ** 2
    power = np.abs(np.fft.fft(emphasised * window, 512)[:257]) ** 2
    bank = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=40, fmin=50, dtype=np.float64) @ power
    log = 10 * np.log10(bank)
    by_hand = [log.sum() / np.sqrt(40)]
    by_hand += [
        np.sqrt(2 / 40) * sum(log[b] * np.cos(np.pi * k * (b + 0.5) / 40) for b in range(40))
        for k in (1, 2)
    ]
    np.testing.assert_allclose(Mfcc()(Signal(samples, RATE)).values[0, :3], by_hand, atol=1e-4)
