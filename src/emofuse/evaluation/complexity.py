"""What a model costs: parameters, multiply-adds, time, throughput, memory, energy, size on disk.

Measured from features that are in memory: reading and decoding media and extracting features are not in the
times (`time_calls` of `emofuse.evaluation.timing` takes any call, a recogniser's for instance). Multiply-adds are
half the operations that torch's FlopCounterMode counts: those of matrix products, convolutions and attention; sums,
norms and activations are not among them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from emofuse.alignment.collate import collate
from emofuse.errors import InputError
from emofuse.evaluation.energy import Energy, counters, measure_energy
from emofuse.evaluation.memory import Memory, measure_memory
from emofuse.evaluation.scaling import Scaling, scaling_by_clips, scaling_by_length
from emofuse.evaluation.timing import (
    NO_EPOCH,
    EpochTime,
    Throughput,
    Times,
    epoch_of_run,
    time_calls,
)  # fmt: skip
from emofuse.evaluation.workload import Workload, forward, sized
from emofuse.training.engine import Engine
from emofuse.types import Sample

_MB = 1e6


@dataclass(frozen=True)
class Plan:
    """How much is measured: ``runs`` timed passes of one clip after ``warm_up`` others, the ``batch_sizes``, the
    ``lengths`` and ``counts`` of clips that costs are followed over (empty: not at all), and for how many seconds
    energy is counted.
    """

    runs: int = 50
    warm_up: int = 5
    batch_sizes: tuple[int, ...] = (1, 8, 32)
    lengths: tuple[int, ...] = (32, 64, 128, 256, 512)
    counts: tuple[int, ...] = (16, 32, 64, 128)
    energy_s: float = 2.0


@dataclass(frozen=True)
class Complexity:
    """The costs of one model. ``lengths`` are the mean frames of its clips by modality and ``media_s`` their mean
    length in seconds where known; ``multiply_adds`` are of one clip, the first; ``weights_mb`` are parameters and
    buffers as they are held, ``disk_mb`` the folder that was named. ``latency`` is of one clip at a time, padding
    and transfer included.
    """

    lengths: Mapping[str, float]
    media_s: float | None
    parameters: int
    trainable: int
    multiply_adds: int
    weights_mb: float
    latency: Times
    throughput: tuple[Throughput, ...]
    memory: Memory
    energy: Energy
    scaling: tuple[Scaling, ...]
    device: str
    threads: int
    name: str = "model"
    disk_mb: float | None = None
    epoch: EpochTime = NO_EPOCH

    def named(self, name: str, *, folder: Path | None = None, epoch: EpochTime | None = None) -> Complexity:
        """With the model's name, the size of the ``folder`` of its run or bundle, and what an epoch of its training
        takes: ``epoch`` (from `measure_epoch`), or what the run wrote down.
        """
        size = self.disk_mb if folder is None else disk_mb(folder)
        told = epoch or (self.epoch if folder is None else epoch_of_run(folder))
        return replace(self, name=name, disk_mb=size, epoch=told)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; NaN becomes None."""
        return _plain(asdict(self))


def measure_complexity(
    model: nn.Module,
    dims: Mapping[str, int],
    *,
    load: Workload,
    plan: Plan | None = None,
    engine: Engine | None = None,
    progress: Callable[[str, float], None] = lambda stage, done: None,
) -> Complexity:
    """The costs of ``model`` on the clips of ``load``, real ones or those of `synthetic_samples`.

    Args:
        model: ``Batch -> Output``; it is put into evaluation mode and on the engine's device.
        dims: width of its modalities' tracks.
        load: the clips, taken in turn, and how long their media are.
        plan: how much is measured.
        engine: device and precision; the processor by default.
        progress: called with what is measured and the share that is done.
    """
    engine, plan, samples = engine or Engine.pick("cpu"), plan or Plan(), load.samples
    model = model.to(engine.device).eval()

    def one(place: int) -> object:
        return forward(model, [samples[place % len(samples)]], dims=dims, engine=engine)

    progress("time of one clip", 0.0)
    latency = time_calls(one, runs=plan.runs, warm_up=plan.warm_up, media_s=load.seconds())
    progress("throughput", 0.2)
    throughput = tuple(_throughput(model, samples, dims, engine, size) for size in plan.batch_sizes)
    progress("memory and energy", 0.4)
    memory = measure_memory(lambda: one(0), device=engine.device)
    energy = _energy(lambda: one(0), latency, engine, plan.energy_s)
    progress("growth", 0.5)
    scaling = _growth(model, dims, load, plan, engine)
    progress("done", 1.0)
    total, trainable = count_parameters(model)
    seconds = load.seconds()
    return Complexity(
        lengths=load.lengths(dims), media_s=None if seconds is None else float(np.mean(seconds)),
        parameters=total, trainable=trainable,
        multiply_adds=count_multiply_adds(model, samples[:1], dims=dims, engine=engine),
        weights_mb=weights_mb(model), latency=latency, throughput=throughput, memory=memory, energy=energy,
        scaling=scaling, device=_device_name(engine.device), threads=torch.get_num_threads(),
    )  # fmt: skip


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """How many numbers the model has learnt or was given to learn: all, and those that a gradient reaches."""
    sizes = [(part.numel(), part.requires_grad) for part in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def weights_mb(model: nn.Module) -> float:
    """Parameters and buffers as they are held in memory, in MB; what is shared counts once."""
    parts = {part.data_ptr(): part.numel() * part.element_size() for part in model.state_dict().values()}
    return sum(parts.values()) / _MB


def disk_mb(path: Path) -> float:
    """Size of a file, or of all files in a folder, in MB.

    Raises:
        InputError: there is nothing at ``path``.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no file or folder there")
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files) / _MB


def count_multiply_adds(
    model: nn.Module, samples: Sequence[Sample], *, dims: Mapping[str, int], engine: Engine | None = None
) -> int:
    """Multiply-adds of one pass over ``samples`` together, padding included."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    engine = engine or Engine.pick("cpu")
    batch = collate(samples, dims).to(engine.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        # Fused recurrent layers and attention are one operation each, which the counter does not know on a
        # processor: without them it sees the matrix products inside.
        with (
            torch.backends.mkldnn.flags(enabled=False),
            torch.backends.cudnn.flags(enabled=False),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
            # The counter follows modules by the graph of gradients, which must be there for it.
            torch.enable_grad(),
            engine.autocast(),
        ):
            model(batch)
    return int(counter.get_total_flops()) // 2


def _throughput(
    model: nn.Module, samples: Sequence[Sample], dims: Mapping[str, int], engine: Engine, size: int
) -> Throughput:
    chosen = sized(samples, size)
    times = time_calls(lambda _: forward(model, chosen, dims=dims, engine=engine), runs=15, warm_up=2)
    return Throughput(size, size / times.p50_s)


def _energy(call: Callable[[], object], latency: Times, engine: Engine, wanted_s: float) -> Energy:
    gpu = (engine.device.index or 0) if engine.device.type == "cuda" else None
    meters, reason = counters(gpu=gpu)
    runs = max(1, round(wanted_s / max(latency.p50_s, 1e-6)))
    return measure_energy(call, runs=runs, meters=meters, reason=reason)


def _growth(
    model: nn.Module, dims: Mapping[str, int], load: Workload, plan: Plan, engine: Engine
) -> tuple[Scaling, ...]:
    found: tuple[Scaling, ...] = ()
    if plan.lengths:
        found += scaling_by_length(model, dims, lengths=plan.lengths, engine=engine)
    if plan.counts:
        usual = {name: max(1, round(length)) for name, length in load.lengths(dims).items()}
        found += scaling_by_clips(model, dims, counts=plan.counts, lengths=usual, engine=engine)
    return found


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value
