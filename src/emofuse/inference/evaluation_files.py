"""The evaluation of a run as files in a folder: JSON, CSV, and every figure as PNG and SVG."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emofuse.evaluation.attribution import ModalityAttribution
from emofuse.evaluation.attribution_plots import faithfulness_plot, shares_plot
from emofuse.evaluation.complexity import Complexity
from emofuse.evaluation.complexity_plots import cost_plot, growth_plot, throughput_plot
from emofuse.evaluation.figures import FORMATS
from emofuse.evaluation.plots import calibration_plot, confusion_plot, groups_plot, loss_curves, risk_plot
from emofuse.evaluation.report import report_to_dict
from emofuse.evaluation.robustness_study import slug, write_study
from emofuse.files import write_atomically

if TYPE_CHECKING:
    from emofuse.inference.evaluation_html import Evaluation


def write_evaluation(found: "Evaluation", folder: Path) -> None:
    """``evaluation.json`` and the figures of what predictions tell; robustness, costs and shares in files of theirs.

    Raises:
        OutputError: a file cannot be written.
    """
    write_atomically(folder / "evaluation.json", json.dumps(evaluation_to_dict(found), indent=1) + "\n")
    for kind in FORMATS:
        _draw_predictions(found, folder, kind)
        if found.modalities is not None:
            write_atomically(folder / f"modalities.{kind}", shares_plot(found.modalities, kind=kind))
        if found.faithfulness is not None:
            write_atomically(
                folder / f"faithfulness.{kind}", faithfulness_plot(found.faithfulness, kind=kind)
            )
    if found.modalities is not None:
        write_atomically(folder / "modalities.csv", shares_csv(found.modalities))
    if found.study is not None:
        write_study(found.study, folder)
    if found.complexity:
        write_costs(found.complexity, folder)


def write_costs(costs: Sequence[Complexity], folder: Path) -> None:
    """``complexity.json`` and ``complexity.csv``, and costs, growth and throughput as PNG and SVG.

    Raises:
        OutputError: a file cannot be written.
    """
    write_atomically(
        folder / "complexity.json", json.dumps([one.to_dict() for one in costs], indent=1) + "\n"
    )
    write_atomically(folder / "complexity.csv", costs_csv(costs))
    for kind in FORMATS:
        write_atomically(folder / f"costs.{kind}", cost_plot(costs, kind=kind))
        write_atomically(folder / f"throughput.{kind}", throughput_plot(costs, kind=kind))
        for quantity in sorted({part.quantity for one in costs for part in one.scaling}):
            path = folder / f"growth-{slug(quantity)}.{kind}"
            write_atomically(path, growth_plot(costs, quantity=quantity, kind=kind))


def evaluation_to_dict(found: "Evaluation") -> dict[str, Any]:
    """Plain JSON values; NaN becomes null."""
    diagnosis = found.diagnosis
    calibration = diagnosis.calibration
    return _plain({
        "title": found.title,
        "facts": dict(found.facts),
        "audit": found.verdict,
        "metric": found.metric,
        "reports": {role: report_to_dict(one) for role, one in found.reports.items()},
        "calibration": calibration and {
            "ece": calibration.error, "ece_by_chance": calibration.by_chance, "n": calibration.n,
        },
        "sets": [
            {"kind": row.kind, "coverage": row.quality.coverage, "size": row.quality.size,
             "by_class": row.quality.by_class.tolist()}
            for row in diagnosis.sets
        ],
        "coverage_over_speakers": diagnosis.splits and {
            "mean": diagnosis.splits.coverage.mean(), "deviation": diagnosis.splits.coverage.std(ddof=1),
        },
        "groups": {
            name: {
                "metric": one.metric, "interval": one.interval, "gap": one.gap and vars(one.gap),
                "rows": [vars(row) for row in one.rows],
            }
            for name, one in diagnosis.groups.items()
        },
        "counts": {
            name: {"classes": list(classes), "counts": matrix.tolist()}
            for name, (classes, matrix) in diagnosis.counts.items()
        },
        "modalities": found.modalities and {
            "names": list(found.modalities.names), "shares": found.modalities.shares().tolist(),
            "kind": found.modalities.kind, "baseline": found.modalities.baseline,
        },
        "notes": list(found.notes),
    })  # fmt: skip


def shares_csv(found: ModalityAttribution) -> str:
    """One row a prediction: what is said, what would be with nothing, and what each modality adds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "column", "output", "base", *found.names])
    for row, name in enumerate(found.ids):
        writer.writerow(
            [name, found.columns[row], found.outputs[row], found.bases[row], *found.values[row]]
        )
    return out.getvalue()


def costs_csv(costs: Sequence[Complexity]) -> str:
    """One row a model, numbers unrounded, empty where unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([
        "model", "parameters", "trainable", "multiply_adds", "p50_s", "p95_s", "p99_s", "per_media_s", "epoch_s",
        "weights_mb", "tensors_mb", "process_mb", "device_mb", "joules", "disk_mb",
    ])  # fmt: skip
    for one in costs:
        numbers = (
            one.parameters, one.trainable, one.multiply_adds, one.latency.p50_s, one.latency.p95_s, one.latency.p99_s,
            one.latency.per_media_s, one.epoch.seconds, one.weights_mb, one.memory.tensors_mb, one.memory.process_mb,
            one.memory.device_mb, one.energy.joules, one.disk_mb,
        )  # fmt: skip
        writer.writerow([one.name, *("" if value is None else value for value in numbers)])
    return out.getvalue()


def _draw_predictions(found: "Evaluation", folder: Path, kind: str) -> None:
    report, diagnosis = found.reports[found.shown], found.diagnosis
    if report.confusion.sum():
        confusion_plot(report, tuple(report.per_class), folder / f"confusion.{kind}")
    if found.history:
        loss_curves(found.history, folder / f"losses.{kind}")
    if diagnosis.calibration is not None:
        one = diagnosis.calibration
        calibration_plot(one.curve, folder / f"reliability.{kind}", error=one.error)
    if diagnosis.risk is not None and len(diagnosis.risk.coverage):
        risk_plot(diagnosis.risk, folder / f"risk_coverage.{kind}")
    for name, group in diagnosis.groups.items():
        groups_plot(group, folder / f"groups-{slug(name)}.{kind}", name=name)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
