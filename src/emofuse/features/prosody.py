"""Prosody by frame: pitch, level, voice quality and spectral tilt.

The descriptors follow the Geneva set (Eyben et al. 2016, IEEE Transactions on Affective Computing 7(2)).
Differs: jitter and shimmer compare successive frames of 10 ms, not successive periods.
"""

import numpy as np

from emofuse.features.mel import cosine_window, frame_blocks, power_spectrum, samples_at
from emofuse.features.pitch import Pitch, track_pitch
from emofuse.types import Signal, Track

RATE = 16000
_FFT = 512
_FLOOR = 1e-10
# Zero in semitones, as in the Geneva set.
_REFERENCE_HZ = 27.5
COLUMNS = (
    "semitones", "voicing", "energy_db", "jitter", "shimmer", "harmonicity_db", "centroid_khz", "slope_low",
    "slope_high", "alpha_ratio_db", "hammarberg_db", "flux", "zero_crossings",
)  # fmt: skip


class Prosody:
    """Thirteen values every ``hop_s``, named by ``columns``, from frames of 25 ms at 16 kHz.

    ``semitones`` are pitch above 27.5 Hz (60 to 500 Hz, in windows of 50 ms), 0 where unvoiced;
    ``voicing`` in [0, 1] is how regular the sound is, ``harmonicity_db`` the same as a ratio of harmonics
    to noise; ``jitter`` and ``shimmer`` are the relative change of period and of peak amplitude since the
    frame before (0 unless both are voiced); slopes are in dB per kHz below and above 500 Hz; the alpha
    ratio compares 50-1000 Hz with 1-5 kHz, Hammarberg's index the highest peaks below and above 2 kHz;
    ``flux`` is the change of the normalised spectrum, and crossings are per sample.
    """

    name = "prosody"
    source = "audio"
    dim = len(COLUMNS)
    columns = COLUMNS
    files: tuple[str, ...] = ()

    def __init__(self, *, hop_s: float = 0.010) -> None:
        if not 0 < hop_s <= 0.025:
            raise ValueError(f"hop_s lies in (0, 0.025], got {hop_s}")
        self._window, self._hop = round(0.025 * RATE), round(hop_s * RATE)
        self.settings: dict[str, str | int | float | bool] = {"hop_s": hop_s}

    def __call__(self, given: Signal) -> Track:
        """Return ``(frames, 13)`` float32, all finite; ``times`` are frame centres in seconds.

        Raises:
            ClipTooShortError: the signal is shorter than 25 ms.
            FeatureError: a sample is not finite.
        """
        samples = samples_at(given, RATE, at_least=self._window)
        pitch = track_pitch(samples, RATE, hop=self._hop, offset=self._window // 2)
        blocks = list(frame_blocks(samples, self._window, self._hop))
        level = np.concatenate([_level(frames) for frames in blocks])
        shape = cosine_window("hann", self._window)
        spectra = np.concatenate([power_spectrum(frames * shape, _FFT) for frames in blocks])
        values = np.column_stack([_voice(pitch, level), _tilt(spectra), level[:, 2]])
        times = (np.arange(len(values)) * self._hop + self._window / 2) / RATE
        return Track(values.astype(np.float32), times)


def _level(frames: np.ndarray) -> np.ndarray:
    """Mean power, peak and zero crossings per sample ``(frames, 3)``."""
    power = np.mean(frames**2, axis=1)
    crossings = np.mean(np.diff(np.signbit(frames), axis=1), axis=1)
    return np.column_stack([power, np.abs(frames).max(axis=1), crossings])


def _voice(pitch: Pitch, level: np.ndarray) -> np.ndarray:
    """The first six columns."""
    voiced = pitch.hz > 0
    hz = np.where(voiced, pitch.hz, _REFERENCE_HZ)
    both = np.concatenate([[False], voiced[1:] & voiced[:-1]])
    share = np.clip(pitch.regularity, 0.01, 0.9999)
    return np.column_stack(
        [
            12 * np.log2(hz / _REFERENCE_HZ),
            pitch.regularity,
            _decibels(level[:, 0]),
            both * _relative_change(1 / hz),
            both * _relative_change(level[:, 1]),
            10 * np.log10(share / (1 - share)),
        ]
    )


def _tilt(spectra: np.ndarray) -> np.ndarray:
    """The next six columns, from power spectra ``(frames, bins)``."""
    hz = np.arange(spectra.shape[1]) * RATE / _FFT
    decibels = _decibels(spectra)
    total = spectra.sum(axis=1)
    centroid = spectra @ hz / 1000 / np.maximum(total, _FLOOR)
    low, middle, high = (hz >= 50) & (hz < 1000), hz < 2000, (hz >= 1000) & (hz < 5000)
    alpha = _decibels(spectra[:, low].sum(axis=1)) - _decibels(spectra[:, high].sum(axis=1))
    above = (hz >= 2000) & (hz < 5000)
    hammarberg = decibels[:, middle].max(axis=1) - decibels[:, above].max(axis=1)
    magnitude = np.sqrt(spectra / np.maximum(total, _FLOOR)[:, None])
    moved = np.sqrt(np.sum(np.diff(magnitude, axis=0, prepend=magnitude[:1]) ** 2, axis=1))
    slopes = [_slope(decibels, hz, *edges) for edges in ((0.0, 500.0), (500.0, 5000.0))]
    return np.column_stack([centroid, *slopes, alpha, hammarberg, moved])


def _slope(decibels: np.ndarray, hz: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Regression slope in dB per kHz between two frequencies."""
    inside = (hz >= low_hz) & (hz <= high_hz)
    offset = (hz[inside] - hz[inside].mean()) / 1000
    return decibels[:, inside] @ offset / np.sum(offset**2)


def _relative_change(values: np.ndarray) -> np.ndarray:
    before = np.concatenate([values[:1], values[:-1]])
    return 2 * np.abs(values - before) / np.maximum(values + before, _FLOOR)


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, _FLOOR))
