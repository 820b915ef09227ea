"""Alignment of 20,000 clips of CMU-MOSEI's size on one core: to their words, and to a common axis.

    python benchmarks/alignment.py [--clips N] [--out FILE]

A clip has an audio track of 500x74, a video track of 500x35 and about 20 words of random lengths. A sample of the
results is held against a reference that looks at every frame. Prints a table, writes results/alignment.json,
exits with 1 where the limit of a minute is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CLIPS, LIMIT_S = 20_000, 60.0
FRAMES, WIDTHS, WORDS, RATE = 500, {"audio": 74, "video": 35}, 20, 20.0
# Clips that are held in memory; the measured ones are these again and again, with words of their own.
POOL, CHECKED = 64, 50


def main() -> int:
    """Measure, print, write; 0 where both stay below a minute."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--out", type=Path, help="write the table here too")
    given = parser.parse_args()
    # One core is what is promised.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    from emofuse.alignment.intervals import to_common_axis, to_intervals

    def to_words(tracks: dict[str, Any], words: Any) -> dict[str, Any]:
        return {name: to_intervals(track, words) for name, track in tracks.items()}

    off = furthest_off(to_words, CHECKED)
    works: dict[str, Callable[[dict[str, Any], Any], dict[str, Any]]] = {
        f"to about {WORDS} words a clip": to_words,
        f"to a common axis of {RATE:g} Hz": lambda tracks, _: to_common_axis(tracks, RATE),
    }
    rows = [(name, *measured(work, given.clips)) for name, work in works.items()]
    text = table(rows, given.clips, off)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")
    record(rows, given.clips, off)
    return 0 if off < 1e-4 and all(wall_s < LIMIT_S for _, wall_s, _ in rows) else 1


def clips(count: int) -> Iterator[tuple[dict[str, Any], Any]]:
    """Tracks and words ``(words, 2)`` of each clip; tracks repeat, words do not."""
    import numpy as np

    from emofuse.types import Track

    random = np.random.default_rng(0)
    pool = []
    for _ in range(POOL):
        length_s = random.uniform(4.0, 12.0)
        times = (np.arange(FRAMES) + 0.5) * length_s / FRAMES
        values = {name: random.standard_normal((FRAMES, dim), np.float32) for name, dim in WIDTHS.items()}
        pool.append((length_s, {name: Track(value, times) for name, value in values.items()}))
    for number in range(count):
        length_s, tracks = pool[number % POOL]
        bounds = np.sort(random.uniform(0, length_s, max(2, random.poisson(WORDS) + 1)))
        yield tracks, np.stack([bounds[:-1], bounds[1:]], axis=1)


def measured(work: Callable[[dict[str, Any], Any], Any], count: int) -> tuple[float, float]:
    """Wall and processor seconds of ``work`` on that many clips; making the clips is not counted."""
    wall_s = cpu_s = 0.0
    for tracks, words in clips(count):
        wall, cpu = time.perf_counter(), time.process_time()
        work(tracks, words)
        wall_s += time.perf_counter() - wall
        cpu_s += time.process_time() - cpu
    return wall_s, cpu_s


def furthest_off(work: Callable[[dict[str, Any], Any], dict[str, Any]], count: int) -> float:
    """The largest difference from means that are taken frame by frame."""
    import numpy as np

    worst = 0.0
    for tracks, words in clips(count):
        for name, found in work(tracks, words).items():
            for row, (start_s, end_s) in zip(found.values, words, strict=True):
                times, values = tracks[name].times, tracks[name].values.astype(np.float64)
                inside = [place for place, time_s in enumerate(times) if start_s <= time_s < end_s]
                inside = inside or [int(np.abs(times - (start_s + end_s) / 2).argmin())]
                worst = max(worst, float(np.abs(values[inside].mean(axis=0) - row).max()))
    return worst


def table(rows: list[tuple[str, float, float]], count: int, off: float) -> str:
    """The rows as Markdown."""
    lines = [f"| {count:,} clips, one core | wall | processor | limit | |", "|---|---|---|---|---|"]
    for name, wall_s, cpu_s in rows:
        verdict = "holds" if wall_s < LIMIT_S else "BROKEN"
        lines.append(f"| {name} | {wall_s:.1f} s | {cpu_s:.1f} s | {LIMIT_S:g} s | {verdict} |")
    return "\n".join([*lines, "", f"- furthest off the slow reference on {CHECKED} clips: {off:.1e}"])


def record(rows: list[tuple[str, float, float]], count: int, off: float) -> None:
    """Write results/alignment.json."""
    facts = {
        "machine": f"{platform.system()} {platform.machine()}, one core",
        "python": platform.python_version(),
        "clips": count,
        "furthest_off": off,
        "rows": [
            {"name": name, "wall_s": wall, "cpu_s": cpu, "limit_s": LIMIT_S} for name, wall, cpu in rows
        ],
    }
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / "alignment.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
