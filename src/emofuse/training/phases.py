"""A phase of a recipe at work: its parameters, its optimiser, its learning rate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from emofuse.errors import ConfigError
from emofuse.models.recipe import Objective, Phase
from emofuse.training.optimisers import make_optimiser, make_schedule


@dataclass(frozen=True)
class Schedule:
    """How long and how to step. ``patience`` epochs without a better validation score end the training;
    ``average`` is the decay of a running mean of the weights, which is then what is validated and kept.
    ``frozen`` holds parameters still whose names start with a key, for that share of the epochs;
    ``accumulate`` batches make one step. The "plateau" schedule multiplies the rate by ``plateau_factor``
    whenever ``plateau_patience`` epochs bring nothing better. With ``sampling`` an epoch draws its clips with
    replacement, as the frequency of their class to the power of minus this.
    """

    epochs: int = 20
    batch_size: int = 32
    accumulate: int = 1
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    rates: Mapping[str, float] = field(default_factory=dict)
    frozen: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "cosine"
    warmup: float = 0.05
    plateau_patience: int = 5
    plateau_factor: float = 0.5
    clip_norm: float = 5.0
    patience: int = 0
    average: float = 0.0
    sampling: float | None = None
    seed: int = 0


def check_prefixes(model: nn.Module, **named: Mapping[str, float]) -> None:
    """Raise `ConfigError` where a key of the schedule's mappings is the beginning of no parameter's name."""
    known = [name for name, value in model.named_parameters() if value.requires_grad]
    for key, mapping in named.items():
        for prefix in mapping:
            if not any(name.startswith(prefix) for name in known):
                raise ConfigError(f"training.{key}: no trainable parameter starts with {prefix!r}")


class Stage:
    """One `Phase` bound to a model.

    Raises:
        ConfigError: the phase has nothing to train, or the schedule names parameters that are not there.
    """

    def __init__(
        self, phase: Phase, model: nn.Module, *, objective: Objective, schedule: Schedule, clips: int
    ) -> None:
        self.phase, self.schedule, self.factor = phase, schedule, 1.0
        self.objective = phase.objective or objective
        named = {key: value for key, value in model.named_parameters() if value.requires_grad}
        self.named = {key: value for key, value in named.items() if key.startswith(phase.trains)}
        self._others = [value for key, value in named.items() if key not in self.named]
        if not self.named:
            raise ConfigError(f"phase {phase.name}: no trainable parameter starts with {phase.trains}")
        check_prefixes(model, rates=schedule.rates, frozen=schedule.frozen)
        self.optimiser = make_optimiser(
            self.named, name=schedule.optimiser, learning_rate=schedule.learning_rate * phase.rate,
            weight_decay=schedule.weight_decay, rates=schedule.rates,
        )  # fmt: skip
        batches = -(-clips // schedule.batch_size)
        epochs = sum(self.open(epoch) for epoch in range(schedule.epochs))
        self.rates = make_schedule(
            self.optimiser, name=schedule.schedule, warmup=schedule.warmup,
            steps=epochs * -(-batches // schedule.accumulate), slow=lambda: self.factor,
        )  # fmt: skip

    def open(self, epoch: int) -> bool:
        """Whether the phase is at work in an epoch, counted from 0."""
        return self.phase.start <= (epoch + 0.5) / self.schedule.epochs <= self.phase.stop

    def begin(self, epoch: int, *, factor: float) -> None:
        """Let the gradient reach this phase's parameters that are not frozen in this epoch, and no others.
        ``factor`` slows a "plateau" schedule.
        """
        self.factor = factor
        for group, rate, scale in zip(
            self.optimiser.param_groups, self.rates.base_lrs, self.rates.lr_lambdas, strict=True
        ):
            group["lr"] = rate * scale(self.rates.last_epoch)
        done = epoch / self.schedule.epochs
        held = tuple(prefix for prefix, share in self.schedule.frozen.items() if done < share)
        for value in self._others:
            value.requires_grad_(False)
        for key, value in self.named.items():
            value.requires_grad_(not (held and key.startswith(held)))
        self.optimiser.zero_grad(set_to_none=True)

    def end(self) -> None:
        """Let the gradient reach everything again."""
        for value in (*self._others, *self.named.values()):
            value.requires_grad_(True)

    def step(self, *, clip_norm: float, scaler: torch.amp.GradScaler) -> None:
        """One step of the optimiser and of its rate. Where the loss was scaled, gradients are brought back first, and
        ones that overflowed move nothing but the scale.
        """
        scaled = scaler.is_enabled() and any(one.grad is not None for one in self.named.values())
        if scaled:
            scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.named.values(), clip_norm)
        stepped = True
        if scaled:
            scaler.step(self.optimiser)
            before = scaler.get_scale()
            scaler.update()
            stepped = scaler.get_scale() >= before
        else:
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if stepped:
            self.rates.step()

    def state(self) -> dict[str, Any]:
        """What `resume` needs."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "rates": {"last_epoch": self.rates.last_epoch, "_step_count": self.rates._step_count},
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.optimiser.load_state_dict(state["optimiser"])
        # The factors are functions of the step, made anew; torch wants a place for them all the same.
        self.rates.load_state_dict({**state["rates"], "lr_lambdas": [None] * len(self.rates.lr_lambdas)})
