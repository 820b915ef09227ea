"""All that can be said of a finished run: scores, groups, robustness, costs, and the shares of its modalities."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emofuse.alignment.samples import spaced
from emofuse.audit import audit_split
from emofuse.errors import ConfigError, EmofuseError
from emofuse.evaluation.attribution import ModalityAttribution, Target, attribute_modalities
from emofuse.evaluation.complexity import Complexity, Plan, measure_complexity
from emofuse.evaluation.diagnosis import diagnose
from emofuse.evaluation.faithfulness import Faithfulness, measure_faithfulness
from emofuse.evaluation.frame_attribution import integrated_gradients
from emofuse.evaluation.robustness_study import Study
from emofuse.evaluation.timing import EpochTime, epoch_of_run, measure_epoch
from emofuse.evaluation.workload import Workload, synthetic_samples
from emofuse.inference.bundle import Bundle, Expert
from emofuse.inference.evaluation_html import Evaluation
from emofuse.inference.runs import best_epoch, data_of, protocol_of
from emofuse.models.recipe import Total
from emofuse.preparation import build
from emofuse.scrutiny import OpenedRun, groupings, measure_study, media_seconds

Progress = Callable[[str, float], None]
# Clips that costs are measured by, and whose frames are attributed.
_TIMED, _EXPLAINED = 64, 24


@dataclass(frozen=True)
class Wanted:
    """What is to be measured of a run beside its stored predictions: scores on ``train``, ``robustness`` (against a
    ``baseline``), ``complexity``, and the shares of modalities and frames (``explain``); ``groups`` is a table of the
    user's own groups.
    """

    train: bool = False
    robustness: bool = False
    complexity: bool = False
    explain: bool = False
    baseline: str | None = None
    groups: Path | None = None


def assess(
    run: OpenedRun, wanted: Wanted | None = None, *, progress: Progress = lambda stage, done: None
) -> Evaluation:
    """Everything that is wanted of a run; what needs its corpus reads that anew.

    Raises:
        ConfigError: a baseline does not fit, or a role is empty.
        DatasetError, MediaError, BundleError: the corpus or the model cannot be read.
    """
    wanted = wanted or Wanted()
    predictions = run.with_train() if wanted.train else run.predictions
    named, notes = groupings(run, wanted.groups, progress=progress)
    progress("groups and calibration", 0.0)
    generator = np.random.default_rng(run.config.seed)
    protocol, verdict = protocol_of(run.folder)
    corpus = data_of(run.folder)
    config = run.config
    role = "test" if "test" in run.predictions else "valid"
    return Evaluation(
        title=run.name,
        about=config.about,
        facts={
            "corpus": f"{corpus.get('corpus', '')}, {corpus.get('clips', 0):,} clips",
            "split": protocol,
            "clips": ", ".join(
                f"{len(getattr(run.split, part)):,} {part}" for part in ("train", "valid", "test")
            ),
            "features": ", ".join(f"{name}: {part.name}" for name, part in config.features.items()),
            "model": config.model.name,
            "chosen by": f"{config.training.watch or run.metrics[0].name} on validation",
            "cite": str(corpus.get("citation", "")),
            "terms": str(corpus.get("licence", "")),
        },
        verdict=verdict,
        findings=findings_of(run),
        metric=run.metrics[0].name,
        reports=run.reports(predictions),
        diagnosis=diagnose(
            run.predictions,
            run.metrics[0],
            groupings=named,
            generator=generator,
            resamples=config.evaluation.resamples,
        ),
        history=run.history,
        best_epoch=best_epoch(run.folder),
        study=_study(run, wanted, role, progress),
        complexity=run_costs(run, progress=progress) if wanted.complexity else (),
        modalities=shares_of(run, role=role, progress=progress) if wanted.explain else None,
        faithfulness=faithfulness_of(run, role=role) if wanted.explain else None,
        notes=notes,
    )


def findings_of(run: OpenedRun) -> tuple[str, ...]:
    """What an audit of the run's split finds, notes left out; nothing where the corpus cannot be read."""
    try:
        report = audit_split(run.corpus, run.split)
    except EmofuseError:
        return ()
    return tuple(
        f"{one.severity}: {one.check}: {one.message}" for one in report.findings if one.severity != "note"
    )


def shares_of(
    run: OpenedRun, *, role: str = "test", progress: Progress = lambda stage, done: None
) -> ModalityAttribution:
    """Shapley values of the run's modalities in its predictions."""
    return attribute_modalities(
        run.subject, run.samples(role), target=Target("log_odds" if run.expert.task.labels else "rating"),
        progress=partial(progress, "shares of the modalities"),
    )  # fmt: skip


def faithfulness_of(run: OpenedRun, *, role: str = "test") -> Faithfulness:
    """Deletion curves of integrated gradients on some evenly spaced clips."""
    chosen = spaced(run.samples(role), _EXPLAINED)
    target = Target("probability" if run.expert.task.labels else "rating")
    found = [integrated_gradients(run.subject, one, target=target) for one in chosen]
    return measure_faithfulness(run.subject, chosen, found, target=target)


def run_costs(
    run: OpenedRun, *, plan: Plan | None = None, progress: Progress = lambda stage, done: None
) -> tuple[Complexity, ...]:
    """The costs of a run's model on its own clips, those of the test split where there are any."""
    role = "test" if "test" in run.predictions else "valid"
    samples = spaced(run.samples(role), _TIMED)
    load = Workload(samples, media_seconds(run, samples))
    cost = measure_complexity(run.expert.model, run.expert.dims, load=load, plan=plan, progress=progress)
    kept = epoch_of_run(run.folder)
    return (cost.named(run.name, folder=run.folder, epoch=kept if kept.seconds else _epoch(run)),)


def bundle_costs(
    folder: Path,
    *,
    plan: Plan | None = None,
    frames: int = 50,
    progress: Progress = lambda stage, done: None,
) -> tuple[Complexity, ...]:
    """The costs of each expert of a bundle on random clips, every modality ``frames`` frames long.

    Raises:
        BundleError: it is damaged.
        ConfigError: fewer than 1 frame.
    """
    bundle = Bundle.load(folder)
    return tuple(_expert_cost(one, folder, plan, frames, progress) for one in bundle.experts)


def _study(run: OpenedRun, wanted: Wanted, role: str, progress: Progress) -> Study | None:
    if wanted.robustness:
        return measure_study([run], role=role, against=wanted.baseline, progress=progress)
    if wanted.baseline:
        raise ConfigError("a baseline is measured against under noise; add --robustness")
    return None


def _expert_cost(
    one: Expert, folder: Path, plan: Plan | None, frames: int, progress: Progress
) -> Complexity:
    samples = synthetic_samples(one.dims, lengths=frames, clips=_TIMED, model=one.model)
    cost = measure_complexity(one.model, one.dims, load=Workload(samples), plan=plan, progress=progress)
    return cost.named(one.name, folder=folder, epoch=EpochTime(None, "a bundle does not tell"))


def _epoch(run: OpenedRun) -> EpochTime:
    """What an epoch of the run's training takes on this machine."""
    samples = run.samples("train")
    built = build(run.config, run.corpus.task, run.expert.dims)
    size = run.config.training.batch_size
    return measure_epoch(
        run.expert.model, run.expert.dims, samples=spaced(samples, size),
        objective=Total(built.objective, built.recipe), clips=len(samples), batch_size=size,
    )  # fmt: skip
