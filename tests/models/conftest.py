"""Small batches for the tests of models."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from emofuse.alignment.collate import collate
from emofuse.types import Batch, Sample, Track


@pytest.fixture
def batch_of() -> Callable[..., Batch]:
    """Called with the widths by name and a row of lengths by name for each clip (a name left out is absent);
    tracks are random.
    """

    def build(dims: Mapping[str, int], *rows: Mapping[str, int], seed: int = 0) -> Batch:
        drawn = np.random.default_rng(seed)
        samples = []
        for number, row in enumerate(rows):
            tracks = {
                name: Track(drawn.normal(size=(frames, dims[name])).astype(np.float32), np.arange(frames))
                for name, frames in row.items()
            }
            samples.append(Sample(str(number), tracks, np.zeros(0, np.float32), np.zeros(0, np.float32)))
        return collate(samples, dims)

    return build
