"""`fit`, the only training loop: plain torch, best epoch by validation, resumable after a kill."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError, InputError
from emofuse.models.recipe import Objective
from emofuse.training.checkpoints import load_state, save_state
from emofuse.training.engine import Engine
from emofuse.training.optimisers import make_optimiser, make_schedule
from emofuse.training.samplers import bucketed, in_order
from emofuse.training.seeds import seed_epoch
from emofuse.types import Batch, Metric, Sample

Perturb = Callable[[Batch, torch.Generator], Batch]
Row = dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """How long and how to step. ``patience`` epochs without a better validation score end the training;
    ``average`` is the decay of a running mean of the weights, which is then what is validated and kept.
    """

    epochs: int = 20
    batch_size: int = 32
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    rates: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "cosine"
    warmup: float = 0.05
    clip_norm: float = 5.0
    patience: int = 0
    average: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Fitted:
    """The model at its best epoch, one row of numbers an epoch, and which epoch that was."""

    model: nn.Module
    history: tuple[Row, ...]
    best_epoch: int


def fit(
    model: nn.Module,
    objective: Objective,
    *,
    train: Sequence[Sequence[Sample]],
    valid: Sequence[Sample],
    dims: Mapping[str, int],
    watch: Metric,
    schedule: Schedule,
    engine: Engine,
    **options: Any,
) -> Fitted:
    """Train on ``train``, choose the epoch on ``valid`` by ``watch``; no test set can be handed in.

    ``train`` has one sequence a clip: the clip and its perturbed copies, of which each epoch draws one.
    ``options`` are ``perturb`` (on batches), ``state_path`` (where to resume from and save to) and
    ``progress`` (called with each epoch's row).

    Raises:
        ConfigError: no validation clip has what ``watch`` compares with, or the schedule does not hold.
        InputError: the state to resume from is damaged, or belongs to another model.
    """
    return _Fit(model, objective, dims=dims, watch=watch, schedule=schedule, engine=engine, **options).run(
        train, valid
    )


class _Fit:
    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        *,
        dims: Mapping[str, int],
        watch: Metric,
        schedule: Schedule,
        engine: Engine,
        perturb: Sequence[Perturb] = (),
        state_path: Path | None = None,
        progress: Callable[[Row], None] = lambda row: None,
    ) -> None:
        self.model, self.objective = model.to(engine.device), objective
        self.dims, self.watch, self.schedule, self.engine = dims, watch, schedule, engine
        self.perturb, self.state_path, self.progress = perturb, state_path, progress
        self.averaged = copy.deepcopy(self.model) if schedule.average else None
        self.history: list[Row] = []
        self.best_score, self.best_epoch = -float("inf"), -1
        self.best: dict[str, torch.Tensor] = {}

    def run(self, train: Sequence[Sequence[Sample]], valid: Sequence[Sample]) -> Fitted:
        """Epoch after epoch, from where a run that was cut off stood."""
        check_watch(self.watch, valid)
        plan = self.schedule
        self.optimiser = make_optimiser(
            self.model, name=plan.optimiser, learning_rate=plan.learning_rate,
            weight_decay=plan.weight_decay, rates=plan.rates,
        )  # fmt: skip
        steps = plan.epochs * -(-len(train) // plan.batch_size)
        self.rates = make_schedule(self.optimiser, name=plan.schedule, steps=steps, warmup=plan.warmup)
        self._resume()
        for epoch in range(len(self.history), plan.epochs):
            if plan.patience and epoch - self.best_epoch > plan.patience:
                break
            row = {"epoch": float(epoch), "train_loss": self._epoch(train, epoch), **self._validate(valid)}
            self._keep(row, epoch)
            self.progress(row)
        kept = self.averaged if self.averaged is not None else self.model
        kept.load_state_dict(self.best)
        return Fitted(kept.eval(), tuple(self.history), self.best_epoch)

    def _epoch(self, train: Sequence[Sequence[Sample]], epoch: int) -> float:
        generator = seed_epoch(self.schedule.seed, epoch)
        drawn = [copies[int(generator.integers(len(copies)))] for copies in train]
        draws = torch.Generator().manual_seed(int(generator.integers(2**62)))
        self.model.train()
        total = 0.0
        for indices in bucketed(drawn, self.schedule.batch_size, generator):
            batch = collate([drawn[index] for index in indices], self.dims)
            for perturb in self.perturb:
                batch = perturb(batch, draws)
            total += self._step(batch.to(self.engine.device)) * len(indices)
        return total / len(drawn)

    def _step(self, batch: Batch) -> float:
        with self.engine.autocast():
            loss = self.objective(self.model(batch), batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.schedule.clip_norm)
        self.optimiser.step()
        self.rates.step()
        if self.averaged is not None:
            self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        assert self.averaged is not None
        # The mean starts short, so that early weights do not linger in it (as in Polyak averaging).
        done = self.rates.last_epoch
        decay = min(self.schedule.average, (1 + done) / (10 + done))
        for kept, new in zip(
            self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)

    def _validate(self, valid: Sequence[Sample]) -> Row:
        model = self.averaged if self.averaged is not None else self.model
        scores, ratings = predict(model, valid, dims=self.dims, engine=self.engine)
        loss = validation_loss(scores, ratings, valid)
        return {"valid_loss": loss, f"valid_{self.watch.name}": watched(self.watch, scores, ratings, valid)}

    def _keep(self, row: Row, epoch: int) -> None:
        self.history.append(row)
        value = row[f"valid_{self.watch.name}"]
        # An undefined score (a correlation of constants) is worse than any other.
        score = -float("inf") if math.isnan(value) else value if self.watch.higher_is_better else -value
        model = self.averaged if self.averaged is not None else self.model
        if score > self.best_score or not self.best:
            self.best_score, self.best_epoch = score, epoch
            self.best = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        if self.state_path is not None:
            save_state(self.state_path, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict() if self.averaged is not None else None,
            "optimiser": self.optimiser.state_dict(),
            "rates": {"last_epoch": self.rates.last_epoch, "_step_count": self.rates._step_count},
            "history": self.history,
            "best": self.best,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
        }

    def _resume(self) -> None:
        state = load_state(self.state_path) if self.state_path is not None else None
        if state is None:
            return
        try:
            self.model.load_state_dict(state["model"])
            if self.averaged is not None:
                self.averaged.load_state_dict(state["averaged"])
            self.optimiser.load_state_dict(state["optimiser"])
            # The factors are functions of the step, made anew; torch wants a place for them all the same.
            self.rates.load_state_dict(
                {**state["rates"], "lr_lambdas": [None] * len(self.rates.lr_lambdas)}
            )
            self.history, self.best = list(state["history"]), state["best"]
            self.best_score, self.best_epoch = state["best_score"], state["best_epoch"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.state_path}: the training state does not fit the model ({error})"
            ) from error


@torch.no_grad()
def predict(
    model: nn.Module,
    samples: Sequence[Sample],
    *,
    dims: Mapping[str, int],
    engine: Engine,
    batch_size: int = 64,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores ``(n, classes)`` and ratings ``(n, ratings)``, in the order of ``samples``."""
    model.eval()
    scores: dict[int, np.ndarray] = {}
    ratings: dict[int, np.ndarray] = {}
    for indices in in_order(samples, batch_size):
        batch = collate([samples[index] for index in indices], dims).to(engine.device)
        with engine.autocast():
            output = model(batch)
        for row, index in enumerate(indices):
            scores[index] = output.scores[row].float().cpu().numpy()
            ratings[index] = output.ratings[row].float().cpu().numpy()
    order = range(len(samples))
    return np.stack([scores[index] for index in order]), np.stack([ratings[index] for index in order])


def validation_loss(scores: np.ndarray, ratings: np.ndarray, samples: Sequence[Sample]) -> float:
    """Cross-entropy over clips with a label; squared error over ratings where no clip has one."""
    shares = np.stack([sample.shares for sample in samples])
    labelled = np.isfinite(shares).all(axis=1) & (shares.shape[1] > 0)
    if labelled.any():
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        return float(-(shares[labelled] * logs[labelled]).sum(axis=1).mean())
    truth = np.stack([sample.ratings for sample in samples])
    return float(np.nanmean((ratings - truth) ** 2))


def watched(metric: Metric, scores: np.ndarray, ratings: np.ndarray, samples: Sequence[Sample]) -> float:
    """The metric on clips that have its target; for ratings the mean over columns where it is defined."""
    if metric.kind == "ratings":
        truth = np.stack([sample.ratings for sample in samples])
        columns = [
            metric.compute(truth[known, column], ratings[known, column])
            for column, known in enumerate(np.isfinite(truth).T)
        ]
        defined = [value for value in columns if not math.isnan(value)]
        return float(np.mean(defined)) if defined else float("nan")
    shares = np.stack([sample.shares for sample in samples])
    rows = _comparable(metric, shares)
    truth, scores = shares[rows], scores[rows]
    if metric.kind == "labels":
        return float(metric.compute(truth.argmax(axis=1), scores.argmax(axis=1), scores.shape[1]))
    probabilities = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    return float(metric.compute(truth if metric.kind == "shares" else truth.argmax(axis=1), probabilities))


def check_watch(metric: Metric, samples: Sequence[Sample]) -> None:
    """Raise `ConfigError` where no sample has the target that ``metric`` compares with."""
    if metric.kind == "ratings":
        found = any(np.isfinite(sample.ratings).any() for sample in samples)
    else:
        found = any(
            len(sample.shares) and _comparable(metric, sample.shares[None]).any() for sample in samples
        )
    if not found:
        raise ConfigError(
            f"cannot watch {metric.name}: no validation clip has a target of kind {metric.kind!r}"
        )


def _comparable(metric: Metric, shares: np.ndarray) -> np.ndarray:
    labelled = np.isfinite(shares).all(axis=1)
    # A clip with several labels has no single right answer, so single labels are compared on the others.
    return labelled if metric.kind == "shares" else labelled & (np.nan_to_num(shares).max(axis=1) > 0.5)
