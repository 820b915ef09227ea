"""Pictures by content: upright, eight bits, RGB."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from emofuse.errors import MediaError
from emofuse.features.containers import name_of, opened_file
from emofuse.types import Media, Picture

if TYPE_CHECKING:
    from PIL.Image import Image

_PICTURES = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


def picture_pixels(media: Media) -> np.ndarray | None:
    """Upright RGB pixels ``(height, width, 3)`` where ``media`` is a picture, else None.

    Raises:
        MediaError: the file is missing or empty, or a picture that is damaged or not uint8.
    """
    if isinstance(media, Picture):
        return _as_rgb(media.pixels)
    from PIL import Image, ImageOps, UnidentifiedImageError

    with opened_file(media) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # larger ones are refused below
        try:
            image: Image.Image = Image.open(file, formats=_PICTURES)
        except UnidentifiedImageError:
            return None
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise MediaError(f"{name_of(media)}: a picture that cannot be read ({error})") from error
        try:
            # Photographs are large: they are turned in place, and no copy is made that is not needed.
            ImageOps.exif_transpose(image, in_place=True)
            return _as_rgb(_eight_bit(image))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise MediaError(f"{name_of(media)}: damaged {image.format} picture ({error})") from error


def is_picture(media: Media) -> bool:
    """Whether ``media`` begins as a picture does; its pixels are not read. A file that cannot be opened is none."""
    if isinstance(media, Picture):
        return True
    from PIL import Image

    try:
        with opened_file(media) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            Image.open(file, formats=_PICTURES).close()
    except (MediaError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True


def shrunk(pixels: np.ndarray, max_side_px: int) -> np.ndarray:
    """The same picture with its longer side at most ``max_side_px``."""
    height, width = pixels.shape[:2]
    if max(height, width) <= max_side_px:
        return pixels
    from PIL import Image

    scale = max_side_px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _eight_bit(image: Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16-bit grey, which a plain conversion would clip to white
        return (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _as_rgb(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype != np.uint8 or pixels.size == 0 or not (pixels.ndim == 2 or pixels.shape[2:] == (3,)):
        found = f"{pixels.dtype} {pixels.shape}"
        raise MediaError(f"picture: found {found}, wanted uint8 (height, width) or (height, width, 3)")
    return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
