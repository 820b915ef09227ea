"""Mel bands, cepstra and prosody of speech together, as the mean and deviation of every few frames."""

import numpy as np

from emofuse.features.mel import LogMel
from emofuse.features.mfcc import Mfcc
from emofuse.features.prosody import Prosody
from emofuse.types import Signal, Track

_STEP_S = 0.010


class SpeechFrames:
    """One wide track for sequence models.

    Every ``hop_s`` (whole steps of 10 ms) it gives the means, then the standard deviations of ``bands``
    log-mel bands, ``coefficients`` cepstra with ``deltas`` orders of changes, and the 13 values of
    `Prosody`: ``dim = 2 * (bands + coefficients * (1 + deltas) + 13)``, 158 as it stands.
    """

    name = "speech_frames"
    source = "audio"
    files: tuple[str, ...] = ()

    def __init__(
        self, *, hop_s: float = 0.040, bands: int = 40, coefficients: int = 13, deltas: int = 1
    ) -> None:
        self._frames = round(hop_s / _STEP_S)
        if self._frames < 1 or abs(self._frames * _STEP_S - hop_s) > 1e-9:
            raise ValueError(f"hop_s is a multiple of {_STEP_S} seconds, got {hop_s}")
        self._parts = (LogMel(bands=bands), Mfcc(coefficients=coefficients, deltas=deltas), Prosody())
        self.dim = 2 * sum(part.dim for part in self._parts)
        self.settings: dict[str, str | int | float | bool] = {
            "hop_s": hop_s, "bands": bands, "coefficients": coefficients, "deltas": deltas,
        }  # fmt: skip

    def __call__(self, given: Signal) -> Track:
        """Return ``(hops, dim)`` float32, all finite; ``times`` are the mean of the frames of each hop.

        Raises:
            ClipTooShortError: the signal is shorter than 25 ms.
            FeatureError: a sample is not finite.
        """
        tracks = [part(given) for part in self._parts]
        values = np.concatenate([track.values for track in tracks], axis=1).astype(np.float64)
        starts = np.arange(0, len(values), self._frames)
        counts = np.diff(starts, append=len(values))
        mean = np.add.reduceat(values, starts) / counts[:, None]
        off = values - np.repeat(mean, counts, axis=0)
        deviation = np.sqrt(np.add.reduceat(off**2, starts) / counts[:, None])
        times = np.add.reduceat(tracks[0].times, starts) / counts
        return Track(np.concatenate([mean, deviation], axis=1).astype(np.float32), times)
