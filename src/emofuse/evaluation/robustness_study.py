"""Robustness of one or several models as one study: curves, subsets, tables against a baseline, and its files."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import ConfigError, InputError
from emofuse.evaluation.curves import (
    Curve,
    RobustnessTable,
    baseline,
    compare_curves,
    curves_csv,
)
from emofuse.evaluation.robustness import Robustness, SubsetTable
from emofuse.evaluation.robustness_plots import FORMATS, comparison_plot, curves_plot, subsets_plot
from emofuse.files import write_atomically


@dataclass(frozen=True)
class Study:
    """What was measured of each model: its curves and, where it has several modalities, its subsets; a table for
    each noise by ``metric``. ``baseline`` are the curves that effective robustness is told against.
    """

    metric: str
    measured: tuple[Robustness, ...]
    subsets: tuple[SubsetTable, ...]
    tables: tuple[RobustnessTable, ...]
    baseline: tuple[Curve, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; `stored_curves` reads the curves back."""
        return {
            "metric": self.metric,
            "measured": [one.to_dict() for one in self.measured],
            "subsets": [one.to_dict() for one in self.subsets],
            "tables": [one.to_dict() for one in self.tables],
            "baseline": [one.to_dict() for one in self.baseline],
        }

    def curves(self, place: int, *, metric: str | None = None) -> tuple[Curve, ...]:
        """The curves of the model at that place, of one metric."""
        wanted = metric or self.metric
        return tuple(one for one in self.measured[place].curves if one.metric == wanted)


def study(
    measured: Sequence[Robustness],
    subsets: Sequence[SubsetTable],
    *,
    metric: str,
    baselines: Sequence[Curve] = (),
) -> Study:
    """Set models side by side, a table for each noise; the models were measured under the same noises.

    Raises:
        ConfigError: none of the ``baselines`` was measured at these strengths, or the models do not fit together.
    """
    tables, used = [], []
    columns = [[one for one in part.curves if one.metric == metric] for part in measured]
    for together in zip(*columns, strict=True):
        known = matching(together[0], baselines)
        used += [known] if known else []
        try:
            tables.append(compare_curves(together, baseline=known))
        except ValueError as error:
            raise ConfigError(f"the models cannot be compared: {error}") from error
    if baselines and not used:
        found = "; ".join(dict.fromkeys(_terms(one) for one in baselines[:3]))
        wanted = "; ".join(dict.fromkeys(_terms(together[0]) for together in zip(*columns, strict=True)))
        raise ConfigError(f"no baseline fits what was measured: found {found}; wanted one of {wanted}")
    return Study(metric, tuple(measured), tuple(subsets), tuple(tables), tuple(dict.fromkeys(used)))


def short_names(runs: Sequence[tuple[str, int]]) -> list[str]:
    """What tells runs apart, from the name and the seed of each: the end of the name after the parts, divided by
    ``-``, that all begin with, and the seed where that is not enough. One run keeps its whole name and its seed.

    A comparison writes a blank of a model's title as ``_``; it is a blank again.
    """
    names = [name for name, _ in runs]
    if len(set(names)) > 1:
        parts = [name.split("-") for name in names]
        shared = 0
        while len({tuple(one[: shared + 1]) for one in parts}) == 1:
            shared += 1
        shared = min(shared, *(len(one) - 1 for one in parts))
        names = ["-".join(one[shared:]).replace("_", " ") for one in parts]
    if len(names) > 1 and len(set(names)) == len(names):
        return names
    return [f"{name}, seed {seed}" for name, (_, seed) in zip(names, runs, strict=True)]


def matching(curve: Curve, baselines: Sequence[Curve]) -> Curve | None:
    """The baseline for a curve: of the same noise, modalities and metric; else a published one, whose noise and
    metric have names of their own, of the same modalities and strengths.
    """
    fits = [
        one
        for one in baselines
        if set(one.modalities) == set(curve.modalities)
        and one.higher_is_better == curve.higher_is_better
        and len(one.strengths) == len(curve.strengths)
        and np.allclose(one.strengths, curve.strengths, rtol=0, atol=1e-9)
    ]
    same = [one for one in fits if (one.noise, one.metric) == (curve.noise, curve.metric)]
    published = [one for one in fits if one.source]
    return next(iter([*same, *published]), None)


def named_baseline(name: str) -> tuple[Curve, ...]:
    """A published curve by its name, or all curves of a JSON file that `write_study` or `Curve.to_dict` made.

    Raises:
        UnknownNameError: there is neither such a file nor such a name.
        InputError: the file holds no curve.
    """
    path = Path(name)
    return stored_curves(path) if path.suffix == ".json" or path.is_file() else (baseline(name),)


def stored_curves(path: Path) -> tuple[Curve, ...]:
    """The curves in a JSON file: one curve, a list of them, or a study.

    Raises:
        InputError: the file cannot be read, or holds no curve.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if isinstance(found, Mapping) and "measured" in found:
        found = [curve for one in _list(found["measured"]) for curve in _list(_of(one, "curves"))]
    try:
        curves = tuple(Curve.from_dict(one) for one in (found if isinstance(found, list) else [found]))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if not curves:
        raise InputError(f"{path}: holds no curve")
    return curves


def write_study(made: Study, folder: Path) -> list[Path]:
    """``robustness.json``, ``robustness.csv``, ``robustness.md``, and each noise and the subsets as PNG and SVG.

    Raises:
        OutputError: a file cannot be written.
    """
    every = [curve for one in made.measured for curve in one.curves]
    texts = {
        "robustness.json": json.dumps(made.to_dict(), indent=1) + "\n",
        "robustness.csv": curves_csv(every),
        "robustness.md": study_markdown(made),
    }
    for name, content in texts.items():
        write_atomically(folder / name, content)
    written = [folder / name for name in texts]
    for kind in FORMATS:
        for table, together in zip(made.tables, _together(made), strict=True):
            path = folder / f"{slug(table.noise, *table.modalities)}.{kind}"
            curves_plot(together, path, baseline=matching(together[0], made.baseline))
            written.append(path)
            if len(together) > 1:
                written.append(path.with_name(f"{path.stem}-compared.{kind}"))
                comparison_plot(table, written[-1])
        for number, one in enumerate(made.subsets):
            name = "subsets" if len(made.subsets) == 1 else f"subsets-{number + 1}-{slug(one.subject)}"
            written.append(folder / f"{name}.{kind}")
            subsets_plot(one, written[-1], metric=made.metric)
    return written


def study_markdown(made: Study) -> str:
    """A row for each noise and model, and the scores with every subset of the modalities, as Markdown."""
    several, against = len(made.measured) > 1, any(one.baseline for one in made.tables)
    heads = ["noise", "on", *(["model"] if several else []), "clean", "strongest", "relative"]
    heads += (["effective"] if against else []) + (["relative, 0 to 1"] if several else [])
    heads += ["effective, 0 to 1"] if several and against else []
    words = 3 if several else 2
    lines = [f"| {' | '.join(heads)} |", "|---" * words + "|---:" * (len(heads) - words) + "|"]
    for table in made.tables:
        for row in table.rows:
            cells = [table.noise, ", ".join(table.modalities) or "all", *([row.method] if several else [])]
            numbers = [row.clean, row.strongest, row.relative, *([row.effective] if against else [])]
            numbers += [row.relative_normalised] if several else []
            numbers += [row.effective_normalised] if several and against else []
            cells += ["-" if np.isnan(one) else f"{one:.3f}" for one in numbers]
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    first = made.tables[0]
    better = "more" if first.higher_is_better else "less"
    told = (
        f"{made.metric} ({better} is better) on {made.measured[0].n:,} clips; "
        f"strongest: {_strongest(made):g} of each noise's range."
    )
    baselines = ", ".join(dict.fromkeys(one.baseline for one in made.tables if one.baseline))
    parts = ["# Robustness", told + (f" Baseline: {baselines}." if baselines else ""), "\n".join(lines)]
    for one in made.subsets:
        parts.append(f"## Subsets of modalities: {one.subject}, {one.n:,} clips\n\n{one.to_markdown()}")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _strongest(made: Study) -> float:
    return max(curve.strengths[-1] for curve in made.measured[0].curves)


def _together(made: Study) -> list[tuple[Curve, ...]]:
    return list(zip(*(made.curves(place) for place in range(len(made.measured))), strict=True))


def _terms(curve: Curve) -> str:
    ends = f"{len(curve.strengths)} strengths from {curve.strengths[0]:g} to {curve.strengths[-1]:g}"
    return f"{curve.metric} on {'+'.join(curve.modalities) or 'all'} at {ends}"


def _of(found: object, key: str) -> object:
    return found.get(key) if isinstance(found, Mapping) else None


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def slug(*names: str) -> str:
    """Names as part of a file's name."""
    return re.sub(r"[^\w.+-]+", "_", "-".join(names)).strip("_").lower() or "all"
