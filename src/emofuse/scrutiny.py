"""A finished run at hand: its predictions and, rebuilt when asked for, its samples; and what is measured on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from inspect import signature
from pathlib import Path

from emofuse.alignment.samples import spaced
from emofuse.config import RunConfig, load_config
from emofuse.datasets.splits import merge
from emofuse.errors import ConfigError, DatasetError, EmofuseError
from emofuse.evaluation import METRICS
from emofuse.evaluation.conditions import Condition, MediaCondition, noise, standard_conditions
from emofuse.evaluation.curves import Curve
from emofuse.evaluation.groupings import clip_seconds, fact_groups, number_groups, speakers, table_groups
from emofuse.evaluation.media_noise import SOURCES, Origin, media_noise
from emofuse.evaluation.passes import Subject
from emofuse.evaluation.robustness import STRENGTHS, Robustness, measure_robustness, measure_subsets
from emofuse.evaluation.robustness_study import Study, named_baseline, short_names, study
from emofuse.evaluation.workload import word_table
from emofuse.experiment import evaluated, predictions_of
from emofuse.features.cache import Cache
from emofuse.inference.bundle import Bundle, Expert
from emofuse.inference.runs import read_history, read_predictions, read_split
from emofuse.perturbations import PERTURBATIONS
from emofuse.preparation import Prepared, load, make_extractors
from emofuse.types import Corpus, Metric, Predictions, Report, Sample

Progress = Callable[[str, float], None]
ROLES = ("train", "valid", "test")
# Noises that take away what is there, or move it, and change no value of a feature.
_FOR_IDS = ("drop_words", "drop_frames", "drop_modality", "missing_frames", "missing_modality", "misalign")


class OpenedRun:
    """A run folder; nothing but its small tables is read before it is asked for. ``most`` limits the samples of
    each role to so many, evenly spaced (0: all).

    Raises:
        ConfigError: the folder holds no finished run.
        InputError: a table of it is damaged.
    """

    def __init__(
        self, folder: Path | str, *, most: int = 0, progress: Progress = lambda stage, done: None
    ) -> None:
        self.folder, self.most, self._progress = Path(folder), most, progress
        self.predictions: dict[str, Predictions] = read_predictions(self.folder)
        self.config: RunConfig = load_config(self.folder / "config.toml")
        self.split = read_split(self.folder)

    @property
    def name(self) -> str:
        """The run's name and its seed."""
        return f"{self.config.name}, seed {self.config.seed}"

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """What the run is scored by, the first one first."""
        first = next(iter(self.predictions.values()))
        return tuple(METRICS.load(one) for one in self.config.evaluation.metrics or first.task.metrics)

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """One row an epoch."""
        return read_history(self.folder)

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, read anew.

        Raises:
            DatasetError: it cannot be read, or lacks clips of this run.
        """
        corpora = load(self.config)
        corpus = corpora[0] if len(corpora) == 1 else merge(corpora)
        known = {clip.id for clip in corpus.clips}
        if gone := [one for role in ROLES for one in getattr(self.split, role) if one not in known]:
            raise DatasetError(
                f"{corpus.name}: {len(gone)} clips of the run are not there, {gone[0]!r} for one; "
                "the corpus is not the one that the run saw"
            )
        return corpus

    @cached_property
    def prepared(self) -> Prepared:
        """Samples of all roles as the run made them; features come from the cache where they are kept.

        Raises:
            DatasetError, MediaError, FeatureError: the data cannot be used.
        """
        plain = self.config.augmentation.model_copy(update={"copies": 0})
        config = self.config.model_copy(update={"augmentation": plain})
        made = make_extractors(config)
        return Prepared(config, self.corpus, self.split, made, Cache.default(), self._progress)

    @cached_property
    def bundle(self) -> Bundle:
        """The trained model with what stands before and behind it.

        Raises:
            BundleError: it is damaged.
        """
        return Bundle.load(self.folder)

    @property
    def expert(self) -> Expert:
        """The one expert of the run."""
        return self.bundle.experts[0]

    @cached_property
    def subject(self) -> Subject:
        """The model as robustness is measured of it."""
        one = self.expert
        return Subject(self.name, one.model, one.dims, one.task, calibrate=one.calibrator)

    @property
    def origin(self) -> Origin:
        """Where its features come from."""
        clips = {clip.id: clip for clip in self.corpus.clips}
        return Origin(
            clips,
            self.prepared.extractors,
            self.prepared.standardisers,
            self.expert.axis_rate,
            self.expert.per_speaker,
            self.expert.contextual,
        )

    def samples(self, role: str) -> list[Sample]:
        """The samples of a role.

        Raises:
            ConfigError: there is none, or no such role.
        """
        if role not in ROLES:
            raise ConfigError(f"found the role {role!r}, wanted one of {', '.join(ROLES)}")
        if not self.prepared.roles[role]:
            there = [one for one in ROLES if self.prepared.roles[one]]
            raise ConfigError(
                f"{self.folder}: no clip has the role {role}, found clips of the roles {', '.join(there)}"
            )
        found = self.prepared.roles[role]
        return spaced(found, self.most) if self.most else found

    def with_train(self) -> dict[str, Predictions]:
        """The stored predictions, and before them those of the training clips, made anew."""
        return {"train": predictions_of(self.expert, self.samples("train")), **self.predictions}

    def reports(self, predictions: Mapping[str, Predictions]) -> dict[str, Report]:
        """Each role's scores with their intervals."""
        return {role: evaluated(self.config, made) for role, made in predictions.items()}


def groupings(
    run: OpenedRun, table: Path | None = None, *, progress: Progress = lambda stage, done: None
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Clip id to group, by the name of the grouping: speaker, corpus, what the corpus says of its clips (gender),
    lengths, ratings, and the columns of a user's ``table``; and notes on what could not be had.

    Raises:
        InputError: the table cannot be read.
    """
    made = run.predictions.get("test", run.predictions["valid"])
    found, notes = {"speaker": speakers(made)}, []
    if len(run.config.datasets) > 1:
        found["corpus"] = {one: one.partition("/")[0] for one in made.ids}
    try:
        ids = set(made.ids)
        clips = [clip for clip in run.corpus.clips if clip.id in ids]
        seconds, unknown = clip_seconds(clips, progress=progress)
        notes += unknown
        found |= number_groups(clips, seconds=seconds) | fact_groups(clips)
    except EmofuseError as error:
        notes.append(
            f"results by gender, length and intensity are left out, since the corpus cannot be read: {error}"
        )
    if table is not None:
        found |= table_groups(table, made)
    return found, notes


def conditions(
    run: OpenedRun, *, noises: Sequence[str] = (), modalities: Sequence[str] = ()
) -> list[Condition | MediaCondition]:
    """What a run is measured under: the named noises, or the usual ones, on the named modalities or on all.

    Raises:
        UnknownNameError, ConfigError: an unknown noise or modality, or a noise that does not fit it.
    """
    known = tuple(run.subject.dims)
    if strange := sorted(set(modalities) - set(known)):
        raise ConfigError(f"{run.folder}: no modality named {strange[0]!r}; it has {', '.join(known)}")
    on = [one for one in known if one in modalities] if modalities else list(known)
    if not noises:
        return _usual(run, on)
    return [one for name in noises for one in _named(run, name, on)]


def measure_study(
    runs: Sequence[OpenedRun],
    *,
    noises: Sequence[str] = (),
    modalities: Sequence[str] = (),
    strengths: Sequence[float] = STRENGTHS,
    seeds: Sequence[int] = (0,),
    role: str = "test",
    against: str | None = None,
    progress: Progress = lambda stage, done: None,
) -> Study:
    """Measure runs under the same noises, and every subset of their modalities.

    ``against`` names the baseline of effective robustness: a published curve, a JSON file of curves, or the
    folder of another run, which is measured too.

    Raises:
        ConfigError: strengths do not hold, runs do not fit together, or no baseline fits.
    """
    metric = runs[0].metrics[0]
    baselines: tuple[Curve, ...] = ()
    folder = Path(against) if against and (Path(against) / "config.toml").is_file() else None
    if against and folder is None:
        baselines = named_baseline(against)
    known = [run.folder.resolve() for run in runs]
    every = [*runs]
    if folder and folder.resolve() not in known:
        every.append(OpenedRun(folder, most=runs[0].most))
    names = short_names([(run.config.name, run.config.seed) for run in every])
    subjects = [replace(run.subject, name=name) for run, name in zip(every, names, strict=True)]
    made: list[Robustness] = []
    for run, subject in zip(every, subjects, strict=True):
        scored = {one.name: one for one in (metric, *run.metrics)}
        under = conditions(run, noises=noises, modalities=modalities)
        try:
            found = measure_robustness(
                subject, run.samples(role), under, metrics=list(scored.values()), strengths=strengths, seeds=seeds,
                progress=partial(progress, f"noise: {subject.name}"),
            )  # fmt: skip
        except ValueError as error:
            raise ConfigError(str(error)) from error
        made.append(found)
    if folder:
        place = known.index(folder.resolve()) if folder.resolve() in known else len(runs)
        baselines = made[place].curves
    subsets = [
        measure_subsets(subject, run.samples(role), metrics=[metric])
        for run, subject in zip(runs, subjects, strict=False)
        if len(subject.dims) > 1
    ]
    return study(made[: len(runs)], subsets, metric=metric.name, baselines=baselines)


def media_seconds(run: OpenedRun, samples: Sequence[Sample]) -> list[float] | None:
    """How long the sound or the picture of each sample lasts, by its last frame; None where that is not known."""
    timed = [name for name, one in run.prepared.extractors.items() if one.source in ("audio", "video")]
    found = []
    for sample in samples:
        ends = [
            float(track.times[-1] + track.times[0])
            for name in timed
            if (track := sample.tracks.get(name)) is not None and len(track)
        ]
        if not ends or max(ends) <= 0:
            return None
        found.append(max(ends))
    return found


def _usual(run: OpenedRun, on: Sequence[str]) -> list[Condition | MediaCondition]:
    ids = _holding_ids(run, on)
    plain = [name for name in on if name not in ids]
    found = {(one.name, one.modalities): one for one in (standard_conditions(plain) if plain else ())}
    for name in ids:
        mask = getattr(run.expert.extractors[name], "mask_id", None)
        extra = [noise("missing_frames", modalities=[name], rate=1.0)]
        extra += [noise("drop_words", modality=name, mask_id=mask, rate=1.0)] if mask is not None else []
        extra += [noise("missing_modality", modalities=[name])] if len(run.subject.dims) > 1 else []
        found |= {(one.name, one.modalities): one for one in extra}
    return list(found.values())


def _named(run: OpenedRun, name: str, on: Sequence[str]) -> list[Condition | MediaCondition]:
    kind = PERTURBATIONS.load(name)
    if getattr(kind, "kind", "batch") in SOURCES:
        return [media_noise(name, run.origin)]
    takes = signature(kind).parameters
    ids = _holding_ids(run, on)
    if name not in _FOR_IDS:
        on = [one for one in on if one not in ids]
        if not on or (ids and not {"modality", "modalities"} & set(takes)):
            raise ConfigError(
                f"noise {name!r} changes quantities, and {', '.join(ids)} holds ids of words (drop_words does)"
            )
    if "mask_id" in takes:
        found = [one for one in _usual(run, on) if one.name == name]
        if not found:
            raise ConfigError(
                f"noise {name!r} masks words, and none of {', '.join(on)} holds ids with a mask"
            )
        return found
    if "modality" in takes:
        return [noise(name, modality=one) for one in on]
    if "modalities" not in takes:
        return [noise(name)]
    every = [[one] for one in on] + ([list(on)] if len(on) > 1 and name != "missing_modality" else [])
    return [noise(name, modalities=names) for names in every]


def _holding_ids(run: OpenedRun, on: Sequence[str]) -> list[str]:
    """The modalities whose tracks are no quantities but numbers of words in a table."""
    model, dims = run.expert.model, run.subject.dims
    return [name for name in on if dims[name] == 1 and word_table(model, name) is not None]
