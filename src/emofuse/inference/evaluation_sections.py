"""What stored predictions tell, as parts of a page: scores, classes, training, calibration, doubt, groups."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from emofuse.evaluation.bar_charts import Bar, grid_chart, interval_chart
from emofuse.evaluation.charts import Series, clean, histogram, line_chart
from emofuse.evaluation.diagnosis import COVERAGE, Calibration, Diagnosis
from emofuse.evaluation.groups import GroupReport
from emofuse.evaluation.selective import coverage_at_risk, risk_at_coverage
from emofuse.inference.page import charts, hint, number, share, table, within
from emofuse.types import Report

_ORDER = ("train", "valid", "test")


def scores_card(reports: Mapping[str, Report], metric: str) -> str:
    """Every score with its interval, the splits beside each other."""
    roles = [role for role in _ORDER if role in reports]
    by_role = {role: {one.metric: one for one in reports[role].scores} for role in roles}
    names = list(dict.fromkeys(name for role in roles for name in by_role[role]))
    rows = []
    for name in names:
        cells = [
            within(one.value, one.low, one.high) if (one := by_role[role].get(name)) else "–"
            for role in roles
        ]
        rows.append((clean(name), *cells))
    told = "; ".join(
        f"{role}: {reports[role].n:,} clips in {reports[role].groups:,} groups, {reports[role].interval}"
        for role in roles
    )
    first = next((place for place, name in enumerate(names) if name.partition("/")[0] == metric), -1)
    return hint(f"Behind each value its 95 % interval. {told}.") + table(
        ("metric", *roles), rows, first=first
    )


def classes_card(
    report: Report, counts: Mapping[str, tuple[tuple[str, ...], np.ndarray]], role: str
) -> str:
    """Precision, recall and F1 of each class, and confusion matrices."""
    parts, drawn, told = [], [], "The shade is the share of the true class."
    if report.per_class and report.confusion.sum():
        rows = [
            (
                clean(label),
                *(number(row[name]) for name in ("precision", "recall", "f1")),
                f"{row['n']:,.0f}",
            )
            for label, row in report.per_class.items()
        ]
        parts.append(table(("class", "precision", "recall", "F1", "clips"), rows))
        drawn.append(
            grid_chart(report.confusion, tuple(report.per_class), title=f"Confusion matrix, {role}, clips")
        )
        # Matrices of ratings are of all rated clips.
        told += _of_one_label("The table and the first matrix", int(report.confusion.sum()), report.n)
    small = [
        grid_chart(matrix, classes, title=f"{name}, {role}, clips")
        for name, (classes, matrix) in counts.items()
    ]
    # Those of two classes stand one below the other.
    drawn += [*small[:1], f"<div>{''.join(small[1:])}</div>"] if len(small) > 1 else small
    if not drawn:
        return ""
    return hint(told) + charts(*parts, *drawn)


def _of_one_label(what: str, used: int, clips: int) -> str:
    """What is said where only ``used`` of the ``clips`` with a truth have one label; begins with a space."""
    if not 0 < used < clips:
        return ""
    return (
        f" {what} count the {used:,} of {clips:,} clips with one label; "
        "those with several or none are left out."
    )


def training_card(history: Sequence[Mapping[str, float]], best_epoch: int) -> str:
    """Losses and the watched metric over epochs."""
    if not history:
        return ""
    epochs = [row["epoch"] + 1 for row in history]

    def column(name: str) -> list[float]:
        return [row.get(name, float("nan")) for row in history]

    losses = [Series(name, epochs, column(f"{name}_loss")) for name in ("train", "valid")]
    known = [one for one in losses if np.isfinite(one.ys).any()]
    drawn = []
    over_epochs = partial(line_chart, x_label="epoch", mark_x=best_epoch + 1.0, whole=True)
    if known:
        drawn.append(over_epochs(known, title="Loss", y_label="loss"))
    for name in list(dict.fromkeys(name for row in history for name in row)):
        if name.startswith("valid_") and name != "valid_loss" and np.isfinite(column(name)).any():
            watched = name.removeprefix("valid_")
            series = [Series(f"valid {watched}", epochs, column(name))]
            drawn.append(over_epochs(series, title=f"Validation {watched}", y_label=watched))
    if not drawn:
        return ""
    told = f"{len(history)} epochs; the dashed line marks epoch {best_epoch + 1}, which validation chose."
    return hint(told) + charts(*drawn)


def calibration_card(found: Calibration | None, role: str) -> str:
    """The reliability diagram with the clips of each bin."""
    if found is None:
        return ""
    curve, used = found.curve, found.curve.count > 0
    series = [
        Series("perfect", [0, 1], [0, 1], quiet=True),
        Series(
            "the model", curve.confidence[used], curve.accuracy[used], curve.low[used], curve.high[used]
        ),
    ]
    upper = line_chart(
        series, title="Reliability", x_label="confidence of the answer", y_label="share that is right",
        x_range=(0, 1), y_range=(0, 1),
    )  # fmt: skip
    lower = histogram(
        curve.edges, curve.count, title="Clips by confidence", x_label="confidence of the answer"
    )
    judged = (
        "more than chance explains" if found.error > found.by_chance else "no more than chance explains"
    )
    told = (
        f"Expected calibration error {found.error:.3f} on {found.n:,} {role} clips, {len(curve.count)} bins: "
        f"{judged} (a perfectly calibrated model stays under {found.by_chance:.3f} in 95 of 100 such sets). "
        "The band is the 95 % interval of each bin, as of independent clips."
    )
    return hint(told) + charts(upper, lower)


def doubt_card(found: Diagnosis, labels: Sequence[str], *, clips: int = 0) -> str:
    """Answering only where sure, and sets that hold the true class; ``clips`` have a truth, 0 where unknown."""
    lacks = _of_one_label("Errors and sets", found.calibration.n if found.calibration else 0, clips)
    parts = [hint(lacks.strip())] if lacks else []
    if found.risk is not None and len(found.risk.coverage):
        risk = found.risk
        curve = line_chart(
            [Series("error", risk.coverage, risk.risk)], title="Error against the share answered",
            x_label="share of clips that are answered, surest first", y_label="error among them", x_range=(0, 1),
            y_range=(0, max(0.05, 1.05 * float(np.nanmax(risk.risk)))),
        )  # fmt: skip
        rows = [
            (share(part), share(risk_at_coverage(risk, coverage=part))) for part in (1.0, 0.8, 0.5, 0.2)
        ]
        most, threshold = coverage_at_risk(risk, risk=0.1)
        told = (
            f"With at most 10 % error it can answer {most:.0%} of the clips, those above {threshold:.2f}."
            if most
            else "No threshold brings the error down to 10 %."
        )
        parts.append(charts(curve, f"<div>{table(('answered', 'error'), rows)}{hint(told)}</div>"))
    if found.sets:
        parts.append(_sets(found, labels))
    return "".join(parts)


def _sets(found: Diagnosis, labels: Sequence[str]) -> str:
    rows = [
        (clean(row.kind), share(row.quality.coverage), number(row.quality.size, digits=2),
         share(row.quality.single), share(row.quality.empty))
        for row in found.sets
    ]  # fmt: skip
    told = (
        f"Conformal sets are fitted on validation so that they hold the true class in {COVERAGE:.0%} of cases, and "
        f"judged on test, of {len(labels)} classes. With a threshold by class, one with too few "
        "validation clips is in every set."
    )
    if found.splits is not None:
        spread = found.splits.coverage
        told += (
            f" Fitted on a random half of the test groups (speakers, where they are known) and judged on the other "
            f"half, {len(spread)} times: "
            f"{spread.mean():.1%} on average, standard deviation {100 * spread.std(ddof=1):.1f} points, "
            f"{spread.min():.0%} to {spread.max():.0%}."
        )
    by_class = [
        (clean(label), *(share(row.quality.by_class[place]) for row in found.sets))
        for place, label in enumerate(labels)
    ]
    heads = ("threshold", "coverage", "classes", "of one", "empty")
    each = table(("true class", *(row.kind for row in found.sets)), by_class)
    return f"<h3>Sets that hold the true class</h3>{hint(told)}{charts(table(heads, rows), each)}"


def groups_card(groups: Mapping[str, GroupReport]) -> str:
    """Scores by group with the largest gap."""
    drawn = []
    for name, report in groups.items():
        bars = [Bar(f"{row.group} ({row.n:,})", row.value, row.low, row.high) for row in report.rows]
        known = [bar for bar in bars if np.isfinite(bar.value)]
        if not known:
            continue
        chart = interval_chart(
            known, title=f"By {name} (clips)", x_label=f"{report.metric} with its 95 % interval"
        )
        drawn.append(f"<div>{chart}{hint(_gap(report))}</div>")
    return charts(*drawn) if drawn else ""


def _gap(report: GroupReport) -> str:
    notes = "".join(f" {note}." for note in report.notes)
    if report.gap is None:
        return f"No two groups are large enough to be compared.{notes}"
    gap = report.gap
    certain = "chance may have made it" if not gap.low > 0 else "chance alone does not explain it"
    return (
        f"Largest gap: {gap.top} above {gap.bottom} by {number(gap.value)} "
        f"({number(gap.low)} to {number(gap.high)}, for all pairs at once): {certain}. {report.interval}.{notes}"
    )
