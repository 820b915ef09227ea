"""Pictures in other light, colour and focus, compressed or grainy.

Everything maps uint8 ``(height, width)`` or RGB ``(height, width, 3)`` to the same shape. After the visual
noises of MultiBench (Liang et al. 2021, https://arxiv.org/abs/2107.07502), which are drawn for with the
probability of the noise level; here what has a degree (grey, contrast, tint, noise) takes it from ``strength``.
"""

import io

import numpy as np

from emofuse.errors import FeatureError
from emofuse.perturbations.ranges import checked_rate, checked_strength

# What 1000 to 10 000 K look like in RGB shares (the black-body table that MultiBench uses, some of its rows).
KELVIN = {
    1000: (255, 56, 0), 2000: (255, 137, 18), 3000: (255, 180, 107), 4000: (255, 209, 163),
    5000: (255, 228, 206), 7000: (245, 243, 255), 8000: (227, 233, 255), 9000: (214, 225, 255),
    10000: (204, 219, 255),
}  # fmt: skip
# How the eye weighs red, green and blue (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114])


class PictureNoise:
    """A perturbation of one picture; ``fresh`` says that each frame of a video is drawn for anew."""

    kind = "picture"
    fresh = False

    def __init__(self, *, strength: float = 1.0) -> None:
        self.strength = checked_strength(strength)

    def __call__(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The changed picture, uint8 of the same shape.

        Raises:
            FeatureError: it is no uint8 picture.
        """
        if given.dtype != np.uint8 or given.ndim not in (2, 3) or given.shape[2:] not in ((), (3,)):
            raise FeatureError(
                f"a picture is uint8 (height, width) or (height, width, 3), got {given.dtype} {given.shape}"
            )
        if self.strength == 0 or not given.size:
            return given
        return self._change(given, generator)

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        raise NotImplementedError


class Blur(PictureNoise):
    """Out of focus: a Gaussian of deviation ``strength * share`` of the shorter side."""

    def __init__(self, *, strength: float = 1.0, share: float = 0.05) -> None:
        super().__init__(strength=strength)
        if share <= 0:
            raise ValueError(f"share is above 0, got {share}")
        self.share = share

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        import cv2

        deviation_px = self.strength * self.share * min(given.shape[:2])
        return cv2.GaussianBlur(given, (0, 0), max(deviation_px, 1e-2), borderType=cv2.BORDER_REPLICATE)


class Jpeg(PictureNoise):
    """JPEG of quality 100 towards strength 0, down to ``quality`` (1 to 100) at strength 1."""

    def __init__(self, *, strength: float = 1.0, quality: int = 5) -> None:
        super().__init__(strength=strength)
        if not 1 <= quality <= 100:
            raise ValueError(f"quality lies in [1, 100], got {quality}")
        self.quality = quality

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        from PIL import Image

        buffer = io.BytesIO()
        quality = round(100 + self.strength * (self.quality - 100))
        Image.fromarray(given).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as opened:
            return np.array(opened)


class Dark(PictureNoise):
    """Less light: all pixels times ``1 - strength * depth``, in whole steps, so that shades are lost."""

    def __init__(self, *, strength: float = 1.0, depth: float = 0.95) -> None:
        super().__init__(strength=strength)
        self.depth = checked_rate(depth)

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return _pixels(given * (1 - self.strength * self.depth))


class Grayscale(PictureNoise):
    """Colour fades, and is gone at strength 1; a grey picture stays."""

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        if given.ndim == 2:
            return given
        return _blend(given, (given @ LUMA)[:, :, None], self.strength)


class LowContrast(PictureNoise):
    """All pixels move towards the mean grey; at strength 1 a share ``left`` of the contrast is left."""

    def __init__(self, *, strength: float = 1.0, left: float = 0.1) -> None:
        super().__init__(strength=strength)
        self.left = checked_rate(left)

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        mean = float(np.mean(given if given.ndim == 2 else given @ LUMA))
        return _blend(given, np.full(given.shape, mean), self.strength * (1 - self.left))


class Inversion(PictureNoise):
    """The negative, with probability ``strength``."""

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return 255 - given if generator.random() < self.strength else given


class WhiteBalance(PictureNoise):
    """The light of a random colour temperature of `KELVIN`, blended in by ``strength``; grey pictures stay."""

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        kelvin = sorted(KELVIN)[int(generator.integers(len(KELVIN)))]
        if given.ndim == 2:
            return given
        return _blend(given, given * (np.array(KELVIN[kelvin]) / 255), self.strength)


class Colorize(PictureNoise):
    """Tinted red, green or blue; at strength 1 ``share`` of a pixel is the tint. Grey pictures stay."""

    def __init__(self, *, strength: float = 1.0, share: float = 0.5) -> None:
        super().__init__(strength=strength)
        self.share = checked_rate(share)

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        tint = 255.0 * np.eye(3)[int(generator.integers(3))]
        return given if given.ndim == 2 else _blend(given, tint, self.strength * self.share)


class SaltAndPepper(PictureNoise):
    """At strength 1 a pixel is white or black, either as likely, with probability ``rate``."""

    fresh = True

    def __init__(self, *, strength: float = 1.0, rate: float = 0.5) -> None:
        super().__init__(strength=strength)
        self.rate = checked_rate(rate)

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        draw = generator.random(given.shape[:2])
        share = self.strength * self.rate
        changed = given.copy()
        changed[draw < share] = 255
        changed[draw < share / 2] = 0
        return changed


class PixelNoise(PictureNoise):
    """Gaussian noise of deviation ``strength * deviation`` (0 to 255) on every pixel and colour."""

    fresh = True

    def __init__(self, *, strength: float = 1.0, deviation: float = 64.0) -> None:
        super().__init__(strength=strength)
        if deviation < 0:
            raise ValueError(f"deviation is 0 or more, got {deviation}")
        self.deviation = deviation

    def _change(self, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        noise = generator.standard_normal(given.shape, dtype=np.float32)
        return _pixels(given + self.strength * self.deviation * noise)


def _blend(given: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    return _pixels((1 - share) * given + share * other)


def _pixels(values: np.ndarray) -> np.ndarray:
    """Rounded and cut to uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
