"""A corpus whose label is in the time between two tracks, and in neither of them.

    python experiments/ablations/timing_corpus.py OUT [--seed N]

In clips of 4 s each track has an event every 2 s. Where the first event of track a falls is drawn evenly from those
2 s; track b's events come 0.3 to 0.7 s after those of a ("after") or before them ("before"). So the places of the
events of either track alone are as even under both labels, and tell nothing. Track a has 20 frames a second, track
b 4. OUT/clips.csv is read by the dataset `listed`; each track is stored as it is and on the axis of the other, by
the interval algebra of the package.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from emofuse.alignment.intervals import to_common_axis
from emofuse.types import Track

RATES = {"a": 20.0, "b": 4.0}
DIMS, LENGTH_S, PERIOD_S, WIDTH_S, NOISE = 4, 4.0, 2.0, 0.15, 0.4
SPLITS = {"train": 600, "valid": 200, "test": 800}


def main(out: Path, *, seed: int) -> None:
    """Write ``clips.csv``, ``clips.toml`` and ``tracks.npz`` into ``out``."""
    generator = np.random.default_rng(seed)
    shapes = {name: generator.normal(size=DIMS) for name in RATES}
    rows, arrays = [], {}
    for split, count in SPLITS.items():
        for number in range(count):
            label = ("before", "after")[number % 2]
            name = f"{split}{number:04d}"
            tracks = one_clip(label, shapes, generator)
            arrays |= {f"{name}.{key}": track.values for key, track in tracks.items()}
            stored = {f"vector.{key}": f"tracks.npz#{name}.{key}" for key in tracks}
            rows.append({"id": name, "label": label, "split": split, **stored})
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "tracks.npz", **arrays)
    with (out / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    stated = f'name = "timing"\nlicence = "synthetic"\ncitation = "synthetic, seed {seed}"\n'
    (out / "clips.toml").write_text(stated, encoding="utf-8")


def one_clip(label: str, shapes: dict[str, np.ndarray], generator: np.random.Generator) -> dict[str, Track]:
    """Both tracks at their own rates, and each brought to the rate of the other."""
    start_s = generator.uniform(0, PERIOD_S)
    lag_s = generator.uniform(0.3, 0.7) * (1 if label == "after" else -1)
    first_s = {"a": start_s, "b": (start_s + lag_s) % PERIOD_S}
    own = {name: track(rate, first_s[name], shapes[name], generator) for name, rate in RATES.items()}
    on_a, on_b = (to_common_axis(own, rate) for rate in RATES.values())
    return {**own, "b_on_a": on_a["b"], "a_on_b": on_b["a"]}


def track(rate: float, first_s: float, shape: np.ndarray, generator: np.random.Generator) -> Track:
    """Noise, and ``shape`` as a bump of ``WIDTH_S`` at every event; events lie on both sides of the clip too."""
    times = (np.arange(round(LENGTH_S * rate)) + 0.5) / rate
    off_s = (times - first_s + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2
    bump = np.exp(-0.5 * (off_s / WIDTH_S) ** 2)
    noise = generator.normal(scale=NOISE, size=(len(times), DIMS))
    return Track((bump[:, None] * shape + noise).astype(np.float32), times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.out, seed=given.seed)
