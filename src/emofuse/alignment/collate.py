"""Samples of any length and any subset of modalities to one padded `Batch`."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from emofuse.errors import FeatureError
from emofuse.types import Batch, Sample, Track


def collate(samples: Sequence[Sample], dims: Mapping[str, int]) -> Batch:
    """Pad on the right with zeros; a modality that a sample lacks is one masked frame of zeros.

    ``dims`` names the modalities of the model and the width of their tracks.

    Raises:
        FeatureError: a track is not as wide as ``dims`` says.
    """
    values, masks, presence = {}, {}, {}
    for name, dim in dims.items():
        tracks = [sample.tracks.get(name) for sample in samples]
        values[name], masks[name] = _pad(tracks, dim, [f"{sample.id}: {name}" for sample in samples])
        presence[name] = masks[name].any(dim=1)
    return Batch(
        ids=tuple(sample.id for sample in samples),
        values=values,
        masks=masks,
        presence=presence,
        shares=torch.from_numpy(np.stack([sample.shares for sample in samples])).float(),
        ratings=torch.from_numpy(np.stack([sample.ratings for sample in samples])).float(),
        weights=torch.tensor([sample.weight for sample in samples], dtype=torch.float32),
    )


def _pad(tracks: Sequence[Track | None], dim: int, places: Sequence[str]) -> tuple[Tensor, Tensor]:
    lengths = [0 if track is None else len(track) for track in tracks]
    longest = max(1, *lengths)
    values = np.zeros((len(tracks), longest, dim), dtype=np.float32)
    mask = np.arange(longest) < np.asarray(lengths)[:, None]
    for row, (track, place) in enumerate(zip(tracks, places, strict=True)):
        if track is None or not len(track):
            continue
        if track.values.shape[1] != dim:
            raise FeatureError(f"{place}: {track.values.shape[1]} features wide, the model wants {dim}")
        values[row, : len(track)] = track.values
    return torch.from_numpy(values), torch.from_numpy(mask)
