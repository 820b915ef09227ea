"""Search over hyper-parameters on validation, with pruning, in a database file that can be resumed (Optuna)."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse.errors import ConfigError, InputError, MissingExtraError

# `tell` hands over (epoch, validation score) and says whether the trial is to be given up.
Tell = Callable[[int, float], bool]
Trial = Callable[[int, Mapping[str, Any], Tell], float]


class GivenUpError(Exception):
    """What a trial raises once it is told to give up."""


@dataclass(frozen=True)
class Space:
    """What one key may be: one of ``choices``, or a number from ``low`` to ``high`` (``log``: by its logarithm,
    ``whole``: integers).
    """

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Tried:
    """One trial: its number, what it set, its best validation score, and "complete", "pruned" or "failed"."""

    number: int
    values: Mapping[str, Any]
    score: float
    state: str


def sweep(
    trial: Trial,
    spaces: Mapping[str, Space],
    *,
    database: Path,
    name: str,
    trials: int,
    seed: int = 0,
    higher_is_better: bool = True,
    described: str = "",
) -> list[Tried]:
    """Call ``trial(number, values, tell)`` until the study holds ``trials`` finished ones; all of them, in order.

    Values are drawn by the tree-structured Parzen estimator (Bergstra et al. 2011); a trial below the median of
    the others at its epoch is pruned. A study of that name in ``database`` goes on; what a kill cut off is
    tried again with the same values. A trial that raises is marked failed, and the error goes up. ``described`` is
    all that the scores depend on: trials of another search are not taken for this one's.

    Raises:
        ConfigError: a space does not hold, or the database holds trials of another search.
        InputError: the database cannot be used.
        MissingExtraError: Optuna is not installed.
    """
    for key, space in spaces.items():
        _check(key, space)
    study = _study(database, name, seed=seed, higher_is_better=higher_is_better)
    _check_same(study, described, spaces, database)
    from optuna.trial import TrialState

    for cut in study.get_trials(states=(TrialState.RUNNING,), deepcopy=False):
        study.tell(cut.number, state=TrialState.FAIL)
        study.enqueue_trial(cut.params, skip_if_exists=False)
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    while len(study.get_trials(states=ended, deepcopy=False)) < trials:
        _try(study, trial, spaces)
    return [_tried(one) for one in study.trials if one.state in ended]


def best_of(tried: list[Tried], *, higher_is_better: bool = True) -> Tried:
    """The complete trial with the best validation score, the earliest where several share it.

    Raises:
        ConfigError: none is complete with a score.
    """
    known = [one for one in tried if one.state == "complete" and not math.isnan(one.score)]
    if not known:
        raise ConfigError(f"none of {len(tried)} trials ended with a validation score")
    return max(known, key=lambda one: (one.score if higher_is_better else -one.score, -one.number))


def _study(database: Path, name: str, *, seed: int, higher_is_better: bool) -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("a search needs Optuna; pip install 'emofuse[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{database.resolve()}")
        known = name in optuna.get_all_study_names(storage)
        study = optuna.create_study(
            storage=storage, study_name=name, load_if_exists=True,
            direction="maximize" if higher_is_better else "minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
        )  # fmt: skip
    except Exception as error:  # SQLAlchemy's errors have no common base that Optuna exports
        raise InputError(f"{database}: not a database of trials ({type(error).__name__})") from error
    # A sampler that resumes must not draw again what it drew before.
    count = len(study.trials) if known else 0
    study.sampler = optuna.samplers.TPESampler(seed=seed + 7919 * count, n_startup_trials=8)
    return study


def _check_same(study: Any, described: str, spaces: Mapping[str, Space], database: Path) -> None:
    told = f"{described} {sorted(spaces.items())} {study.study_name}"
    mark = hashlib.sha256(told.encode()).hexdigest()
    if study.user_attrs.get("search", mark) != mark:
        raise ConfigError(
            f"{database}: holds trials of another search of that name; name another folder, or delete it"
        )
    study.set_user_attr("search", mark)


def _try(study: Any, trial: Trial, spaces: Mapping[str, Space]) -> None:
    from optuna.trial import TrialState

    asked = study.ask()
    values = {key: _suggest(asked, key, space) for key, space in spaces.items()}

    def tell(epoch: int, score: float) -> bool:
        asked.report(score, epoch)
        return bool(asked.should_prune())

    try:
        score = trial(asked.number, values, tell)
    except GivenUpError:
        study.tell(asked, state=TrialState.PRUNED)
    except BaseException as error:
        if isinstance(error, Exception):
            study.tell(asked, state=TrialState.FAIL)
        raise
    else:
        # A score that is undefined is none: the trial counts, and cannot win.
        study.tell(
            asked,
            None if math.isnan(score) else score,
            state=TrialState.PRUNED if math.isnan(score) else None,
        )


def _suggest(asked: Any, key: str, space: Space) -> Any:
    if space.choices:
        # As text: the database holds no lists or tables.
        return json.loads(asked.suggest_categorical(key, [json.dumps(one) for one in space.choices]))
    if space.whole:
        return asked.suggest_int(key, int(space.low), int(space.high), log=space.log)
    return asked.suggest_float(key, space.low, space.high, log=space.log)


def _check(key: str, space: Space) -> None:
    if not space.choices and not space.low < space.high:
        raise ConfigError(f"space.{key}: found {space.low} to {space.high}, wanted choices or low < high")
    if space.log and space.low <= 0:
        raise ConfigError(f"space.{key}: low is {space.low}; a logarithm wants it above 0")


def _tried(one: Any) -> Tried:
    scores = [score for score in one.intermediate_values.values() if not math.isnan(score)]
    score = one.value if one.value is not None else scores[-1] if scores else math.nan
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(one.state.name, "failed")
    values = {
        key: json.loads(value) if isinstance(value, str) else value for key, value in one.params.items()
    }
    return Tried(one.number, values, float(score), state)
