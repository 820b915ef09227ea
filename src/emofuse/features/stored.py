"""Features that a corpus publishes itself, as they stand."""

from collections.abc import Mapping

import numpy as np

from emofuse.errors import FeatureError
from emofuse.types import Track


class Stored:
    """The published vector or sequence ``key`` of a clip, ``dim`` wide."""

    name = "stored"
    source = "vectors"
    files: tuple[str, ...] = ()
    cached = False  # cheaper than a look into the cache

    def __init__(self, key: str, *, dim: int) -> None:
        if dim < 1:
            raise ValueError(f"dim must be at least 1, got {dim}")
        self.key, self.dim = key, dim
        self.settings: dict[str, str | int | float | bool] = {"key": key, "dim": dim}

    def __call__(self, given: Mapping[str, np.ndarray]) -> Track:
        """Return ``(frames, dim)`` float32, one frame for a single vector; ``times`` count frames from 0.

        Raises:
            FeatureError: no vector of that key, another width, no frame, or a value that is not finite.
        """
        if self.key not in given:
            raise FeatureError(f"no vector {self.key!r}; the clip has {sorted(given)}")
        values = np.atleast_2d(np.asarray(given[self.key], dtype=np.float32))
        if values.ndim != 2 or values.shape[1] != self.dim or not len(values):
            found = np.shape(given[self.key])
            raise FeatureError(
                f"vector {self.key!r} has shape {found}, wanted ({self.dim},) or (n, {self.dim})"
            )
        if not np.isfinite(values).all():
            frame, column = (int(index) for index in np.argwhere(~np.isfinite(values))[0])
            raise FeatureError(
                f"vector {self.key!r} is {values[frame, column]} at frame {frame}, column {column}"
            )
        return Track(values, np.arange(len(values), dtype=np.float64))
