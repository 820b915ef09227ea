"""`evaluate`: predictions and metrics to a `Report` with intervals, and the report as JSON or as rows."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from emofuse.errors import ConfigError
from emofuse.evaluation.intervals import bootstrap_intervals, choose_clusters, describe, group_codes
from emofuse.evaluation.metrics.checks import check_probabilities
from emofuse.evaluation.metrics.confusion import confusion_counts, ratio
from emofuse.evaluation.metrics.f1 import f1_per_class
from emofuse.types import Metric, Predictions, Report, Score

# A clip has one label where more than half of its shares lie on it.
ONE_LABEL = 0.5


class _Scored(NamedTuple):
    """One value to compute: over which clips ``(n,)`` bool, and from which of them ``(m,)`` ints."""

    name: str
    clips: np.ndarray
    compute: Callable[[np.ndarray], float]


def evaluate(
    predictions: Predictions,
    metrics: Sequence[Metric],
    *,
    generator: np.random.Generator,
    resamples: int = 1000,
) -> Report:
    """Score predictions by every metric, each with a 95 % bootstrap interval.

    Clips without truth are left out; clips with several labels (no share above 0.5) are left out of the
    scores of kind ``"labels"`` and ``"probabilities"``, and ``interval`` says how many. A metric of kind
    ``"ratings"`` is scored once per rating, as ``"ccc/valence"``; one of kind ``"shares"`` takes the
    ``(n, classes)`` shares and probabilities.

    Args:
        predictions: what was predicted, and the truth.
        metrics: what to compute, in the order of the report.
        generator: the source of chance of the bootstrap.
        resamples: how many bootstrap draws.

    Raises:
        ConfigError: a metric needs labels or ratings that the task does not have.
        ValueError: arrays do not fit each other, or a prediction is not finite.
    """
    _check(predictions)
    labelled, single = _labelled(predictions)
    scored = [one for metric in metrics for one in _expand(metric, predictions, labelled, single)]
    used = with_truth(predictions)
    groups = np.array(predictions.groups, dtype=object)
    codes = group_codes(predictions.groups)
    notes = [describe(choose_clusters(list(groups[used])), resamples=resamples)]
    if several := int(labelled.sum() - single.sum()):
        notes.append(f"{several} clips with several labels left out of single-label scores")
    counts = _counts(predictions, single)
    return Report(
        n=int(used.sum()),
        groups=len(np.unique(codes[used])),
        interval="; ".join(notes),
        scores=_scores(scored, groups, generator, resamples),
        confusion=counts,
        per_class=_per_class(counts, predictions.task.labels),
    )


def scorer(metric: Metric, predictions: Predictions) -> tuple[np.ndarray, Callable[[np.ndarray], float]]:
    """The clips ``(n,)`` bool that ``metric`` is made from, and the function from clip indices to its value.

    A metric of kind ``"ratings"`` is the mean over the task's ratings, of the clips that have them all.

    Raises:
        ConfigError: the metric needs labels or ratings that the task does not have.
    """
    _check(predictions)
    parts = _expand(metric, predictions, *_labelled(predictions))
    clips = np.logical_and.reduce([part.clips for part in parts])
    return clips, lambda rows: float(np.mean([part.compute(rows) for part in parts]))


def with_truth(predictions: Predictions) -> np.ndarray:
    """Which clips ``(n,)`` bool have a label or a rating that predictions can be held against."""
    rated = ~np.isnan(predictions.rating_truth)
    return _labelled(predictions)[0] | rated.any(axis=1)


def report_to_dict(report: Report) -> dict[str, object]:
    """The report as plain JSON values; NaN becomes null."""
    scores = {
        score.metric: {"value": _plain(score.value), "low": _plain(score.low), "high": _plain(score.high)}
        for score in report.scores
    }
    per_class = {
        label: {name: _plain(value) for name, value in row.items()}
        for label, row in report.per_class.items()
    }
    return {
        "n": report.n,
        "groups": report.groups,
        "interval": report.interval,
        "scores": scores,
        "per_class": per_class,
        "confusion": report.confusion.tolist(),
    }


def report_table(report: Report) -> list[tuple[str, str, str, str]]:
    """Rows of text (metric, value, low, high), three decimals, ``-`` where undefined."""
    return [
        (score.metric, _text(score.value), _text(score.low), _text(score.high)) for score in report.scores
    ]


def _check(predictions: Predictions) -> None:
    n, labels, ratings = len(predictions.ids), len(predictions.task.labels), len(predictions.task.ratings)
    shapes = {
        "probabilities": (n, labels),
        "truth": (n, labels),
        "ratings": (n, ratings),
        "rating_truth": (n, ratings),
    }
    for name, wanted in shapes.items():
        found = getattr(predictions, name).shape
        if found != wanted:
            raise ValueError(f"{name} of {n} clips must be {wanted}, got {found}")
    if len(predictions.groups) != n:
        raise ValueError(f"need a group for each of {n} clips, got {len(predictions.groups)}")
    if labels:
        check_probabilities(predictions.probabilities)
    if not np.isfinite(predictions.ratings).all():
        raise ValueError("predicted ratings must be finite")


def _labelled(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Which clips ``(n,)`` have a label, and which have exactly one."""
    if not predictions.task.labels:
        none = np.zeros(len(predictions.ids), dtype=bool)
        return none, none
    labelled = np.isfinite(predictions.truth).all(axis=1)
    return labelled, labelled & (np.nan_to_num(predictions.truth).max(axis=1) > ONE_LABEL)


def _expand(
    metric: Metric, predictions: Predictions, labelled: np.ndarray, single: np.ndarray
) -> list[_Scored]:
    task = predictions.task
    if metric.kind == "ratings":
        if not task.ratings:
            raise ConfigError(f"metric {metric.name!r} needs ratings, and the task has none")
        return [_rating(metric, predictions, column) for column in range(len(task.ratings))]
    if metric.kind not in ("labels", "probabilities", "shares"):
        raise ConfigError(f"metric {metric.name!r} is of unknown kind {metric.kind!r}")
    if not task.labels:
        raise ConfigError(f"metric {metric.name!r} needs labels, and the task has none")
    shares, probabilities = predictions.truth, predictions.probabilities
    truth, predicted = _argmax(shares), probabilities.argmax(axis=1)
    computes: dict[str, Callable[[np.ndarray], float]] = {
        "labels": lambda rows: metric.compute(truth[rows], predicted[rows], len(task.labels)),
        "probabilities": lambda rows: metric.compute(truth[rows], probabilities[rows]),
        "shares": lambda rows: metric.compute(shares[rows], probabilities[rows]),
    }
    return [_Scored(metric.name, labelled if metric.kind == "shares" else single, computes[metric.kind])]


def _rating(metric: Metric, predictions: Predictions, column: int) -> _Scored:
    truth, predicted = predictions.rating_truth[:, column], predictions.ratings[:, column]
    name = f"{metric.name}/{predictions.task.ratings[column]}"
    return _Scored(name, ~np.isnan(truth), lambda rows: metric.compute(truth[rows], predicted[rows]))


def _scores(
    scored: Sequence[_Scored], groups: np.ndarray, generator: np.random.Generator, resamples: int
) -> tuple[Score, ...]:
    """Values that are made from the same clips share their resamples."""
    by_clips: dict[bytes, list[_Scored]] = {}
    for one in scored:
        by_clips.setdefault(one.clips.tobytes(), []).append(one)
    found: dict[str, Score] = {}
    for family in by_clips.values():
        clips = np.flatnonzero(family[0].clips)
        intervals = bootstrap_intervals(
            lambda rows, family=family, clips=clips: [one.compute(clips[rows]) for one in family],  # type: ignore[misc]
            choose_clusters(list(groups[clips])),
            generator=generator,
            resamples=resamples,
        )
        for one, interval in zip(family, intervals, strict=True):
            found[one.name] = Score(one.name, interval.value, interval.low, interval.high)
    return tuple(found[one.name] for one in scored)


def _counts(predictions: Predictions, single: np.ndarray) -> np.ndarray:
    classes = len(predictions.task.labels)
    if not classes:
        return np.zeros((0, 0), dtype=np.int64)
    predicted = predictions.probabilities[single].argmax(axis=1)
    return confusion_counts(_argmax(predictions.truth)[single], predicted, classes)


def _argmax(shares: np.ndarray) -> np.ndarray:
    return np.nan_to_num(shares).argmax(axis=1)


def _per_class(counts: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    support = counts.sum(axis=1)
    precision, recall = ratio(np.diag(counts), counts.sum(axis=0)), ratio(np.diag(counts), support)
    columns = zip(labels, precision, recall, f1_per_class(counts), support, strict=True)
    return {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "n": int(n)}
        for label, p, r, f, n in columns
    }


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _text(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
