"""Faces followed over time: one trail for each, through short gaps, turns of the head and cuts."""

from __future__ import annotations

from collections import deque

import numpy as np

from emofuse.features.face_detector import FEWEST_HITS, FaceDetector, Sighting, Square, cut, resized
from emofuse.types import Frame

_SCAN_EVERY_S = 2.0  # the whole frame is searched this often for further faces
_GLANCE_EVERY_S = 0.35  # and coarsely this often while there is no face at all
_BRIDGE_S = 1.0  # a face may be out of sight this long and stay the same one
# Correlation of two crops at 24 px. Of pairs of FER2013 pictures 2.5 % lie above `_SAME`; of pairs of one
# picture, jittered by 4 % of its side, 94 %. Under `_OTHER` lie 74 % of the former, 1 % of the latter.
_SAME, _OTHER, _FOLLOWED = 0.55, 0.25, 0.8


class Trail:
    """One face over time, growing: squares, scores and grey crops of ``side_px``."""

    def __init__(self, *, side_px: int) -> None:
        self.times: list[float] = []
        self.squares: list[Square] = []
        self.hits: list[int] = []
        self.crops: list[np.ndarray] = []
        self.picture = np.zeros((1, 1, 3), np.uint8)
        self.seen_s = 0.0
        self._side_px = side_px
        self._raw: list[Square] = []
        self._patches: deque[tuple[np.ndarray, Square]] = deque()
        self._quality = 0.0
        self._look = np.zeros(0, np.float32)

    @property
    def last(self) -> Square:
        """Where the face was found last."""
        return self._raw[-1]

    def add(self, frame: Frame, grey: np.ndarray, sighting: Sighting) -> None:
        """Lengthen the trail by one frame; ``hits`` 0 says that the face was followed, not detected."""
        square, hits = sighting
        self.times.append(frame.time_s)
        self.hits.append(hits)
        self._raw.append(square)
        if hits:
            self.seen_s = frame.time_s
            self._look = _look(grey, square)
        region = square._replace(side=square.side * 1.5)
        patch = cut(grey, region)
        self._patches.append((resized(patch, 160) if len(patch) > 160 else patch, region))
        if len(self._raw) - len(self.crops) > 2:
            self._settle()
        if (quality := square.side * min(hits, 30)) > 1.1 * self._quality:
            self._quality = quality
            shown = cut(frame.pixels, square._replace(side=square.side * 1.3))
            self.picture = resized(shown, min(len(shown), 160)).copy()

    def close(self) -> None:
        """Finish the last crops."""
        while self._patches:
            self._settle()

    def likeness(self, grey: np.ndarray, square: Square) -> float:
        """Correlation, -1 to 1, of a square with the face as it was detected last."""
        return float(np.vdot(self._look, _look(grey, square)))

    def follow(self, grey: np.ndarray) -> Square | None:
        """Where the last look is found again nearby, for a face that the cascades lose for a moment."""
        import cv2

        if not self.last.is_in(grey):
            return None
        region = self.last._replace(side=self.last.side * 1.5)
        shown = resized(cut(grey, region), 36).astype(np.float32)
        scores = cv2.matchTemplate(shown, self._look.reshape(24, 24), cv2.TM_CCOEFF_NORMED)
        _, best, _, (left, top) = cv2.minMaxLoc(scores)
        scale = region.side / 36
        square = Square(region.x + (left - 6) * scale, region.y + (top - 6) * scale, self.last.side)
        # Matching divides by the contrast of each place, so that a flat one may score anything: look again.
        sure = best >= _FOLLOWED and square.is_in(grey) and self.likeness(grey, square) >= _SAME
        return square if sure else None

    def _settle(self) -> None:
        # The cascades' boxes jitter by a few percent; the median of five neighbours (fewer at the ends)
        # takes that away, and does not lag behind a moving face since as many come after as before.
        index = len(self.crops)
        reach = min(2, index, len(self._raw) - 1 - index)
        around = np.array(self._raw[index - reach : index + reach + 1])
        square = Square(*(float(value) for value in np.median(around, axis=0)))
        patch, region = self._patches.popleft()
        # A jump is no jitter: the median then shows a place where the face is not.
        if square.overlap(self._raw[index]) < 0.5:
            square = self._raw[index]
        scale = len(patch) / region.side
        middle = len(patch) / 2
        local = Square(
            middle + (square.x - region.x) * scale,
            middle + (square.y - region.y) * scale,
            square.side * scale,
        )
        self.squares.append(square)
        self.crops.append(resized(cut(patch, local), self._side_px))


class FaceFollower:
    """Takes frames in time order and keeps one `Trail` for each face."""

    def __init__(self, detector: FaceDetector, *, side_px: int) -> None:
        self._detector = detector
        self._side_px = side_px
        self._alive: list[Trail] = []
        self._retired: list[Trail] = []
        self._frames = 0
        self._next_scan_s = -np.inf
        self._next_glance_s = -np.inf

    def see(self, frame: Frame, grey: np.ndarray) -> None:
        """Find the known faces near where they were, and look for new ones."""
        lost = [trail for trail in self._alive if not self._continued(trail, frame, grey)]
        for sighting in self._scanned(frame, grey, starving=len(lost) == len(self._alive)):
            self._place(sighting, frame, grey, lost)
        for trail in lost:
            square = trail.follow(grey)
            if square and not self._taken(square, frame):
                trail.add(frame, grey, Sighting(square, 0))
        self._retire(frame.time_s)
        self._frames += 1

    def finish(self) -> list[Trail]:
        """The trails that are faces: seen often enough, or once without doubt."""
        self._retire(np.inf)
        return [trail for trail in self._retired if self._holds(trail)]

    def _continued(self, trail: Trail, frame: Frame, grey: np.ndarray) -> bool:
        sighting = self._detector.near(grey, trail.last)
        if sighting is None or self._taken(sighting.square, frame):
            return False
        if trail.likeness(grey, sighting.square) < _OTHER:
            return False
        trail.add(frame, grey, sighting)
        return True

    def _scanned(self, frame: Frame, grey: np.ndarray, *, starving: bool) -> list[Sighting]:
        # The first frame is searched finely, for it may be all there is. Later a search of the whole frame
        # waits until it is due: it costs ten times that of a surrounding. A coarse one finds what is lost.
        if frame.time_s >= self._next_scan_s:
            self._next_scan_s = frame.time_s + _SCAN_EVERY_S
            return self._detector.scan(grey, long_px=480 if self._frames else 1280)
        if starving and (self._alive or frame.time_s >= self._next_glance_s):
            self._next_glance_s = frame.time_s + _GLANCE_EVERY_S
            return self._detector.scan(grey, long_px=256, profile=False)
        return []

    def _place(self, sighting: Sighting, frame: Frame, grey: np.ndarray, lost: list[Trail]) -> None:
        if self._taken(sighting.square, frame):
            return
        alike = [(trail.likeness(grey, sighting.square), trail) for trail in lost]
        likeness, trail = max(alike, key=lambda pair: pair[0], default=(-1.0, None))
        if trail is None or likeness < _SAME:
            trail = Trail(side_px=self._side_px)
            self._alive.append(trail)
        else:
            lost.remove(trail)
        trail.add(frame, grey, sighting)

    def _taken(self, square: Square, frame: Frame) -> bool:
        return any(
            trail.times and trail.times[-1] == frame.time_s and trail.last.overlap(square) > 0.3
            for trail in self._alive
        )

    def _retire(self, now_s: float) -> None:
        for trail in [trail for trail in self._alive if now_s - trail.seen_s > _BRIDGE_S]:
            trail.close()
            self._alive.remove(trail)
            self._retired.append(trail)

    def _holds(self, trail: Trail) -> bool:
        hits = [count for count in trail.hits if count]
        if self._frames == 1:
            return True
        return float(np.mean(hits)) >= (1.5 if len(hits) > 2 else 3) * FEWEST_HITS


def _look(grey: np.ndarray, square: Square) -> np.ndarray:
    """The face at 24 px, flattened, free of brightness and contrast: zero mean, length 1."""
    small = resized(cut(grey, square), 24).astype(np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)
