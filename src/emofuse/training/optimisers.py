"""Optimisers and learning-rate schedules, by name."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from emofuse.errors import ConfigError

OPTIMISERS = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


def make_optimiser(
    named: Mapping[str, nn.Parameter],
    *,
    name: str,
    learning_rate: float,
    weight_decay: float,
    rates: Mapping[str, float],
) -> torch.optim.Optimizer:
    """``rates`` multiplies the learning rate of parameters whose name starts with a key; the longest key
    counts. Vectors (biases, norms) are not decayed.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in OPTIMISERS:
        raise ConfigError(f"optimiser must be one of {sorted(OPTIMISERS)}, got {name!r}")
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for key, value in named.items():
        prefixes = sorted((prefix for prefix in rates if key.startswith(prefix)), key=len)
        factor = rates[prefixes[-1]] if prefixes else 1.0
        groups.setdefault((factor, weight_decay if value.ndim > 1 else 0.0), []).append(value)
    listed = [
        {"params": parameters, "lr": learning_rate * factor, "weight_decay": decay}
        for (factor, decay), parameters in groups.items()
    ]
    extra = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return OPTIMISERS[name](listed, lr=learning_rate, **extra)


def make_schedule(
    optimiser: torch.optim.Optimizer,
    *,
    name: str,
    steps: int,
    warmup: float,
    slow: Callable[[], float] = lambda: 1.0,
) -> LambdaLR:
    """Factor over ``steps``: linear rise over the first ``warmup`` share, then by ``name``.

    "constant"; "cosine" or "linear" down to zero; "one_cycle" (Smith & Topin 2019) rises from 1/25 over the first
    ``warmup`` share, at least 30 %, and falls to 1/250,000, both along a cosine; "plateau" is ``slow()``, which
    the training lowers.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in SCHEDULES:
        raise ConfigError(f"schedule must be one of {', '.join(SCHEDULES)}, got {name!r}")
    share = max(warmup, 0.3) if name == "one_cycle" else warmup
    rise = max(1, round(share * steps)) if share else 0

    def factor(step: int) -> float:
        """What the learning rate is multiplied by at ``step``."""
        if step < rise:
            up = (step + 1) / rise
            return 1 / 25 + (1 - 1 / 25) * _wave(up) if name == "one_cycle" else up
        done = min(1.0, (step - rise) / max(1, steps - rise))
        return slow() if name == "plateau" else SCHEDULES[name](done)

    return LambdaLR(optimiser, factor)


def _wave(done: float) -> float:
    return 0.5 * (1 - math.cos(math.pi * done))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "linear": lambda done: 1.0 - done,
    "one_cycle": lambda done: 1 - (1 - 1 / 250_000) * _wave(done),
    "plateau": lambda done: 1.0,
}
