"""Log-mel spectrogram: pre-emphasis, framing, window, FFT, mel filter bank, logarithm.

Mel scales: Slaney 1998, Auditory Toolbox, technical report 1998-010, and Young et al., The HTK Book.
Everything is computed in double precision, block by block, so that an hour of audio needs little memory.
"""

from collections.abc import Iterator

import numpy as np

from emofuse.errors import ClipTooShortError, FeatureError
from emofuse.types import Signal, Track

BLOCK_FRAMES = 4096
WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}
LOGS = ("db", "natural")


class LogMel:
    """Log power in mel bands.

    Args:
        rate: the audio is resampled to this many Hz where it has another rate.
        window_s: length of one frame; ``hop_s`` is the step between frames.
        bands: number of mel bands between ``low_hz`` and ``high_hz`` (None: half the rate).
        fft_size: samples of the zero-padded FFT; None: the next power of two.
        preemphasis: coefficient of the first-order high-pass; 0 leaves it out.
        floor_db: smallest value, in the unit of ``log`` (decibels, or natural logarithm of power).
        range_db: where above 0, values lie at most this far below the highest one of the clip.
        centre: True pads with zeros, so that the centre of frame 0 is at 0 s; False begins with its start.
        window: ``"hann"`` or ``"hamming"`` (periodic).
        log: ``"db"`` or ``"natural"``.
        scale: ``"slaney"`` or ``"htk"``.
        area_norm: True gives every filter the same area, False the same peak of 1.
    """

    name = "log_mel"
    source = "audio"
    files: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        rate: int = 16000,
        window_s: float = 0.025,
        hop_s: float = 0.010,
        bands: int = 64,
        low_hz: float = 50.0,
        high_hz: float | None = None,
        fft_size: int | None = None,
        preemphasis: float = 0.97,
        floor_db: float = -100.0,
        range_db: float = 0.0,
        centre: bool = False,
        window: str = "hann",
        log: str = "db",
        scale: str = "slaney",
        area_norm: bool = True,
    ) -> None:
        if not 0 < hop_s <= window_s:
            raise ValueError(f"need 0 < hop_s <= window_s, got {hop_s} and {window_s} seconds")
        if window not in WINDOWS or log not in LOGS:
            raise ValueError(
                f"window is one of {sorted(WINDOWS)} and log of {LOGS}, got {window!r} and {log!r}"
            )
        self._window, self._hop = round(window_s * rate), round(hop_s * rate)
        self._fft = fft_size or 1 << (self._window - 1).bit_length()
        if self._fft < self._window:
            raise ValueError(f"fft_size is at least one window of {self._window} samples, got {fft_size}")
        high_hz = rate / 2 if high_hz is None else high_hz
        self._filters = mel_filters(
            rate, self._fft, bands=bands, low_hz=low_hz, high_hz=high_hz, scale=scale, area_norm=area_norm
        )
        self.dim = bands
        self.settings: dict[str, str | int | float | bool] = {
            "rate": rate, "window_s": window_s, "hop_s": hop_s, "bands": bands, "low_hz": low_hz,
            "high_hz": high_hz, "fft_size": self._fft, "preemphasis": preemphasis, "floor_db": floor_db,
            "range_db": range_db, "centre": centre, "window": window, "log": log, "scale": scale,
            "area_norm": area_norm,
        }  # fmt: skip
        self._rate, self._centre, self._preemphasis = rate, centre, preemphasis
        self._shape, self._natural = cosine_window(window, self._window), log == "natural"
        self._floor, self._range = floor_db, range_db

    def __call__(self, given: Signal) -> Track:
        """Return ``(frames, bands)`` float32; ``times`` are frame centres in seconds.

        Raises:
            ClipTooShortError: the signal is shorter than one window.
            FeatureError: a sample is not finite.
        """
        samples = samples_at(given, self._rate, at_least=self._window)
        samples = pre_emphasised(samples, self._preemphasis)
        # Half of the window lies before the centre, counted as if it stood in the middle of the FFT.
        before = self._fft // 2 - (self._fft - self._window) // 2 if self._centre else 0
        if self._centre:
            samples = np.pad(samples, (before, self._window - before))
        blocks = [
            self._logarithm(power_spectrum(frames * self._shape, self._fft) @ self._filters.T)
            for frames in frame_blocks(samples, self._window, self._hop)
        ]
        values = np.concatenate(blocks)
        if self._range > 0:
            values = np.maximum(values, values.max() - self._range)
        middle = 0.0 if self._centre else self._window / 2
        times = (np.arange(len(values)) * self._hop + middle) / self._rate
        return Track(values.astype(np.float32), times)

    def _logarithm(self, power: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            values = np.log(power) if self._natural else 10.0 * np.log10(power)
        return np.maximum(values, self._floor)


def samples_at(signal: Signal, rate: int, *, at_least: int) -> np.ndarray:
    """The samples as float64 ``(n,)``, resampled to ``rate`` Hz where they have another rate.

    Raises:
        ClipTooShortError: there are fewer than ``at_least`` samples at that rate.
        FeatureError: a sample is not finite.
    """
    samples = np.asarray(signal.samples, dtype=np.float64)
    if not np.isfinite(samples).all():
        position = int(np.flatnonzero(~np.isfinite(samples))[0])
        raise FeatureError(f"audio sample {position} is {samples[position]}, wanted a finite number")
    if signal.rate != rate and len(samples):
        import soxr

        samples = soxr.resample(samples, signal.rate, rate)
    if len(samples) < at_least:
        raise ClipTooShortError(
            f"clip lasts {signal.duration_s:.3f} s, one analysis window needs {at_least / rate:.3f} s"
        )
    return samples


def pre_emphasised(samples: np.ndarray, coefficient: float) -> np.ndarray:
    """``x[t] - coefficient * x[t - 1]``; the first sample counts as its own predecessor."""
    if coefficient == 0:
        return samples
    return samples - coefficient * np.concatenate([samples[:1], samples[:-1]])


def frame_blocks(samples: np.ndarray, window: int, hop: int) -> Iterator[np.ndarray]:
    """Views ``(at most 4096, window)`` on all whole frames, in order."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    for first in range(0, len(frames), BLOCK_FRAMES):
        yield frames[first : first + BLOCK_FRAMES]


def cosine_window(kind: str, size: int) -> np.ndarray:
    """Periodic Hann or Hamming window ``(size,)``."""
    level, swing = WINDOWS[kind]
    return level - swing * np.cos(2 * np.pi * np.arange(size) / size)


def power_spectrum(frames: np.ndarray, fft_size: int) -> np.ndarray:
    """Squared magnitude ``(frames, fft_size // 2 + 1)`` of windowed frames ``(frames, window)``."""
    spectrum = np.fft.rfft(frames, fft_size)
    return spectrum.real**2 + spectrum.imag**2


def mel_filters(
    rate: int, fft_size: int, *, bands: int, low_hz: float, high_hz: float, scale: str, area_norm: bool
) -> np.ndarray:
    """Triangular filters ``(bands, fft_size // 2 + 1)``, evenly spaced on the mel scale.

    Raises:
        ValueError: no band, a band edge outside of 0 to half the rate, or an unknown scale.
    """
    if bands < 1 or not 0 <= low_hz < high_hz <= rate / 2:
        raise ValueError(
            f"need bands >= 1, 0 <= low_hz < high_hz <= {rate / 2:g}; got {bands}, {low_hz}, {high_hz}"
        )
    if scale not in ("slaney", "htk"):
        raise ValueError(f"scale is 'slaney' or 'htk', got {scale!r}")
    low, high = _mel_of_hz(np.array([low_hz, high_hz]), scale)
    edges = _hz_of_mel(np.linspace(low, high, bands + 2), scale)[:, None]
    bins = np.arange(fft_size // 2 + 1) * rate / fft_size
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return filters * (2.0 / (edges[2:] - edges[:-2])) if area_norm else filters


# Slaney's scale: 3 mel for every 200 Hz below 1000 Hz, then 27 mel for every factor of 6.4.
_BREAK_HZ, _BREAK_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def _mel_of_hz(hz: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz * 3.0 / 200.0, above)


def _hz_of_mel(mel: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * 200.0 / 3.0, above)
