"""Finished runs beside each other: seeds and folds of one configuration together, tests between configurations."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emofuse.compare import COST, pooled
from emofuse.errors import ConfigError
from emofuse.evaluation.comparison import Cost, Entrant, Standings, compare_entrants
from emofuse.evaluation.diagnosis import one_label
from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.metrics.confusion import by_row, confusion_counts
from emofuse.evaluation.report import scorer
from emofuse.evaluation.results_table import ResultRow, result_row
from emofuse.inference.runs import data_of, protocol_of
from emofuse.scrutiny import OpenedRun
from emofuse.types import Predictions


def compare_runs(
    folders: Sequence[Path], *, metric: str | None = None, resamples: int = 2000
) -> list[Standings]:
    """Runs beside each other, a table for each corpus and protocol: runs that differ by their seed only are one
    entrant, and folds of one split are pooled.

    Raises:
        ConfigError: a folder holds no finished run, or one has no test predictions.
    """
    tables = []
    for dataset, entrants in _by_dataset(gathered(folders)).items():
        for one in entrants:
            if any("test" not in run for run in one.runs):
                raise ConfigError(f"{one.folders[0]}: has no test predictions to compare")
        chosen = metric or entrants[0].runs[0]["test"].task.metrics[0]
        tables.append(
            compare_entrants(
                [Entrant(one.title, tuple(run["test"] for run in one.runs), _cost(one.folders)) for one in entrants],
                METRICS.load(chosen), dataset=dataset, generator=np.random.default_rng(0), resamples=resamples,
                protocol=entrants[0].protocol,
            )
        )  # fmt: skip
    return tables


def result_rows(folders: Sequence[Path], *, average: str = "weighted") -> list[ResultRow]:
    """A row of the table of results for each entrant; see `compare_runs` for what is one.

    Raises:
        ConfigError: a folder holds no finished run, or its task has no classes.
    """
    return [result_row(one.title, one.runs, average=average) for one in gathered(folders)]


def scores_on_test(entrants: Sequence["Gathered"]) -> dict[str, dict[str, list[float]]]:
    """By entrant and metric of its task, the value of each seed on test."""
    return {one.title: _by_name([_scores(run["test"]) for run in one.runs]) for one in entrants}


def class_recalls(entrants: Sequence["Gathered"]) -> dict[str, dict[str, list[float]]]:
    """By entrant and class, the recall of each seed on test; none where there are no classes."""
    return {one.title: _by_name([_recalls(run["test"]) for run in one.runs]) for one in entrants}


@dataclass(frozen=True, eq=False)
class Gathered:
    """Runs of one configuration: predictions by role for each seed, folds pooled; their folders and protocol."""

    title: str
    dataset: str
    protocol: str
    runs: tuple[Mapping[str, Predictions], ...]
    folders: tuple[Path, ...]


def gathered(folders: Sequence[Path]) -> list[Gathered]:
    """Runs of one configuration together, whatever their seeds and folds, in the order given.

    Raises:
        ConfigError: no folder is named, or one holds no finished run.
    """
    if not folders:
        raise ConfigError("name the folder of one run or more")
    alike: dict[str, list[OpenedRun]] = {}
    for folder in folders:
        run = OpenedRun(folder)
        alike.setdefault(_without_seed(run), []).append(run)
    titles = [runs[0].config.name for runs in alike.values()]
    return [_together(runs, unique=titles.count(runs[0].config.name) == 1) for runs in alike.values()]


def _scores(made: Predictions) -> dict[str, float]:
    found = {}
    for name in made.task.metrics:
        clips, compute = scorer(METRICS.load(name), made)
        found[name] = compute(np.flatnonzero(clips))
    return found


def _recalls(made: Predictions) -> dict[str, float]:
    rows = one_label(made)
    if not rows.any():
        return {}
    classes = len(made.task.labels)
    counts = confusion_counts(
        made.truth[rows].argmax(axis=1), made.probabilities[rows].argmax(axis=1), classes
    )
    return dict(zip(made.task.labels, map(float, np.diag(by_row(counts))), strict=True))


def _by_name(found: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {name: [one[name] for one in found] for name in (found[0] if found else ())}


def _together(runs: Sequence[OpenedRun], *, unique: bool) -> Gathered:
    by_seed: dict[int, list[OpenedRun]] = {}
    for run in runs:
        by_seed.setdefault(run.config.seed, []).append(run)
    made, verdict = protocol_of(runs[0].folder)
    folds = max(len(some) for some in by_seed.values())
    made = re.sub(r"fold \d+ of (\d+)", rf"{folds} of \1 folds pooled", made) if folds > 1 else made
    return Gathered(
        title=runs[0].config.name if unique else f"{runs[0].config.name} ({runs[0].folder.name})",
        dataset=str(data_of(runs[0].folder).get("corpus", "")),
        protocol="; ".join(filter(None, (made, verdict))),
        runs=tuple(_pooled(some) for some in by_seed.values()),
        folders=tuple(run.folder for run in runs),
    )


def _pooled(runs: Sequence[OpenedRun]) -> dict[str, Predictions]:
    roles = [role for role in ("valid", "test") if all(role in run.predictions for run in runs)]
    if len(runs) == 1:
        return dict(runs[0].predictions)
    return {role: pooled([run.predictions[role] for run in runs]) for role in roles}


def _without_seed(run: OpenedRun) -> str:
    facts = run.config.model_dump(mode="json", exclude={"seed": True})
    facts["split"].pop("fold", None)
    return json.dumps(facts, sort_keys=True)


def _by_dataset(found: Sequence[Gathered]) -> dict[str, list[Gathered]]:
    tables: dict[str, list[Gathered]] = {}
    keys = {(one.dataset, one.protocol) for one in found}
    alone = len({dataset for dataset, _ in keys}) == len(keys)
    for one in found:
        tables.setdefault(one.dataset if alone else f"{one.dataset}, {one.protocol}", []).append(one)
    return tables


def _cost(folders: Sequence[Path]) -> Cost:
    found = []
    for folder in folders:
        try:
            found.append(json.loads((folder / COST).read_text(encoding="utf-8")))
            Cost(**found[-1])
        except (OSError, ValueError, TypeError):
            return Cost()
    epochs = [one["epoch_s"] for one in found if one.get("epoch_s") is not None]
    return Cost(
        found[0].get("parameters"), float(np.median(epochs)) if epochs else None,
        max((one["peak_mb"] for one in found if one.get("peak_mb") is not None), default=None),
    )  # fmt: skip
