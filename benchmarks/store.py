"""Our store beside MMSA 2.2.1's own loader: from the open call to the first batch, peak memory, import.

    python benchmarks/store.py [--work FOLDER] [--sizes mosi,mosei] [--out FILE] [--share S] [--repeats N]

MMSA is installed into an environment of its own under the work folder; where that cannot be done (no network)
the benchmark says so and ends well. Values are random, shapes and counts those of the published archives.
Every figure is a fresh process of one thread, which reads an archive of six clips before the clock starts, so that
neither imports nor first calls count. Warm: the files are in the page cache as an earlier run of the same reader
left them; cold: dropped from it. Prints a table, writes results/store.json, exits with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmsa_peer import (
    PEER,
    SHAPES,
    Shape,
    answer,
    begin,
    child,
    free_memory,
    peak_mb,
    peer_python,
    write_archive,
)

HERE = Path(__file__).resolve().parent
run = partial(child, __file__)
FASTER, SMALLER, IMPORT_SLOWER = 20.0, 10.0, 2.0
# What MMSA needs at its peak, in sizes of the file: all of it, and its copy of the training split.
PEER_NEEDS = 2.1
USED_MEMORY = 0.6


class Row(NamedTuple):
    """One line of the table: MMSA's figure and ours, and the ratio that is wanted (at least) or allowed."""

    corpus: str
    what: str
    peer: float
    ours: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        if self.at_least is not None and self.peer < self.at_least * self.ours:
            return False
        return self.at_most is None or self.ours <= self.at_most * self.peer


def main() -> int:
    """Make, measure, print, write; 0 where every goal is met, or MMSA cannot be had."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder for the environment and the files; kept")
    parser.add_argument("--sizes", default="mosi", help=f"some of {','.join(SHAPES)}")
    parser.add_argument(
        "--share", type=float, help="share of the clips; default: all that memory and disk allow"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the table here too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        peer = peer_python(work / "mmsa-2.2.1")
        if isinstance(peer, str):
            print(f"skipped: {PEER} cannot be installed here ({peer})")
            return 0
        rows: list[Row] = []
        notes: dict[str, str] = {}
        for name in given.sizes.split(","):
            share = given.share or fitting_share(SHAPES[name], work)
            found, notes[name] = compared(name, share, work, peer, given.repeats)
            rows += found
    text = "\n".join([table(rows), "", *(f"- {note}" for note in notes.values())])
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")
    record(rows, notes)
    return 0 if all(row.holds for row in rows) else 1


def fitting_share(shape: Shape, work: Path) -> float:
    """How much of a file memory and disk allow; what others may need is left to them."""
    by_disk = 0.8 * shutil.disk_usage(work).free / (2 * shape.bytes)
    by_memory = USED_MEMORY * free_memory() / (PEER_NEEDS * shape.bytes)
    return min(1.0, round(min(by_disk, by_memory), 2))


def compared(name: str, share: float, work: Path, peer: Path, repeats: int) -> tuple[list[Row], str]:
    """All rows of one corpus, and a line on what was measured."""
    shape = SHAPES[name].of_share(share)
    archive, store = work / f"{name}-{share:g}.pkl", work / f"{name}-{share:g}-store"
    if not archive.is_file():
        run([sys.executable], "make", name, f"{share}", f"{archive}")
    crowded = (1 + PEER_NEEDS) * shape.bytes > free_memory()
    small, small_store = work / f"{name}-6.pkl", work / f"{name}-6-store"
    if not small.is_file():
        run([sys.executable], "make", name, "six", f"{small}")
    ours, theirs = [sys.executable], [f"{peer}"]
    import_arguments = ("import", f"{small}", f"{small_store}", f"{archive}", f"{store}")
    written = [imported(archive, store, import_arguments) for _ in range(repeats)]
    files = sorted(store.glob("*"))
    peer_arguments = ("peer", f"{small}", f"{archive}", name, f"{shape.batch}")
    our_arguments = ("open", f"{small_store}", f"{store}", f"{shape.batch}")
    rows = []
    for state in ("warm", "cold") if hasattr(os, "posix_fadvise") else ("warm",):
        found: dict[str, list[dict[str, float]]] = {"peer": [], "ours": [], "whole": []}
        for _ in range(repeats):
            settle([archive], state)
            found["peer"].append(run(theirs, *peer_arguments))
            for side, how in (("ours", ()), ("whole", ("whole",))):
                if state == "warm":
                    run(ours, *our_arguments, "whole")
                else:
                    settle(files, state)
                found[side].append(run(ours, *our_arguments, *how))
        middle = {side: medians(measured) for side, measured in found.items()}
        rows += rows_of(name, state, middle)
        if state == "warm":
            peer_s, import_s = middle["peer"]["open_s"], medians(written)["import_s"]
            what = "import of the pickle beside MMSA's load, warm"
            rows.append(Row(name, what, peer_s, import_s, "s", at_most=IMPORT_SLOWER))
    size = sum(file.stat().st_size for file in files)
    note = (
        f"{name}: {sum(shape.clips):,} clips ({share:.0%}), pickle {archive.stat().st_size / 1e9:.2f} GB, "
        f"store {size / 1e9:.2f} GB, medians of {repeats}, batch of {shape.batch}"
    )
    if crowded:
        note += "; MMSA's arrays leave no room for its file in the page cache: warm is cold for it"
    return rows, note


def rows_of(name: str, state: str, middle: dict[str, dict[str, float]]) -> list[Row]:
    """The rows of one state of the page cache."""
    peer, ours, whole = (middle[side] for side in ("peer", "ours", "whole"))
    rows = [
        Row(name, f"open to first batch, {state}", peer["batch_s"], ours["batch_s"], "s", at_least=FASTER),
        Row(name, f"the same with every value checked, {state}", peer["batch_s"], whole["batch_s"], "s"),
    ]
    if state == "warm":
        peaks = peer["peak_mb"], ours["peak_mb"]
        rows.append(Row(name, "peak memory above imports", *peaks, "MB", at_least=SMALLER))
    return rows


def imported(archive: Path, store: Path, arguments: Sequence[str]) -> dict[str, float]:
    """One import into a new folder; the pickle is in the page cache as far as it fits."""
    shutil.rmtree(store, ignore_errors=True)
    settle([archive], "warm")
    return run([sys.executable], *arguments)


def settle(files: Sequence[Path], state: str) -> None:
    """Bring the content of files into the page cache, or drop it from there."""
    for file in files:
        with file.open("rb", buffering=0) as stream:
            if state == "cold":
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                while stream.read(1 << 24):
                    pass


def medians(measured: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: statistics.median(one[key] for one in measured) for key in measured[0]}


def make(name: str, share: str, out: str) -> dict[str, float]:
    """Write a pickle in MMSA's layout; ``share`` "six" is two clips a split."""
    whole = SHAPES[name]
    write_archive(
        whole._replace(clips=(2, 2, 2)) if share == "six" else whole.of_share(float(share)), Path(out)
    )
    return {}


def peer(small: str, archive: str, name: str, batch: str) -> dict[str, float]:
    """MMSA's loader on the archive; runs in MMSA's environment."""
    from MMSA.data_loader import MMDataLoader

    shape = SHAPES[name]
    next(iter(MMDataLoader(peer_settings(small, name, batch), 0)["train"]))
    settings = peer_settings(archive, name, batch)
    before = begin()
    started = time.perf_counter()
    loaders = MMDataLoader(settings, 0)
    open_s = time.perf_counter() - started
    first = next(iter(loaders["train"]))
    batch_s = time.perf_counter() - started
    assert first["text"].shape[1:] == shape.sizes[0]
    return {"open_s": open_s, "batch_s": batch_s, "peak_mb": peak_mb() - before}


def peer_settings(archive: str, name: str, batch: str) -> dict[str, Any]:
    """What MMSA's loader is told of an unaligned archive; it writes into it."""
    shape = SHAPES[name]
    return {
        "dataset_name": name, "custom_feature": None, "featurePath": archive, "use_bert": False,
        "feature_T": "", "feature_A": "", "feature_V": "", "need_data_aligned": False, "train_mode": "regression",
        "need_normalized": False, "batch_size": int(batch), "feature_dims": [width for _, width in shape.sizes],
        "seq_lens": [frames for frames, _ in shape.sizes],
    }  # fmt: skip


def open_store(small: str, store: str, batch: str, how: str = "") -> dict[str, float]:
    """Our store to a shuffled batch of the training clips; ``whole`` looks at every value of all clips first."""
    first_batch(small, 2, how)
    before = begin()
    started = time.perf_counter()
    open_s, first = first_batch(store, int(batch), how)
    batch_s = time.perf_counter() - started
    assert all(flag.all() for flag in first.presence.values())
    return {"open_s": open_s, "batch_s": batch_s, "peak_mb": peak_mb() - before}


def first_batch(store: str, batch: int, how: str) -> tuple[float, Any]:
    """Seconds that the opening took, and the batch."""
    import numpy as np

    from emofuse.alignment.collate import collate
    from emofuse.alignment.samples import to_samples
    from emofuse.datasets import load_corpus
    from emofuse.features.cache import Cache
    from emofuse.features.extraction import extract
    from emofuse.features.stored import Stored

    started = time.perf_counter()
    corpus = load_corpus("packed", store)
    open_s = time.perf_counter() - started
    train = [clip for clip in corpus.clips if clip.split == "train"]
    dims = {key: train[0].vectors[key].shape[1] for key in ("text", "audio", "video")}
    extractors = {key: Stored(key, dim=dim) for key, dim in dims.items()}
    cache = Cache(Path(tempfile.gettempdir()))
    if how == "whole":
        extract(corpus.clips, extractors, cache=cache)
    drawn = [train[index] for index in np.random.default_rng(0).permutation(len(train))[:batch]]
    tracks = extract(drawn, extractors, cache=cache)
    return open_s, collate(to_samples(drawn, tracks, corpus.task), dims)


def import_pickle(small: str, small_store: str, archive: str, store: str) -> dict[str, float]:
    """The archive to a store, checksums and fsync included."""
    from emofuse.datasets import import_corpus

    import_corpus("mmsa", small, small_store)
    before = begin()
    started = time.perf_counter()
    import_corpus("mmsa", archive, store)
    return {"import_s": time.perf_counter() - started, "peak_mb": peak_mb() - before}


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| corpus | what | MMSA 2.2.1 | emofuse | ratio | goal | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        goal = f"at least {row.at_least:g}" if row.at_least else "-"
        goal = f"at least {1 / row.at_most:g}" if row.at_most else goal
        verdict = "" if goal == "-" else "met" if row.holds else "MISSED"
        lines.append(
            f"| {row.corpus} | {row.what} | {row.peer:.3g} {row.unit} | {row.ours:.3g} {row.unit} | "
            f"{row.peer / row.ours:.3g} | {goal} | {verdict} |"
        )
    return "\n".join(lines)


def record(rows: list[Row], notes: dict[str, str]) -> None:
    """Write results/store.json; the last run of every size stays in it."""
    file = HERE / "results" / "store.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    for name, note in notes.items():
        own = [row for row in rows if row.corpus == name]
        found = [row._asdict() | {"ratio": row.peer / row.ours, "holds": row.holds} for row in own]
        kept[name] = {"machine": machine, "note": note, "rows": found}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


CHILDREN: dict[str, Callable[..., dict[str, float]]] = {
    "make": make, "peer": peer, "open": open_store, "import": import_pickle,
}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        answer(CHILDREN, sys.argv[2:])
    else:
        sys.exit(main())
