"""Optimisers and learning-rate schedules, by name."""

import math
from collections.abc import Mapping

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
    model: nn.Module, *, name: str, learning_rate: float, weight_decay: float, rates: Mapping[str, float]
) -> torch.optim.Optimizer:
    """``rates`` multiplies the learning rate of parameters whose name starts with a key; the longest key
    counts. Vectors (biases, norms) are not decayed.

    Raises:
        ConfigError: an unknown name, or a key of ``rates`` that no trainable parameter starts with.
    """
    if name not in OPTIMISERS:
        raise ConfigError(f"optimiser must be one of {sorted(OPTIMISERS)}, got {name!r}")
    named = [(key, value) for key, value in model.named_parameters() if value.requires_grad]
    for prefix in rates:
        if not any(key.startswith(prefix) for key, _ in named):
            raise ConfigError(f"training.rates: no trainable parameter starts with {prefix!r}")
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for key, value in named:
        prefixes = sorted((prefix for prefix in rates if key.startswith(prefix)), key=len)
        factor = rates[prefixes[-1]] if prefixes else 1.0
        groups.setdefault((factor, weight_decay if value.ndim > 1 else 0.0), []).append(value)
    listed = [
        {"params": parameters, "lr": learning_rate * factor, "weight_decay": decay}
        for (factor, decay), parameters in groups.items()
    ]
    extra = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return OPTIMISERS[name](listed, lr=learning_rate, **extra)


def make_schedule(optimiser: torch.optim.Optimizer, *, name: str, steps: int, warmup: float) -> LambdaLR:
    """Factor over ``steps``: linear rise over the first ``warmup`` share, then "constant", or "cosine" or
    "linear" down to zero.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in ("constant", "cosine", "linear"):
        raise ConfigError(f"schedule must be constant, cosine or linear, got {name!r}")
    rise = max(1, round(warmup * steps)) if warmup else 0

    def factor(step: int) -> float:
        """What the learning rate is multiplied by at ``step``."""
        if step < rise:
            return (step + 1) / rise
        if name == "constant":
            return 1.0
        done = min(1.0, (step - rise) / max(1, steps - rise))
        return 0.5 * (1 + math.cos(math.pi * done)) if name == "cosine" else 1.0 - done

    return LambdaLR(optimiser, factor)
