"""Faces of a picture or video: found, followed and cropped like the pictures that the face expert knows.

`FaceCrops` gives the main face over time, `WholePicture` the frame itself (for corpora of face crops).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emofuse.errors import MissingModalityError
from emofuse.features.face_detector import FaceDetector, Square, cut, grey_of, resized
from emofuse.features.face_tracks import FaceFollower, Trail
from emofuse.types import Frame, Frames, Track

NO_FACE = "no face found"
SMALL_FRAME = "no face found; the frame is small, so the whole frame is taken as the face"
TIGHT_FRAME = (
    "no face found; the frame looks like a tight face crop, so the whole frame is taken as the face"
)
FILLED_FRAME = "the face fills the frame, so the whole frame is taken as the face"

_SMALL_PX = 100  # a frame whose longer side is below this is taken whole
# Of FER2013 pictures that are enlarged and searched without a border, nine in ten have a larger box than
# this share of the side; a portrait of head and shoulders has a smaller one.
_FILLED = 0.7


class Face(NamedTuple):
    """One face in one frame.

    ``box`` is x, y, width, height in pixels of the frame (it may reach beyond it), ``score`` lies in
    [0, 1], ``crop`` is uint8 grey ``(side, side)``.
    """

    time_s: float
    box: tuple[float, float, float, float]
    score: float
    crop: np.ndarray


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face over time.

    ``track.values`` are the grey crops, uint8 ``(frames, side * side)``; ``boxes`` ``(frames, 4)`` float32
    are x, y, width, height of what each crop shows, in pixels; ``scores`` ``(frames,)`` float32 lie in
    [0, 1]: 0 where the face was followed without a detection, 0.5 where the whole frame was taken. ``best``
    is a colour picture of the face for display, uint8 ``(height, width, 3)``, at most 160 px.
    """

    track: Track
    boxes: np.ndarray
    scores: np.ndarray
    best: np.ndarray

    def __len__(self) -> int:
        return len(self.track)

    @property
    def mean_area(self) -> float:
        """Mean area of the boxes in square pixels; 0 for an empty track."""
        return float(np.mean(self.boxes[:, 2] * self.boxes[:, 3])) if len(self) else 0.0

    @property
    def importance(self) -> float:
        """Frames in sight times mean area."""
        return len(self) * self.mean_area

    def faces(self) -> tuple[Face, ...]:
        """The faces one by one, in time order."""
        side = round(self.track.values.shape[1] ** 0.5)
        rows = zip(self.track.times, self.boxes.tolist(), self.scores, self.track.values, strict=True)
        return tuple(
            Face(float(time_s), (x, y, width, height), float(score), crop.reshape(side, side))
            for time_s, (x, y, width, height), score, crop in rows
        )

    def between(self, start_s: float, end_s: float) -> FaceTrack:
        """The part whose times lie in ``[start_s, end_s)``; it may be empty."""
        times = self.track.times
        inside = (times >= start_s) & (times < end_s)
        return FaceTrack(
            self.track.between(start_s, end_s), self.boxes[inside], self.scores[inside], self.best
        )


def find_faces(
    frames: Frames, *, min_side_px: int = 24, side_px: int = 48
) -> tuple[tuple[FaceTrack, ...], tuple[str, ...]]:
    """All faces, the most important first (time in sight times area), and warnings for the user.

    The frames are gone through once. Where a face fills the frames, or none is found in frames under 100 px
    or in ones that look like tight face crops, the one track is the middle square of the whole frames.

    Args:
        frames: in time order.
        min_side_px: smaller faces are left out.
        side_px: side of the crops.
    """
    detector = FaceDetector(min_side_px=min_side_px)
    follower = FaceFollower(detector, side_px=side_px)
    whole = _WholeFrames(detector, side_px)
    for frame in frames:
        grey = grey_of(frame.pixels)
        follower.see(frame, grey)
        whole.see(frame, grey)
    tracks = sorted(map(_face_track, follower.finish()), key=lambda track: -track.importance)

    if warning := whole.verdict(tracks):
        return (whole.track(),), (warning,)
    if not tracks:
        return (), (NO_FACE,)
    together = _most_at_once(tracks)
    if together > 1:
        return tuple(tracks), (f"{together} faces: the largest and longest visible is used",)
    return tuple(tracks), ()


class FaceCrops:
    """The most important face over time as grey crops, uint8 ``(frames, side_px ** 2)``."""

    name = "face"
    source = "video"
    files: tuple[str, ...] = ()

    def __init__(self, *, side_px: int = 48, min_side_px: int = 24) -> None:
        self.side_px = _positive(side_px, "side_px")
        self.min_side_px = _positive(min_side_px, "min_side_px")
        self.dim = side_px * side_px

    @property
    def settings(self) -> Mapping[str, str | int | float | bool]:
        """What decides the values; ``version`` counts changes of the method."""
        return {"version": 1, "side_px": self.side_px, "min_side_px": self.min_side_px}

    def __call__(self, given: Frames) -> Track:
        """Crops with the times of their frames.

        Raises:
            MissingModalityError: there is no face.
        """
        tracks, warnings = find_faces(given, min_side_px=self.min_side_px, side_px=self.side_px)
        if not tracks:
            raise MissingModalityError("; ".join(warnings))
        return tracks[0].track


class WholePicture:
    """Each frame's middle square in grey, uint8 ``(frames, side_px ** 2)``; not resized where it fits."""

    name = "picture"
    source = "video"
    files: tuple[str, ...] = ()
    cached = False  # cheaper than a look into the cache

    def __init__(self, *, side_px: int = 48) -> None:
        self.side_px = _positive(side_px, "side_px")
        self.dim = side_px * side_px

    @property
    def settings(self) -> Mapping[str, str | int | float | bool]:
        """What decides the values; ``version`` counts changes of the method."""
        return {"version": 1, "side_px": self.side_px}

    def __call__(self, given: Frames) -> Track:
        """Pictures with the times of their frames.

        Raises:
            MissingModalityError: there is no frame.
        """
        times, rows = [], []
        for time_s, pixels in given:
            times.append(time_s)
            rows.append(resized(cut(grey_of(pixels), _middle(pixels)), self.side_px).ravel())
        if not rows:
            raise MissingModalityError("there is no frame to take a picture from")
        return Track(np.stack(rows), np.array(times, np.float64))


class _WholeFrames:
    """What is needed to take the frames themselves as the face, gathered on the way."""

    def __init__(self, detector: FaceDetector, side_px: int) -> None:
        self._detector = detector
        self._side_px = side_px
        self._times: list[float] = []
        self._boxes: list[Square] = []
        self._crops: list[np.ndarray] = []
        self._looks: list[bool] = []
        self._picture = np.zeros((1, 1, 3), np.uint8)
        self._shape = (1, 1)

    def see(self, frame: Frame, grey: np.ndarray) -> None:
        """Keep one frame's middle square, unless it is blank or far from square."""
        height, width = self._shape = grey.shape
        if not 0.75 <= width / height <= 1.33 and max(width, height) >= _SMALL_PX:
            return
        square = _middle(grey)
        crop = resized(cut(grey, square), self._side_px)
        if crop.std() < 2:  # a blank frame shows nobody
            return
        if len(self._looks) < 8:
            self._looks.append(self._detector.fills(cut(grey, square)))
        if not self._times:
            shown = cut(frame.pixels, square)
            self._picture = resized(shown, min(len(shown), 160)).copy()
        self._times.append(frame.time_s)
        self._boxes.append(square)
        self._crops.append(crop)

    def verdict(self, tracks: list[FaceTrack]) -> str:
        """Why the whole frame is the face, or nothing."""
        if not self._times:
            return ""
        height, width = self._shape
        small = max(width, height) < _SMALL_PX
        if tracks:
            share = float(np.median(tracks[0].boxes[:, 2])) / min(width, height)
            square = 0.9 <= width / height <= 1.11
            return FILLED_FRAME if square and share >= (_FILLED - 0.2 * small) else ""
        if small:
            return SMALL_FRAME
        return TIGHT_FRAME if np.mean(self._looks) > 0.5 else ""

    def track(self) -> FaceTrack:
        """The whole frames as a face."""
        return _framed(self._times, self._boxes, self._crops, [0.5] * len(self._times), self._picture)


def _face_track(trail: Trail) -> FaceTrack:
    scores = [hits / (hits + 10) for hits in trail.hits]
    return _framed(trail.times, trail.squares, trail.crops, scores, trail.picture)


def _framed(
    times: list[float],
    squares: list[Square],
    crops: list[np.ndarray],
    scores: list[float],
    picture: np.ndarray,
) -> FaceTrack:
    values = np.stack(crops).reshape(len(crops), -1)
    boxes = np.array([(x - side / 2, y - side / 2, side, side) for x, y, side in squares], np.float32)
    colour = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
    return FaceTrack(
        Track(values, np.array(times, np.float64)), boxes, np.array(scores, np.float32), colour
    )


def _most_at_once(tracks: list[FaceTrack]) -> int:
    counts: dict[float, int] = {}
    for face_track in tracks:
        for time_s in face_track.track.times.tolist():
            counts[time_s] = counts.get(time_s, 0) + 1
    return max(counts.values(), default=0)


def _middle(pixels: np.ndarray) -> Square:
    height, width = pixels.shape[:2]
    side = min(height, width)
    # Whole pixels: the first row and column are whole numbers, so that an exact square is cut unchanged.
    return Square((width - side) // 2 + side / 2, (height - side) // 2 + side / 2, side)


def _positive(value: int, name: str) -> int:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value
