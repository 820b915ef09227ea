"""How a model's scores hold up when its inputs get worse: curves over noise, and every subset of modalities."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from emofuse.errors import ConfigError
from emofuse.evaluation.conditions import (
    Condition,
    MediaCondition,
    Operation,
    noise,
    standard_conditions,
)
from emofuse.evaluation.curves import Curve, check_strengths
from emofuse.evaluation.passes import Subject, Way, judge
from emofuse.perturbations.missing import MissingModality
from emofuse.types import Metric, Sample

__all__ = [
    "Condition",
    "MediaCondition",
    "Robustness",
    "Subject",
    "SubsetRow",
    "SubsetTable",
    "curve",
    "measure_robustness",
    "measure_subsets",
    "noise",
    "standard_conditions",
]

# The levels of the thesis.
STRENGTHS = tuple(step / 10 for step in range(10))
# The most modalities whose subsets are all tried: 255 passes.
_MOST_MODALITIES = 8


@dataclass(frozen=True)
class Robustness:
    """One subject on ``n`` clips: its clean score by metric, and a curve for each condition and metric."""

    subject: str
    n: int
    clean: Mapping[str, float]
    curves: tuple[Curve, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; NaN becomes null."""
        return {
            "subject": self.subject,
            "n": self.n,
            "clean": _plain(self.clean),
            "curves": [one.to_dict() for one in self.curves],
        }

    def curve(self, noise: str, metric: str, modalities: Sequence[str] = ()) -> Curve:
        """The curve of one condition and metric.

        Raises:
            KeyError: it was not measured.
        """
        for one in self.curves:
            if (one.noise, one.metric, one.modalities) == (noise, metric, tuple(modalities)):
                return one
        raise KeyError(f"{metric} under {noise} on {', '.join(modalities) or 'all'} was not measured")


@dataclass(frozen=True)
class SubsetRow:
    """The scores with only ``present`` modalities; ``missing`` ones are absent from all clips, and ``empty`` clips
    have nothing left (they are answered by the mean of the clean answers).
    """

    present: tuple[str, ...]
    missing: tuple[str, ...]
    empty: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class SubsetTable:
    """One row for each non-empty subset of the modalities, all of them first."""

    subject: str
    n: int
    rows: tuple[SubsetRow, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; NaN becomes null."""
        rows = [
            {"present": list(row.present), "missing": list(row.missing), "empty": row.empty,
             "scores": _plain(row.scores)}
            for row in self.rows
        ]  # fmt: skip
        return {"subject": self.subject, "n": self.n, "rows": rows}

    def to_markdown(self) -> str:
        """The table with three decimals; behind each score stands its distance from that of all modalities."""
        metrics = list(self.rows[0].scores)
        lines = [
            f"| present | missing | empty clips | {' | '.join(metrics)} |",
            "|---|---|---:" + "|---:" * len(metrics) + "|",
        ]
        full = self.rows[0].scores
        for row in self.rows:
            texts = [f"{row.scores[name]:.3f} ({row.scores[name] - full[name]:+.3f})" for name in metrics]
            names = (", ".join(row.present), ", ".join(row.missing) or "-", str(row.empty))
            lines.append(f"| {' | '.join((*names, *texts))} |")
        return "\n".join(lines) + "\n"


def curve(
    subject: Subject,
    samples: Sequence[Sample],
    condition: Condition | MediaCondition,
    *,
    metric: Metric,
    strengths: Sequence[float] = STRENGTHS,
    seeds: Sequence[int] = (0,),
) -> Curve:
    """The one curve of one noise and metric; see `measure_robustness`."""
    return measure_robustness(
        subject, samples, [condition], metrics=[metric], strengths=strengths, seeds=seeds
    ).curves[0]


def measure_robustness(
    subject: Subject,
    samples: Sequence[Sample],
    conditions: Sequence[Condition | MediaCondition],
    *,
    metrics: Sequence[Metric],
    strengths: Sequence[float] = STRENGTHS,
    seeds: Sequence[int] = (0,),
    progress: Callable[[float], None] = lambda done: None,
) -> Robustness:
    """A curve for each condition and metric, from one pass over the clips.

    At strength 0 stands the clean score itself, from the same batches in the same order as
    `emofuse.training.prediction.predict` makes them: it is equal to the score of a report to the last bit.
    Within a seed the same chances are drawn at every strength. The same clips, batch size, seeds and device
    give the same curves. ``samples`` may be any sequence, one that reads each clip when it is asked for too.

    Raises:
        ValueError: strengths do not rise from 0 to at most 1, there is no seed, or two conditions have one name
            and the same modalities.
        ConfigError: a metric needs labels or ratings that the task does not have.
        DatasetError: there is no clip.
    """
    check_strengths(strengths)
    if not seeds:
        raise ValueError("no seed to draw noise by")
    named = [(one.name, one.modalities) for one in conditions]
    if twice := sorted({one[0] for one in named if named.count(one) > 1}):
        raise ValueError(f"two conditions are called {', '.join(twice)}; give each a name of its own")
    ways = [
        Way(condition, float(strength), seed)
        for condition in conditions
        for strength in strengths[1:]
        for seed in seeds
    ]
    answers = judge(subject, samples, ways, progress)
    clean, *noisy = answers.scores(subject, metrics)
    by_way = {
        (id(way.condition), way.strength, way.seed): row for way, row in zip(ways, noisy, strict=True)
    }
    curves = []
    for condition in conditions:
        rows = [
            [clean, *(by_way[id(condition), float(one), seed] for one in strengths[1:])] for seed in seeds
        ]
        curves += [
            _curve(
                subject,
                condition,
                metric,
                [[point[metric.name] for point in row] for row in rows],
                strengths,
            )
            for metric in metrics
        ]
    n = len(answers.ids)
    return Robustness(subject.name, n, clean, tuple(replace(one, n=n) for one in curves))


def measure_subsets(
    subject: Subject,
    samples: Sequence[Sample],
    *,
    metrics: Sequence[Metric],
    progress: Callable[[float], None] = lambda done: None,
) -> SubsetTable:
    """The scores with every subset of the subject's modalities, from one pass over the clips.

    Raises:
        ConfigError: more modalities than 8, or a metric that the task has nothing for.
        DatasetError: there is no clip.
    """
    names = tuple(subject.dims)
    if len(names) > _MOST_MODALITIES:
        raise ConfigError(
            f"{len(names)} modalities have too many subsets; at most {_MOST_MODALITIES} can be tried"
        )
    sets = [one for size in range(len(names) - 1, 0, -1) for one in combinations(names, size)]
    lost = [tuple(name for name in names if name not in one) for one in sets]
    ways = [Way(Condition("missing_modality", _absent(gone), gone), 1.0, 0) for gone in lost]
    answers = judge(subject, samples, ways, progress)
    scores = answers.scores(subject, metrics)
    rows = [
        SubsetRow(present, gone, int(answers.empty[place].sum()), scores[place])
        for place, (present, gone) in enumerate(zip([names, *sets], [(), *lost], strict=True))
    ]
    return SubsetTable(subject.name, len(answers.ids), tuple(rows))


def _curve(
    subject: Subject,
    condition: Condition | MediaCondition,
    metric: Metric,
    rows: Sequence[Sequence[float]],
    strengths: Sequence[float],
) -> Curve:
    return Curve(
        subject.name, condition.name, metric.name, tuple(map(float, strengths)),
        # The clean score is the same in every row: a mean could round it.
        values=(rows[0][0], *(float(np.mean(point)) for point in list(zip(*rows, strict=True))[1:])),
        modalities=condition.modalities, by_seed=tuple(tuple(row) for row in rows),
        higher_is_better=metric.higher_is_better,
    )  # fmt: skip


def _absent(gone: tuple[str, ...]) -> Callable[[float], Operation]:
    return lambda strength: MissingModality(gone, strength=strength)


def _plain(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in scores.items()}
