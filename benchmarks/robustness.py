"""What a robustness test costs beside its forward passes, and how much memory it takes.

    python benchmarks/robustness.py [--clips 384] [--full] [--device cpu]

The documented model (`gru_attention_fusion`) at CMU-MOSI's shapes (text 50 x 768, audio 375 x 5, video
500 x 20), on clips made up when they are asked for, under 20 noise settings: five noises at four strengths.
``--full`` takes 10,000 clips (20 minutes of a core and more). Each size is a process of its own. Prints a
table, writes results/robustness.json beside this file (results/robustness_full.json with ``--full``), and
exits with 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SHAPES = {"text": (50, 768), "audio": (375, 5), "video": (500, 20)}
STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8)
FULL = 10_000
QUICK = 384
# Three whole batches: from there on a process has the memory that it needs.
FEWEST = 192
MOST_TIMES = 1.3
# What more clips may add: their answers are kept (a few bytes a clip and setting), their
# features are not. Two processes of the same size already differ by some MB.
MOST_GROWTH_MB = 64.0


class MadeUp(Sequence):
    """Clips that exist only while they are looked at: windows into one block of noise for each modality."""

    def __init__(self, count: int) -> None:
        from emofuse.types import Sample, Track

        rng = np.random.default_rng(0)
        self.count, self.sample, self.track = count, Sample, Track
        self.blocks = {
            name: rng.standard_normal((4 * frames, dim)).astype(np.float32)
            for name, (frames, dim) in SHAPES.items()
        }
        self.times = {name: np.arange(frames, dtype=np.float64) for name, (frames, _) in SHAPES.items()}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> Any:
        if not 0 <= place < self.count:
            raise IndexError(place)
        tracks = {
            name: self.track(block[place % (3 * SHAPES[name][0]) :][: SHAPES[name][0]], self.times[name])
            for name, block in self.blocks.items()
        }
        rating = np.array([(place * 7919 % 601) / 100 - 3], dtype=np.float32)
        return self.sample(str(place), tracks, np.zeros(0, np.float32), rating)


class Timed:
    """A model that adds up the seconds spent in it."""

    def __init__(self, model: Any, device: Any) -> None:
        self.model, self.device, self.spent_s, self.passes = model.eval(), device, 0.0, 0

    def __call__(self, batch: Any) -> Any:
        self.wait()
        started = time.perf_counter()
        output = self.model(batch)
        self.wait()
        self.spent_s += time.perf_counter() - started
        self.passes += 1
        return output

    def wait(self) -> None:
        if self.device.type == "cuda":
            import torch

            torch.cuda.synchronize(self.device)


def measure(clips: int, device: str) -> dict[str, float]:
    """One pass over the clips in this process: seconds in all and in the model, peak memory in MB."""
    import torch

    from emofuse.evaluation.metrics import METRICS
    from emofuse.evaluation.robustness import Subject, measure_robustness, noise
    from emofuse.models import MODELS
    from emofuse.training.engine import Engine
    from emofuse.types import TaskSpec

    torch.manual_seed(0)
    engine = Engine.pick(device)
    dims = {name: dim for name, (_, dim) in SHAPES.items()}
    task = TaskSpec(ratings=("sentiment",), rating_range=(-3.0, 3.0))
    model = Timed(MODELS.load("gru_attention_fusion")(dims, task).model.to(engine.device), engine.device)
    subject = Subject("gru_attention_fusion", model, dims, task, engine=engine)
    conditions = [
        noise("white_noise"),
        noise("random_drop"),
        noise("structured_drop"),
        noise("missing_frames", rate=1.0),
        noise("thesis_noise"),
    ]
    metrics = [METRICS.load("mae"), METRICS.load("pearson")]
    made_up = MadeUp(clips)
    # The first pass of a process pays for libraries and memory that later ones have.
    measure_robustness(subject, MadeUp(64), conditions[:1], metrics=metrics, strengths=STRENGTHS[:2])
    model.spent_s, model.passes = 0.0, 0
    started = time.perf_counter()
    found = measure_robustness(subject, made_up, conditions, metrics=metrics, strengths=STRENGTHS)
    wall_s = time.perf_counter() - started
    assert len(found.curves) == 2 * len(conditions)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {
        "clips": clips,
        "passes": model.passes,
        "wall_s": wall_s,
        "model_s": model.spent_s,
        "peak_mb": peak,
    }


def in_process(clips: int, device: str) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(clips), "--device", device]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main(clips: int, device: str) -> int:
    """Measure some and all of the clips, print, write; 0 where every limit holds."""
    few, all_of_them = (in_process(count, device) for count in (FEWEST, clips))
    times = all_of_them["wall_s"] / all_of_them["model_s"]
    growth_mb = max(all_of_them["peak_mb"] - few["peak_mb"], 0.0)
    rows = [
        ("clips", all_of_them["clips"], "", None),
        ("batches judged (clean, and under 20 settings)", all_of_them["passes"], "", None),
        ("the forward passes alone", all_of_them["model_s"], "s", None),
        ("all of it", all_of_them["wall_s"], "s", None),
        ("all of it, in forward passes", times, "x", MOST_TIMES),
        ("peak memory of the process", all_of_them["peak_mb"], "MB", None),
        (f"peak memory with {few['clips']:,} clips", few["peak_mb"], "MB", None),
        ("memory that the other clips add", growth_mb, "MB", MOST_GROWTH_MB),
    ]
    print("| what | measured | limit | |\n|---|---|---|---|")
    for name, value, unit, limit in rows:
        told = "-" if limit is None else f"{limit:g} {unit}"
        verdict = "" if limit is None else "holds" if value <= limit else "BROKEN"
        print(f"| {name} | {value:,.2f} {unit} | {told} | {verdict} |")
    record(rows, device, "robustness_full" if clips == FULL else "robustness")
    return 0 if all(limit is None or value <= limit for _, value, _, limit in rows) else 1


def record(rows: Sequence[tuple[str, float, str, float | None]], device: str, name: str) -> None:
    """Write results/``name``.json."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {
        "cores": cores,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "device": device,
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in ("emofuse", "torch", "numpy")},
        "shapes": SHAPES,
        "rows": [
            {"name": name, "value": value, "unit": unit, "limit": limit,
             "holds": limit is None or value <= limit}
            for name, value, unit, limit in rows
        ],
    }  # fmt: skip
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=QUICK)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.device)))
    else:
        sys.exit(main(FULL if given.full else given.clips, given.device))
