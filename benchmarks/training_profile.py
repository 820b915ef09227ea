"""Where the time of a training epoch goes, in MMSA's trainer and in ours: the costliest operators by torch's profiler.

A part of training.py, which hands over how each side is made ready; by itself it does nothing. It runs in both
environments, ours and MMSA's.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

ROWS = 12


class Done(Exception):
    """Enough epochs."""


def profiled(name: str, commands: Mapping[str, list[str]]) -> None:
    """Print the costliest operators of one epoch of the model on each side, by the command that finds them."""
    for side, command in commands.items():
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        # The last line is what every child answers; here it holds nothing.
        shown = done.stderr[-2000:] if done.returncode else done.stdout.rstrip().removesuffix("{}")
        print(f"{name}, one epoch of {side}:\n{shown}")


def profile_peer(ready: Callable[..., Any], archive: str, name: str) -> dict[str, float]:
    """One epoch of MMSA's, the second; runs in MMSA's environment."""
    # What MMSA prints is none of the table.
    with contextlib.redirect_stdout(sys.stderr):
        loader, start, _ = ready(archive, name)
        watched = Watched(loader)
        with contextlib.suppress(Done):
            start(watched)
    if not watched.told:
        raise AssertionError("MMSA's trainer stopped early")
    print(watched.told)
    return {}


def profile(ready: Callable[..., Any], store: str, name: str, facts: str) -> dict[str, float]:
    """One epoch of ours, the second."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as recorded

    from emofuse.training import loop

    fitted = ready(store, name, 2, json.loads(facts))
    plain, seen = loop._Fit._pass, []

    def watched(*arguments: Any) -> float:
        seen.append(1)
        if len(seen) < 2:
            return plain(*arguments)
        with recorded(activities=[ProfilerActivity.CPU]) as records:
            loss = plain(*arguments)
        print(told(records))
        return loss

    loop._Fit._pass = watched  # type: ignore[method-assign]
    fitted.start()
    return {}


class Watched:
    """A loader whose second pass is recorded."""

    def __init__(self, loader: Any) -> None:
        self.loader, self.passes, self.told = loader, 0, ""

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        from torch.profiler import ProfilerActivity
        from torch.profiler import profile as recorded

        self.passes += 1
        if self.passes == 1:
            yield from self.loader
            return
        with recorded(activities=[ProfilerActivity.CPU]) as records:
            yield from self.loader
        self.told = told(records)
        raise Done


def told(records: Any) -> str:
    """The costliest operators, by the time in them alone."""
    table: str = records.key_averages().table(sort_by="self_cpu_time_total", row_limit=ROWS)
    return table
