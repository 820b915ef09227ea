"""What a model says of samples, and the validation scores that choose an epoch."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.training.engine import Engine
from emofuse.training.samplers import in_order
from emofuse.types import Metric, Sample


@torch.no_grad()
def predict(
    model: nn.Module,
    samples: Sequence[Sample],
    *,
    dims: Mapping[str, int],
    engine: Engine,
    batch_size: int = 64,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores ``(n, classes)`` and ratings ``(n, ratings)``, in the order of ``samples``."""
    model.eval()
    scores: dict[int, np.ndarray] = {}
    ratings: dict[int, np.ndarray] = {}
    for indices in in_order(samples, batch_size):
        batch = collate([samples[index] for index in indices], dims).to(engine.device)
        with engine.autocast():
            output = model(batch)
        for row, index in enumerate(indices):
            scores[index] = output.scores[row].float().cpu().numpy()
            ratings[index] = output.ratings[row].float().cpu().numpy()
    order = range(len(samples))
    return np.stack([scores[index] for index in order]), np.stack([ratings[index] for index in order])


def validation_loss(scores: np.ndarray, ratings: np.ndarray, samples: Sequence[Sample]) -> float:
    """Cross-entropy over clips with a label; squared error over ratings where no clip has one."""
    shares = np.stack([sample.shares for sample in samples])
    labelled = np.isfinite(shares).all(axis=1) & (shares.shape[1] > 0)
    if labelled.any():
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        return float(-(shares[labelled] * logs[labelled]).sum(axis=1).mean())
    truth = np.stack([sample.ratings for sample in samples])
    return float(np.nanmean((ratings - truth) ** 2))


def watched(metric: Metric, scores: np.ndarray, ratings: np.ndarray, samples: Sequence[Sample]) -> float:
    """The metric on clips that have its target; for ratings the mean over columns where it is defined."""
    if metric.kind == "ratings":
        truth = np.stack([sample.ratings for sample in samples])
        columns = [
            metric.compute(truth[known, column], ratings[known, column])
            for column, known in enumerate(np.isfinite(truth).T)
        ]
        defined = [value for value in columns if not math.isnan(value)]
        return float(np.mean(defined)) if defined else float("nan")
    shares = np.stack([sample.shares for sample in samples])
    rows = _comparable(metric, shares)
    truth, scores = shares[rows], scores[rows]
    if metric.kind == "labels":
        return float(metric.compute(truth.argmax(axis=1), scores.argmax(axis=1), scores.shape[1]))
    probabilities = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    return float(metric.compute(truth if metric.kind == "shares" else truth.argmax(axis=1), probabilities))


def check_watch(metric: Metric, samples: Sequence[Sample]) -> None:
    """Raise `ConfigError` where no sample has the target that ``metric`` compares with."""
    if metric.kind == "ratings":
        found = any(np.isfinite(sample.ratings).any() for sample in samples)
    else:
        found = any(
            len(sample.shares) and _comparable(metric, sample.shares[None]).any() for sample in samples
        )
    if not found:
        raise ConfigError(
            f"cannot watch {metric.name}: no validation clip has a target of kind {metric.kind!r}"
        )


def _comparable(metric: Metric, shares: np.ndarray) -> np.ndarray:
    labelled = np.isfinite(shares).all(axis=1)
    # A clip with several labels has no single right answer, so single labels are compared on the others.
    return labelled if metric.kind == "shares" else labelled & (np.nan_to_num(shares).max(axis=1) > 0.5)
