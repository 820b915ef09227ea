"""Where, in which precision and in how many processes a model runs."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import distributed, nn

from emofuse.errors import ConfigError

# float16 needs its loss scaled; bfloat16 has the range of float32 and does not.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Engine:
    """A device and a precision for the forward pass (weights stay float32), and which of how many processes
    this is.
    """

    device: torch.device
    precision: str = "float32"
    rank: int = 0
    world: int = 1

    @classmethod
    def pick(cls, device: str = "auto", precision: str = "float32") -> "Engine":
        """``device`` "auto" takes the first accelerator there is, else the processor.

        Raises:
            ConfigError: an unknown precision, or a device that is not there.
        """
        if precision not in PRECISIONS:
            raise ConfigError(f"precision must be one of {sorted(PRECISIONS)}, got {precision!r}")
        if device == "auto":
            found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
            return cls(found or torch.device("cpu"), precision)
        try:
            return cls(torch.empty(0, device=device).device, precision)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ConfigError(f"device {device!r} is not there: {str(error).splitlines()[0]}") from error

    @classmethod
    def joined(cls, device: str = "auto", precision: str = "float32") -> "Engine":
        """`pick`, and under torchrun one of its processes: gloo on processors, NCCL on CUDA devices, of which
        each process of a node takes its own.
        """
        world = int(os.environ.get("WORLD_SIZE", "1"))
        one = cls.pick(device, precision)
        if world == 1 or not distributed.is_available():
            return one
        place = one.device
        if place.type == "cuda":
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(place)
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
        return cls(place, precision, distributed.get_rank(), distributed.get_world_size())

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which a forward pass runs; it raises `ConfigError` where the device has no float16 form
        of a layer.
        """
        kind = PRECISIONS[self.precision]
        if kind is None:
            return contextlib.nullcontext()
        if kind is torch.float16:
            return self._half()
        return torch.autocast(self.device.type, dtype=kind)

    @contextlib.contextmanager
    def _half(self) -> Iterator[None]:
        try:
            with torch.autocast(self.device.type, dtype=torch.float16):
                yield
        except RuntimeError as error:
            # What processors say of layers (an LSTM among them) that they have no kernel for.
            if not any(sign in str(error) for sign in ("primitive descriptor", "'Half'")):
                raise
            raise ConfigError(
                f"training.precision: {self.device} has no float16 form of a layer of this model "
                f"({str(error).splitlines()[0].split('. ')[0]}); wanted bfloat16 or float32"
            ) from error

    def scaler(self) -> torch.amp.GradScaler:
        """What scales the loss up for gradients to stay within float16; it does nothing in other precisions."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")

    def rows(self, count: int) -> tuple[slice, float]:
        """Which rows of a batch of ``count`` are this process's, and what its mean weighs in the whole."""
        if count < self.world:
            return slice(None), 1 / self.world
        return slice(self.rank, None, self.world), len(range(self.rank, count, self.world)) / count

    def add_up(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum the gradients over the processes; one that no process has stays None."""
        if self.world == 1:
            return
        had = torch.tensor([float(one.grad is not None) for one in parameters], device=self.device)
        distributed.all_reduce(had)
        for one, count in zip(parameters, had.tolist(), strict=True):
            if count:
                one.grad = torch.zeros_like(one) if one.grad is None else one.grad
                distributed.all_reduce(one.grad)

    def total(self, value: float) -> float:
        """The sum of a number over the processes."""
        if self.world == 1:
            return value
        held = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(held)
        return float(held)

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            distributed.barrier()
