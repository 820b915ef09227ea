"""What the commands of evaluation print: scores, groups, robustness, costs and explanations as plain lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from emofuse.apps.show import show_reports
from emofuse.evaluation.diagnosis import COVERAGE
from emofuse.evaluation.robustness_study import study_markdown
from emofuse.inference.measurement_sections import cost_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emofuse.evaluation.complexity import Complexity
    from emofuse.evaluation.diagnosis import Diagnosis
    from emofuse.inference.evaluation_html import Evaluation
    from emofuse.inference.explanation import Explanation


def show_evaluation(found: Evaluation, console: Console) -> None:
    """Scores by role, then every part that was measured."""
    show_reports(found.reports, console)
    for line in _diagnosis(found.diagnosis):
        _say(line, console)
    if found.study is not None:
        console.file.write(f"\n{study_markdown(found.study)}")
    if found.modalities is not None:
        parts = zip(found.modalities.names, found.modalities.shares(), strict=True)
        _say(
            f"shares of the modalities: {', '.join(f'{name} {value:.1%}' for name, value in parts)}",
            console,
        )
    if found.faithfulness is not None:
        gain = found.faithfulness.deletion_gain
        _say(
            f"deletion of frames: better than random order by {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]",
            console,
        )
    show_costs(found.complexity, console)
    for note in found.notes:
        _say(f"note: {note}", console)


def show_costs(costs: Sequence[Complexity], console: Console) -> None:
    """The costs of each model, a line each."""
    for one in costs:
        _say(f"{one.name}: costs", console)
        rows = cost_rows(one)
        rows += [
            (f"clips a second, {part.batch_size} a batch", f"{part.clips_per_s:,.0f}")
            for part in one.throughput
        ]
        rows += [
            (f"{part.quantity} by {part.varied}", f"exponent {part.exponent.value:.2f} "
             f"[{part.exponent.low:.2f}, {part.exponent.high:.2f}], {part.exponent.last:.2f} at the largest")
            for part in one.scaling
        ]  # fmt: skip
        for name, value in rows:
            _say(f"  {name:<34} {value}", console)


def show_explanation(found: Explanation, console: Console) -> None:
    """Each segment with what its modalities add, and its most telling words."""
    _say(f"{found.source}: {found.unit.replace('_', '-')}, counted from {found.baseline}", console)
    for number, part in enumerate(found.segments, 1):
        time = (
            f"{part.start_s:.2f} to {part.end_s:.2f} s" if part.end_s > part.start_s else f"part {number}"
        )
        _say(f"{time}  {part.label}  {part.output:+.3f} = {part.base:+.3f} from nothing", console)
        for name, share in part.modalities.items():
            if not share.present:
                _say(f"  {name:<8} absent: {share.reason or 'absent'}", console)
                continue
            words = sorted((one for one in share.parts if one.text), key=lambda one: -abs(one.value))[:5]
            told = f"   {', '.join(f'{one.text} {one.value:+.2f}' for one in words)}" if words else ""
            _say(f"  {name:<8} {share.value:+.3f}  weight {share.weight:.0%}{told}", console)
    for line in (*found.notes, *found.warnings):
        _say(f"note: {line}", console)


def _diagnosis(found: Diagnosis) -> list[str]:
    lines = []
    if found.calibration is not None:
        one = found.calibration
        lines.append(f"calibration error {one.error:.4f}; by chance alone up to {one.by_chance:.4f}")
    for row in found.sets:
        lines.append(
            f"sets for {COVERAGE:.0%}, threshold {row.kind}: coverage {row.quality.coverage:.1%}, "
            f"{row.quality.size:.2f} classes in a set"
        )
    if found.splits is not None:
        spread = found.splits.coverage
        lines.append(
            f"sets over {len(spread)} random halves of the groups: coverage {spread.mean():.1%}, "
            f"deviation {100 * spread.std(ddof=1):.1f} points"
        )
    for name, report in found.groups.items():
        gap = report.gap
        told = (
            f": {gap.top} above {gap.bottom} by {gap.value:.3f} [{gap.low:.3f}, {gap.high:.3f}]"
            if gap
            else ": no two groups are large enough to be compared"
        )
        lines.append(f"largest gap by {name}, {report.metric}{told}")
    return lines


def _say(line: str, console: Console) -> None:
    console.print(Text(line), soft_wrap=True)
