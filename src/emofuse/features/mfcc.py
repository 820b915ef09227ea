"""Mel-frequency cepstral coefficients: pre-emphasis, framing, window, FFT, mel filter bank, log, DCT.

Davis and Mermelstein 1980. Deltas are the slopes and curvatures of a local polynomial fit (Savitzky and
Golay 1964) over nine frames; at the ends of a clip its first or last frame is repeated.
"""

import math

import numpy as np

from emofuse.features.mel import LogMel
from emofuse.types import Signal, Track

DELTA_REACH = 4
SHORTEST_S, LONGEST_S = 0.020, 0.040


class Mfcc:
    """Cepstral coefficients, with ``deltas`` orders of their changes behind them.

    Args:
        coefficients: how many of the orthonormal DCT-II, from the 0th (the level) on.
        deltas: 0, 1 (slopes) or 2 (slopes and curvatures).
        lifter: sine lifter of this length; 0 leaves it out.
        any_window: frames outside of the 20 to 40 ms in which speech is nearly stationary are accepted.

    The other arguments are those of `LogMel`.
    """

    name = "mfcc"
    source = "audio"
    files: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        coefficients: int = 13,
        deltas: int = 0,
        lifter: int = 0,
        any_window: bool = False,
        rate: int = 16000,
        bands: int = 40,
        window_s: float = 0.025,
        hop_s: float = 0.010,
        low_hz: float = 50.0,
        high_hz: float | None = None,
        fft_size: int | None = None,
        preemphasis: float = 0.97,
        floor_db: float = -100.0,
        range_db: float = 0.0,
        window: str = "hann",
        centre: bool = False,
        scale: str = "slaney",
        area_norm: bool = True,
    ) -> None:
        if not (any_window or SHORTEST_S <= window_s <= LONGEST_S):
            raise ValueError(f"window_s lies in 0.020 to 0.040 (or state any_window), got {window_s}")
        if not 1 <= coefficients <= bands:
            raise ValueError(f"coefficients lie between 1 and {bands} bands, got {coefficients}")
        if deltas not in (0, 1, 2) or lifter < 0:
            raise ValueError(f"need deltas of 0, 1 or 2 and lifter >= 0, got {deltas} and {lifter}")
        self._mel = LogMel(
            rate=rate, bands=bands, window_s=window_s, hop_s=hop_s, low_hz=low_hz, high_hz=high_hz,
            fft_size=fft_size, preemphasis=preemphasis, floor_db=floor_db, range_db=range_db,
            window=window, centre=centre, scale=scale, area_norm=area_norm,
        )  # fmt: skip
        order = np.arange(1, coefficients + 1)
        weights = 1 + lifter / 2 * np.sin(np.pi * order / lifter) if lifter else np.ones(coefficients)
        self._basis = cosine_basis(bands, coefficients) * weights
        self._deltas = deltas
        self.dim = coefficients * (1 + deltas)
        mel = {key: value for key, value in self._mel.settings.items() if key != "log"}
        self.settings: dict[str, str | int | float | bool] = {
            "coefficients": coefficients, "deltas": deltas, "lifter": lifter, "any_window": any_window,
            **mel,
        }  # fmt: skip

    def __call__(self, given: Signal) -> Track:
        """Return ``(frames, coefficients * (1 + deltas))`` float32; ``times`` are frame centres in seconds.

        Raises:
            ClipTooShortError: the signal is shorter than one window.
            FeatureError: a sample is not finite.
        """
        return self.of_mel(self._mel(given))

    @property
    def mel_settings(self) -> dict[str, str | int | float | bool]:
        """The settings of the `LogMel` whose track `of_mel` takes."""
        return self._mel.settings

    def of_mel(self, mel: Track) -> Track:
        """The same from a log-mel track ``(frames, bands)`` that is there already."""
        cepstra = mel.values.astype(np.float64) @ self._basis
        orders = [cepstra, *(changes(cepstra, order=order) for order in range(1, self._deltas + 1))]
        return Track(np.concatenate(orders, axis=1).astype(np.float32), mel.times)


def cosine_basis(bands: int, coefficients: int) -> np.ndarray:
    """Orthonormal DCT-II as a matrix ``(bands, coefficients)``."""
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(coefficients))
    basis = np.sqrt(2 / bands) * np.cos(angles)
    basis[:, 0] /= np.sqrt(2)
    return basis


def changes(values: np.ndarray, *, order: int) -> np.ndarray:
    """Derivative ``(frames, dim)`` of that order, per frame, of a polynomial fit over nine frames."""
    steps = np.arange(-DELTA_REACH, DELTA_REACH + 1)
    fit = np.linalg.pinv(np.vander(steps, order + 1, increasing=True))
    weights = math.factorial(order) * fit[order]
    padded = np.pad(values, ((DELTA_REACH, DELTA_REACH), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, len(steps), axis=0) @ weights
