"""The front door: a configuration to a trained, evaluated and documented run folder, in the order the
data flows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emofuse.audit import audit_split, verdict_line
from emofuse.config import RunConfig, load_config, to_toml
from emofuse.datasets import load_corpus
from emofuse.datasets.splits import SPLITS, merge
from emofuse.errors import ConfigError
from emofuse.evaluation import METRICS
from emofuse.evaluation.card import CardFacts, DataSource, model_card
from emofuse.evaluation.report import evaluate
from emofuse.features import load_extractor
from emofuse.features.cache import Cache
from emofuse.features.extraction import extract as extract_tracks
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
from emofuse.models.calibrators import fit_calibrator
from emofuse.models.pooling import ExpertPool
from emofuse.models.recipe import make
from emofuse.preparation import Built, Prepared, build, fit_prepared, load, make_extractors
from emofuse.training.engine import Engine
from emofuse.training.loop import Fitted
from emofuse.training.prediction import check_watch, predict
from emofuse.types import Corpus, Predictions, Report, Sample, Split

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
    # What cannot be trained is said before hours of features, and leaves no folder behind.
    built = build(config, corpus.task, {name: one.dim for name, one in extractors.items()})
    engine = Engine.joined(config.training.device, config.training.precision)
    if engine.rank:
        engine.wait()  # Until the first process has the features in the cache and has begun the folder.
    data = Prepared(config, corpus, split, extractors, Cache.default(), progress)
    check_watch(built.watch, data.roles["valid"])
    if not engine.rank:
        # Only now: data that cannot be used must neither leave a folder behind nor cost an earlier run.
        resume_or_begin(folder, to_toml(config), fresh=fresh)
        record_inputs(
            folder, corpus, split, seed=config.seed, audit=verdict_line(audit_split(corpus, split))
        )
        engine.wait()
    expert, fitted = _train(config, built, data, engine, folder / "state.pt", progress=progress)
    if engine.rank:
        engine.wait()  # Until the first process has written everything.
        return Run(folder, evaluate_run(folder), best_epoch(folder))
    predictions = {
        role: predictions_of(expert, data.roles[role]) for role in ("valid", "test") if data.roles[role]
    }
    reports = {role: evaluated(config, made) for role, made in predictions.items()}
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
    return {role: evaluated(config, made) for role, made in predictions.items()}


def predictions_of(expert: Expert, samples: Sequence[Sample]) -> Predictions:
    """What a trained expert says of samples that are normalised as it was trained on them."""
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


def evaluated(config: RunConfig, predictions: Predictions) -> Report:
    """The configured scores with their intervals, which the run's seed draws."""
    names = config.evaluation.metrics or predictions.task.metrics
    generator = np.random.default_rng(config.seed)
    return evaluate(
        predictions,
        [METRICS.load(name) for name in names],
        generator=generator,
        resamples=config.evaluation.resamples,
    )


def _train(
    config: RunConfig,
    built: Built,
    data: Prepared,
    engine: Engine,
    state_path: Path,
    *,
    progress: Progress,
) -> tuple[Expert, Fitted]:
    fitted = fit_prepared(
        config, built, data, engine=engine, state_path=state_path,
        progress=lambda row: progress(_describe(row), (row["epoch"] + 1) / config.training.epochs),
    )  # fmt: skip
    plain = replace(engine, precision="float32")
    scores, _ = predict(fitted.model, data.roles["valid"], dims=data.dims, engine=plain)
    shares = np.stack([sample.shares for sample in data.roles["valid"]])
    expert = Expert(
        name="+".join(data.extractors),
        task=data.task,
        features={name: part.part for name, part in config.features.items()},
        architecture=config.model.part,
        extractors=data.extractors,
        model=fitted.model.cpu(),
        calibrator=fit_calibrator(scores, shares, groups=[sample.group for sample in data.roles["valid"]]),
        standardisers=data.standardisers,
        axis_rate=config.alignment.rate,
        per_speaker=tuple(name for name, part in config.features.items() if part.normalise == "speaker"),
        contextual=tuple(name for name, part in config.features.items() if part.context is not None),
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
