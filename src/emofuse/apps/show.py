"""What the command line prints: a timeline for people, plain lines for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from emofuse.inference.drawing import colour_of, span_of
from emofuse.inference.result import Result, SegmentEmotion
from emofuse.registry import Entry
from emofuse.types import Report

if TYPE_CHECKING:
    from emofuse.sweep import Found

_WIDE = 110  # columns of a terminal that has room for everything


def show_result(result: Result, console: Console) -> None:
    """A timeline as a table on a terminal; elsewhere tab-separated lines, one for each segment."""
    if not console.is_terminal:
        console.file.write("".join(f"{line}\n" for line in plain_lines(result)))
        return
    console.print(Group(Text(), _head(result), _timeline(result, console), *_notes(result)))


def plain_lines(result: Result) -> list[str]:
    """A line for the clip, a line of names, one for each segment, the warnings; tabs between fields."""
    clip = result.clip
    lines = [
        f"# {result.source}\t{result.duration_s:.2f} s\t{clip.label}\t{clip.confidence:.3f}"
        f"\tvalence {_number(clip.valence)}\tarousal {_number(clip.arousal)}",
        "start_s\tend_s\tspeaker\tlabel\tconfidence\tvalence\tarousal\tmodalities\ttext",
    ]
    for part in result.segments:
        fields = (
            f"{part.start_s:.2f}",
            f"{part.end_s:.2f}",
            part.speaker or "-",
            part.label,
            f"{part.confidence:.3f}",
            _number(part.valence),
            _number(part.arousal),
            ",".join(_present(part)) or "-",
            part.text or "-",
        )
        lines.append("\t".join(" ".join(field.split()) for field in fields))
    return lines + [f"# warning: {' '.join(warning.split())}" for warning in result.warnings]


def show_entries(entries: Mapping[str, Entry], console: Console) -> None:
    """One name per line, then its one-line description."""
    width = max((len(name) for name in entries), default=0)
    for name, entry in entries.items():
        line = Text(f"{name:<{width}}", style="bold").append(f"  {entry.about}", style="not bold")
        console.print(line, soft_wrap=True)


def show_reports(reports: Mapping[str, Report], console: Console) -> None:
    """The scores of a run by role, with their intervals, one line each."""
    for role, report in reports.items():
        console.print(
            Text(f"{role}: {report.n} clips in {report.groups} groups, {report.interval}"),
            soft_wrap=True,
        )
        width = max([20, *(len(score.metric) for score in report.scores)])
        for score in report.scores:
            line = f"  {score.metric:<{width}} {score.value:8.4f}   [{score.low:.4f}, {score.high:.4f}]"
            console.print(Text(line), soft_wrap=True)


def show_trials(found: Found, console: Console) -> None:
    """The ten best trials of a search, best first, and how many there were."""
    complete = [one for one in found.trials if one.state == "complete"]
    sign = 1 if found.best.score == max(one.score for one in complete) else -1
    table = Table("trial", f"valid {found.metric}", *found.best.values, box=box.SIMPLE_HEAD)
    for one in sorted(complete, key=lambda one: (-sign * one.score, one.number))[:10]:
        table.add_row(str(one.number), f"{one.score:.4f}", *(str(value) for value in one.values.values()))
    console.print(table)
    console.print(f"{len(found.trials)} trials, {len(found.trials) - len(complete)} given up early")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0.0:+.2f}"


def _present(segment: SegmentEmotion) -> list[str]:
    return [name for name, evidence in segment.modalities.items() if evidence.present]


def _head(result: Result) -> Text:
    clip = result.clip
    fill = colour_of(clip.label, result.labels)
    head = Text(result.source, style="bold")
    if result.duration_s:
        head.append(f"  {result.duration_s:.1f} s", style="dim")
    head.append("\n")
    head.append(f"{clip.label}", style=f"bold {fill}").append(f" {clip.confidence:.0%}", style="bold")
    ranked = sorted(clip.probabilities.items(), key=lambda pair: -pair[1])
    others = [f"{label} {share:.0%}" for label, share in ranked if label != clip.label][:3]
    head.append("  then " + ", ".join(others), style="dim")
    if clip.valence is not None and clip.arousal is not None:
        head.append(f"\nvalence {_number(clip.valence)}  arousal {_number(clip.arousal)}", style="dim")
    return head


def _timeline(result: Result, console: Console) -> RenderableType:
    narrow = console.width < _WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=False)
    table.add_column("time", no_wrap=True, style="dim")
    speakers = any(part.speaker for part in result.segments)
    words = any(part.text for part in result.segments)
    if speakers:
        table.add_column("speaker", max_width=10 if narrow else 16, overflow="fold")
    if words:
        table.add_column("words", ratio=1, min_width=16, overflow="fold")
    for name in ("emotion", "confidence", "by" if narrow else "judged by"):
        table.add_column(name, no_wrap=True)
    for number, part in enumerate(result.segments, 1):
        time = span_of(part, number) if len(result.segments) > 1 or part.end_s else "-"
        cells = [Text(time.split("–")[0] if narrow else time)]
        cells += [Text(part.speaker or "")] if speakers else []
        cells += [Text(part.text or "")] if words else []
        fill = colour_of(part.label, result.labels)
        bar = _bar(part.confidence, fill, length=5 if narrow else 12, ascii_only=console.options.ascii_only)
        cells += [Text(part.label, style=f"bold {fill}"), bar, _initials(part) if narrow else _judged(part)]
        table.add_row(*cells)
    return table


def _bar(share: float, fill: str, *, length: int, ascii_only: bool) -> Text:
    full, rest = ("#", ".") if ascii_only else ("━", "─")
    count = round(share * length)
    bar = Text(full * count, style=fill).append(rest * (length - count), style="bright_black")
    return bar.append(f" {share:4.0%}", style="default")


def _initials(segment: SegmentEmotion) -> Text:
    """The first letter of each modality that is present."""
    letters = (name[0] if evidence.present else "-" for name, evidence in segment.modalities.items())
    return Text(" ".join(letters))


def _judged(segment: SegmentEmotion) -> Text:
    """Each modality with its weight."""
    cell = Text()
    for name, evidence in segment.modalities.items():
        share = f" {evidence.weight:.0%}" if evidence.present else " -"
        cell.append(name, style="default" if evidence.present else "dim")
        cell.append(f"{share}  ", style="dim")
    cell.rstrip()
    return cell


def _notes(result: Result) -> Sequence[Text]:
    notes = [
        Text("! ", style="bold yellow").append(warning, style="not bold") for warning in result.warnings
    ]
    model = f"{result.bundle.name} {result.bundle.version}"
    about = f"An estimate of expressed emotion, not of inner state. Model: {model}."
    return [*notes, Text(about, style="dim"), Text()]
