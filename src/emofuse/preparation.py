"""From a configuration to samples and to a fitted model: what a run, a search and a robustness test share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emofuse.alignment.dialogue import Context, with_context
from emofuse.alignment.intervals import to_common_axis
from emofuse.alignment.normalise import Standardiser, apply, fit_on, per_group
from emofuse.alignment.samples import balance, to_samples
from emofuse.config import RunConfig
from emofuse.datasets import load_corpus
from emofuse.datasets.labels import relabel
from emofuse.errors import ConfigError, DatasetError, UnknownNameError
from emofuse.evaluation import METRICS
from emofuse.features import load_extractor
from emofuse.features.cache import Cache
from emofuse.features.extraction import extract as extract_tracks
from emofuse.features.extraction import extract_perturbed
from emofuse.models import MODELS
from emofuse.models.recipe import Objective, Recipe, Total, make
from emofuse.perturbations import PERTURBATIONS
from emofuse.training.engine import Engine
from emofuse.training.loop import Fitted, Row, fit
from emofuse.training.objectives import OBJECTIVES
from emofuse.training.phases import Schedule, check_prefixes
from emofuse.training.samplers import repeats
from emofuse.training.seeds import seed_epoch
from emofuse.types import Clip, Corpus, Extractor, Metric, Sample, Signal, Split, TaskSpec, Track

Progress = Callable[[str, float], None]


def load(config: RunConfig) -> list[Corpus]:
    """The configured corpora, mapped to the configured labels.

    Raises:
        DatasetError: one cannot be read, or no clip has anything to learn from.
    """
    corpora = []
    for part in config.datasets:
        corpus = load_corpus(part.name, part.folder, **part.options)
        corpus = relabel(corpus, part.map_to) if part.map_to else corpus
        corpora.append(_share(corpus, part.share))
    if not any(clip.label or clip.shares or clip.ratings for corpus in corpora for clip in corpus.clips):
        raise DatasetError(f"{config.name}: no clip has a label or a rating to learn from")
    return corpora


def _share(corpus: Corpus, share: float) -> Corpus:
    """Evenly spaced clips of each split, for a quick look."""
    if share == 1:
        return corpus
    kept: list[Clip] = []
    for role in dict.fromkeys(clip.split for clip in corpus.clips):
        clips = [clip for clip in corpus.clips if clip.split == role]
        places = np.linspace(0, len(clips) - 1, max(1, round(share * len(clips)))).round().astype(int)
        kept += [clips[place] for place in places]
    return corpus.with_clips(tuple(kept))


def make_extractors(config: RunConfig) -> dict[str, Extractor]:
    """The configured extractors by modality.

    Raises:
        ConfigError: an option does not hold, or a track without a clock or a mean is to be laid on a common axis.
    """
    found = {name: load_extractor(part.name, **part.options) for name, part in config.features.items()}
    for name, extractor in found.items():
        if config.alignment.rate and extractor.source in ("text", "vectors"):
            raise ConfigError(
                f"alignment.rate: {name} ({extractor.name}) counts positions and has no clock"
            )
        if config.alignment.rate and not getattr(extractor, "averages", True):
            raise ConfigError(
                f"alignment.rate: {name} ({extractor.name}) holds pieces of a wave, which have no mean"
            )
    return found


class Prepared:
    """Samples by role, normalised by what the training clips (or each speaker's own clips) say."""

    def __init__(
        self,
        config: RunConfig,
        corpus: Corpus,
        split: Split,
        extractors: Mapping[str, Extractor],
        cache: Cache,
        progress: Progress,
    ) -> None:
        self.config, self.extractors, self.cache, self.task = config, extractors, cache, corpus.task
        self.dims = {name: extractor.dim for name, extractor in extractors.items()}
        clips = {clip.id: clip for clip in corpus.clips}
        used = [clips[name] for name in (*split.train, *split.valid, *split.test)]
        found = extract_tracks(used, extractors, cache=cache, progress=progress)
        contexts = {
            name: Context(**part.context.model_dump())
            for name, part in config.features.items()
            if part.context is not None
        }
        found = with_context(used, found, contexts)
        tracks = [to_common_axis(one, config.alignment.rate) for one in found]
        samples = [one for one in to_samples(used, tracks, corpus.task) if one.tracks]
        speaker = [name for name, part in config.features.items() if part.normalise == "speaker"]
        samples = per_group(samples, speaker) if speaker else samples
        roles = {role: set(getattr(split, role)) for role in ("train", "valid", "test")}
        self.standardisers = self._fit_standardisers([one for one in samples if one.id in roles["train"]])
        samples = apply(samples, self.standardisers)
        self.roles = {role: [one for one in samples if one.id in ids] for role, ids in roles.items()}
        if not self.roles["train"] or not self.roles["valid"]:
            raise DatasetError(
                f"{corpus.name}: {split.protocol}: no clip with features left to train or validate on"
            )
        self.train = self._with_copies(clips, progress)

    def _fit_standardisers(self, train: Sequence[Sample]) -> dict[str, Standardiser]:
        return fit_on(
            train, [name for name, part in self.config.features.items() if part.normalise == "train"]
        )

    def _with_copies(self, clips: Mapping[str, Clip], progress: Progress) -> list[list[Sample]]:
        weights = balance(self.roles["train"], self.config.training.balance)
        train = [
            replace(one, weight=weight) for one, weight in zip(self.roles["train"], weights, strict=True)
        ]
        plan = self.config.augmentation
        changed = {source for source, chain in (("audio", plan.signal), ("text", plan.words)) if chain}
        if not plan.copies or not changed:
            return [[one] for one in train]
        for name, part in self.config.features.items():
            if (part.normalise == "speaker" or part.context) and self.extractors[name].source in changed:
                raise ConfigError(
                    f"features.{name}: perturbed copies have no speaker to be normalised by, and no context; "
                    "leave out augmentation.copies"
                )
        copied = []
        for number, one in enumerate(train, 1):
            copied.append([one, *(self._copy(one, clips[one.id], copy) for copy in range(plan.copies))])
            if number % 16 == 0 or number == len(train):
                progress("perturbed copies", number / len(train))
        return copied

    def _copy(self, sample: Sample, clip: Clip, copy: int) -> Sample:
        # The clip's name is part of the seed, so that each clip is changed in its own way.
        seed = [self.config.seed, copy, *clip.id.encode()]
        changes = {"audio": self._heard_anew, "text": self._read_anew}
        tracks = dict(sample.tracks)
        for name, extractor in self.extractors.items():
            if extractor.source in changes and name in tracks:
                track = changes[extractor.source](clip, extractor, seed)
                if track is not None:
                    tracks[name] = self.standardisers[name](track) if name in self.standardisers else track
        return replace(sample, tracks=to_common_axis(tracks, self.config.alignment.rate))

    def _heard_anew(self, clip: Clip, extractor: Extractor, seed: list[int]) -> Track | None:
        chain = self.config.augmentation.signal
        if not chain:
            return None
        perturb = partial(_perturbed, [make(PERTURBATIONS, part.part) for part in chain])
        described = {"chain": [part.part for part in chain]}
        return extract_perturbed(
            clip, extractor, perturb=perturb, described=described, seed=seed, cache=self.cache
        )

    def _read_anew(self, clip: Clip, extractor: Extractor, seed: list[int]) -> Track | None:
        chain = self.config.augmentation.words
        if not chain:
            return None
        # A stream of its own, so that a chain of sounds does not change what is mistyped.
        generator = np.random.default_rng([*seed, 1])
        text = clip.text
        for part in chain:
            text = make(PERTURBATIONS, part.part)(text, generator)
        (found,) = extract_tracks([replace(clip, text=text)], {"text": extractor}, cache=self.cache)
        return found.get("text")


def _perturbed(chain: Sequence[Any], signal: Signal, generator: np.random.Generator) -> Signal:
    for operation in chain:
        signal = operation(signal, generator)
    return signal


def watched_metric(config: RunConfig, task: TaskSpec) -> Metric:
    """What chooses the epoch on validation: ``training.watch``, or the first metric."""
    names = config.evaluation.metrics or task.metrics
    return METRICS.load(config.training.watch or names[0])


class Built(NamedTuple):
    """What is trained, by what loss, and what chooses the epoch."""

    recipe: Recipe
    objective: Objective
    watch: Metric


def build(config: RunConfig, task: TaskSpec, dims: Mapping[str, int]) -> Built:
    """The configured model for tracks that are as wide as ``dims`` says, with fresh weights from the seed.

    Raises:
        ConfigError: a part cannot be made, or the schedule names parameters or labels that there are not.
    """
    _check_labels(config, task)
    # Weights are drawn from torch's own state, so it is seeded before the model is built.
    seed_epoch(config.seed, 2**31)
    recipe = make(MODELS, config.model.part, dict(dims), task)
    check_prefixes(recipe.model, rates=config.training.rates, frozen=config.training.frozen)
    return Built(recipe, make(OBJECTIVES, config.objective.part, task), watched_metric(config, task))


def _check_labels(config: RunConfig, task: TaskSpec) -> None:
    plan = config.training
    if plan.sampling is not None and not task.labels:
        raise ConfigError("training.sampling: the task has no labels whose clips could be rare")
    for label in plan.oversample or {}:
        if label not in task.labels:
            raise UnknownNameError(
                f"training.oversample: no label {label!r}; the task has {', '.join(task.labels) or 'none'}"
            )


def fit_prepared(
    config: RunConfig,
    built: Built,
    data: Prepared,
    *,
    engine: Engine,
    state_path: Path | None = None,
    progress: Callable[[Row], None] = lambda row: None,
) -> Fitted:
    """Train what was built on what was prepared; the test samples are not looked at."""
    plan, recipe = config.training, built.recipe
    fields = {name: getattr(plan, name) for name in Schedule.__dataclass_fields__ if name != "seed"}
    train = [*data.train, *_repeated(config, data)]
    return fit(
        recipe.model,
        Total(built.objective, recipe),
        train=train,
        valid=data.roles["valid"],
        dims=data.dims,
        watch=built.watch,
        schedule=Schedule(**fields, seed=config.seed),
        engine=engine,
        phases=recipe.phases,
        perturb=[make(PERTURBATIONS, part.part) for part in config.augmentation.batch],
        state_path=state_path,
        progress=progress,
    )


def _repeated(config: RunConfig, data: Prepared) -> list[list[Sample]]:
    """Training clips of the rare classes once more, with their copies."""
    wanted = config.training.oversample
    if not wanted:
        return []
    generator = np.random.default_rng([config.seed, 2**31])
    places = repeats(data.roles["train"], wanted, labels=data.task.labels, generator=generator)
    return [data.train[place] for place in places]
