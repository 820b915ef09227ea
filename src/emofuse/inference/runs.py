"""A run folder: what went in, how training went, the best model as a bundle, predictions, scores, plots.

``config.toml``, ``environment.json``, ``data.json``, ``split.json``, ``history.csv``, ``bundle.toml`` with the
expert's folder, ``predictions_<role>.csv``, ``metrics.json``, ``confusion.png``, ``losses.png``,
``reliability.png`` and ``card.md``. ``state.pt`` is there only while training is under way.
"""

import csv
import hashlib
import io
import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import ConfigError, InputError, OutputError
from emofuse.evaluation.plots import confusion_plot, loss_curves, reliability_plot
from emofuse.evaluation.report import report_to_dict
from emofuse.features.media import content_hash
from emofuse.files import write_atomically
from emofuse.inference.bundle import Bundle
from emofuse.types import Clip, Corpus, Predictions, Report, Split, TaskSpec

LIBRARIES = ("emofuse", "torch", "numpy", "scikit-learn", "transformers", "av", "opencv-python-headless")

WRITTEN = {
    "config.toml", "environment.json", "data.json", "split.json", "history.csv", "bundle.toml", "metrics.json",
    "predictions_valid.csv", "predictions_test.csv", "confusion.png", "losses.png", "reliability.png", "card.md",
    "state.pt", "cost.json",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: its folder, its reports by role, and the epoch that validation chose (from 0)."""

    folder: Path
    reports: Mapping[str, Report]
    best_epoch: int


def is_finished(folder: Path, config: str, *, fresh: bool) -> bool:
    """Whether a finished run of this configuration is there to be read back; nothing is written.

    Raises:
        ConfigError: the folder holds a run of another configuration, or something that is no run.
        OutputError: it cannot be written.
    """
    path = folder / "config.toml"
    if path.is_file() and fresh:
        if strange := sorted(inner.name for inner in folder.iterdir() if not _of_a_run(inner)):
            raise ConfigError(f"{folder}: {strange[0]} was not written by a run; name another folder")
    elif path.is_file():
        if path.read_text(encoding="utf-8") != config:
            raise ConfigError(
                f"{folder}: holds a run of another configuration; name another folder or begin afresh"
            )
        return (folder / "metrics.json").is_file()
    elif folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise ConfigError(f"{folder}: is not empty and holds no run")
    _check_can_be_made(folder)
    return False


def _check_can_be_made(folder: Path) -> None:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise OutputError(f"{folder}: cannot be made ({there} is a file)")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be made (permission denied in {there})")


def resume_or_begin(folder: Path, config: str, *, fresh: bool) -> bool:
    """Make the folder, or go on in one that was begun with the same configuration; says whether the run in
    it is finished.

    Raises:
        ConfigError, OutputError: as `is_finished` does.
    """
    if is_finished(folder, config, fresh=fresh):
        return True
    path = folder / "config.toml"
    try:
        if fresh and path.is_file():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
    if not path.is_file():
        write_atomically(path, config)
    return False


def protocol_of(folder: Path) -> tuple[str, str]:
    """How the split of a run was made, and the audit's verdict on it; "" where that was not recorded."""
    try:
        facts = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        return str(facts["protocol"]), str(facts.get("audit", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def data_of(folder: Path) -> dict[str, Any]:
    """What was recorded of a run's data: corpus, clips, citation, licence; empty where nothing was."""
    try:
        facts: dict[str, Any] = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        return facts if isinstance(facts, dict) else {}
    except (OSError, ValueError):
        return {}


def best_epoch(folder: Path) -> int:
    """The epoch, from 0, that validation chose in a finished run."""
    return int(json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["best_epoch"])


def read_history(folder: Path) -> list[dict[str, float]]:
    """One row an epoch, as it was recorded; what is not known is left out of its row.

    Raises:
        InputError: the table is damaged.
    """
    path = folder / "history.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged history ({error})") from error


def read_split(folder: Path) -> Split:
    """The ids by role that a run was made with.

    Raises:
        InputError: they were not recorded, or the file is damaged.
    """
    path = folder / "split.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        ids = {role: tuple(map(str, facts[role])) for role in ("train", "valid", "test")}
        return Split(**ids, protocol=str(facts["protocol"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged split ({error})") from error


def _of_a_run(path: Path) -> bool:
    # A write that was cut off leaves a hidden file with the name and an ending of its own.
    name = path.name[1:].rpartition(".")[0] if path.name.startswith(".") else path.name
    return name in WRITTEN or (path / "weights.safetensors").is_file()


def record_inputs(folder: Path, corpus: Corpus, split: Split, *, seed: int, audit: str = "") -> None:
    """Write the environment, the hashes of the data, the ids of the split and what an audit says of it.

    Raises:
        ConfigError: a training that was cut off here saw other data.
    """
    environment = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "seed": seed,
    }
    data = {
        "corpus": corpus.name,
        "clips": len(corpus.clips),
        "citation": corpus.citation,
        "licence": corpus.licence,
        "notes": list(corpus.notes),
        "sha256": data_hash(corpus.clips),
    }
    ids = {
        "protocol": split.protocol,
        "audit": audit,
        "train": split.train,
        "valid": split.valid,
        "test": split.test,
    }
    if (folder / "state.pt").is_file() and _recorded(folder) not in (None, (data["sha256"], ids["train"])):
        raise ConfigError(f"{folder}: the data are not those this run began with; begin afresh")
    for name, content in (("environment", environment), ("data", data), ("split", ids)):
        write_atomically(folder / f"{name}.json", json.dumps(content, indent=1) + "\n")


def _recorded(folder: Path) -> tuple[str, tuple[str, ...]] | None:
    """The hash of the data and the training ids that stand in the folder."""
    try:
        data, split = (json.loads((folder / f"{name}.json").read_bytes()) for name in ("data", "split"))
        return data["sha256"], tuple(split["train"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def data_hash(clips: Sequence[Clip]) -> str:
    """sha256 over every clip's id, targets, text and the content of its media, in order of ids."""
    digest = hashlib.sha256()
    media: dict[object, str] = {}
    for clip in sorted(clips, key=lambda one: one.id):
        if clip.media is not None and clip.media not in media:
            media[clip.media] = content_hash(clip.media)
        facts = [
            clip.id, clip.label, sorted(clip.shares.items()), sorted(clip.ratings.items()), clip.text,
            media.get(clip.media), clip.start_s, clip.end_s,
        ]  # fmt: skip
        digest.update(json.dumps(facts, default=str).encode())
        for name, vector in sorted(clip.vectors.items()):
            digest.update(name.encode() + np.ascontiguousarray(vector).tobytes())
    return digest.hexdigest()


def record_results(
    folder: Path,
    bundle: Bundle,
    history: Sequence[Mapping[str, float]],
    predictions: Mapping[str, Predictions],
    reports: Mapping[str, Report],
    *,
    best_epoch: int,
    card: str,
) -> Run:
    """Write model, history, predictions, scores, plots and card; then drop the training state."""
    write_atomically(folder / "history.csv", _table(history))
    for role, made in predictions.items():
        write_atomically(folder / f"predictions_{role}.csv", _table(list(_rows(made))))
    bundle.save(folder, extra={"card.md": card})
    labels = bundle.labels
    shown = "test" if "test" in reports else "valid"
    if history:
        loss_curves(history, folder / "losses.png")
    if labels and reports[shown].confusion.sum():
        confusion_plot(reports[shown], labels, folder / "confusion.png")
        _plot_reliability(predictions[shown], folder / "reliability.png")
    protocol, audit = protocol_of(folder)
    summary = {
        "best_epoch": best_epoch,
        "protocol": protocol,
        "audit": audit,
        **{role: report_to_dict(report) for role, report in reports.items()},
    }
    write_atomically(folder / "metrics.json", json.dumps(summary, indent=1) + "\n")
    for state in (*folder.glob("state.pt"), *folder.glob(".state.pt.*")):
        state.unlink()
    return Run(folder, reports, best_epoch)


def read_predictions(folder: Path) -> dict[str, Predictions]:
    """The stored predictions of a finished run, by role.

    Raises:
        ConfigError: the folder holds no finished run.
        InputError: a table is damaged.
    """
    folder = Path(folder)
    if not (folder / "metrics.json").is_file():
        state = "an unfinished run" if (folder / "config.toml").is_file() else "no run"
        raise ConfigError(f"{folder}: holds {state}; wanted a folder that `emofuse train` finished")
    found = {}
    for role in ("valid", "test"):
        path = folder / f"predictions_{role}.csv"
        if path.is_file():
            found[role] = _read_predictions(path, metrics=_scored(folder / "metrics.json", role))
    return found


def _scored(path: Path, role: str) -> tuple[str, ...]:
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))[role]["scores"]
        return tuple(dict.fromkeys(name.partition("/")[0] for name in scores))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged scores ({error})") from error


def _plot_reliability(predictions: Predictions, path: Path) -> None:
    shares = predictions.truth
    single = np.isfinite(shares).all(axis=1) & (np.nan_to_num(shares).max(axis=1) > 0.5)
    reliability_plot(predictions.probabilities[single], shares[single].argmax(axis=1), path)


def _rows(made: Predictions) -> "Sequence[dict[str, object]]":
    rows = []
    columns = (
        ("truth", made.task.labels, made.truth), ("score", made.task.labels, made.scores),
        ("probability", made.task.labels, made.probabilities), ("rated", made.task.ratings, made.rating_truth),
        ("rating", made.task.ratings, made.ratings),
    )  # fmt: skip
    for index, (name, group) in enumerate(zip(made.ids, made.groups, strict=True)):
        row: dict[str, object] = {"id": name, "group": group}
        for kind, names, values in columns:
            row |= {f"{kind}:{one}": repr(float(values[index, column])) for column, one in enumerate(names)}
        rows.append(row)
    return rows


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["id"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _read_predictions(path: Path, *, metrics: tuple[str, ...]) -> Predictions:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    if missing := {"id", "group"} - set(columns):
        raise InputError(f"{path}: damaged table of predictions (no column {', '.join(sorted(missing))})")
    labels = tuple(name.partition(":")[2] for name in columns if name.startswith("score:"))
    ratings = tuple(name.partition(":")[2] for name in columns if name.startswith("rating:"))

    def block(kind: str, names: tuple[str, ...]) -> np.ndarray:
        try:
            return np.array([[float(row[f"{kind}:{one}"]) for one in names] for row in rows]).reshape(
                len(rows), -1
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: damaged table of predictions ({error})") from error

    return Predictions(
        ids=tuple(row["id"] for row in rows),
        task=TaskSpec(labels, ratings, metrics=metrics),
        scores=block("score", labels),
        probabilities=block("probability", labels),
        truth=block("truth", labels),
        ratings=block("rating", ratings),
        rating_truth=block("rated", ratings),
        groups=tuple(row["group"] for row in rows),
    )
