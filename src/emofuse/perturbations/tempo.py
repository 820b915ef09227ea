"""Tempo and pitch: resampling, and a phase vocoder (Flanagan and Golden 1966)."""

import numpy as np

from emofuse.perturbations.audio import limited
from emofuse.perturbations.ranges import checked_strength
from emofuse.types import Signal


class Speed:
    """Played faster or slower by a factor of up to ``factor`` either way at strength 1; pitch follows."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, factor: float = 1.15) -> None:
        self.strength, self.factor = checked_strength(strength), _checked_factor(factor)

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal at another speed, longer or shorter."""
        if self.strength == 0 or not len(given.samples):
            return given
        return limited(_resampled(given.samples, _drawn(self.factor, self.strength, generator)), given.rate)


class Stretch:
    """Faster or slower by a factor of up to ``factor`` either way at strength 1; pitch is kept."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, factor: float = 1.25) -> None:
        self.strength, self.factor = checked_strength(strength), _checked_factor(factor)

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal at another tempo, longer or shorter."""
        if self.strength == 0 or not len(given.samples):
            return given
        tempo = _drawn(self.factor, self.strength, generator)
        return limited(stretched(given.samples, given.rate, tempo=tempo), given.rate)


class Pitch:
    """Higher or lower by up to ``semitones`` either way at strength 1; length and tempo are kept."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, semitones: float = 3.0) -> None:
        if semitones < 0:
            raise ValueError(f"semitones must not be negative, got {semitones}")
        self.strength, self.semitones = checked_strength(strength), semitones

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal at another pitch."""
        if self.strength == 0 or not len(given.samples):
            return given
        ratio = _drawn(2 ** (self.semitones / 12), self.strength, generator)
        longer = stretched(given.samples, given.rate, tempo=1 / ratio)
        shifted = _resampled(longer, ratio)[: len(given.samples)]
        return limited(np.pad(shifted, (0, len(given.samples) - len(shifted))), given.rate)


def stretched(samples: np.ndarray, rate: int, *, tempo: float) -> np.ndarray:
    """Samples ``(round(n / tempo),)`` at another tempo and the same pitch, by a phase vocoder."""
    size = 1 << round(np.log2(0.05 * rate))
    hop = size // 4
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.pad(np.asarray(samples, dtype=np.float64), (size // 2, size + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectrum = np.fft.rfft(frames * window)
    length = round(len(samples) / tempo)
    places = np.minimum(np.arange(length // hop + 4) * tempo, len(spectrum) - 1.001)
    before, share = places.astype(int), (places % 1)[:, None]
    size_of = np.abs(spectrum)
    magnitude = (1 - share) * size_of[before] + share * size_of[before + 1]
    # How far each bin turns from frame to frame in the original is how far it turns in the result.
    angles = np.angle(spectrum)
    turns = angles[before + 1] - angles[before]
    phase = angles[0] + np.concatenate([np.zeros((1, turns.shape[1])), np.cumsum(turns[:-1], axis=0)])
    pieces = np.fft.irfft(magnitude * np.exp(1j * phase), size) * window
    return _overlapped(pieces, window, hop)[size // 2 : size // 2 + length]


def _overlapped(pieces: np.ndarray, window: np.ndarray, hop: int) -> np.ndarray:
    """Sum of ``(frames, size)`` at steps of ``hop``, divided by the sum of the squared windows."""
    count, parts = len(pieces), pieces.shape[1] // hop
    total = np.zeros((count + parts - 1, hop))
    weight = np.zeros_like(total)
    for part in range(parts):
        total[part : part + count] += pieces[:, part * hop : (part + 1) * hop]
        weight[part : part + count] += window[part * hop : (part + 1) * hop] ** 2
    return (total / np.maximum(weight, 1e-3)).ravel()


def _resampled(samples: np.ndarray, factor: float) -> np.ndarray:
    import soxr

    return soxr.resample(np.asarray(samples, dtype=np.float64), factor, 1.0)


def _drawn(factor: float, strength: float, generator: np.random.Generator) -> float:
    """A factor, evenly spread on a log scale between ``1 / factor`` and ``factor`` at strength 1."""
    return float(factor ** (strength * generator.uniform(-1.0, 1.0)))


def _checked_factor(factor: float) -> float:
    if factor < 1:
        raise ValueError(f"factor must be at least 1, got {factor}")
    return factor
