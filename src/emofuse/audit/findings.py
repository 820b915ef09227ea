"""What an audit finds: each finding with how bad it is, a sentence with its numbers, and its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Worst first. A leak makes a score wrong, a fault breaks a clip; warnings and notes break nothing.
SEVERITIES = ("leak", "fault", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    ``evidence`` holds the ids and values that show it, as plain JSON values; ``count`` how many there are.
    """

    check: str
    severity: str
    message: str
    count: int = 1
    evidence: Sequence[Any] = ()

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {SEVERITIES}, got {self.severity!r}")


@dataclass(frozen=True)
class AuditReport:
    """All findings on one corpus, worst first, with the checks that were made and those that could not be."""

    corpus: str
    clips: int
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there is a leak or a fault."""
        return any(finding.severity in ("leak", "fault") for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "corpus": self.corpus,
            "clips": self.clips,
            "failed": self.failed,
            "verdict": verdict_line(self),
            "checked": list(self.checked),
            "skipped": dict(self.skipped),
            "findings": [
                {
                    "check": one.check, "severity": one.severity, "message": one.message, "count": one.count,
                    "evidence": list(one.evidence),
                }
                for one in self.findings
            ],
        }  # fmt: skip


def verdict_line(report: AuditReport) -> str:
    """One line: what weighs most, or that nothing was found."""
    counts = {name: sum(one.severity == name for one in report.findings) for name in SEVERITIES}
    told = ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count)
    if not told:
        return f"audit: nothing found by {', '.join(report.checked)}"
    worst = [one.message for one in report.findings if one.severity in ("leak", "fault")]
    return f"audit: {told}" + (f" ({'; '.join(worst[:3])})" if worst else "")


def listed(values: Sequence[Any], most: int = 5) -> str:
    """The first few values as text, and how many more there are."""
    shown = ", ".join(str(value) for value in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
