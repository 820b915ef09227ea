"""Clips and their tracks to samples with targets in the task's fixed order."""

from collections.abc import Mapping, Sequence

import numpy as np

from emofuse.errors import DatasetError
from emofuse.types import Clip, Sample, TaskSpec, Track


def to_samples(
    clips: Sequence[Clip],
    tracks: Sequence[Mapping[str, Track]],
    task: TaskSpec,
    *,
    group_by: str = "speaker",
) -> list[Sample]:
    """One sample a clip. ``group_by`` ("speaker", "dialogue" or "source") fills ``Sample.group``; a clip
    without one is of the group of its source, else of its dialogue, else of its own.
    """
    return [
        Sample(
            id=clip.id,
            tracks=found,
            shares=shares_of(clip, task),
            ratings=np.array([clip.ratings.get(name, np.nan) for name in task.ratings], dtype=np.float32),
            group=getattr(clip, group_by) or clip.source or clip.dialogue or clip.id,
        )
        for clip, found in zip(clips, tracks, strict=True)
    ]


def shares_of(clip: Clip, task: TaskSpec) -> np.ndarray:
    """``(classes,)`` float32 summing to 1; NaN where the clip has no label.

    Raises:
        DatasetError: the clip has a label that the task does not have.
    """
    shares = clip.shares or ({clip.label: 1.0} if clip.label is not None else {})
    if not shares:
        return np.full(len(task.labels), np.nan, dtype=np.float32)
    if task.labels and (unknown := sorted(set(shares) - set(task.labels))):
        raise DatasetError(f"clip {clip.id}: label {unknown[0]!r} is not one of {', '.join(task.labels)}")
    return np.array([shares.get(label, 0.0) for label in task.labels], dtype=np.float32)


def balance(samples: Sequence[Sample], strength: float) -> list[float]:
    """A weight a sample, proportional to class frequency to the power of ``-strength``, with mean 1; clips
    without a label weigh 1.
    """
    shares = np.stack([sample.shares for sample in samples])
    labelled = np.isfinite(shares).all(axis=1) & (shares.shape[1] > 0)
    weights = np.ones(len(samples))
    if strength and labelled.any():
        counts = shares[labelled].sum(axis=0)
        by_class = np.where(counts > 0, np.maximum(counts, 1e-9) ** -strength, 0.0)
        weights[labelled] = shares[labelled] @ by_class
        weights[labelled] /= weights[labelled].mean()
    return weights.tolist()


def spaced(samples: Sequence[Sample], most: int) -> list[Sample]:
    """At most so many samples, evenly spaced."""
    places = np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int)
    return [samples[place] for place in places]
