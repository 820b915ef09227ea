"""What stored predictions tell beside their scores: calibration, doubt, sets, groups, ratings as classes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from emofuse.errors import ConfigError
from emofuse.evaluation.calibration import ReliabilityCurve, ece_null_quantile, reliability_curve
from emofuse.evaluation.conformal import (
    SetQuality,
    SplitCoverage,
    coverage_over_splits,
    fit_conformal,
    fit_conformal_by_class,
    set_quality,
)
from emofuse.evaluation.groups import GroupReport, group_scores
from emofuse.evaluation.metrics.binned import binned_counts, method1_counts, method2_counts
from emofuse.evaluation.metrics.binning import ROUND7
from emofuse.evaluation.metrics.calibration_error import expected_calibration_error
from emofuse.evaluation.report import ONE_LABEL
from emofuse.evaluation.selective import RiskCoverage, risk_coverage_curve
from emofuse.types import Metric, Predictions

# The coverage that sets are asked for, and bins of the reliability diagram.
COVERAGE, BINS = 0.9, 15
# Of more groups than can be read, those with fewer clips than these are left out.
_MOST_GROUPS, _FEWEST = 24, 10


@dataclass(frozen=True, eq=False)
class Calibration:
    """The reliability curve, its error, and the error that a perfectly calibrated model stays under in 95 of
    100 cases.
    """

    curve: ReliabilityCurve
    error: float
    by_chance: float
    n: int


@dataclass(frozen=True, eq=False)
class SetRow:
    """Sets of one kind: fitted on validation and judged on test."""

    kind: str
    quality: SetQuality


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """All of it; a part is None or empty where it cannot be had. ``splits`` are coverages on random halves of the
    speakers of the test clips; ``counts`` are confusion matrices by name, with the names of their classes.
    """

    calibration: Calibration | None
    risk: RiskCoverage | None
    sets: tuple[SetRow, ...]
    splits: SplitCoverage | None
    groups: Mapping[str, GroupReport]
    counts: Mapping[str, tuple[tuple[str, ...], np.ndarray]]


def diagnose(
    predictions: Mapping[str, Predictions],
    metric: Metric,
    *,
    groupings: Mapping[str, Mapping[str, str]],
    generator: np.random.Generator,
    resamples: int = 1000,
) -> Diagnosis:
    """Diagnose the test predictions (those of validation where there are no others).

    Args:
        predictions: by role; sets are fitted on ``"valid"`` and judged on ``"test"``.
        metric: what groups are scored by.
        groupings: by name (``"speaker"``), clip id to group.
        generator: the source of chance.
        resamples: bootstrap draws of each group.

    Raises:
        ConfigError: the metric needs labels or ratings that the task does not have.
    """
    made = predictions.get("test", predictions["valid"])
    rows = one_label(made)
    truth, said = (
        made.truth[rows].argmax(axis=1) if rows.any() else np.zeros(0, int),
        made.probabilities[rows],
    )
    judged = rows.any()
    return Diagnosis(
        calibration=_calibration(truth, said, generator) if judged else None,
        risk=risk_coverage_curve(truth, said) if judged else None,
        sets=_sets(predictions),
        splits=_splits(made, rows, generator),
        groups=_groups(made, metric, groupings, generator, resamples),
        counts=_counts(made),
    )


def one_label(made: Predictions) -> np.ndarray:
    """Which clips ``(n,)`` have exactly one label."""
    if not made.task.labels:
        return np.zeros(len(made.ids), dtype=bool)
    return np.isfinite(made.truth).all(axis=1) & (np.nan_to_num(made.truth).max(axis=1) > ONE_LABEL)


def _calibration(truth: np.ndarray, said: np.ndarray, generator: np.random.Generator) -> Calibration:
    return Calibration(
        reliability_curve(truth, said, bins=BINS),
        expected_calibration_error(truth, said, bins=BINS),
        ece_null_quantile(said, generator=generator, bins=BINS),
        len(truth),
    )


def _sets(predictions: Mapping[str, Predictions]) -> tuple[SetRow, ...]:
    if not {"valid", "test"} <= set(predictions):
        return ()
    parts = []
    for role in ("valid", "test"):
        made, rows = predictions[role], one_label(predictions[role])
        if not rows.any():
            return ()
        parts.append((made.truth[rows].argmax(axis=1), made.probabilities[rows]))
    (valid_truth, valid_said), (truth, said) = parts
    kinds = (("one for all", fit_conformal), ("by class", fit_conformal_by_class))
    return tuple(
        SetRow(kind, set_quality(truth, fit(valid_truth, valid_said, coverage=COVERAGE).sets(said)))
        for kind, fit in kinds
    )


def _splits(made: Predictions, rows: np.ndarray, generator: np.random.Generator) -> SplitCoverage | None:
    groups = [group for group, used in zip(made.groups, rows, strict=True) if used]
    # With fewer than two speakers a half the spread says nothing; nameless clips are no speakers.
    if len(set(groups)) < 4 or "" in groups:
        return None
    return coverage_over_splits(
        made.truth[rows].argmax(axis=1), made.probabilities[rows], groups=groups, generator=generator
    )


def _groups(
    made: Predictions,
    metric: Metric,
    groupings: Mapping[str, Mapping[str, str]],
    generator: np.random.Generator,
    resamples: int,
) -> dict[str, GroupReport]:
    found = {}
    for name, grouping in groupings.items():
        shown, left = _readable({one: grouping[one] for one in made.ids if one in grouping})
        if len(set(shown.values())) < 2:
            continue
        try:
            report = group_scores(made, metric, grouping=shown, generator=generator, resamples=resamples)
        except ConfigError:
            raise
        except ValueError:  # none of the scored clips is in a group
            continue
        found[name] = replace(report, notes=(f"{left} small groups left out",)) if left else report
    return found


def _readable(grouping: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Of more groups than can be read, those that have enough clips; and how many are left out."""
    sizes = Counter(grouping.values())
    if len(sizes) <= _MOST_GROUPS:
        return dict(grouping), 0
    large = {name for name, size in sizes.most_common(_MOST_GROUPS) if size >= _FEWEST}
    return {one: name for one, name in grouping.items() if name in large}, len(sizes) - len(large)


def _counts(made: Predictions) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Ratings from -3 to 3, or from -1 to 1, as classes: the ways in which sentiment is tabulated."""
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for place, name in enumerate(made.task.ratings):
        truth = made.rating_truth[:, place]
        known = ~np.isnan(truth)
        if not (truth[known] < 0).any():
            continue
        pair = truth[known], made.ratings[known, place]
        if np.abs(pair[0]).max() > 1:
            found[f"{name}, 7 classes (acc7)"] = (ROUND7.classes, binned_counts(*pair, binning=ROUND7))
        found[f"{name}, method 1: negative against the rest"] = (
            ("negative", "not negative"),
            method1_counts(*pair),
        )
        found[f"{name}, method 2: zeros left out"] = (("negative", "positive"), method2_counts(*pair))
    return found
