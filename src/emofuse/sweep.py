"""A search over a configuration's keys: every trial trains and is scored on validation; test is never looked at."""

import copy
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from emofuse.config import RunConfig, apply_override, check_config, put, read_toml, to_toml, validated
from emofuse.datasets.splits import SPLITS, merge
from emofuse.errors import DivergedError
from emofuse.features.cache import Cache
from emofuse.files import write_atomically
from emofuse.models.recipe import make
from emofuse.preparation import (
    Prepared,
    Progress,
    build,
    fit_prepared,
    load,
    make_extractors,
    watched_metric,
)
from emofuse.training.engine import Engine
from emofuse.training.sweep import GivenUpError, Space, Tell, Tried, best_of, sweep
from emofuse.types import Corpus

# Trials that differ in none of these share their samples.
PREPARED_BY = ("datasets", "split", "features", "alignment", "augmentation", "seed")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Strict):
    """``choices``, or ``low`` to ``high``, by its logarithm (``log``), in whole numbers (``whole``)."""

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False


class Search(_Strict):
    """What is searched: a run configuration and, by dotted key, what each key may be."""

    name: str = Field(pattern=r"^[\w.-]+$")
    about: str = ""
    trials: int = Field(default=30, ge=1)
    seed: int = Field(default=0, ge=0)
    base: dict[str, Any]
    space: dict[str, Range] = Field(min_length=1)

    @field_validator("space", mode="before")
    @classmethod
    def _lists_are_choices(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: {"choices": one} if isinstance(one, list) else one for key, one in value.items()}


@dataclass(frozen=True)
class Found:
    """The trials in order, which was best on validation, by which metric, and its configuration."""

    trials: tuple[Tried, ...]
    best: Tried
    metric: str
    config: RunConfig


def load_search(path: Path, overrides: Sequence[str] = ()) -> Search:
    """Read a search from TOML. ``base`` may be a table, or the path of a run's TOML file, relative to the
    search's own folder. ``overrides`` are ``key.path=value`` on the search.

    Raises:
        ConfigError: the file cannot be read, or a value does not hold.
    """
    tree = read_toml(path)
    if isinstance(tree.get("base"), str):
        tree["base"] = read_toml(path.parent / tree["base"])
    for override in overrides:
        apply_override(tree, override)
    read = validated(Search, tree, str(path))
    _configured(read, {key: _first(one) for key, one in read.space.items()})
    return read


def search(plan: Search, out: Path, *, progress: Progress = lambda stage, done: None) -> Found:
    """Try until ``plan.trials`` trials have ended; writes ``trials.db`` (SQLite), ``trials.csv`` and
    ``best.toml`` to ``out``. A search that was cut off goes on with its database; a trial that diverges is given up.

    Raises:
        ConfigError: a configuration or a space does not hold, the database holds another search, or no trial gave
            a score.
        OutputError: ``out`` cannot be written.
        MissingExtraError: Optuna is not installed.
    """
    base = _configured(plan, {})
    metric = watched_metric(base, _corpus(base).task)
    shared = _Shared()

    def trial(number: int, values: Mapping[str, Any], tell: Tell) -> float:
        """Train with some values; the best validation score."""
        config = _configured(plan, values)
        corpus, data = shared.prepared(config, progress)
        scores: list[float] = []

        def after(row: Mapping[str, float]) -> None:
            """Tell how the trial stands, and give it up where that is hopeless."""
            scores.append(row[f"valid_{metric.name}"])
            progress(
                f"trial {number}, epoch {len(scores)}",
                (number + len(scores) / config.training.epochs) / plan.trials,
            )
            if tell(len(scores), scores[-1]):
                raise GivenUpError

        engine = Engine.pick(config.training.device, config.training.precision)
        built = build(config, corpus.task, data.dims)
        try:
            fitted = fit_prepared(config, built, data, engine=engine, progress=after)
        except DivergedError as error:
            # A rate that is too high is an answer to the search, not the end of it.
            raise GivenUpError from error
        return scores[fitted.best_epoch]

    tried = sweep(
        trial, {key: Space(**one.model_dump()) for key, one in plan.space.items()},
        database=out / "trials.db", name=plan.name, trials=plan.trials, seed=plan.seed,
        higher_is_better=metric.higher_is_better, described=f"{to_toml(base)} {metric.name}",
    )  # fmt: skip
    best = best_of(tried, higher_is_better=metric.higher_is_better)
    config = _configured(plan, best.values)
    write_atomically(out / "trials.csv", _table(tried, list(plan.space), metric.name))
    write_atomically(out / "best.toml", to_toml(config))
    return Found(tuple(tried), best, metric.name, config)


class _Shared:
    """The samples of the last trial, for the next one that prepares them in the same way."""

    def __init__(self) -> None:
        self._key = ""
        self._held: tuple[Corpus, Prepared] | None = None

    def prepared(self, config: RunConfig, progress: Progress) -> tuple[Corpus, Prepared]:
        """The corpus and the samples that a configuration makes."""
        key = repr([getattr(config, name) for name in PREPARED_BY]) + repr(config.training.balance)
        if self._held is None or key != self._key:
            corpus = _corpus(config)
            split = make(SPLITS, config.split.part, corpus)
            data = Prepared(config, corpus, split, make_extractors(config), Cache.default(), progress)
            self._key, self._held = key, (corpus, data)
        return self._held


def _corpus(config: RunConfig) -> Corpus:
    corpora = load(config)
    return corpora[0] if len(corpora) == 1 else merge(corpora)


def _configured(plan: Search, values: Mapping[str, Any]) -> RunConfig:
    tree = {**copy.deepcopy(plan.base), "name": f"{plan.name}-best"}
    for key, value in values.items():
        put(tree, key, value, place="space")
    return check_config(tree, f"{plan.name}: base")


def _first(one: Range) -> Any:
    if one.choices:
        return one.choices[0]
    return int(one.low) if one.whole else one.low


def _table(tried: Sequence[Tried], keys: Sequence[str], metric: str) -> str:
    held = io.StringIO()
    rows = csv.writer(held, lineterminator="\n")
    rows.writerow(["trial", "state", f"valid_{metric}", *keys])
    for one in tried:
        rows.writerow([one.number, one.state, one.score, *(one.values.get(key, "") for key in keys)])
    return held.getvalue()
