"""Mel bands, cepstra and prosody of speech together, as the mean and deviation of every few frames."""

import numpy as np

from emofuse.features.mel import LogMel
from emofuse.features.mfcc import Mfcc
from emofuse.features.prosody import Prosody
from emofuse.features.segments import speech_regions
from emofuse.types import Signal, Track

_STEP_S = 0.010
_LEAST_S = 0.3


class SpeechFrames:
    """One wide track for sequence models.

    Every ``hop_s`` (whole steps of 10 ms) it gives the means, then the standard deviations of ``bands``
    log-mel bands, ``coefficients`` cepstra with ``deltas`` orders of changes, and the 13 values of
    `Prosody`: ``dim = 2 * (bands + coefficients * (1 + deltas) + 13)``, 158 as it stands. ``speech_only``
    cuts the signal from its first to its last speech beforehand (the times stay those of the signal): a
    recognised segment is cut so too, and a model should be trained on what it will hear.
    """

    name = "speech_frames"
    source = "audio"
    files: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        hop_s: float = 0.040,
        bands: int = 40,
        coefficients: int = 13,
        deltas: int = 1,
        speech_only: bool = False,
    ) -> None:
        self._frames = round(hop_s / _STEP_S)
        if self._frames < 1 or abs(self._frames * _STEP_S - hop_s) > 1e-9:
            raise ValueError(f"hop_s is a multiple of {_STEP_S} seconds, got {hop_s}")
        self._mel, self._prosody = LogMel(bands=bands), Prosody()
        self._mfcc = Mfcc(coefficients=coefficients, deltas=deltas)
        # The cepstra are made from 40 bands, however many are given themselves.
        self._is_shared = self._mfcc.mel_settings == self._mel.settings
        self.dim = 2 * (self._mel.dim + self._mfcc.dim + self._prosody.dim)
        self.settings: dict[str, str | int | float | bool] = {
            "hop_s": hop_s, "bands": bands, "coefficients": coefficients, "deltas": deltas,
            "speech_only": speech_only,
        }  # fmt: skip
        self.speech_only = speech_only

    def __call__(self, given: Signal) -> Track:
        """Return ``(hops, dim)`` float32, all finite; ``times`` are the mean of the frames of each hop.

        Raises:
            ClipTooShortError: the signal is shorter than 25 ms.
            FeatureError: a sample is not finite.
        """
        if not self.speech_only:
            return self.of_speech(given)
        start_s, end_s = _speech(given)
        track = self.of_speech(given.between(start_s, end_s))
        return Track(track.values, start_s + track.times)

    def of_speech(self, given: Signal) -> Track:
        """The track of a signal that was cut to its speech already; errors as above."""
        mel = self._mel(given)
        cepstra = self._mfcc.of_mel(mel) if self._is_shared else self._mfcc(given)
        tracks = (mel, cepstra, self._prosody(given))
        values = np.concatenate([track.values for track in tracks], axis=1).astype(np.float64)
        starts = np.arange(0, len(values), self._frames)
        counts = np.diff(starts, append=len(values))
        mean = np.add.reduceat(values, starts) / counts[:, None]
        off = values - np.repeat(mean, counts, axis=0)
        deviation = np.sqrt(np.add.reduceat(off**2, starts) / counts[:, None])
        times = np.add.reduceat(tracks[0].times, starts) / counts
        return Track(np.concatenate([mean, deviation], axis=1).astype(np.float32), times)


def _speech(signal: Signal) -> tuple[float, float]:
    regions = speech_regions(signal)
    # Where no speech is found, or less than voice quality can be measured on, the whole signal is kept.
    if not regions or regions[-1][1] - regions[0][0] < _LEAST_S:
        return 0.0, signal.duration_s
    return regions[0][0], regions[-1][1]
