"""Faces found in single frames.

The boosted cascades of Viola and Jones 2001 as OpenCV ships them, frontal first and profile
where there is no frontal one. What differs from plain use: a hit is looked at again at one fixed size, and
the number of windows that agree there is its score, so that one threshold holds for every face size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Side of a FER2013 picture over the side of a cascade's box in it: the median over 300 pictures of its
# validation part, enlarged and given a border (the kind of border moves it by 0.02), is 1.03 for
# the frontal cascade, and 1.03 for the profile one where the frontal one is blind. The middles agree within
# 0.02 of a side. So a crop framed like this looks to the face expert like the pictures it was trained on.
MARGIN = 1.03

_FACE_PX = 64  # a face is enlarged or shrunk to this before it is judged
_CONTEXT = 1.8  # width of the judged region over that of the face: room for half a face of movement
_LEAST, _MOST = (42, 42), (90, 90)
_WINDOW_PX = 20  # the least a cascade can see
_PROFILE_LONG_PX = 400  # the profile cascade is slow, and has to look both ways
FEWEST_HITS = 4  # 98 % of FER2013 faces have more; outside of portraits on coins, hits of chance had fewer


class Square(NamedTuple):
    """A square region, framed as a FER2013 picture frames a face: middle and side in pixels."""

    x: float
    y: float
    side: float

    def is_in(self, pixels: np.ndarray) -> bool:
        """Whether the middle lies inside of a frame."""
        height, width = pixels.shape[:2]
        return 0 <= self.x <= width and 0 <= self.y <= height

    def overlap(self, other: Square) -> float:
        """Intersection over union, 0 to 1."""
        half = (self.side + other.side) / 2
        width = min(half - abs(self.x - other.x), self.side, other.side)
        height = min(half - abs(self.y - other.y), self.side, other.side)
        shared = max(width, 0.0) * max(height, 0.0)
        return shared / (self.side**2 + other.side**2 - shared)


class Sighting(NamedTuple):
    """A face in one frame; ``hits`` counts the windows of the cascade that agree on it."""

    square: Square
    hits: int


def grey_of(pixels: np.ndarray) -> np.ndarray:
    """RGB ``(height, width, 3)`` or grey ``(height, width)`` uint8 to grey; equal channels stay."""
    import cv2

    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def cut(pixels: np.ndarray, square: Square) -> np.ndarray:
    """The pixels of a square, whole pixels only; beyond the frame its edge is repeated."""
    import cv2

    height, width = pixels.shape[:2]
    side = max(round(square.side), 1)
    left, top = round(square.x - square.side / 2), round(square.y - square.side / 2)
    inside = pixels[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    over = (max(-top, 0), max(top + side - height, 0), max(-left, 0), max(left + side - width, 0))
    if not any(over):
        return inside
    if 0 in inside.shape[:2]:
        raise ValueError(f"{square} lies outside of a frame of {width} x {height} pixels")
    return cv2.copyMakeBorder(inside, *over, cv2.BORDER_REPLICATE)


def resized(pixels: np.ndarray, side_px: int) -> np.ndarray:
    """A square picture at another size; unchanged where it has that size already."""
    import cv2

    shrinks = len(pixels) > side_px
    return cv2.resize(
        pixels, (side_px, side_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


class FaceDetector:
    """Frontal and profile cascades; faces smaller than ``min_side_px`` are left out."""

    def __init__(self, *, min_side_px: int = 24) -> None:
        import cv2
        import cv2.data

        self.min_side_px = min_side_px
        folder = cv2.data.haarcascades
        self._frontal = cv2.CascadeClassifier(f"{folder}haarcascade_frontalface_alt2.xml")
        self._profile = cv2.CascadeClassifier(f"{folder}haarcascade_profileface.xml")

    def scan(self, grey: np.ndarray, *, long_px: int, profile: bool = True) -> list[Sighting]:
        """All faces of a frame that is first shrunk to ``long_px`` on its longer side.

        Where none looks ahead, faces in profile are searched too, coarsely, unless ``profile`` is False.
        """
        if min(grey.shape) < self.min_side_px:
            return []
        squares = self._ahead(grey, long_px)
        if profile and not squares:
            squares = self._aside(grey, min(long_px, _PROFILE_LONG_PX))
        found: list[Sighting] = []
        for square in squares:
            sighting = self.near(grey, square)
            if sighting and not any(sighting.square.overlap(other.square) > 0.3 for other in found):
                found.append(sighting)
        return found

    def near(self, grey: np.ndarray, square: Square) -> Sighting | None:
        """The best face of about the size of ``square`` in its surroundings, or None."""
        if not square.is_in(grey):
            return None
        region = square._replace(side=square.side * _CONTEXT)
        shown = resized(cut(grey, region), round(_FACE_PX * _CONTEXT))
        box, hits = self._best(shown)
        if hits < FEWEST_HITS:
            return None
        scale = region.side / len(shown)
        found = Square(
            region.x + (box.x - len(shown) / 2) * scale,
            region.y + (box.y - len(shown) / 2) * scale,
            box.side * scale * MARGIN,
        )
        return Sighting(found, hits) if found.side >= self.min_side_px and found.is_in(grey) else None

    def fills(self, grey: np.ndarray) -> bool:
        """Whether a square picture is one tight crop of a face, upright or tilted by 20 degrees.

        Of enlarged FER2013 pictures 87 % are, of 359 random squares of pictures without people none.
        """
        import cv2

        grey = resized(grey, min(len(grey), 160))
        side = len(grey)
        whole = Square(side / 2, side / 2, side)
        for degrees in (0.0, -20.0, 20.0):
            turn = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1.0)
            turned = cv2.warpAffine(grey, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
            if self.near(turned if degrees else grey, whole):
                return True
        return False

    def _best(self, shown: np.ndarray) -> Sighting:
        mirrored = np.ascontiguousarray(shown[:, ::-1])
        best = _strongest(*self._frontal.detectMultiScale2(shown, 1.1, 2, minSize=_LEAST, maxSize=_MOST))
        if best.hits >= FEWEST_HITS:
            return best
        left = _strongest(*self._profile.detectMultiScale2(shown, 1.1, 2, minSize=_LEAST, maxSize=_MOST))
        right = _strongest(
            *self._profile.detectMultiScale2(mirrored, 1.1, 2, minSize=_LEAST, maxSize=_MOST)
        )
        if left.hits >= right.hits:
            return left
        return Sighting(right.square._replace(x=len(shown) - right.square.x), right.hits)

    def _ahead(self, grey: np.ndarray, long_px: int) -> list[Square]:
        small, scale = _at_most(grey, long_px)
        least = (self._least_px(scale),) * 2
        return _squares(self._frontal.detectMultiScale(small, 1.2, 2, minSize=least), scale)

    def _aside(self, grey: np.ndarray, long_px: int) -> list[Square]:
        small, scale = _at_most(grey, long_px)
        least = (self._least_px(scale),) * 2
        boxes = list(self._profile.detectMultiScale(small, 1.2, 3, minSize=least))
        mirrored = np.ascontiguousarray(small[:, ::-1])
        for left, top, side, _ in self._profile.detectMultiScale(mirrored, 1.2, 3, minSize=least):
            boxes.append((small.shape[1] - left - side, top, side, side))
        return _squares(boxes, scale)

    def _least_px(self, scale: float) -> int:
        return max(_WINDOW_PX, round(self.min_side_px * scale / MARGIN))


def _at_most(grey: np.ndarray, long_px: int) -> tuple[np.ndarray, float]:
    """The frame shrunk to ``long_px``, or a small one enlarged until faces fill the cascade's window."""
    import cv2

    scale = max(min(1.0, long_px / max(grey.shape)), 6 * _WINDOW_PX / min(grey.shape))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method), scale


def _squares(boxes: Sequence[Sequence[int]], scale: float) -> list[Square]:
    squares = [
        Square((left + side / 2) / scale, (top + side / 2) / scale, side * MARGIN / scale)
        for left, top, side, _ in boxes
    ]
    return sorted(squares, key=lambda square: -square.side)


def _strongest(boxes: Sequence[np.ndarray], counts: Sequence[int]) -> Sighting:
    if not len(boxes):
        return Sighting(Square(0.0, 0.0, 1.0), 0)
    (left, top, side, _), hits = max(zip(boxes, counts, strict=True), key=lambda pair: pair[1])
    return Sighting(Square(float(left + side / 2), float(top + side / 2), float(side)), int(hits))
