"""Batches of clips of like length, in random order."""

from collections.abc import Iterator, Sequence

import numpy as np

from emofuse.types import Sample


def length_of(sample: Sample) -> int:
    """Frames of the longest track."""
    return max((len(track) for track in sample.tracks.values()), default=0)


def bucketed(
    samples: Sequence[Sample], batch_size: int, generator: np.random.Generator, *, pool: int = 20
) -> Iterator[list[int]]:
    """Indices in batches: shuffled, then sorted by length within pools of ``pool`` batches, then the
    batches shuffled. Every index comes once; a last single is joined to the batch before it, for batch
    normalisation.
    """
    order = generator.permutation(len(samples))
    lengths = np.array([length_of(sample) for sample in samples])
    batches = []
    for start in range(0, len(order), pool * batch_size):
        part = order[start : start + pool * batch_size]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[first : first + batch_size].tolist() for first in range(0, len(part), batch_size)]
    if len(batches) > 1 and len(batches[-1]) == 1 < batch_size:
        single = batches.pop()
        batches[-1] += single
    for index in generator.permutation(len(batches)):
        yield batches[index]


def in_order(samples: Sequence[Sample], batch_size: int) -> Iterator[list[int]]:
    """Indices in batches from short to long, without randomness; for prediction."""
    order = np.argsort([length_of(sample) for sample in samples], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()
