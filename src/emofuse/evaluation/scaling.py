"""How a cost grows with a size: fitted exponents, and time and memory against length and number of clips."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from emofuse.evaluation.memory import measure_memory
from emofuse.evaluation.workload import forward, synthetic_samples
from emofuse.training.engine import Engine
from emofuse.training.prediction import predict

LENGTHS = (32, 64, 128, 256, 512)
CLIPS = (16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Exponent:
    """``cost ~ size ** value`` by least squares on logarithms, with the 95 % interval of the slope (NaN ends
    where two sizes only were measured) and ``r2``, the share of the variance that the line explains. ``last`` is
    the slope between the two largest sizes, where fixed costs weigh least.
    """

    value: float
    low: float
    high: float
    r2: float
    last: float


@dataclass(frozen=True)
class Scaling:
    """A ``quantity`` ("time_s" or "memory_mb") at each of the ``sizes`` of what is ``varied``, and its exponent."""

    quantity: str
    varied: str
    sizes: tuple[int, ...]
    values: tuple[float, ...]
    exponent: Exponent


def fit_exponent(sizes: Sequence[float], values: Sequence[float]) -> Exponent:
    """The exponent of a power law through ``values`` at ``sizes``, both positive.

    Raises:
        ValueError: fewer than two different sizes, or a number that is not positive.
    """
    across, up = np.asarray(sizes, np.float64), np.asarray(values, np.float64)
    if across.shape != up.shape or len(np.unique(across)) < 2:
        raise ValueError(f"need a value at each of two or more sizes, got {sizes} and {values}")
    if not ((across > 0).all() and (up > 0).all()):
        raise ValueError(f"a power law needs positive numbers, got {sizes} and {values}")
    order = np.argsort(across)
    x, y = np.log(across[order]), np.log(up[order])
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    off = y - y.mean() - slope * centred
    spread = float(((y - y.mean()) ** 2).sum())
    half = float("nan")
    if len(x) > 2:
        from scipy.stats import t

        half = float(t.ppf(0.975, len(x) - 2) * np.sqrt(off @ off / (len(x) - 2) / (centred @ centred)))
    r2 = 1 - float(off @ off) / spread if spread > 0 else 1.0
    last = float((y[-1] - y[-2]) / (x[-1] - x[-2])) if x[-1] > x[-2] else float("nan")
    return Exponent(slope, slope - half, slope + half, r2, last)


def scaling_by_length(
    model: nn.Module,
    dims: Mapping[str, int],
    *,
    lengths: Sequence[int] = LENGTHS,
    clips: int = 4,
    engine: Engine | None = None,
    repeats: int = 5,
) -> tuple[Scaling, Scaling]:
    """Time and peak memory of tensors of one batch of ``clips``, every modality as long as each of ``lengths``."""
    where = engine or Engine.pick("cpu")
    batches = {
        length: synthetic_samples(dims, lengths=length, clips=clips, model=model) for length in lengths
    }

    def work(length: int) -> Callable[[], object]:
        return lambda: forward(model, batches[length], dims=dims, engine=where)

    return _measured("frames", lengths, work, where, repeats)


def scaling_by_clips(
    model: nn.Module,
    dims: Mapping[str, int],
    *,
    counts: Sequence[int] = CLIPS,
    lengths: Mapping[str, int] | int = 50,
    engine: Engine | None = None,
    repeats: int = 3,
) -> tuple[Scaling, Scaling]:
    """Time and peak memory of tensors of predicting each number of clips, in batches of 16 as they stream by."""
    where = engine or Engine.pick("cpu")
    every = synthetic_samples(dims, lengths=lengths, clips=max(counts), model=model)

    def work(count: int) -> Callable[[], object]:
        return lambda: predict(model, every[:count], dims=dims, engine=where, batch_size=16)

    return _measured("clips", counts, work, where, repeats)


def _measured(
    varied: str,
    sizes: Sequence[int],
    work: Callable[[int], Callable[[], object]],
    engine: Engine,
    repeats: int,
) -> tuple[Scaling, Scaling]:
    times, peaks = [], []
    model_device: torch.device = engine.device
    for size in sizes:
        call = work(size)
        call()
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
        # The least is the run that was disturbed least; other work on the machine only adds.
        times.append(min(taken))
        memory = measure_memory(call, device=model_device)
        peaks.append(memory.tensors_mb if memory.device_mb is None else memory.device_mb)
    return (
        Scaling("time_s", varied, tuple(sizes), tuple(times), fit_exponent(sizes, times)),
        Scaling("memory_mb", varied, tuple(sizes), tuple(peaks), fit_exponent(sizes, peaks)),
    )
