"""Speed on two cores: a minute of video from start-up to result, again from the cache, and the help page.

    python benchmarks/speed.py [BUNDLE]

Every measurement is a fresh process. Prints a table, writes results/speed.json beside this file, and
exits with 1 where a limit is broken.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "demo"
CLIP_S, WIDTH_PX, HEIGHT_PX, FRAME_RATE, AUDIO_RATE = 60.0, 640, 360, 25, 16000
CORES = 2
LIBRARIES = ("emofuse", "torch", "transformers", "numpy", "av", "opencv-python-headless")

# Runs the command line as its script does, then tells whether an encoder's library was loaded.
PROGRAM = """
import sys
from emofuse.apps.cli import main
code = 0
try:
    main()
except SystemExit as done:
    code = done.code or 0
print("torch imported:", "torch" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


class Measured(NamedTuple):
    """One process: wall seconds, peak memory in MB, and what it wrote on stderr."""

    wall_s: float
    peak_mb: float
    stderr: str


class Row(NamedTuple):
    """One line of the table; ``limit`` None for what is only told."""

    name: str
    value: float
    unit: str
    limit: float | None

    @property
    def holds(self) -> bool:
        return self.limit is None or self.value <= self.limit


def main(bundle: str | None) -> int:
    """Measure, print, write; 0 where every limit holds."""
    pin_to_cores()
    script = Path(sys.executable).parent / "emofuse"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Another process makes the clip: a child's peak memory counts that of the process it came from.
        subprocess.run([sys.executable, __file__, "--make", str(folder)], check=True)
        environment = os.environ | {"EMOFUSE_CACHE": str(folder / "cache")}
        shown = [measure([str(script), "--help"], environment).wall_s for _ in range(6)][1:]
        first, second = (recognise(folder, environment, bundle) for _ in range(2))
    rows = [
        Row("`emofuse --help`, median of 5", statistics.median(shown), "s", 0.5),
        Row("60 s of 640x360 video, start-up included", first.wall_s, "s", 20.0),
        Row("peak memory of it", first.peak_mb, "MB", 1500.0),
        Row("the same file again", second.wall_s, "s", 3.0),
        Row(
            "torch imported the second time (0 no, 1 yes)",
            float("imported: True" in second.stderr),
            "",
            0.0,
        ),
        Row("peak memory the second time", second.peak_mb, "MB", None),
    ]
    print(table(rows))
    record(rows)
    return 0 if all(row.holds for row in rows) else 1


def pin_to_cores() -> None:
    """This process and its children on the first cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def recognise(folder: Path, environment: dict[str, str], bundle: str | None) -> Measured:
    """`emofuse recognize` on the clip with its transcript, by the default bundle or another."""
    arguments = ["recognize", "clip.mp4", "--transcript", "clip.srt", "--json", "result.json", "--quiet"]
    arguments += ["--bundle", str(Path(bundle).resolve())] if bundle else []
    return measure([sys.executable, "-c", PROGRAM, *arguments], environment, folder=folder)


def measure(command: list[str], environment: dict[str, str], *, folder: Path | None = None) -> Measured:
    """Run a command to its end; a failure ends the benchmark with what it said."""
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=said,
            stdin=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        said.seek(0)
        stderr = said.read()
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command[-6:])} ended with {code}:\n{stderr}")
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
    return Measured(wall_s, peak, stderr)


def make_clip(folder: Path) -> None:
    """A minute of the example clip, again and again, with its words: clip.mp4 and clip.srt."""
    import av
    import numpy as np

    with av.open(str(DEMO / "clip.mp4")) as source:
        pictures = [
            frame.reformat(WIDTH_PX, HEIGHT_PX, format="yuv420p").to_ndarray()
            for frame in source.decode(video=0)
        ]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
    with av.open(str(DEMO / "clip.mp4")) as source:
        parts = [out for frame in source.decode(audio=0) for out in resampler.resample(frame)]
    sound = np.concatenate([part.to_ndarray()[0] for part in parts])
    length_s = len(pictures) / FRAME_RATE
    sound = np.resize(sound[: round(length_s * AUDIO_RATE)], round(CLIP_S * AUDIO_RATE))

    with av.open(str(folder / "clip.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        video.options = {"preset": "veryfast"}
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        for index in range(round(CLIP_S * FRAME_RATE)):
            frame = av.VideoFrame.from_ndarray(pictures[index % len(pictures)], format="yuv420p")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = AUDIO_RATE, 0
        again = av.AudioResampler(format="fltp", layout="mono", rate=AUDIO_RATE, frame_size=1024)
        for part in [*again.resample(frame), *again.resample(None)]:
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))
    (folder / "clip.srt").write_text(subtitles(length_s), encoding="utf-8")


def subtitles(length_s: float) -> str:
    """The cues of the example clip, repeated every ``length_s`` up to the end."""
    from emofuse.features.transcripts import read_transcript

    cues, _ = read_transcript(DEMO / "clip.srt")
    lines: list[str] = []
    begin_s = 0.0
    while begin_s < CLIP_S:
        for cue in cues:
            start_s, end_s = begin_s + (cue.start_s or 0.0), begin_s + (cue.end_s or 0.0)
            if end_s <= CLIP_S:
                lines += [str(len(lines) // 4 + 1), f"{clock(start_s)} --> {clock(end_s)}", cue.text, ""]
        begin_s += length_s
    return "\n".join(lines)


def clock(time_s: float) -> str:
    """A time as SubRip writes it."""
    milliseconds = round(time_s * 1000)
    return f"00:{milliseconds // 60_000:02}:{milliseconds // 1000 % 60:02},{milliseconds % 1000:03}"


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | limit | |", "|---|---|---|---|"]
    for row in rows:
        limit = "-" if row.limit is None else f"{row.limit:g} {row.unit}".strip()
        verdict = "" if row.limit is None else "holds" if row.holds else "BROKEN"
        lines.append(f"| {row.name} | {row.value:.2f} {row.unit} | {limit} | {verdict} |")
    return "\n".join(lines)


def record(rows: list[Row]) -> None:
    """Write results/speed.json."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts: dict[str, Any] = {
        "cores": cores,
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "rows": [row._asdict() | {"holds": row.holds} for row in rows],
    }
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / "speed.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make_clip(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
