"""What the benchmarks beside MMSA 2.2.1 share: its environment, archives in its layout, processes, memory.

MMSA is installed into an environment of its own. This file runs in both environments, ours and MMSA's.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

PEER, TORCH = "MMSA==2.2.1", "torch==2.13.0"
SPLITS = ("train", "valid", "test")
KEYS = ("text", "audio", "vision")
SHORTEST = 0.1
# Quantiles of the words of CMU-MOSI's 2,199 utterances; BERT sets two marks around them.
SPOKEN = (
    (0, 1),
    (0.05, 4),
    (0.1, 5),
    (0.25, 7),
    (0.5, 10),
    (0.75, 16),
    (0.9, 23),
    (0.95, 28),
    (0.99, 45),
    (1, 48),
)
MARKS = 2


class Shape(NamedTuple):
    """An archive: clips by split, and (frames, width) of text, audio and vision; ``batch`` of MMSA's LMF."""

    clips: tuple[int, int, int]
    sizes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    batch: int

    def of_share(self, share: float) -> Shape:
        """The same with fewer clips in every split."""
        train, valid, test = (max(1, round(share * count)) for count in self.clips)
        return self._replace(clips=(train, valid, test))

    @property
    def bytes(self) -> int:
        """Size of the arrays, BERT's ids included."""
        per_clip = sum(frames * width for frames, width in self.sizes) + 3 * self.sizes[0][0]
        return 4 * sum(self.clips) * per_clip


SHAPES = {
    "mosi": Shape((1284, 229, 686), ((50, 768), (375, 5), (500, 20)), 64),
    "mosei": Shape((16326, 1871, 4659), ((50, 768), (500, 74), (500, 35)), 32),
}


def peer_python(folder: Path) -> Path | str:
    """The interpreter of an environment that holds MMSA, made where it is not there; else why there is none."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = folder / ".ready"
    if ready.is_file():
        return python
    # Without the constraint pip would take a build of torch with gigabytes of CUDA.
    constraints = folder.with_name(f"{folder.name}.txt")
    constraints.write_text(f"{TORCH}\n", encoding="utf-8")
    install = ["-m", "pip", "install", "--quiet", "--no-input", "-c", str(constraints), PEER]
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), *install]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return next(
                (line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no reason"
            )
    ready.touch()
    return python


def free_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return float("inf")
    lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines())
    return 1024.0 * int(lines["MemAvailable"].split()[0])


def child(script: str, interpreter: list[str], *arguments: str) -> dict[str, float]:
    """Run a part of a benchmark in a fresh process of one thread; what it measured."""
    command = [*interpreter, script, "--child", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(children: Mapping[str, Callable[..., dict[str, float]]], arguments: list[str]) -> None:
    """Run the part that `child` asked for and print what it measured."""
    # Where memory runs out, this should end and nothing else on the machine.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")
    print(json.dumps(children[arguments[0]](*arguments[1:])))


class PeerEnded(Exception):
    """MMSA did not get to its end."""


class Side:
    """A process that does a round of its work whenever it is told to; ``facts`` are what it says of itself."""

    def __init__(self, script: str, interpreter: list[str], *arguments: str) -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self.process = subprocess.Popen(
            [*interpreter, script, "--child", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.facts = self._heard()

    def round(self) -> float:
        """Seconds of the processor that one took."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._heard()["seconds"]

    def end(self) -> dict[str, float]:
        """The last words."""
        found = self._heard()
        self.process.wait()
        self.log.close()
        return found

    def _heard(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            text = self.log.read().decode(errors="replace")
            told = f"{self.process.args} ended with {self.process.wait()}:\n{text[-3000:]}"
            raise SystemExit(told) if self.process.args[0] == sys.executable else PeerEnded(told)
        found: dict[str, float] = json.loads(line)
        return found


class Pace:
    """The other end of a `Side`: waits for the word, counts the processor's seconds, keeps the peaks."""

    def __init__(self) -> None:
        # What libraries print must not stand between the lines that are read.
        self.out, sys.stdout = sys.stdout, sys.stderr
        self.before, self.mapped = begin(), mapped_mb()
        self.loaded = self.loading_peak = self.started = 0.0

    def ready(self, **facts: float) -> None:
        """Everything is loaded."""
        self.loading_peak, self.loaded = peak_mb(), begin()
        self.say(**facts)

    def go(self) -> None:
        """Wait for the word, then start the clock: the processor's time of this process."""
        if not sys.stdin.readline():
            raise SystemExit("nobody waits for this any more")
        self.started = time.process_time()

    def done(self) -> None:
        """Stop the clock and say the seconds."""
        self.say(seconds=time.process_time() - self.started)

    def say(self, **facts: float) -> None:
        """One line."""
        print(json.dumps(facts), file=self.out, flush=True)

    def peaks(self) -> dict[str, float]:
        """The end: peak above the imports, and that of the training above the loaded data."""
        top = peak_mb()
        sys.stdout = self.out
        return {
            "peak_mb": max(top, self.loading_peak) - self.before,
            "step_mb": top - self.loaded,
            "mapped_mb": mapped_mb() - self.mapped,
        }


def mapped_mb() -> float:
    """What of the process is pages of files, which the system takes back where it needs them."""
    return status_mb("RssFile") if Path("/proc/self/status").is_file() else 0.0


def write_archive(shape: Shape, out: Path, *, lengths_as: str = "even") -> None:
    """Write a pickle in MMSA's layout, one array in memory at a time.

    Lengths are spread evenly from a tenth of the longest to the longest, or "spoken": as long as CMU-MOSI's.
    """
    import pickle

    import numpy as np

    class Late:
        """An array that is made when it is pickled, as the array itself."""

        def __init__(self, filled: Callable[[], np.ndarray]) -> None:
            self.filled = filled

        def __reduce_ex__(self, protocol: Any) -> Any:
            return self.filled().__reduce_ex__(protocol)

    content = {}
    for number, (split, count) in enumerate(zip(SPLITS, shape.clips, strict=True)):
        random = np.random.default_rng(number)
        # A clip is as long in one modality as in the others; the longest fill their rows.
        if lengths_as == "spoken":
            words = np.interp(random.uniform(0, 1, count), *zip(*SPOKEN, strict=True))
            parts = (words.round() + MARKS) / shape.sizes[0][0]
        else:
            parts = random.uniform(SHORTEST, 1.0, count)
        lengths = {
            key: np.maximum(1, np.round(parts * frames)).astype(int)
            for key, (frames, _) in zip(KEYS, shape.sizes, strict=True)
        }
        sentiment = random.uniform(-3, 3, count).astype(np.float32)
        names = np.array(["Negative", "Neutral", "Positive"])
        content[split] = {
            "raw_text": np.array([f"{split} sentence {row}" for row in range(count)]),
            "id": np.array([f"{split}{row // 20:05d}$_${row % 20}" for row in range(count)]),
            "text_bert": bert_rows(lengths["text"], shape.sizes[0][0]),
            "annotations": names[np.sign(sentiment).astype(int) + 1],
            "classification_labels": np.sign(sentiment) + 1,
            "regression_labels": sentiment,
            "audio_lengths": lengths["audio"].tolist(),
            "vision_lengths": lengths["vision"].tolist(),
            **{
                key: Late(partial(padded, lengths[key], size, random))
                for key, size in zip(KEYS, shape.sizes, strict=True)
            },
        }
    unfinished = out.with_suffix(".part")
    with unfinished.open("wb") as file:
        pickler = pickle.Pickler(file, protocol=4)
        # It keeps what it wrote, to refer to it again; here nothing is there twice.
        pickler.fast = True
        pickler.dump(content)
    unfinished.rename(out)


def padded(lengths: Any, size: tuple[int, int], random: Any) -> Any:
    """Random frames ``(clips, frames, width)`` float32, zeros past each clip's length."""
    import numpy as np

    block = np.zeros((len(lengths), *size), np.float32)
    for row, length in enumerate(lengths):
        block[row, :length] = random.standard_normal((length, size[1]), np.float32)
    return block


def bert_rows(lengths: Any, most: int) -> Any:
    """Input ids, mask and segments ``(clips, 3, most)`` float32."""
    import numpy as np

    rows = np.zeros((len(lengths), 3, most), np.float32)
    rows[:, 1] = np.arange(most) < lengths[:, None]
    rows[:, 0] = rows[:, 1] * 2003
    return rows


def begin() -> float:
    """Start counting the peak anew where the system can; what the process takes up now, in MB."""
    import gc

    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return status_mb("VmRSS") if Path("/proc/self/status").is_file() else peak_mb()


def peak_mb() -> float:
    """The most memory that the process has had, mapped files included."""
    if Path("/proc/self/status").is_file():
        return status_mb("VmHWM")
    import resource

    # macOS counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def status_mb(field: str) -> float:
    """A figure of /proc/self/status."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / 1e6
