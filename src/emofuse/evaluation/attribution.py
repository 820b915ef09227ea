"""How much each modality has in a prediction: exact Shapley values (Shapley 1953) over all its subsets.

A modality is taken away by its presence flag, as if the clip had never had it. The values of one prediction
add up to what the model says with everything minus what it says with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation.passes import Subject
from emofuse.evaluation.shapley import shapley_values
from emofuse.training.samplers import in_order
from emofuse.types import Batch, Sample

KINDS = ("score", "probability", "log_odds", "rating")
_TINY = 1e-12


@dataclass(frozen=True)
class Target:
    """The number that is explained. ``kind`` is a class's "score" (before the softmax), its calibrated
    "probability", the "log_odds" of that probability, or a "rating". ``column`` is the class or rating; None takes
    the class that the model finds likeliest with everything present (the first rating).

    Raises:
        ValueError: an unknown kind.
    """

    kind: str = "log_odds"
    column: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"explain one of {', '.join(KINDS)}, got {self.kind!r}")


@dataclass(frozen=True, eq=False)
class ModalityAttribution:
    """What each modality brings to each of n predictions.

    ``values`` ``(n, modalities)`` add up, row by row, to ``outputs - bases`` ``(n,)``; an absent modality has 0.
    ``bases`` are what is said with nothing, which ``baseline`` describes. ``columns`` ``(n,)`` are the classes or
    ratings that are explained, ``weights`` ``(n, modalities)`` those that the model itself gave, None where its
    design has none: weights tell where it looked, not what that changed.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    kind: str
    baseline: str
    columns: np.ndarray
    values: np.ndarray
    outputs: np.ndarray
    bases: np.ndarray
    present: np.ndarray
    weights: np.ndarray | None

    def shares(self) -> np.ndarray:
        """Mean share ``(modalities,)`` of the absolute values over clips; NaN where nothing has any value."""
        sizes = np.abs(self.values)
        total = sizes.sum(axis=1, keepdims=True)
        known = total[:, 0] > _TINY
        return (
            (sizes[known] / total[known]).mean(axis=0) if known.any() else np.full(len(self.names), np.nan)
        )


def attribute_modalities(
    subject: Subject,
    samples: Sequence[Sample],
    *,
    target: Target | None = None,
    prior: Sequence[float] | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> ModalityAttribution:
    """Shapley values of the modalities in the prediction of each sample.

    With nothing present stands what the model itself says then (baseline "the model with nothing"), or, where the
    ``prior`` probabilities ``(classes,)`` are given, those (baseline "the prior").

    Raises:
        ConfigError: the target is no column of the task, the prior does not fit it, or the model's answer to nothing
            is not finite.
        DatasetError: there is no clip.
    """
    goal = target or Target()
    check_target(goal, subject)
    base = None if prior is None else _prior_value(prior, goal, subject)
    if not len(samples):
        raise DatasetError(f"{subject.name}: there is no clip to explain")
    if isinstance(subject.model, nn.Module):
        subject.model.eval()
    parts, done = [], 0
    for places in in_order(samples, subject.batch_size):
        batch = collate([samples[place] for place in places], subject.dims).to(subject.engine.device)
        parts.append((places, _attributed(subject, batch, goal, base)))
        done += len(places)
        progress(done / len(samples))
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    joined = {
        field: np.concatenate([getattr(part, field) for _, part in parts])[order]
        for field in ("columns", "values", "outputs", "bases", "present")
    }
    weights = [part.weights for _, part in parts if part.weights is not None]
    return ModalityAttribution(
        ids=tuple(sample.id for sample in samples), names=tuple(subject.dims), kind=goal.kind,
        baseline="the model with nothing" if prior is None else "the prior",
        weights=np.concatenate(weights)[order] if len(weights) == len(parts) else None, **joined,
    )  # fmt: skip


def without(batch: Batch, gone: Collection[str]) -> Batch:
    """The batch as if its clips had never had some modalities: flags, masks and values are cleared."""
    values, masks, presence = dict(batch.values), dict(batch.masks), dict(batch.presence)
    for name in gone:
        values[name] = torch.zeros_like(values[name])
        masks[name] = torch.zeros_like(masks[name])
        presence[name] = torch.zeros_like(presence[name])
    return replace(batch, values=values, masks=masks, presence=presence)


def check_target(target: Target, subject: Subject) -> None:
    """Raise `ConfigError` where the task does not have what is to be explained."""
    columns = subject.task.ratings if target.kind == "rating" else subject.task.labels
    if not columns:
        raise ConfigError(
            f"{subject.name} has no {'ratings' if target.kind == 'rating' else 'classes'} to explain"
        )
    if target.column is not None and not 0 <= target.column < len(columns):
        raise ConfigError(f"column {target.column} is not one of the {len(columns)}: {', '.join(columns)}")


def explained(
    subject: Subject, scores: np.ndarray, ratings: np.ndarray, *, target: Target, columns: np.ndarray
) -> np.ndarray:
    """The target ``(n,)`` read off ``(n, classes)`` scores and ``(n, ratings)`` at ``columns`` ``(n,)``."""
    rows = np.arange(len(columns))
    if target.kind == "rating":
        return ratings.astype(np.float64)[rows, columns]
    if target.kind == "score":
        return scores.astype(np.float64)[rows, columns]
    chosen = np.asarray(subject.calibrate(scores.astype(np.float64)), np.float64)[rows, columns]
    return chosen if target.kind == "probability" else log_odds(chosen)


def columns_of(subject: Subject, scores: np.ndarray, *, target: Target) -> np.ndarray:
    """The column ``(n,)`` that is explained in each row."""
    if target.column is not None or target.kind == "rating":
        return np.full(len(scores), target.column or 0)
    return np.asarray(subject.calibrate(scores.astype(np.float64))).argmax(axis=1)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """``log(p / (1 - p))``, with p kept 1e-12 away from 0 and 1."""
    kept = np.clip(probabilities, _TINY, 1 - _TINY)
    return np.log(kept) - np.log1p(-kept)


@torch.no_grad()
def said(subject: Subject, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Scores, ratings and weights of the subject's model on a batch, as arrays."""
    with subject.engine.autocast():
        output = subject.model(batch)
    weights = None if output.weights is None else output.weights.float().cpu().numpy()
    return output.scores.float().cpu().numpy(), output.ratings.float().cpu().numpy(), weights


def _attributed(
    subject: Subject, batch: Batch, goal: Target, base: np.ndarray | None
) -> ModalityAttribution:
    names = tuple(subject.dims)
    full = said(subject, batch)
    columns = columns_of(subject, full[0], target=goal)
    present = np.stack([batch.presence[name].cpu().numpy() for name in names], axis=1)

    def _worth(some: frozenset[str]) -> np.ndarray:
        scores, ratings, _ = (
            full if len(some) == len(names) else said(subject, without(batch, set(names) - some))
        )
        value = explained(subject, scores, ratings, target=goal, columns=columns)
        if base is not None:
            nothing = ~present[:, [name in some for name in names]].any(axis=1)
            value = np.where(nothing, base[columns], value)
        if not np.isfinite(value).all():
            raise ConfigError(
                f"{subject.name} says {value[~np.isfinite(value)][0]} with {sorted(some) or 'nothing'} present; "
                "give a prior to stand for nothing"
            )
        return value

    values = shapley_values(names, _worth)
    return ModalityAttribution(
        ids=batch.ids, names=names, kind=goal.kind, baseline="", columns=columns,
        values=np.stack([values[name] for name in names], axis=1), outputs=_worth(frozenset(names)),
        bases=_worth(frozenset()), present=present, weights=full[2],
    )  # fmt: skip


def _prior_value(prior: Sequence[float], goal: Target, subject: Subject) -> np.ndarray:
    """The target ``(classes,)`` of each class where the prior alone is said."""
    shares = np.asarray(prior, np.float64)
    classes = len(subject.task.labels)
    if (
        goal.kind == "rating"
        or shares.shape != (classes,)
        or abs(shares.sum() - 1) > 1e-6
        or (shares < 0).any()
    ):
        raise ConfigError(f"a prior has {classes} shares that sum to 1 and stands for classes, got {prior}")
    by_kind: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
        "probability": lambda given: given,
        "log_odds": log_odds,
        "score": lambda given: np.log(np.maximum(given, _TINY)),
    }
    return by_kind[goal.kind](shares)
