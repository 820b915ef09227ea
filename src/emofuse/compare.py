"""Many runs under one protocol, one table: models by datasets by seeds (and folds), resumable, in parallel."""

import copy
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from inspect import signature
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from emofuse.config import RunConfig, apply_override, check_config, drop, put, read_toml, to_toml, validated
from emofuse.datasets.splits import SPLITS
from emofuse.errors import ConfigError
from emofuse.evaluation.comparison import Cost, Entrant, Published, Standings, compare_entrants
from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.standings import standings_csv, standings_markdown
from emofuse.experiment import run
from emofuse.files import write_atomically
from emofuse.inference.bundle import Bundle
from emofuse.inference.runs import protocol_of, read_predictions
from emofuse.inference.standings_html import standings_html
from emofuse.types import Predictions

Progress = Callable[[str, float], None]
COST = "cost.json"
# How a published number came about, best first.
PROTOCOLS = ("honest", "test-selected", "leaked", "unknown")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedPart(_Strict):
    """A number from a paper, in the metric's own units, and how it came about; of the plan's first metric
    where it names none.
    """

    value: float
    metric: str | None = None
    protocol: str = Field(default="unknown", pattern=f"^({'|'.join(PROTOCOLS)})$")
    source: str = ""


class Variant(_Strict):
    """A row or a block of the table: its title, and what it changes in the base configuration by dotted key
    (``model`` as a whole, or ``model.hidden``) and leaves ``without``; ``published`` is by the title of the
    dataset.
    """

    title: str = Field(min_length=1)
    set: dict[str, Any] = {}
    without: tuple[str, ...] = ()
    published: dict[str, tuple[PublishedPart, ...]] = {}

    @field_validator("published", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: [one] if isinstance(one, Mapping) else one for key, one in value.items()}


class Plan(_Strict):
    """What is compared. ``base`` is a run configuration that everything shares; ``folds`` above 0 runs
    ``split.fold`` through 0 to folds - 1 and pools the test predictions.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    about: str = ""
    metric: str | tuple[str, ...] = "accuracy"
    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1)
    folds: int = Field(default=0, ge=0)
    resamples: int = Field(default=2000, ge=100)
    base: dict[str, Any]
    datasets: tuple[Variant, ...] = (Variant(title="all"),)
    models: tuple[Variant, ...] = Field(min_length=1)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Each has a table of its own."""
        return (self.metric,) if isinstance(self.metric, str) else self.metric


@dataclass(frozen=True)
class Cell:
    """One run of the comparison."""

    dataset: str
    model: str
    seed: int
    fold: int | None
    config: RunConfig

    @property
    def folder(self) -> Path:
        """Where the run lies below the comparison's folder."""
        fold = "" if self.fold is None else f"-fold{self.fold}"
        return Path("runs") / _slug(self.dataset) / _slug(self.model) / f"seed{self.seed}{fold}"


def load_plan(path: Path, overrides: Sequence[str] = (), *, protocol: str | None = None) -> Plan:
    """Read a comparison from TOML. ``base`` may be a table, or the path of a run's TOML file, relative to
    the plan's own folder. ``overrides`` are ``key.path=value`` on the plan. ``protocol`` names a split that
    stands in the place of every other, with the folds of the plan where it has folds.

    Raises:
        ConfigError: the file cannot be read, or a value does not hold.
    """
    tree = read_toml(path)
    if isinstance(tree.get("base"), str):
        tree["base"] = read_toml(path.parent / tree["base"])
    for override in overrides:
        apply_override(tree, override)
    plan = validated(Plan, tree, str(path))
    for name in plan.metrics:
        METRICS.load(name)
    _check_titles(plan, path)
    _check_published(plan, path)
    if len(set(plan.seeds)) < len(plan.seeds):
        raise ConfigError(f"{path}: seeds: a seed twice is one run counted twice; found {list(plan.seeds)}")
    return _under(plan, protocol) if protocol else plan


def _under(plan: Plan, protocol: str) -> Plan:
    knows = signature(SPLITS.load(protocol)).parameters
    folds = plan.folds if "fold" in knows else 0
    split = {"name": protocol, **({"folds": folds} if folds and "folds" in knows else {})}

    def freed(variant: Variant) -> Variant:
        kept = {key: value for key, value in variant.set.items() if key.partition(".")[0] != "split"}
        return variant.model_copy(update={"set": kept})

    return plan.model_copy(
        update={
            "base": {**plan.base, "split": split}, "folds": folds,
            "datasets": tuple(map(freed, plan.datasets)), "models": tuple(map(freed, plan.models)),
        }
    )  # fmt: skip


def cells_of(plan: Plan) -> list[Cell]:
    """Every run, seeds innermost, each configuration checked.

    Raises:
        ConfigError: a configuration does not hold; the message names the model and the dataset.
    """
    cells = []
    folds: Sequence[int | None] = range(plan.folds) if plan.folds else (None,)
    for dataset in plan.datasets:
        for model in plan.models:
            for fold in folds:
                for seed in plan.seeds:
                    tree = _tree(plan, dataset, model, seed=seed, fold=fold)
                    place = f"{model.title} on {dataset.title}"
                    cells.append(Cell(dataset.title, model.title, seed, fold, check_config(tree, place)))
    return cells


def compare(
    plan: Plan, out: Path, *, processes: int = 0, progress: Progress = lambda stage, done: None
) -> list[Standings]:
    """Make every run that is not finished, then the tables: ``table.md``, ``table.csv``, ``table.html`` and
    ``compare.json`` in ``out``.

    ``processes`` runs go on at once (0: one a core), each with one thread. A model with a run that fails is
    left out of its table; the others go on, and the failures are named at the end.

    Raises:
        ConfigError: the plan does not hold, or some runs failed.
        OutputError: ``out`` cannot be written.
    """
    cells = cells_of(plan)
    failures = _run_all(cells, out, processes or cores(), progress)
    first = {(cell.model, cell.dataset): (cell.seed, why) for cell, why in reversed(failures)}
    told = "; ".join(
        f"{model} on {dataset}, seed {seed}: {why}" for (model, dataset), (seed, why) in first.items()
    )
    if len(failures) == len(cells):
        raise ConfigError(f"all {len(cells)} runs failed ({told})")
    progress("statistics", 1.0)
    tables = _tables(plan, cells, out, failed={(cell.dataset, cell.model) for cell, _ in failures})
    write_atomically(out / "table.md", standings_markdown(tables))
    write_atomically(out / "table.csv", standings_csv(tables))
    write_atomically(out / "table.html", standings_html(tables, title=plan.name, about=plan.about))
    facts = {"name": plan.name, "seeds": plan.seeds, "tables": [table.to_dict() for table in tables]}
    write_atomically(out / "compare.json", json.dumps(facts, indent=1) + "\n")
    if failures:
        raise ConfigError(f"{len(failures)} of {len(cells)} runs failed ({told}); the others are in {out}")
    return tables


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_all(
    cells: Sequence[Cell], out: Path, processes: int, progress: Progress
) -> list[tuple[Cell, str]]:
    """Run what is not finished; the cells that failed and why."""
    waiting = [cell for cell in cells if not _is_done(cell, out)]
    done, failures = len(cells) - len(waiting), []
    progress(f"{done} of {len(cells)} runs are there", done / len(cells))
    with ThreadPoolExecutor(processes) as pool:
        running = {pool.submit(_run_apart, cell.config, out / cell.folder): cell for cell in waiting}
        for future in as_completed(running):
            cell = running[future]
            done += 1
            if error := future.exception():
                failures.append((cell, " ".join(str(error).split()) or type(error).__name__))
            progress(f"{cell.model} on {cell.dataset}, seed {cell.seed}", done / len(cells))
    return failures


def _run_apart(config: RunConfig, folder: Path) -> None:
    # A process for each run: its peak memory is its own, and a crash costs one run.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_run_cell, config, folder).result()


def _is_done(cell: Cell, out: Path) -> bool:
    folder = out / cell.folder
    if not (folder / COST).is_file():
        return False
    # A plan that has changed since is noticed by the run itself, which refuses the folder.
    return (folder / "config.toml").read_text(encoding="utf-8") == to_toml(cell.config)


def _run_cell(config: RunConfig, folder: Path) -> None:
    """One run with one thread, in a process of its own, and what it cost."""
    import torch

    torch.set_num_threads(1)
    marks: list[float] = []

    def tell(stage: str, share: float) -> None:
        if stage.startswith("epoch"):
            marks.append(time.perf_counter())

    made = run(config, out=folder, progress=tell)
    steps = np.diff(marks)
    facts = {
        "parameters": _parameters(made.folder),
        # The first epoch of a run also waits for the features.
        "epoch_s": float(np.median(steps)) if len(steps) else None,
        "peak_mb": peak_mb(),
    }
    write_atomically(folder / COST, json.dumps(facts) + "\n")


def _parameters(folder: Path) -> int:
    models = [expert.model for expert in Bundle.load(folder).experts]
    return sum(part.numel() for model in models for part in model.parameters() if part.requires_grad)


def peak_mb() -> float:
    """The most memory that this process held, in MB."""
    # macOS counts in bytes, Linux in KiB.
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _tables(
    plan: Plan, cells: Sequence[Cell], out: Path, *, failed: set[tuple[str, str]]
) -> list[Standings]:
    tables = []
    for dataset in plan.datasets:
        kept = [model for model in plan.models if (dataset.title, model.title) not in failed]
        entrants = [
            _entrant(
                plan, model,
                [cell for cell in cells if (cell.dataset, cell.model) == (dataset.title, model.title)], out,
            )
            for model in kept
        ]  # fmt: skip
        if not entrants:
            continue
        one = next(
            cell for cell in cells if cell.dataset == dataset.title and cell.model == entrants[0].title
        )
        tables += [
            compare_entrants(
                [
                    replace(entrant, published=_published(plan, model, dataset, metric))
                    for entrant, model in zip(entrants, kept, strict=True)
                ],
                METRICS.load(metric),
                dataset=dataset.title,
                generator=np.random.default_rng(0),
                resamples=plan.resamples,
                protocol=_protocol(out / one.folder, plan),
            )
            for metric in plan.metrics
        ]
    return tables


def _published(plan: Plan, model: Variant, dataset: Variant, metric: str) -> Published | None:
    for one in model.published.get(dataset.title, ()):
        if (one.metric or plan.metrics[0]) == metric:
            return Published(value=one.value, protocol=one.protocol, source=one.source)
    return None


def _entrant(plan: Plan, model: Variant, cells: Sequence[Cell], out: Path) -> Entrant:
    runs = []
    for seed in plan.seeds:
        parts = [read_predictions(out / cell.folder)["test"] for cell in cells if cell.seed == seed]
        runs.append(pooled(parts))
    costs = [json.loads((out / cell.folder / COST).read_text(encoding="utf-8")) for cell in cells]
    return Entrant(
        model.title,
        tuple(runs),
        Cost(
            parameters=costs[0]["parameters"],
            epoch_s=_middle([cost["epoch_s"] for cost in costs]),
            peak_mb=max(cost["peak_mb"] for cost in costs),
        ),
    )


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """The test predictions of several folds as one; a clip that several folds test has the mean of what they say.

    Raises:
        ConfigError: two folds do not agree on the truth of a clip.
    """
    rows: dict[str, list[tuple[int, int]]] = {}
    for number, part in enumerate(parts):
        for row, name in enumerate(part.ids):
            rows.setdefault(name, []).append((number, row))

    def joined(field: str) -> np.ndarray:
        held = [getattr(part, field) for part in parts]
        return np.stack([np.mean([held[n][row] for n, row in where], axis=0) for where in rows.values()])

    for field in ("truth", "rating_truth"):
        held = [getattr(part, field) for part in parts]
        for name, where in rows.items():
            if any(
                not np.array_equal(held[n][r], held[where[0][0]][where[0][1]], equal_nan=True)
                for n, r in where
            ):
                raise ConfigError(f"clip {name}: two folds do not agree on its truth")
    return Predictions(
        ids=tuple(rows), task=parts[0].task, scores=joined("scores"), probabilities=joined("probabilities"),
        truth=joined("truth"), ratings=joined("ratings"), rating_truth=joined("rating_truth"),
        groups=tuple(parts[where[0][0]].groups[where[0][1]] for where in rows.values()),
    )  # fmt: skip


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _protocol(folder: Path, plan: Plan) -> str:
    made, verdict = protocol_of(folder)
    pooled_name = re.sub(r"fold \d+ of (\d+)", lambda found: _folds(plan.folds, found[1]), made)
    pooled_name = pooled_name if plan.folds else made
    return f"{pooled_name}; {verdict}" if verdict else pooled_name


def _folds(made: int, there: str) -> str:
    return f"{there} folds pooled" if str(made) == there else f"{made} of {there} folds pooled"


def _tree(plan: Plan, dataset: Variant, model: Variant, *, seed: int, fold: int | None) -> dict[str, Any]:
    tree = copy.deepcopy(plan.base)
    tree |= {"name": f"{_slug(plan.name)}-{_slug(dataset.title)}-{_slug(model.title)}", "seed": seed}
    for variant in (dataset, model):
        for key, value in variant.set.items():
            put(tree, key, copy.deepcopy(value), place=f"{variant.title}: set")
    # Only now, so that what a dataset sets for a part can be left out by a model.
    for variant in (dataset, model):
        for key in variant.without:
            drop(tree, key, place=f"{variant.title}: without")
    if fold is not None:
        tree.setdefault("split", {})["fold"] = fold
    return tree


def _check_titles(plan: Plan, path: Path) -> None:
    for kind, variants in (("datasets", plan.datasets), ("models", plan.models)):
        slugs = [_slug(one.title) for one in variants]
        if len(set(slugs)) < len(slugs):
            raise ConfigError(
                f"{path}: {kind}: two titles make the same folder name; wanted different ones"
            )
    titles = {one.title for one in plan.datasets}
    for model in plan.models:
        if strange := sorted(set(model.published) - titles):
            raise ConfigError(
                f"{path}: {model.title}: published names {strange[0]!r}, which is no dataset's title"
            )


def _check_published(plan: Plan, path: Path) -> None:
    for model in plan.models:
        for title, numbers in model.published.items():
            named = [one.metric or plan.metrics[0] for one in numbers]
            if strange := sorted(set(named) - set(plan.metrics)):
                raise ConfigError(
                    f"{path}: {model.title}: published for {title} names the metric {strange[0]!r}; "
                    f"the plan has {', '.join(plan.metrics)}"
                )
            if len(set(named)) < len(named):
                raise ConfigError(f"{path}: {model.title}: published for {title} has one metric twice")


def _slug(title: str) -> str:
    return re.sub(r"[^\w.-]+", "_", title).strip("_").lower() or "_"
