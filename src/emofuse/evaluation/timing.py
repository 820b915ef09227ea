"""Time: of repeated calls with their percentiles, and of an epoch of training."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.evaluation.workload import sized
from emofuse.models.recipe import Objective
from emofuse.training.engine import Engine
from emofuse.types import Sample


@dataclass(frozen=True)
class Times:
    """Seconds of ``runs`` calls, percentiles interpolated; ``per_media_s`` is the mean time of computing a second
    of media, None where it is not known how long the media are.
    """

    runs: int
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    per_media_s: float | None = None


@dataclass(frozen=True)
class Throughput:
    """Clips a second in batches of one size."""

    batch_size: int
    clips_per_s: float


@dataclass(frozen=True)
class EpochTime:
    """Seconds of one epoch of training, and where the number comes from; None with the reason in ``source``."""

    seconds: float | None
    source: str


NO_EPOCH = EpochTime(None, "not measured")


def time_calls(
    call: Callable[[int], object],
    *,
    runs: int,
    warm_up: int = 1,
    media_s: Sequence[float] | None = None,
) -> Times:
    """Time ``call(0)``, ``call(1)`` and so on; ``media_s`` are the seconds of media of each, taken in turn.

    Raises:
        ConfigError: no run is asked for.
    """
    if runs < 1:
        raise ConfigError(f"need 1 run or more, got {runs}")
    for place in range(warm_up):
        call(place)
    taken = np.empty(runs)
    for place in range(runs):
        start = time.perf_counter()
        call(place)
        taken[place] = time.perf_counter() - start
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    media = sum(media_s[place % len(media_s)] for place in range(runs)) if media_s else 0.0
    return Times(
        runs, float(taken.mean()), float(p50), float(p95), float(p99),
        per_media_s=float(taken.sum() / media) if media > 0 else None,
    )  # fmt: skip


def epoch_of_run(folder: Path) -> EpochTime:
    """What an epoch took in a run that wrote down its cost (``cost.json``)."""
    path = Path(folder) / "cost.json"
    if not path.is_file():
        return EpochTime(None, f"{path}: the run kept no cost")
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("epoch_s")
    except (ValueError, AttributeError) as error:
        return EpochTime(None, f"{path}: cannot be read ({error})")
    if not isinstance(found, int | float):
        return EpochTime(None, f"{path}: a run of one epoch tells no time of an epoch")
    return EpochTime(float(found), f"median of the run's epochs after the first ({path.name})")


def measure_epoch(
    model: nn.Module,
    dims: Mapping[str, int],
    *,
    samples: Sequence[Sample],
    objective: Objective,
    clips: int,
    batch_size: int = 32,
    engine: Engine | None = None,
    steps: int = 5,
) -> EpochTime:
    """Training time of ``clips`` clips from a few steps of AdamW on a copy of the model; validation and
    perturbations are not in it. ``samples`` need targets.
    """
    engine = engine or Engine.pick("cpu")
    trained = copy.deepcopy(model).to(engine.device).train()
    named = [part for part in trained.parameters() if part.requires_grad]
    optimiser = torch.optim.AdamW(named)
    chosen = sized(samples, batch_size)

    def _step(_: int) -> None:
        batch = collate(chosen, dims).to(engine.device)
        with engine.autocast():
            loss = objective(trained(batch), batch)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if engine.device.type == "cuda":
            torch.cuda.synchronize(engine.device)

    times = time_calls(_step, runs=steps, warm_up=1)
    count = -(-clips // batch_size)
    return EpochTime(times.p50_s * count, f"{steps} steps of {batch_size} clips, times {count} batches")
