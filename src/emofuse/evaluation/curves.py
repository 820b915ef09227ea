"""Curves of a score against noise, and what is read off them: relative and effective robustness, and
methods side by side (Liang et al. 2021, MultiBench, https://arxiv.org/abs/2107.07502).

Differs: the area is taken over the strengths as they are (that code steps by `THESIS_STEP` whatever they
were), and a score of which less is better is turned round for every task alike.
"""

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import InputError, UnknownNameError

# The step of the noise level in the published sum, also where the levels were a third of it apart.
THESIS_STEP = 0.1
_STORED = Path(__file__).with_name("baselines.toml")


@dataclass(frozen=True)
class Curve:
    """One method's score at rising strengths of one noise, on ``modalities`` (empty: on all).

    ``strengths`` ``(points,)`` rise from 0; ``values`` are means over seeds, of which ``by_seed`` has one row
    each where they are known. ``n`` is the number of clips, 0 where it is unknown.
    """

    method: str
    noise: str
    metric: str
    strengths: tuple[float, ...]
    values: tuple[float, ...]
    modalities: tuple[str, ...] = ()
    by_seed: tuple[tuple[float, ...], ...] = ()
    higher_is_better: bool = True
    n: int = 0
    source: str = ""

    def __post_init__(self) -> None:
        check_strengths(self.strengths)
        if any(len(row) != len(self.strengths) for row in (self.values, *self.by_seed)):
            raise ValueError(
                f"{self.method}, {self.noise}: need a value at each of {len(self.strengths)} strengths, "
                f"got {len(self.values)}"
            )

    @property
    def clean(self) -> float:
        """The score without noise."""
        return self.values[0]

    @property
    def spread(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest value over the seeds at each strength; the value itself where none are known."""
        rows = np.array(self.by_seed or [self.values])
        return tuple(
            (float(low), float(high)) for low, high in zip(rows.min(axis=0), rows.max(axis=0), strict=True)
        )

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; NaN becomes null."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Curve":
        """The curve that `to_dict` wrote.

        Raises:
            InputError: a field is missing, unknown or not of its kind.
        """
        try:
            rows = {**stored, "by_seed": tuple(_numbers(row) for row in stored.get("by_seed", ()))}
            rows |= {name: _numbers(stored[name]) for name in ("strengths", "values")}
            return cls(**{**rows, "modalities": tuple(stored.get("modalities", ()))})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is no stored curve: {error}") from error


@dataclass(frozen=True)
class RobustnessRow:
    """One method: its clean score, its score under the strongest noise, relative and effective robustness
    (NaN without a baseline), and both max-min normalised over the methods, 1 the best and 0 the worst.
    """

    method: str
    clean: float
    strongest: float
    relative: float
    effective: float
    relative_normalised: float
    effective_normalised: float


@dataclass(frozen=True)
class RobustnessTable:
    """Methods under one noise, and the baseline of their effective robustness ("" for none)."""

    noise: str
    modalities: tuple[str, ...]
    metric: str
    higher_is_better: bool
    baseline: str
    rows: tuple[RobustnessRow, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; NaN becomes null."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def relative_robustness(curve: Curve, *, step: float | None = None) -> float:
    """The area under the curve, by trapezoids over its strengths, or over a fixed ``step`` (`THESIS_STEP`
    for the number that the thesis prints).

    Raises:
        ValueError: ``step`` is not above 0.
    """
    if step is not None and step <= 0:
        raise ValueError(f"a step is above 0, got {step}")
    values = np.array(curve.values)
    widths = np.diff(curve.strengths) if step is None else np.full(len(values) - 1, step)
    return float(np.sum((values[:-1] + values[1:]) / 2 * widths))


def effective_robustness(curve: Curve, baseline: Curve) -> float:
    """How much of the score is left beyond what ``baseline``, moved to the same clean score, has left: the
    sum over the strengths. Above 0 is better where more of the score is better.

    Raises:
        ValueError: the curves were not measured at the same strengths, or one falls where the other rises.
    """
    if not _alike(curve.strengths, baseline.strengths):
        raise ValueError(
            f"{baseline.method} was measured at the strengths {_shown(baseline.strengths)}, "
            f"{curve.method} at {_shown(curve.strengths)}; measure both at the same"
        )
    if curve.higher_is_better != baseline.higher_is_better:
        raise ValueError(
            f"more is better of one of {curve.metric} and {baseline.metric} only; they cannot be compared"
        )
    mine, other = np.array(curve.values), np.array(baseline.values)
    return float(np.sum((mine - mine[0]) - (other - other[0])))


def compare_curves(
    curves: Sequence[Curve], *, baseline: Curve | None = None, step: float | None = None
) -> RobustnessTable:
    """Methods under the same noise and metric side by side, in the order given; ``baseline`` may be one of them.

    Normalised numbers are NaN for a single method, or where all are alike.

    Raises:
        ValueError: there is no curve, or they are of several noises, metrics or strengths.
    """
    if not curves:
        raise ValueError("no curves to compare")
    first = curves[0]
    for one in curves:
        # A published baseline may stand among the methods; what it was measured under has its own names.
        if one != baseline and _terms(one) != _terms(first):
            raise ValueError(
                f"{first.method} has {_what(first)} and {one.method} {_what(one)}; compare one noise at a time"
            )
        if not _alike(one.strengths, first.strengths):
            raise ValueError(
                f"{one.method}: strengths {_shown(one.strengths)}, others {_shown(first.strengths)}"
            )
    areas = [relative_robustness(one, step=step) for one in curves]
    beyond = [float("nan") if baseline is None else effective_robustness(one, baseline) for one in curves]
    numbers = zip(
        areas,
        beyond,
        max_min_normalised(areas, higher_is_better=first.higher_is_better),
        max_min_normalised(beyond, higher_is_better=first.higher_is_better),
        strict=True,
    )
    rows = tuple(
        RobustnessRow(one.method, one.clean, one.values[-1], *row)
        for one, row in zip(curves, numbers, strict=True)
    )
    named = baseline.method if baseline else ""
    return RobustnessTable(first.noise, first.modalities, first.metric, first.higher_is_better, named, rows)


def max_min_normalised(values: Sequence[float], *, higher_is_better: bool = True) -> tuple[float, ...]:
    """``values`` on a scale from 0 (the worst) to 1 (the best); NaN where all are alike or undefined."""
    signed = np.array(values, dtype=np.float64) * (1 if higher_is_better else -1)
    known = signed[~np.isnan(signed)]
    if not known.size or known.max() == known.min():
        return (float("nan"),) * len(values)
    return tuple(((signed - known.min()) / (known.max() - known.min())).tolist())


def baseline_names() -> tuple[str, ...]:
    """The published curves that `baseline` knows."""
    return tuple(sorted(_stored_curves()))


def baseline(name: str) -> Curve:
    """A published curve by its name, such as ``"multibench-lf:mosi:text"``.

    Raises:
        UnknownNameError: there is none of that name; the message lists the nearest.
    """
    curves = _stored_curves()
    if name not in curves:
        near = get_close_matches(name, curves, n=3) or sorted(curves)
        raise UnknownNameError(f"no baseline named {name!r}; did you mean {', '.join(near)}?")
    return curves[name]


def curves_csv(curves: Sequence[Curve]) -> str:
    """One row a method, noise, strength and seed (``mean`` for the mean over seeds), numbers unrounded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "noise", "modalities", "metric", "n", "strength", "seed", "value"])
    for curve in curves:
        facts = (curve.method, curve.noise, " ".join(curve.modalities), curve.metric, curve.n or "")
        rows = [("mean", curve.values), *enumerate(curve.by_seed)]
        for seed, values in rows:
            for strength, value in zip(curve.strengths, values, strict=True):
                writer.writerow([*facts, strength, seed, "" if np.isnan(value) else value])
    return out.getvalue()


def robustness_markdown(table: RobustnessTable) -> str:
    """The table with three decimals, ``-`` where a number is not defined, and its terms below it."""
    columns = (
        "method", f"clean {table.metric}", "under the strongest noise", "relative", "effective",
        "relative, 0 to 1", "effective, 0 to 1",
    )  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    for row in table.rows:
        method, *numbers = asdict(row).values()
        texts = ["-" if np.isnan(number) else f"{number:.3f}" for number in numbers]
        lines.append(f"| {' | '.join([str(method).replace('|', chr(92) + '|'), *texts])} |")
    on = ", ".join(table.modalities) or "all modalities"
    against = f"; effective robustness against {table.baseline}" if table.baseline else ""
    better = "more" if table.higher_is_better else "less"
    return "\n".join(
        [*lines, "", f"Noise: {table.noise} on {on}; {better} {table.metric} is better{against}.\n"]
    )


def check_strengths(strengths: Sequence[float]) -> None:
    """Raise `ValueError` where they do not rise from 0 to at most 1."""
    found = np.asarray(strengths, dtype=np.float64)
    if found.ndim != 1 or not found.size or found[0] != 0 or found[-1] > 1 or (np.diff(found) <= 0).any():
        raise ValueError(f"strengths rise from 0 to at most 1, got {_shown(strengths)}")


def _stored_curves() -> dict[str, Curve]:
    found = {}
    for table, content in tomllib.loads(_STORED.read_text(encoding="utf-8")).items():
        facts = {name: value for name, value in content.items() if isinstance(value, str)}
        for corpus, noises in content.items():
            if corpus in facts:
                continue
            for noise, stored in noises.items():
                method = f"{facts['method']} on {corpus}"
                found[f"{table}:{corpus}:{noise}"] = Curve.from_dict({**facts, **stored, "method": method})
    return found


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and bool(np.allclose(one, other, rtol=0, atol=1e-9))


def _terms(curve: Curve) -> tuple[str, tuple[str, ...], str, bool]:
    return curve.noise, curve.modalities, curve.metric, curve.higher_is_better


def _what(curve: Curve) -> str:
    return f"{curve.metric} under {curve.noise} on {', '.join(curve.modalities) or 'all'}"


def _shown(strengths: Sequence[float]) -> str:
    return ", ".join(f"{one:.3g}" for one in strengths) or "none"


def _numbers(row: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(float("nan") if one is None else float(one) for one in row)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value
