"""Another recording of the same words: other speaker, room, microphone, level and noise."""

import numpy as np

from emofuse.perturbations.audio import Clip, Gain, Noise
from emofuse.perturbations.ranges import checked_rate, checked_strength
from emofuse.perturbations.rooms import Bandpass, Equaliser, Reverb
from emofuse.perturbations.tempo import Pitch, Speed
from emofuse.types import Signal


class Recording:
    """The other perturbations of sound in the order in which they happen, each with probability ``chance``.

    The rare ones, an overdriven or a telephone line, come a quarter as often. ``strength`` is handed to
    all of them.
    """

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, chance: float = 0.5) -> None:
        self.strength, self.chance = checked_strength(strength), checked_rate(chance)
        self._steps = (
            (1.0, Pitch(strength=strength)),
            (1.0, Speed(strength=strength)),
            (1.0, Reverb(strength=strength)),
            (1.0, Noise(strength=strength)),
            (1.0, Equaliser(strength=strength)),
            (0.25, Bandpass(strength=strength)),
            (0.25, Clip(strength=strength)),
            (1.0, Gain(strength=strength)),
        )

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal, recorded elsewhere; its length changes with its speed."""
        if self.strength == 0:
            return given
        for share, perturb in self._steps:
            if generator.random() < share * self.chance:
                given = perturb(given, generator)
        return given
