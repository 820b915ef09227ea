"""Z-scores of tracks: fitted on the training clips, or on each speaker's own unlabelled clips."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emofuse.errors import DatasetError, FeatureError
from emofuse.types import Sample, Track

# Below this spread a feature counts as constant and is only centred (our choice).
SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Subtracts ``mean`` ``(dim,)`` and divides by ``deviation`` ``(dim,)``."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, tracks: Iterable[Track]) -> "Standardiser":
        """Mean and population deviation over every frame of ``tracks``, in float64.

        Raises:
            FeatureError: there is no frame.
        """
        count, mean, apart = 0, np.zeros(()), np.zeros(())
        for track in tracks:
            if not len(track):
                continue
            frames = track.values.astype(np.float64)
            # Means are merged pairwise (Chan et al. 1979): sums of squares would cancel for large values.
            total = count + len(frames)
            shift = frames.mean(axis=0) - mean
            apart = (
                apart
                + ((frames - frames.mean(axis=0)) ** 2).sum(axis=0)
                + shift**2 * count * len(frames) / total
            )
            mean, count = mean + shift * len(frames) / total, total
        if not count:
            raise FeatureError("no frame to fit a normalisation on")
        deviation = np.sqrt(apart / count)
        return cls(
            mean.astype(np.float32),
            np.where(deviation < SMALLEST_DEVIATION, 1.0, deviation).astype(np.float32),
        )

    def __call__(self, track: Track) -> Track:
        """The same frames as z-scores, float32."""
        return Track(((track.values - self.mean) / self.deviation).astype(np.float32), track.times)


def fit_on(samples: Sequence[Sample], modalities: Iterable[str]) -> dict[str, Standardiser]:
    """One standardiser a modality, fitted on ``samples`` (hand in the training clips only).

    Raises:
        FeatureError: no sample has the modality.
    """
    return {
        name: Standardiser.fit(sample.tracks[name] for sample in samples if name in sample.tracks)
        for name in modalities
    }


def apply(samples: Sequence[Sample], standardisers: Mapping[str, Standardiser]) -> list[Sample]:
    """The samples with the named modalities as z-scores; other modalities stay as they are."""
    return [
        replace(
            sample,
            tracks={
                name: standardisers[name](track) if name in standardisers else track
                for name, track in sample.tracks.items()
            },
        )
        for sample in samples
    ]


def per_group(samples: Sequence[Sample], modalities: Sequence[str]) -> list[Sample]:
    """Each speaker's clips as z-scores of that speaker's own clips.

    It uses no label, but it does need several clips of a speaker at prediction time: a protocol of its
    own, to be named beside every score.

    Raises:
        DatasetError: a clip has no speaker (it is then a group of its own).
    """
    if alone := next((sample.id for sample in samples if sample.group == sample.id), None):
        raise DatasetError(
            f"clip {alone} has no speaker, so it cannot be normalised by its speaker's clips"
        )
    by_group: dict[str, list[Sample]] = {}
    for sample in samples:
        by_group.setdefault(sample.group, []).append(sample)
    fitted = {
        group: fit_on(members, [name for name in modalities if any(name in one.tracks for one in members)])
        for group, members in by_group.items()
    }
    return [apply([sample], fitted[sample.group])[0] for sample in samples]
