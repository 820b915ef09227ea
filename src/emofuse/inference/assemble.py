"""Experts of several runs to one bundle: calibrated on held-out clips, fused by a pool that is derived.

No clip with all modalities is needed. Each expert's calibrator is fitted on predictions for clips that it
was not trained on; its class prior and its weight in the pool (the share of the labels' information that it
recovers there) come from the same clips.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import BundleError
from emofuse.features import load_extractor
from emofuse.inference.bundle import Bundle, Expert
from emofuse.inference.runs import read_predictions
from emofuse.models.calibrators import cross_fitted, fit_calibrator
from emofuse.models.pooling import ExpertPool, information_weight
from emofuse.types import Predictions


@dataclass(frozen=True)
class Source:
    """Where an expert comes from: the run whose model it is, and the runs whose held-out predictions of
    ``role`` ("valid" or "test") calibrate it (the folds of a cross-validation, or the run itself).

    ``features`` replaces the extractors of modalities, where recognition finds its input otherwise than
    the corpus did (a face in a frame instead of a picture of a face).
    """

    run: Path
    held_out: Sequence[Path]
    role: str
    features: Mapping[str, Mapping[str, Any]]


def assemble(name: str, version: str, sources: Mapping[str, Source]) -> Bundle:
    """One bundle of the named experts.

    Nobody knows how often each class occurs in a user's clips. The common prior is halfway, in logarithms,
    between the mean of the experts' own priors and all classes being equally likely (our choice).

    Raises:
        BundleError: the runs do not share their labels.
        ConfigError: a folder holds no finished run.
    """
    held_out = {expert: pooled(source) for expert, source in sources.items()}
    labels = {made.task.labels for made in held_out.values()}
    if len(labels) != 1:
        raise BundleError(f"the experts must share their labels, found {sorted(labels)}")
    priors = {expert: class_prior(made.truth) for expert, made in held_out.items()}
    between = np.sqrt(np.mean(list(priors.values()), axis=0))
    pool = ExpertPool(
        priors={expert: tuple(prior.tolist()) for expert, prior in priors.items()},
        weights={expert: weight_of(made) for expert, made in held_out.items()},
        prior=tuple((between / between.sum()).tolist()),
    )
    experts = tuple(_expert(expert, source, held_out[expert]) for expert, source in sources.items())
    return Bundle(name, version, labels.pop(), experts, pool)


def pooled(source: Source) -> Predictions:
    """The held-out predictions of all of a source's runs, one after the other; a clip that came twice
    counts once.
    """
    parts = [read_predictions(folder)[source.role] for folder in source.held_out]
    ids = [name for part in parts for name in part.ids]
    first = np.sort(np.unique(np.array(ids, dtype=object).astype(str), return_index=True)[1])

    def rows(field: str) -> np.ndarray:
        return np.concatenate([getattr(part, field) for part in parts])[first]

    groups = [group for part in parts for group in part.groups]
    return Predictions(
        ids=tuple(ids[place] for place in first),
        task=parts[0].task,
        scores=rows("scores"),
        probabilities=rows("probabilities"),
        truth=rows("truth"),
        ratings=rows("ratings"),
        rating_truth=rows("rating_truth"),
        groups=tuple(groups[place] for place in first),
    )


def class_prior(shares: np.ndarray) -> np.ndarray:
    """Mean share of each class over the labelled clips, ``(classes,)``."""
    prior = shares[np.isfinite(shares).all(axis=1)].mean(axis=0)
    return prior / prior.sum()


def weight_of(held_out: Predictions) -> float:
    """The expert's weight in the pool, from probabilities calibrated without the group that they are for."""
    calibrated = cross_fitted(held_out.scores, held_out.truth, groups=list(held_out.groups))
    labelled = np.isfinite(held_out.truth).all(axis=1)
    return information_weight(calibrated[labelled], held_out.truth[labelled])


def _expert(name: str, source: Source, held_out: Predictions) -> Expert:
    (expert,) = Bundle.load(source.run).experts
    features = {**expert.features, **source.features}
    extractors = {
        modality: load_extractor(
            part["name"], **{key: value for key, value in part.items() if key != "name"}
        )
        for modality, part in features.items()
    }
    return replace(
        expert,
        name=name,
        features=features,
        extractors=extractors,
        calibrator=fit_calibrator(held_out.scores, held_out.truth, groups=list(held_out.groups)),
    )
