"""The front door: a configuration to a trained, evaluated and documented run folder, in the order the
data flows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.alignment.intervals import to_common_axis
from emofuse.alignment.normalise import Standardiser, apply, fit_on, per_group
from emofuse.alignment.samples import balance, to_samples
from emofuse.audit import audit_split, verdict_line
from emofuse.config import RunConfig, load_config, to_toml
from emofuse.datasets import load_corpus
from emofuse.datasets.labels import relabel
from emofuse.datasets.splits import SPLITS, merge
from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation import METRICS
from emofuse.evaluation.card import CardFacts, DataSource, model_card
from emofuse.evaluation.report import evaluate
from emofuse.features import load_extractor
from emofuse.features.cache import Cache
from emofuse.features.extraction import extract as extract_tracks
from emofuse.features.extraction import extract_perturbed
from emofuse.inference.bundle import Bundle, Expert
from emofuse.inference.runs import (
    Run,
    best_epoch,
    is_finished,
    read_predictions,
    record_inputs,
    record_results,
    resume_or_begin,
)
from emofuse.models import MODELS
from emofuse.models.calibrators import fit_calibrator
from emofuse.models.pooling import ExpertPool
from emofuse.models.recipe import Total, make
from emofuse.perturbations import PERTURBATIONS
from emofuse.training.engine import Engine
from emofuse.training.loop import Fitted, fit
from emofuse.training.objectives import OBJECTIVES
from emofuse.training.phases import Schedule
from emofuse.training.prediction import predict
from emofuse.training.seeds import seed_epoch
from emofuse.types import Clip, Corpus, Extractor, Predictions, Report, Sample, Signal, Split

Progress = Callable[[str, float], None]


def run(
    configuration: RunConfig | Path | str,
    overrides: Sequence[str] = (),
    *,
    out: Path | None = None,
    fresh: bool = False,
    progress: Progress = lambda stage, done: None,
) -> Run:
    """Train and test what a configuration (or its TOML file) describes.

    A run that was cut off goes on where it was, and one that is finished is read back, unless ``fresh``.
    Returns the run, whose folder (``out``, or ``runs/<name>-seed<seed>``) holds everything that it made.

    Raises:
        ConfigError: the configuration does not hold, or the folder belongs to another one.
        DatasetError, MediaError, FeatureError: the data cannot be used.
        OutputError: the folder cannot be written.
    """
    if isinstance(configuration, RunConfig) and overrides:
        raise ConfigError("overrides need a configuration file; change the RunConfig itself")
    config = (
        configuration
        if isinstance(configuration, RunConfig)
        else load_config(Path(configuration), overrides)
    )
    folder = out or Path("runs") / f"{config.name}-seed{config.seed}"
    corpora = load(config)
    corpus = corpora[0] if len(corpora) == 1 else merge(corpora)
    split = make(SPLITS, config.split.part, corpus)
    extractors = make_extractors(config)
    if is_finished(folder, to_toml(config), fresh=fresh):
        return Run(folder, evaluate_run(folder), best_epoch(folder))
    engine = Engine.joined(config.training.device, config.training.precision)
    if engine.rank:
        engine.wait()  # Until the first process has the features in the cache and has begun the folder.
    data = _Data(config, corpus, split, extractors, Cache.default(), progress)
    if not engine.rank:
        # Only now: data that cannot be used must neither leave a folder behind nor cost an earlier run.
        resume_or_begin(folder, to_toml(config), fresh=fresh)
        record_inputs(
            folder, corpus, split, seed=config.seed, audit=verdict_line(audit_split(corpus, split))
        )
        engine.wait()
    expert, fitted = _train(config, corpus, data, engine, folder / "state.pt", progress=progress)
    if engine.rank:
        engine.wait()  # Until the first process has written everything.
        return Run(folder, evaluate_run(folder), best_epoch(folder))
    predictions = {
        role: _predictions(expert, data.roles[role], config)
        for role in ("valid", "test")
        if data.roles[role]
    }
    reports = {role: _evaluate(config, made) for role, made in predictions.items()}
    bundle = Bundle(
        config.name, "1", corpus.task.labels, (expert,), _pool_of_one(expert, data.roles["valid"])
    )
    done = record_results(
        folder,
        bundle,
        fitted.history,
        predictions,
        reports,
        best_epoch=fitted.best_epoch,
        card=_card(config, corpora, split, reports),
    )
    engine.wait()
    return done


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
        ConfigError: an option does not hold, or a track without a clock is to be laid on a common axis.
    """
    found = {name: load_extractor(part.name, **part.options) for name, part in config.features.items()}
    for name, extractor in found.items():
        if config.alignment.rate and extractor.source in ("text", "vectors"):
            raise ConfigError(
                f"alignment.rate: {name} ({extractor.name}) counts positions and has no clock"
            )
    return found


def extract(target: Path | str, *, progress: Progress = lambda stage, done: None) -> dict[str, int]:
    """Fill the feature cache for a configuration, or for a folder of own clips with the default features.

    Returns how many clips have each modality.
    """
    target = Path(target)
    if target.is_dir():
        corpora = [load_corpus("listed", target)]
        extractors = {"audio": load_extractor("log_mel"), "video": load_extractor("face")}
    else:
        config = load_config(target)
        corpora, extractors = load(config), make_extractors(config)
    clips = [clip for corpus in corpora for clip in corpus.clips]
    tracks = extract_tracks(clips, extractors, cache=Cache.default(), progress=progress)
    return {name: sum(name in found for found in tracks) for name in extractors}


def evaluate_run(folder: Path | str) -> dict[str, Report]:
    """Score the stored predictions of a run anew, by role ("valid", "test"); nothing is trained.

    Raises:
        ConfigError: the folder holds no finished run.
    """
    folder = Path(folder)
    predictions = read_predictions(folder)
    config = load_config(folder / "config.toml")
    return {role: _evaluate(config, made) for role, made in predictions.items()}


class _Data:
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
        self.config, self.extractors, self.cache = config, extractors, cache
        clips = {clip.id: clip for clip in corpus.clips}
        used = [clips[name] for name in (*split.train, *split.valid, *split.test)]
        found = extract_tracks(used, extractors, cache=cache, progress=progress)
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
        if not plan.copies or not plan.signal:
            return [[one] for one in train]
        for name, part in self.config.features.items():
            if part.normalise == "speaker" and self.extractors[name].source == "audio":
                raise ConfigError(
                    f"features.{name}: perturbed copies have no speaker to be normalised by; "
                    "leave out augmentation.copies, or normalise by train"
                )
        copied = []
        for number, one in enumerate(train, 1):
            copied.append([one, *(self._copy(one, clips[one.id], copy) for copy in range(plan.copies))])
            if number % 16 == 0 or number == len(train):
                progress("perturbed copies", number / len(train))
        return copied

    def _copy(self, sample: Sample, clip: Clip, copy: int) -> Sample:
        chain = self.config.augmentation.signal
        # The clip's name is part of the seed, so that each clip is changed in its own way.
        seed = [self.config.seed, copy, *clip.id.encode()]
        described = {"chain": [part.part for part in chain]}
        tracks = dict(sample.tracks)
        for name, extractor in self.extractors.items():
            if extractor.source == "audio" and name in tracks:
                perturb = partial(_perturbed, [make(PERTURBATIONS, part.part) for part in chain])
                track = extract_perturbed(
                    clip, extractor, perturb=perturb, described=described, seed=seed, cache=self.cache
                )
                tracks[name] = self.standardisers[name](track) if name in self.standardisers else track
        return replace(sample, tracks=to_common_axis(tracks, self.config.alignment.rate))


def _perturbed(chain: Sequence[Any], signal: Signal, generator: np.random.Generator) -> Signal:
    for operation in chain:
        signal = operation(signal, generator)
    return signal


def _train(
    config: RunConfig, corpus: Corpus, data: _Data, engine: Engine, state_path: Path, *, progress: Progress
) -> tuple[Expert, Fitted]:
    dims = {name: extractor.dim for name, extractor in data.extractors.items()}
    plan = config.training
    # Weights are drawn from torch's own state, so it is seeded before the model is built.
    seed_epoch(config.seed, 2**31)
    recipe = make(MODELS, config.model.part, dims, corpus.task)
    fields = {name: getattr(plan, name) for name in Schedule.__dataclass_fields__ if name != "seed"}
    metrics = config.evaluation.metrics or corpus.task.metrics
    fitted = fit(
        recipe.model,
        Total(make(OBJECTIVES, config.objective.part, corpus.task), recipe.auxiliary),
        train=data.train,
        valid=data.roles["valid"],
        dims=dims,
        watch=METRICS.load(plan.watch or metrics[0]),
        schedule=Schedule(**fields, seed=config.seed),
        engine=engine,
        phases=recipe.phases,
        perturb=[make(PERTURBATIONS, part.part) for part in config.augmentation.batch],
        state_path=state_path,
        progress=lambda row: progress(_describe(row), (row["epoch"] + 1) / plan.epochs),
    )
    plain = replace(engine, precision="float32")
    scores, _ = predict(fitted.model, data.roles["valid"], dims=dims, engine=plain)
    shares = np.stack([sample.shares for sample in data.roles["valid"]])
    expert = Expert(
        name="+".join(data.extractors),
        task=corpus.task,
        features={name: part.part for name, part in config.features.items()},
        architecture=config.model.part,
        extractors=data.extractors,
        model=fitted.model.cpu(),
        calibrator=fit_calibrator(scores, shares, groups=[sample.group for sample in data.roles["valid"]]),
        standardisers=data.standardisers,
        axis_rate=config.alignment.rate,
        per_speaker=tuple(name for name, part in config.features.items() if part.normalise == "speaker"),
    )
    return expert, fitted


def _card(config: RunConfig, corpora: Sequence[Corpus], split: Split, reports: Mapping[str, Report]) -> str:
    facts = CardFacts(
        name=config.name,
        version="1",
        task=config.about,
        inputs=tuple(f"{name}: {part.name}" for name, part in config.features.items()),
        data=tuple(
            DataSource(one.name, one.citation, one.licence, "; ".join(one.notes)) for one in corpora
        ),
        protocol=_protocol(config, split),
        seeds=(config.seed,),
        reports=reports,
        calibration=(
            "Temperature or vector scaling, whichever predicts unseen groups of the validation clips best.",
        ),
        licence="; ".join(dict.fromkeys(one.licence for one in corpora)),
    )
    return model_card(facts)


def _protocol(config: RunConfig, split: Split) -> str:
    names = [name for name, part in config.features.items() if part.normalise == "speaker"]
    normalised = f"; {', '.join(names)} as z-scores of each speaker's own unlabelled clips" if names else ""
    return f"{split.protocol}{normalised}; epoch chosen on validation by {config.training.watch or 'the first metric'}"


def _pool_of_one(expert: Expert, valid: Sequence[Sample]) -> ExpertPool | None:
    if not expert.task.labels:
        return None
    shares = np.stack([sample.shares for sample in valid])
    # One clip more of each class: one that validation happens to lack is not thereby impossible.
    prior = np.nansum(shares, axis=0) + 1
    exact = tuple((prior / prior.sum()).tolist())
    return ExpertPool(priors={expert.name: exact}, weights={expert.name: 1.0}, prior=exact)


def _describe(row: Mapping[str, float]) -> str:
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "epoch")
    return f"epoch {row['epoch'] + 1:.0f}: {numbers}"


def _predictions(expert: Expert, samples: Sequence[Sample], config: RunConfig) -> Predictions:
    engine = Engine.pick("cpu")
    scores, ratings = predict(expert.model, samples, dims=expert.dims, engine=engine)
    return Predictions(
        ids=tuple(sample.id for sample in samples),
        task=expert.task,
        scores=scores,
        probabilities=expert.calibrator(scores),
        truth=np.stack([sample.shares for sample in samples]),
        ratings=ratings,
        rating_truth=np.stack([sample.ratings for sample in samples]),
        groups=tuple(sample.group for sample in samples),
    )


def _evaluate(config: RunConfig, predictions: Predictions) -> Report:
    names = config.evaluation.metrics or predictions.task.metrics
    generator = np.random.default_rng(config.seed)
    return evaluate(
        predictions,
        [METRICS.load(name) for name in names],
        generator=generator,
        resamples=config.evaluation.resamples,
    )
