"""Our models beside those of MMSA 2.2.1: time of a training epoch and peak memory.

    python benchmarks/training.py [--models a,b] [--full] [--lengths spoken|even] [--epochs N] [--share S]
                                  [--profile] [--work FOLDER]

Both train on one file of CMU-MOSI's shapes, unaligned, with random values and lengths as those of its utterances
(or spread evenly): same model, MMSA's settings for MOSI, same batch size and loss, one thread each. MMSA runs its own
trainer, loader and loss, without its validation. Two processes, one a side, take turns epoch by epoch; what is counted
is the processor's time, so that other work on the machine counts for neither; the first epoch of each warms up.
Prints a table, writes results/training.json, exits with 1 where ours is slower or larger; where a goal is missed,
``--profile`` tells where the time goes, on both sides. Without MMSA it says so and ends well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmsa_peer import PEER, SHAPES, Pace, PeerEnded, Side, answer, child, peer_python, write_archive
from training_profile import Done, profile, profile_peer, profiled

HERE = Path(__file__).resolve().parent
CORPUS = "mosi"
FASTER_IN_TIME, SMALLER = 5.0, 5.0
# An epoch of MulT takes MMSA a quarter of an hour.
FULL_SHARE = {"mult": 0.05}
VALID_CLIPS = 8

run = partial(child, __file__)


class Case(NamedTuple):
    """A model: our options that make it MMSA's, whether it reads sequences, whether it is cheap to train."""

    options: dict[str, Any]
    sequence: bool = False
    cheap: bool = True


CASES = {
    "lf_dnn": Case({"widths": {"audio": 16}}),
    "lmf": Case({"widths": {"audio": 16}}),
    "tfn": Case({"widths": {"video": 128}}),
    "ef_lstm": Case({}, sequence=True),
    "mfn": Case({"widths": {"audio": 32}}, sequence=True, cheap=False),
    "graph_mfn": Case({"widths": {"audio": 32}}, sequence=True, cheap=False),
    # MMSA reads text for MISA by BERT alone; a mean over frames stands in its place on both sides.
    "misa": Case({"main_encoder": {"name": "mean", "out_dim": 768}}, sequence=True, cheap=False),
    "mult": Case({}, sequence=True, cheap=False),
}


class Row(NamedTuple):
    """One model: processor seconds of an epoch, peak MB above imports, MB above the loaded data, parameters."""

    model: str
    lengths: str
    clips: int
    batch: int
    peer_s: float
    ours_s: float
    peer_mb: float
    ours_mb: float
    peer_step_mb: float
    ours_step_mb: float
    ours_mapped_mb: float
    peer_parameters: int
    ours_parameters: int

    @property
    def goals(self) -> dict[str, tuple[float, float]]:
        """What was reached and what is wanted at least, by name."""
        sequence = CASES[self.model].sequence
        return {
            "time": (self.peer_s / self.ours_s, FASTER_IN_TIME if sequence else 1.0),
            "memory": (self.peer_mb / self.ours_mb, SMALLER if sequence else 1.0),
        }

    @property
    def missed(self) -> list[str]:
        """The names of the goals that are not reached."""
        return [name for name, (found, wanted) in self.goals.items() if found < wanted]


def main() -> int:
    """Make, measure, print, write; 0 where ours is nowhere slower or larger, or MMSA cannot be had."""
    given = parsed()
    names = given.models.split(",") if given.models else [name for name, one in CASES.items() if one.cheap]
    if given.full:
        names = list(CASES)
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        peer = peer_python(work / "mmsa-2.2.1")
        if isinstance(peer, str):
            print(f"skipped: {PEER} cannot be installed here ({peer})")
            return 0
        rows = []
        for name in names:
            share = given.share or FULL_SHARE.get(name, 1.0)
            archive, store = prepared(work, share, given.lengths)
            try:
                row, facts = compared(name, archive, store, peer, given=given)
            except PeerEnded as reason:
                print(f"{name} does not run in MMSA here: {reason}", file=sys.stderr)
                continue
            rows.append(row)
            print(f"{name}: {row.peer_s:.3g} s, {row.ours_s:.3g} s of the processor", file=sys.stderr)
            if given.profile and row.missed:
                part = [__file__, "--child"]
                profiled(
                    name,
                    {
                        "MMSA's": [f"{peer}", *part, "profile_peer", f"{archive}", name],
                        "ours": [sys.executable, *part, "profile", f"{store}", name, json.dumps(facts)],
                    },
                )
    print(table(rows))
    record(rows, given.epochs)
    return 1 if any(found < 1 for row in rows for found, _ in row.goals.values()) else 0


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", help=f"some of {','.join(CASES)}; default: the cheap ones")
    parser.add_argument("--full", action="store_true", help="all models")
    parser.add_argument("--lengths", choices=("spoken", "even"), default="spoken", help="of the clips")
    parser.add_argument("--epochs", type=int, default=2, help="epochs that are counted")
    parser.add_argument("--share", type=float, help="share of the clips; default 1, for mult 0.05")
    parser.add_argument(
        "--profile", action="store_true", help="where a goal is missed, where the time goes on both sides"
    )
    parser.add_argument("--work", type=Path, help="folder for the environment and the files; kept")
    given = parser.parse_args()
    unknown = sorted(set((given.models or "lmf").split(",")) - set(CASES))
    if unknown:
        parser.error(f"no model {unknown[0]!r}; there are {', '.join(CASES)}")
    if given.epochs < 1 or (given.share is not None and not 0 < given.share <= 1):
        parser.error("--epochs is at least 1, --share above 0 and at most 1")
    return given


def prepared(work: Path, share: float, lengths: str) -> tuple[Path, Path]:
    """The archive and the store of it."""
    title = f"{CORPUS}-{share:g}{'' if lengths == 'even' else f'-{lengths}'}"
    archive, store = work / f"{title}.pkl", work / f"{title}-store"
    if not archive.is_file():
        run([sys.executable], "make", f"{share}", lengths, f"{archive}")
    if not store.is_dir():
        run([sys.executable], "import", f"{archive}", f"{store}")
    return archive, store


def compared(
    name: str, archive: Path, store: Path, peer: Path, *, given: argparse.Namespace
) -> tuple[Row, dict[str, float]]:
    """Train on both sides in turns; what was measured, and the settings that MMSA has for the model."""
    epochs = given.epochs
    theirs = Side(__file__, [f"{peer}"], "peer", f"{archive}", name, f"{epochs + 1}")
    # Ours is told MMSA's settings.
    ours = Side(
        __file__, [sys.executable], "ours", f"{store}", name, f"{epochs + 1}", json.dumps(theirs.facts)
    )
    seconds: dict[str, list[float]] = {"peer": [], "ours": []}
    for epoch in range(epochs + 1):
        for key, side in (("peer", theirs), ("ours", ours)):
            took = side.round()
            if epoch:
                seconds[key].append(took)
    ends = theirs.end(), ours.end()
    row = Row(
        name, given.lengths, int(ours.facts["clips"]), int(theirs.facts["batch"]),
        statistics.median(seconds["peer"]), statistics.median(seconds["ours"]),
        ends[0]["peak_mb"], ends[1]["peak_mb"], ends[0]["step_mb"], ends[1]["step_mb"], ends[1]["mapped_mb"],
        int(theirs.facts["parameters"]), int(ours.facts["parameters"]),
    )  # fmt: skip
    return row, theirs.facts


def peer(archive: str, name: str, epochs: str) -> dict[str, float]:
    """MMSA's trainer on the archive; runs in MMSA's environment."""
    import MMSA  # noqa: F401 - imported before memory is read, so that imports do not count
    import torch

    first_calls(torch)
    pace = Pace()
    loader, start, facts = ready_peer(archive, name)
    pace.ready(**facts)
    try:
        start(Paced(loader, pace, int(epochs)))
    except Done:
        return pace.peaks()
    raise AssertionError("MMSA's trainer stopped early")


def ready_peer(archive: str, name: str) -> tuple[Any, Callable[[Any], Any], dict[str, float]]:
    """MMSA's loader of the training clips, what trains on one, and the settings."""
    import torch
    from MMSA import get_config_regression
    from MMSA.data_loader import MMDataLoader
    from MMSA.models import AMIO
    from MMSA.trains import ATIO

    on_this_machine(torch)
    settings = get_config_regression(name, CORPUS)
    settings.update(
        featurePath=archive, need_data_aligned=False, device="cpu", train_mode="regression", custom_feature=None,
        feature_T="", feature_A="", feature_V="", cur_seed=1, early_stop=10**6,
        model_save_path=f"{Path(archive).with_name('mmsa.pth')}",
    )  # fmt: skip
    torch.manual_seed(0)
    loaders = MMDataLoader(settings, 0)
    network = AMIO(settings)
    trainer = ATIO().getTrain(settings)
    # Validation would be timed by nobody; the trainer wants a loss from it.
    trainer.do_test = lambda *given, **named: {"Loss": 0.0}
    facts = {
        "parameters": sum(one.numel() for one in network.parameters()), "batch": settings["batch_size"],
        "accumulate": settings.get("update_epochs", 1), "learning_rate": settings["learning_rate"],
        "weight_decay": settings.get("weight_decay", 0.0),
    }  # fmt: skip

    def start(loader: Any) -> Any:
        return trainer.do_train(network, {"train": loader, "valid": None})

    return loaders["train"], start, facts


class Paced:
    """A loader whose passes begin when they are told to."""

    def __init__(self, loader: Any, pace: Pace, epochs: int) -> None:
        self.loader, self.pace, self.left = loader, pace, epochs

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        if not self.left:
            raise Done
        self.left -= 1
        self.pace.go()
        yield from self.loader
        # The trainer asks for the next batch when it is through with the last one.
        self.pace.done()


def on_this_machine(torch: Any) -> None:
    """Let MMSA run with this torch, without CUDA and without downloads."""
    from MMSA.models.singleTask import MISA as misa
    from MMSA.trains.singleTask import MULT as mult

    class Frames(torch.nn.Module):
        """In the place of BERT: 768 numbers a word, at no cost."""

        def __init__(self, **named: Any) -> None:
            super().__init__()
            self.register_buffer("words", torch.randn(50, 768))

        def forward(self, text: Any) -> Any:
            return self.words[: text.shape[2]].expand(len(text), -1, -1)

    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    # Torch has dropped the argument since.
    sys.modules[mult.__module__].ReduceLROnPlateau = lambda *given, verbose, **named: plateau(
        *given, **named
    )
    sys.modules[misa.__module__].BertTextEncoder = Frames


def first_calls(torch: Any) -> None:
    """What torch loads when it first trains: not counted, as imports are not."""
    network = torch.nn.LSTM(2, 2, batch_first=True)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.zeros(2, 3, 2))[0].sum().backward()
    optimiser.step()


def ours(store: str, name: str, epochs: str, facts: str) -> dict[str, float]:
    """Our `fit` on the store, by MMSA's settings."""
    import torch

    from emofuse.training import loop

    # Parts are imported on first use: here, a training that is thrown away.
    ready_to_fit(store, name, 1, json.loads(facts), clips=2)
    first_calls(torch)
    pace = Pace()
    given = json.loads(facts)
    fitted = ready_to_fit(store, name, int(epochs), given)
    plain = loop._Fit._pass

    def paced(*arguments: Any) -> float:
        pace.go()
        loss = plain(*arguments)
        pace.done()
        return loss

    loop._Fit._pass = paced  # type: ignore[method-assign]
    pace.ready(parameters=fitted.parameters, clips=fitted.clips)
    fitted.start()
    return pace.peaks()


class Ready(NamedTuple):
    """A training that only has to be started."""

    clips: int
    parameters: int
    start: Callable[[], Any]


def ready_to_fit(
    store: str, name: str, epochs: int, facts: Mapping[str, Any], *, clips: int | None = None
) -> Ready:
    """The training, of all clips or the first ``clips``."""
    import torch

    from emofuse.alignment.samples import to_samples
    from emofuse.datasets import load_corpus
    from emofuse.evaluation import METRICS
    from emofuse.features.cache import Cache
    from emofuse.features.extraction import extract
    from emofuse.features.stored import Stored
    from emofuse.models import MODELS
    from emofuse.models.recipe import Total
    from emofuse.training.engine import Engine
    from emofuse.training.loop import fit
    from emofuse.training.objectives.task import TaskLoss
    from emofuse.training.phases import Schedule

    corpus = load_corpus("packed", store)
    by_split = {part: [clip for clip in corpus.clips if clip.split == part] for part in ("train", "valid")}
    count = len(by_split["train"][:clips])
    taken = [*by_split["train"][:clips], *by_split["valid"][:VALID_CLIPS]]
    dims = {key: taken[0].vectors[key].shape[1] for key in ("text", "audio", "video")}
    tracks = extract(
        taken,
        {key: Stored(key, dim=dim) for key, dim in dims.items()},
        cache=Cache(Path(tempfile.gettempdir())),
    )
    if name == "misa":
        tracks = [as_long_as_text(one) for one in tracks]
    # As MMSA trains it: on sentiment alone.
    task = replace(corpus.task, labels=())
    samples = to_samples(taken, tracks, task)
    torch.manual_seed(0)
    recipe = MODELS.load(name)(dims, task, **CASES[name].options)
    schedule = Schedule(
        epochs=epochs, batch_size=int(facts["batch"]), accumulate=int(facts["accumulate"]), optimiser="adam",
        learning_rate=facts["learning_rate"], weight_decay=facts["weight_decay"], schedule="constant", warmup=0.0,
    )  # fmt: skip
    train = [(sample,) for sample in samples[:count]]
    start = partial(
        fit, recipe.model, Total(TaskLoss(task, rating_loss="mae"), recipe), train=train, valid=samples[count:],
        dims=dims, watch=METRICS.load("mae"), schedule=schedule, engine=Engine.pick("cpu"), phases=recipe.phases,
    )  # fmt: skip
    return Ready(count, sum(one.numel() for one in recipe.model.parameters()), start)


def as_long_as_text(tracks: Mapping[str, Any]) -> dict[str, Any]:
    """MMSA's MISA reads of every modality as many frames as there are words; for the same work, so do we."""
    from emofuse.types import Track

    count = len(tracks["text"])
    return {key: Track(one.values[:count], one.times[:count]) for key, one in tracks.items()}


def make(share: str, lengths: str, out: str) -> dict[str, float]:
    """Write the archive."""
    write_archive(SHAPES[CORPUS].of_share(float(share)), Path(out), lengths_as=lengths)
    return {}


def import_pickle(archive: str, store: str) -> dict[str, float]:
    """The archive to our store."""
    from emofuse.datasets import import_corpus

    import_corpus("mmsa", archive, store)
    return {}


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| model | clips, batch | parameters | processor seconds per epoch | ratio | goal "
        "| peak MB | ratio | goal | MB above data |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        time_told, memory_told = (
            f"{found:.2f} | {wanted:g}: {'met' if found >= wanted else 'MISSED'}"
            for found, wanted in row.goals.values()
        )
        lines.append(
            f"| {row.model} | {row.clips:,}, {row.batch} | {row.peer_parameters:,} / {row.ours_parameters:,} | "
            f"{row.peer_s:.3g} / {row.ours_s:.3g} | {time_told} | {row.peer_mb:.0f} / {row.ours_mb:.0f} "
            f"({row.ours_mapped_mb:.0f} mapped) | {memory_told} | {row.peer_step_mb:.0f} / {row.ours_step_mb:.0f} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            "MMSA 2.2.1 / emofuse, in processor seconds. Peaks are above the process's size after imports.",
        ]
    )


def record(rows: list[Row], epochs: int) -> None:
    """Write results/training.json; the last run of every model stays in it."""
    file = HERE / "results" / "training.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    for row in rows:
        found = {name: {"ratio": ratio, "wanted": wanted} for name, (ratio, wanted) in row.goals.items()}
        kept[f"{row.model}, {row.lengths}"] = {
            "machine": machine,
            "clock": "processor",
            "epochs": epochs,
            **row._asdict(),
            "goals": found,
        }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


CHILDREN: dict[str, Callable[..., dict[str, float]]] = {
    "make": make, "import": import_pickle, "peer": peer, "ours": ours,
    "profile": partial(profile, ready_to_fit), "profile_peer": partial(profile_peer, ready_peer),
}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        answer(CHILDREN, sys.argv[2:])
    else:
        sys.exit(main())
