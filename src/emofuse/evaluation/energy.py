"""Energy that a piece of work takes, where the machine tells it: Intel RAPL for processors, NVML for GPUs.

A counter covers the whole package or board: what other programs do meanwhile is in it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")


class Counter(Protocol):
    """Counts joules from an unknown start; ``wraps_j`` is where it begins again (0: never)."""

    name: str
    wraps_j: float

    def read_j(self) -> float:
        """What it shows now."""
        ...


@dataclass(frozen=True)
class Energy:
    """``joules`` of one call, and by which counters; None with the ``reason`` where no counter can be read."""

    joules: float | None
    source: str = ""
    reason: str = ""


class Rapl:
    """One processor package of `POWERCAP`, in microjoules there."""

    def __init__(self, folder: Path) -> None:
        self.name = f"RAPL {(folder / 'name').read_text(encoding='ascii').strip()}"
        self._file = folder / "energy_uj"
        self.wraps_j = int((folder / "max_energy_range_uj").read_text(encoding="ascii")) / 1e6

    def read_j(self) -> float:
        """What it shows now."""
        return int(self._file.read_text(encoding="ascii")) / 1e6


class Nvml:
    """One NVIDIA board since its driver was loaded, by the library behind nvidia-smi; Volta and later."""

    wraps_j = 0.0

    def __init__(self, place: int = 0) -> None:
        self.name = f"NVML GPU {place}"
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._board = ctypes.c_void_p()
        self._ask("nvmlInit_v2")
        self._ask("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(place), ctypes.byref(self._board))
        self.read_j()

    def read_j(self) -> float:
        """What it shows now."""
        found = ctypes.c_ulonglong()
        self._ask("nvmlDeviceGetTotalEnergyConsumption", self._board, ctypes.byref(found))
        return found.value / 1e3

    def _ask(self, what: str, *given: object) -> None:
        if code := getattr(self._library, what)(*given):
            raise OSError(f"{what} failed with code {code}")


def counters(*, gpu: int | None = None, root: Path = POWERCAP) -> tuple[tuple[Counter, ...], str]:
    """The counters that can be read, and why others cannot; ``gpu`` is the number of the board in use."""
    found: list[Counter] = []
    why = []
    packages = sorted(path for path in root.glob("intel-rapl:*") if path.name.count(":") == 1)
    if not packages:
        why.append(f"no Intel RAPL counter under {root}")
    for folder in packages:
        try:
            counter = Rapl(folder)
            counter.read_j()
            found.append(counter)
        except (OSError, ValueError) as error:
            why.append(f"{folder / 'energy_uj'} cannot be read ({getattr(error, 'strerror', error)})")
    if gpu is not None:
        try:
            found.append(Nvml(gpu))
        except (OSError, AttributeError) as error:
            why.append(f"NVML tells no energy of GPU {gpu} ({error})")
    return tuple(found), "; ".join(why)


def measure_energy(
    call: Callable[[], object], *, runs: int, meters: Sequence[Counter], reason: str = ""
) -> Energy:
    """Joules of one of ``runs`` calls by all ``meters`` together; ``reason`` is told where there are none.

    Counters step about every millisecond (NVML: every 20 to 100), so let all runs together take seconds.
    """
    if not meters:
        return Energy(None, reason=reason or "no counter")
    before = [meter.read_j() for meter in meters]
    for _ in range(runs):
        call()
    total = 0.0
    for meter, start_j in zip(meters, before, strict=True):
        used_j = meter.read_j() - start_j
        total += used_j + (meter.wraps_j if used_j < 0 else 0.0)
    return Energy(total / runs, source=" + ".join(meter.name for meter in meters), reason=reason)
