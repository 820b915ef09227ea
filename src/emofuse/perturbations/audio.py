"""What happens to sound before a microphone's signal is stored: noise, level, overload."""

import numpy as np

from emofuse.perturbations.ranges import checked_strength
from emofuse.types import Signal

COLOURS = ("white", "pink", "babble")
# Noise under digital silence stays audible, as if the signal were at -60 dB.
_SILENCE_POWER = 1e-6


class Noise:
    """Additive noise; at strength 1 the signal-to-noise ratio is uniform in ``low_db`` to ``high_db``.

    At a smaller strength the amplitude of the noise is multiplied by it. ``colour`` is ``"white"``,
    ``"pink"``, ``"babble"`` (the long-term spectrum of speech, pulsing like syllables) or ``"any"``.
    """

    kind = "signal"

    def __init__(
        self, *, strength: float = 1.0, low_db: float = 5.0, high_db: float = 30.0, colour: str = "any"
    ) -> None:
        if not low_db <= high_db:
            raise ValueError(f"need low_db <= high_db, got {low_db} and {high_db}")
        if colour not in (*COLOURS, "any"):
            raise ValueError(f"colour is one of {(*COLOURS, 'any')}, got {colour!r}")
        self.strength = checked_strength(strength)
        self.low_db, self.high_db, self.colour = low_db, high_db, colour

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal with noise, at most 1 in amplitude."""
        if self.strength == 0 or not len(given.samples):
            return given
        colour = str(generator.choice(COLOURS)) if self.colour == "any" else self.colour
        noise = coloured_noise(len(given.samples), given.rate, generator, colour=colour)
        power = max(float(np.mean(given.samples.astype(np.float64) ** 2)), _SILENCE_POWER)
        ratio_db = generator.uniform(self.low_db, self.high_db)
        level = self.strength * np.sqrt(power / 10 ** (ratio_db / 10))
        return limited(given.samples + level * noise, given.rate)


class Gain:
    """Level changed by up to ``range_db`` decibels either way at strength 1; at most 1 in amplitude."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, range_db: float = 20.0) -> None:
        if range_db < 0:
            raise ValueError(f"range_db must not be negative, got {range_db}")
        self.strength, self.range_db = checked_strength(strength), range_db

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal at another level."""
        if self.strength == 0 or not len(given.samples):
            return given
        gain_db = self.strength * generator.uniform(-self.range_db, self.range_db)
        return limited(given.samples * 10 ** (gain_db / 20), given.rate)


class Clip:
    """Peaks cut off; at strength 1 somewhere between ``lowest`` and 1 times the highest one."""

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, lowest: float = 0.2) -> None:
        if not 0 < lowest <= 1:
            raise ValueError(f"lowest lies in (0, 1], got {lowest}")
        self.strength, self.lowest = checked_strength(strength), lowest

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The overloaded signal."""
        if self.strength == 0 or not len(given.samples):
            return given
        share = 1 - self.strength * generator.uniform(0.0, 1 - self.lowest)
        ceiling = share * float(np.abs(given.samples).max())
        return limited(np.clip(given.samples, -ceiling, ceiling), given.rate)


def limited(samples: np.ndarray, rate: int) -> Signal:
    """A float32 signal; louder ones are scaled down to a peak of 1."""
    peak = float(np.abs(samples).max(initial=0.0))
    scaled = samples / peak if peak > 1 else samples
    return Signal(np.clip(scaled, -1.0, 1.0).astype(np.float32), rate)


def coloured_noise(size: int, rate: int, generator: np.random.Generator, *, colour: str) -> np.ndarray:
    """Noise ``(size,)`` of unit power: ``"white"``, ``"pink"`` or ``"babble"``."""
    white = generator.standard_normal(size)
    if colour == "white":
        noise = white
    else:
        hz = np.maximum(np.fft.rfftfreq(size, 1 / rate), 20.0)
        # Speech is even up to about 500 Hz and falls by 9 dB an octave above.
        shape = hz**-0.5 if colour == "pink" else np.minimum(1.0, (hz / 500.0) ** -1.5)
        noise = np.fft.irfft(np.fft.rfft(white) * shape, size)
    if colour == "babble":
        noise = noise * _syllables(size, rate, generator)
    return noise / max(float(np.sqrt(np.mean(noise**2))), 1e-12)


def _syllables(size: int, rate: int, generator: np.random.Generator) -> np.ndarray:
    """Slow swings of level ``(size,)``: the mean of several voices that speak 2 to 6 syllables a second."""
    times = np.arange(size) / rate
    speeds, phases = generator.uniform(2.0, 6.0, 5), generator.uniform(0.0, 2 * np.pi, 5)
    return (
        sum(1.0 + np.sin(2 * np.pi * hz * times + phase) for hz, phase in zip(speeds, phases, strict=True))
        / 5
    )
