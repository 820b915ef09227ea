"""Pictures from elsewhere: hidden in part, turned, mirrored, cropped; and a whole video treated alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from emofuse.perturbations.light import PictureNoise
from emofuse.perturbations.ranges import checked_rate
from emofuse.types import Frame, Frames


class Occlusion(PictureNoise):
    """Something stands in front: a black rectangle in the picture's shape, ``strength * area`` of it."""

    def __init__(self, *, strength: float = 1.0, area: float = 0.5) -> None:
        super().__init__(strength=strength)
        self.area = checked_rate(area)

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        share = sqrt(self.strength * self.area)
        sides = [round(share * side) for side in given.shape[:2]]
        top, left = (
            round(generator.random() * (whole - side))
            for whole, side in zip(given.shape, sides, strict=False)
        )
        changed = given.copy()
        changed[top : top + sides[0], left : left + sides[1]] = 0
        return changed


class Rotation(PictureNoise):
    """Turned by up to ``strength * angle_deg`` either way; what comes into view repeats the border."""

    def __init__(self, *, strength: float = 1.0, angle_deg: float = 45.0) -> None:
        super().__init__(strength=strength)
        if not 0 <= angle_deg <= 180:
            raise ValueError(f"angle_deg lies in [0, 180], got {angle_deg}")
        self.angle_deg = angle_deg

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        import cv2

        height, width = given.shape[:2]
        angle_deg = self.strength * self.angle_deg * generator.uniform(-1.0, 1.0)
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
        return cv2.warpAffine(given, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


class HorizontalFlip(PictureNoise):
    """Mirrored left to right, with probability ``strength``."""

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return given[:, ::-1].copy() if generator.random() < self.strength else given


class VerticalFlip(PictureNoise):
    """Upside down, as in a mirror on the floor, with probability ``strength``."""

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return given[::-1].copy() if generator.random() < self.strength else given


class RandomCrop(PictureNoise):
    """A random part, ``1 - strength * cut`` of each side, enlarged to the whole."""

    def __init__(self, *, strength: float = 1.0, cut: float = 0.5) -> None:
        super().__init__(strength=strength)
        if not 0 <= cut < 1:
            raise ValueError(f"cut lies in [0, 1), got {cut}")
        self.cut = cut

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        import cv2

        height, width = given.shape[:2]
        part = [max(1, round(side * (1 - self.strength * self.cut))) for side in (height, width)]
        top = round(generator.random() * (height - part[0]))
        left = round(generator.random() * (width - part[1]))
        cut = np.ascontiguousarray(given[top : top + part[0], left : left + part[1]])
        return cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class PerturbedFrames:
    """``frames`` under one operation, decoded and changed one at a time.

    What is drawn (an angle, a place) is the same for all frames, but for an operation that is ``fresh``,
    such as noise. The same ``seed`` gives the same video.
    """

    frames: Frames
    operation: PictureNoise
    seed: int = 0

    def __iter__(self) -> Iterator[Frame]:
        """The changed frames in time order."""
        for number, frame in enumerate(self.frames):
            generator = np.random.default_rng([self.seed, number if self.operation.fresh else 0])
            yield Frame(frame.time_s, self.operation(frame.pixels, generator))
