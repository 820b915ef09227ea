"""The samples themselves, for encoders that read raw sound (wav2vec 2.0 and its family)."""

import numpy as np

from emofuse.features.mel import samples_at
from emofuse.types import Signal, Track


class Waveform:
    """Sound in frames of ``samples`` samples at ``rate`` Hz, one behind the other and none twice.

    Args:
        rate: the audio is resampled to this many Hz where it has another rate; published networks want 16 kHz.
        samples: of each frame. More make a shorter track; fewer lose less of a clip's last frame, which is
            left out where it is not whole.
        longest_s: what lies beyond is left out; 0 keeps all. A network's memory grows with the square of it.

    Its frames are pieces of a wave: a mean of two of them means nothing, so they take no common axis.
    """

    name = "waveform"
    source = "audio"
    files: tuple[str, ...] = ()
    averages = False

    def __init__(self, *, rate: int = 16000, samples: int = 320, longest_s: float = 0.0) -> None:
        if rate < 1000 or samples < 1:
            raise ValueError(
                f"need a rate of 1000 Hz or more and a sample a frame, got {rate} and {samples}"
            )
        self.longest = round(longest_s * rate)
        if longest_s < 0 or (longest_s > 0 and self.longest < samples):
            raise ValueError(
                f"longest_s is 0, or at least one frame ({samples / rate:g} s), got {longest_s}"
            )
        self.rate, self.dim = rate, samples
        self.settings: dict[str, str | int | float | bool] = {
            "rate": rate, "samples": samples, "longest_s": longest_s,
        }  # fmt: skip

    def __call__(self, given: Signal) -> Track:
        """Return ``(frames, samples)`` float32 in [-1, 1]; ``times`` are frame centres in seconds.

        Raises:
            ClipTooShortError: the signal is shorter than one frame.
            FeatureError: a sample is not finite.
        """
        found = samples_at(given, self.rate, at_least=self.dim)[: self.longest or None]
        count = len(found) // self.dim
        frames = found[: count * self.dim].astype(np.float32).reshape(count, self.dim)
        return Track(frames, (np.arange(count) + 0.5) * self.dim / self.rate)
