"""`fit`, the only training loop: plain torch, best epoch by validation, resumable after a kill."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import DivergedError, InputError
from emofuse.models.recipe import Objective, Phase
from emofuse.training.checkpoints import load_state, save_state
from emofuse.training.engine import Engine
from emofuse.training.phases import Schedule, Stage
from emofuse.training.prediction import check_watch, predict, validation_loss, watched
from emofuse.training.samplers import bucketed, class_chances
from emofuse.training.seeds import seed_epoch
from emofuse.types import Batch, Metric, Sample

Perturb = Callable[[Batch, torch.Generator], Batch]
Row = dict[str, float]


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
    ``options`` are ``phases`` (of a `Recipe`), ``perturb`` (on batches), ``state_path`` (where to resume from
    and save to) and ``progress`` (called with each epoch's row). In several processes each takes its rows of
    every batch, and gradients are added up, so that the steps are those of one process.

    Raises:
        ConfigError: no validation clip has what ``watch`` compares with, or the schedule does not hold.
        DivergedError: the model's outputs are not finite any more.
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
        phases: Sequence[Phase] = (Phase(),),
        perturb: Sequence[Perturb] = (),
        state_path: Path | None = None,
        progress: Callable[[Row], None] = lambda row: None,
    ) -> None:
        self.model, self.objective = model.to(engine.device), objective
        self.dims, self.watch, self.schedule, self.engine = dims, watch, schedule, engine
        self.phases, self.perturb, self.state_path, self.progress = phases, perturb, state_path, progress
        self.averaged = copy.deepcopy(self.model) if schedule.average else None
        self.history: list[Row] = []
        self.best_score, self.best_epoch = -float("inf"), -1
        self.best: dict[str, torch.Tensor] = {}
        self.chances: np.ndarray | None = None
        self.scaler = engine.scaler()

    def run(self, train: Sequence[Sequence[Sample]], valid: Sequence[Sample]) -> Fitted:
        """Epoch after epoch, from where a run that was cut off stood."""
        check_watch(self.watch, valid)
        plan = self.schedule
        if plan.sampling is not None:
            self.chances = class_chances([copies[0] for copies in train], plan.sampling)
        self.stages = [
            Stage(phase, self.model, objective=self.objective, schedule=plan, clips=len(train))
            for phase in self.phases
        ]
        kept = (self.objective, *(stage.objective for stage in self.stages))
        self.objectives = [one.to(self.engine.device) for one in kept if isinstance(one, nn.Module)]
        self._resume()
        for epoch in range(len(self.history), plan.epochs):
            if plan.patience and self.best and epoch - self.best_epoch > plan.patience:
                break
            row = {"epoch": float(epoch), "train_loss": self._epoch(train, epoch), **self._validate(valid)}
            self._keep(row, epoch)
            self.progress(row)
        best = self.averaged if self.averaged is not None else self.model
        best.load_state_dict(self.best)
        return Fitted(best.eval(), tuple(self.history), self.best_epoch)

    def _epoch(self, train: Sequence[Sequence[Sample]], epoch: int) -> float:
        generator = seed_epoch(self.schedule.seed, epoch)
        loss = float("nan")
        for stage in self.stages:
            if stage.open(epoch):
                stage.begin(epoch, factor=self._plateau())
                loss = self._pass(stage, train, generator)
                stage.end()
        return loss

    def _pass(
        self, stage: Stage, train: Sequence[Sequence[Sample]], generator: np.random.Generator
    ) -> float:
        if self.chances is not None:
            train = [
                train[int(place)] for place in generator.choice(len(train), len(train), p=self.chances)
            ]
        drawn = [copies[int(generator.integers(len(copies)))] for copies in train]
        draws = torch.Generator().manual_seed(int(generator.integers(2**62)))
        self.model.train()
        total = 0.0
        batches = list(bucketed(drawn, self.schedule.batch_size, generator))
        for first in range(0, len(batches), self.schedule.accumulate):
            together = batches[first : first + self.schedule.accumulate]
            clips = sum(len(indices) for indices in together)
            for indices in together:
                batch = collate([drawn[index] for index in indices], self.dims)
                for perturb in self.perturb:
                    batch = perturb(batch, draws)
                total += self._gradient(stage, batch, share=len(indices) / clips) * len(indices)
            self._step(stage)
        return self.engine.total(total) / len(drawn)

    def _gradient(self, stage: Stage, batch: Batch, *, share: float) -> float:
        rows, weight = self.engine.rows(len(batch))
        with self.engine.autocast():
            part = batch.rows(rows).to(self.engine.device)
            loss = stage.objective(self.model(part), part)
        if loss.requires_grad:
            self.scaler.scale(loss * (share * weight)).backward()
        return float(loss.detach()) * weight

    def _step(self, stage: Stage) -> None:
        self.engine.add_up(list(stage.named.values()))
        stage.step(clip_norm=self.schedule.clip_norm, scaler=self.scaler)
        if self.averaged is not None:
            self._average(self.averaged)

    @torch.no_grad()
    def _average(self, averaged: nn.Module) -> None:
        # The mean starts short, so that early weights do not linger in it (as in Polyak averaging).
        done = sum(stage.rates.last_epoch for stage in self.stages)
        decay = min(self.schedule.average, (1 + done) / (10 + done))
        for kept, new in zip(averaged.state_dict().values(), self.model.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)

    def _validate(self, valid: Sequence[Sample]) -> Row:
        model = self.averaged if self.averaged is not None else self.model
        scores, ratings = predict(model, valid, dims=self.dims, engine=self.engine)
        if not (np.isfinite(scores).all() and np.isfinite(ratings).all()):
            raise DivergedError(
                f"training diverged in epoch {len(self.history) + 1}: the model's outputs are not finite; "
                f"lower training.learning_rate ({self.schedule.learning_rate:g})"
            )
        loss = validation_loss(scores, ratings, valid)
        return {"valid_loss": loss, f"valid_{self.watch.name}": watched(self.watch, scores, ratings, valid)}

    def _score(self, row: Row) -> float:
        value = row[f"valid_{self.watch.name}"]
        # An undefined score (a correlation of constants) is worse than any other.
        return -float("inf") if math.isnan(value) else value if self.watch.higher_is_better else -value

    def _plateau(self) -> float:
        """The factor of the "plateau" schedule: a function of the history, so that it resumes with it."""
        best, waited, factor = -float("inf"), 0, 1.0
        for row in self.history:
            score = self._score(row)
            best, waited = (score, 0) if score > best else (best, waited + 1)
            if waited > self.schedule.plateau_patience:
                factor, waited = factor * self.schedule.plateau_factor, 0
        return factor

    def _keep(self, row: Row, epoch: int) -> None:
        self.history.append(row)
        model = self.averaged if self.averaged is not None else self.model
        score = self._score(row)
        if self.stages[-1].open(epoch) and (score > self.best_score or not self.best):
            self.best_score, self.best_epoch = score, epoch
            self.best = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        if self.state_path is not None and self.engine.rank == 0:
            save_state(self.state_path, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict() if self.averaged is not None else None,
            "stages": [stage.state() for stage in self.stages],
            "objectives": [one.state_dict() for one in self.objectives],
            "history": self.history,
            "best": self.best,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            **({"scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else {}),
        }

    def _resume(self) -> None:
        state = load_state(self.state_path) if self.state_path is not None else None
        if state is None:
            return
        try:
            self.model.load_state_dict(state["model"])
            if self.averaged is not None:
                self.averaged.load_state_dict(state["averaged"])
            for stage, kept in zip(self.stages, state["stages"], strict=True):
                stage.resume(kept)
            for one, kept in zip(self.objectives, state["objectives"], strict=True):
                one.load_state_dict(kept)
            if self.scaler.is_enabled():
                self.scaler.load_state_dict(state["scaler"])
            self.history, self.best = list(state["history"]), state["best"]
            self.best_score, self.best_epoch = state["best_score"], state["best_epoch"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.state_path}: the training state does not fit the model ({error})"
            ) from error
