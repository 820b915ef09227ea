"""Batches of clips of like length, in random order; clips of rare classes drawn or repeated more often."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from emofuse.alignment.samples import balance
from emofuse.errors import ConfigError
from emofuse.types import Sample


def length_of(sample: Sample) -> int:
    """Frames of the longest track."""
    return max((len(track) for track in sample.tracks.values()), default=0)


def class_chances(samples: Sequence[Sample], strength: float) -> np.ndarray:
    """How likely each sample is drawn, ``(samples,)`` summing to 1: as the frequency of its class to the power of
    ``-strength``; one with shared labels as the mean over them, one without a label as the mean of the others.
    """
    weights = np.array(balance(samples, strength))
    return weights / weights.sum()


def repeats(
    samples: Sequence[Sample],
    targets: Mapping[str, float],
    *,
    labels: Sequence[str],
    generator: np.random.Generator,
) -> list[int]:
    """Which samples to add for each label in ``targets`` to have as many as it says: a number up to 1 is a share of
    the most frequent label's, one above it a count. Each sample of the label is added once before any is added
    again; a label that has as many already is left alone. A sample is of the label that most of its shares lie on,
    the first of equal ones; ``labels`` are their columns.

    Raises:
        ConfigError: no sample is of the label.
    """
    shares = np.stack([sample.shares for sample in samples])
    columns = np.where(np.isfinite(shares).all(axis=1), np.nan_to_num(shares).argmax(axis=1), -1)
    most = np.bincount(columns[columns >= 0], minlength=1).max()
    added: list[int] = []
    for column, label in enumerate(labels):
        own, target = np.flatnonzero(columns == column), targets.get(label, 0.0)
        if target and not len(own):
            raise ConfigError(f"training.oversample: no training clip of {label!r} that could be repeated")
        wanted = round(target * most) if target <= 1 else round(target)
        if wanted > len(own):
            added += np.resize(generator.permutation(own), wanted - len(own)).tolist()
    return added


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
