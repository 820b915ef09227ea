"""Rooms, telephone lines and microphones, as linear filters."""

import numpy as np

from emofuse.perturbations.audio import limited
from emofuse.perturbations.ranges import checked_strength
from emofuse.types import Signal

SOUND_SPEED = 343.0
_REFLECTIONS = 6


class Reverb:
    """A synthetic room: early reflections and an exponentially decaying tail of noise.

    At strength 1 the reverberation time is uniform in ``low_s`` to ``high_s`` and the direct-to-reverberant
    ratio in ``low_db`` to ``high_db``; at a smaller one the reflected part is softer by that factor.
    """

    kind = "signal"

    def __init__(
        self,
        *,
        strength: float = 1.0,
        low_s: float = 0.15,
        high_s: float = 0.8,
        low_db: float = 0.0,
        high_db: float = 15.0,
    ) -> None:
        if not (0 < low_s <= high_s and low_db <= high_db):
            raise ValueError(
                f"need 0 < low_s <= high_s, low_db <= high_db; got {low_s}, {high_s}, {low_db}, {high_db}"
            )
        self.strength = checked_strength(strength)
        self.low_s, self.high_s, self.low_db, self.high_db = low_s, high_s, low_db, high_db

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal as heard in the room, of the same length and about the same level."""
        if self.strength == 0 or not len(given.samples):
            return given
        reflected = room_response(given.rate, generator.uniform(self.low_s, self.high_s), generator)
        ratio_db = generator.uniform(self.low_db, self.high_db)
        reflected *= self.strength * 10 ** (-ratio_db / 20)
        reflected[0] = 1.0
        heard = _convolved(given.samples, reflected)
        return limited(heard * _rms(given.samples) / max(_rms(heard), 1e-12), given.rate)


class Bandpass:
    """Only ``low_hz`` to ``high_hz`` is left at strength 1; a smaller strength blends with the original."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, low_hz: float = 300.0, high_hz: float = 3400.0) -> None:
        if not 0 <= low_hz < high_hz:
            raise ValueError(f"need 0 <= low_hz < high_hz, got {low_hz} and {high_hz}")
        self.strength, self.low_hz, self.high_hz = checked_strength(strength), low_hz, high_hz

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal through the line; nothing in it is random."""
        if self.strength == 0 or not len(given.samples):
            return given
        hz = np.maximum(np.fft.rfftfreq(len(given.samples), 1 / given.rate), 1e-3)
        # Slopes of fourth order, as steep as a line's own filters.
        passed = 1 / np.sqrt(1 + (self.low_hz / hz) ** 8) / np.sqrt(1 + (hz / self.high_hz) ** 8)
        return _shaped(given, 1 - self.strength + self.strength * passed)


class Equaliser:
    """A smooth random curve over the octaves, within ``range_db`` either way at strength 1."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, range_db: float = 12.0) -> None:
        if range_db < 0:
            raise ValueError(f"range_db must not be negative, got {range_db}")
        self.strength, self.range_db = checked_strength(strength), range_db

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal through another microphone."""
        if self.strength == 0 or not len(given.samples):
            return given
        octaves = np.arange(np.log2(62.5), np.log2(given.rate / 2) + 1)
        knots_db = self.strength * generator.uniform(-self.range_db, self.range_db, len(octaves))
        hz = np.maximum(np.fft.rfftfreq(len(given.samples), 1 / given.rate), 1.0)
        return _shaped(given, 10 ** (np.interp(np.log2(hz), octaves, knots_db) / 20))


def room_response(rate: int, decay_s: float, generator: np.random.Generator) -> np.ndarray:
    """The reflected part of an impulse response ``(decay_s * rate,)``, of unit energy.

    ``decay_s`` is the time in which the sound falls by 60 dB; the first reflections come from walls at
    1 to 8 m of extra path.
    """
    times = np.arange(max(round(decay_s * rate), 2)) / rate
    response = generator.standard_normal(len(times)) * 10 ** (-3 * times / decay_s)
    first = round(0.002 * rate)
    response[: min(first, len(times) - 1)] = 0.0
    delays = (generator.uniform(1.0, 8.0, _REFLECTIONS) / SOUND_SPEED * rate).astype(int)
    signs = generator.choice([-1.0, 1.0], _REFLECTIONS)
    response[np.minimum(delays, len(times) - 1)] += 4.0 * signs * generator.uniform(0.3, 1.0, _REFLECTIONS)
    return response / np.sqrt(np.sum(response**2))


def _convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    spectrum = np.fft.rfft(samples.astype(np.float64), size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _shaped(given: Signal, gains: np.ndarray) -> Signal:
    spectrum = np.fft.rfft(given.samples.astype(np.float64)) * gains
    return limited(np.fft.irfft(spectrum, len(given.samples)), given.rate)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
