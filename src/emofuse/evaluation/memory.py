"""Peak memory: of the process, of the device, and of the tensors that one piece of work makes."""

from __future__ import annotations

import resource
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MB = 1e6


@dataclass(frozen=True)
class Memory:
    """Peaks in MB (10^6 bytes). ``tensors_mb`` is what one call had alive at once beside what was there before
    (weights and inputs are not in it, nor is what an operation uses inside); ``process_mb`` is the most this
    process ever held, libraries included; ``device_mb`` the most that tensors took on the accelerator, weights
    included, None without one.
    """

    tensors_mb: float
    process_mb: float
    device_mb: float | None


def measure_memory(call: Callable[[], object], *, device: torch.device) -> Memory:
    """The peaks of one call."""
    on_cuda = device.type == "cuda"
    if on_cuda:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    with _Alive() as alive:
        call()
    peak_mb = torch.cuda.max_memory_allocated(device) / _MB if on_cuda else None
    return Memory(alive.peak / _MB, process_peak_mb(), peak_mb)


def process_peak_mb() -> float:
    """The most memory that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Unlike getrusage's, this peak does not take over that of the process which started this one.
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / _MB
    # macOS counts in bytes, Linux in KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MB


class _Alive(TorchDispatchMode):
    """Adds up the storages of tensors that operations return, from their making until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self._known: dict[int, tuple[weakref.ref, int]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = {
            one.untyped_storage()._cdata
            for one in tree_leaves((args, kwargs))
            if isinstance(one, torch.Tensor)
        }
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, torch.Tensor) and one.untyped_storage()._cdata not in given:
                self._note(one.untyped_storage())
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known and self._known[key][0]() is not None:
            return
        size = storage.nbytes()

        def freed(_: object) -> None:
            self.now -= size

        # The reference must live on for its callback to be called.
        self._known[key] = (weakref.ref(storage, freed), size)
        self.now += size
        self.peak = max(self.peak, self.now)
