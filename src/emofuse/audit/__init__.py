"""Is a corpus fit to train and to test on? Leaks across its split, faults of its clips, features that cheat.

Each check takes an `Audited` corpus and gives findings with their evidence; none changes anything.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emofuse.audit.findings import SEVERITIES, AuditReport, Finding, verdict_line
from emofuse.errors import EmofuseError, MissingExtraError
from emofuse.registry import Table
from emofuse.types import Clip, Corpus, Picture, Split

__all__ = ["CHECKS", "AuditReport", "Audited", "Finding", "audit", "audit_split", "verdict_line"]

Progress = Callable[[str, float], None]

CHECKS = Table(
    "check",
    {
        "groups": ("emofuse.audit.leaks:shared_groups", "speakers, dialogues and sources in two splits"),
        "texts": ("emofuse.audit.leaks:shared_texts", "sentences in two splits, or said by all"),
        "labels": ("emofuse.audit.labels:label_faults", "unknown labels, shares and ratings; counts"),
        "same_texts": ("emofuse.audit.labels:conflicting_texts", "one text and speaker, several labels"),
        "order": (
            "emofuse.audit.order:ordered_by_label",
            "rows of a dialogue sorted by label, not by turn",
        ),
        "times": ("emofuse.audit.times:time_faults", "times that run backwards, or last too long"),
        "vectors": ("emofuse.audit.vectors:vector_faults", "features that are constant, NaN or all zero"),
        "fitted": ("emofuse.audit.fitted:fitted_on_train", "features whose networks saw the training rows"),
        "media": (
            "emofuse.audit.media:media_faults",
            "missing, broken, silent, too short or too long media",
        ),
        "duplicates": (
            "emofuse.audit.duplicates:duplicates",
            "the same or nearly the same sound or picture",
        ),
        "faces": ("emofuse.audit.media:missing_faces", "pictures and videos without a face (slow)"),
    },
)
# Only on demand: it looks at every picture.
SLOW = ("faces",)
NEED_MEDIA = ("media", "duplicates", "faces")
FROM_TABLES = ("groups", "texts", "labels", "same_texts", "order", "times")


@dataclass(frozen=True, eq=False)
class Audited:
    """A corpus and the split it is judged under: by id, the role of each clip that has one."""

    corpus: Corpus
    roles: dict[str, str]
    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    progress: Progress = lambda stage, done: None

    def role(self, clip: Clip) -> str | None:
        """Its part of the split ("train", "valid", "test"), or None."""
        return self.roles.get(clip.id)

    def crossing(self, groups: dict[Any, list[Clip]]) -> dict[Any, list[Clip]]:
        """The groups with clips in more than one role."""
        return {
            key: clips
            for key, clips in groups.items()
            if len({role for clip in clips if (role := self.role(clip)) is not None}) > 1
        }


def audit(
    corpus: Corpus,
    *,
    split: Split | None = None,
    checks: Iterable[str] | None = None,
    generator: np.random.Generator | None = None,
    progress: Progress = lambda stage, done: None,
) -> AuditReport:
    """Make ``checks`` (all but the slow ones) on ``corpus`` under ``split``, or under its official one.

    A check that has nothing to look at (no clip has media) or lacks a package is named with its reason. What
    should be there and cannot be read, as in a damaged store, is a fault.

    Raises:
        UnknownNameError: no such check.
    """
    chosen = tuple(checks) if checks is not None else tuple(name for name in CHECKS if name not in SLOW)
    given = Audited(corpus, _roles(corpus, split), generator or np.random.default_rng(0), progress)
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    for number, name in enumerate(chosen):
        progress(name, number / len(chosen))
        check: Callable[[Audited], Sequence[Finding]] = CHECKS.load(name)
        if reason := _needless(name, corpus):
            skipped[name] = reason
            continue
        try:
            findings += check(given)
        except MissingExtraError as error:
            skipped[name] = str(error)
        except EmofuseError as error:
            findings.append(Finding(name, "fault", f"cannot be checked: {error}", 1, [str(error)]))
    if set(chosen) & set(NEED_MEDIA):
        findings += _unreadable_pictures(corpus)
    findings.sort(key=lambda one: SEVERITIES.index(one.severity))
    made = tuple(name for name in chosen if name not in skipped)
    return AuditReport(corpus.name, len(corpus.clips), tuple(findings), made, skipped)


def _unreadable_pictures(corpus: Corpus) -> list[Finding]:
    """Checks of media pass over what they cannot see; pictures lie with the arrays, and no file is missing."""
    found = {}
    for clip in corpus.clips:
        try:
            if isinstance(clip.media, Picture):
                np.asarray(clip.media.pixels)
        except EmofuseError as error:
            found[clip.id] = str(error)
    if not found:
        return []
    message = f"{len(found)} pictures cannot be read: {next(iter(found.values()))}"
    return [Finding("media", "fault", message, len(found), [found])]


def audit_split(corpus: Corpus, split: Split) -> AuditReport:
    """What can be told from the table alone, for a run to state beside its score."""
    return audit(corpus, split=split, checks=FROM_TABLES)


def _needless(name: str, corpus: Corpus) -> str:
    if name in NEED_MEDIA and not any(clip.media is not None for clip in corpus.clips):
        return "no clip has media"
    if name in ("vectors", "fitted") and not any(clip.vectors for clip in corpus.clips):
        return "no clip has vectors"
    return ""


def _roles(corpus: Corpus, split: Split | None) -> dict[str, str]:
    if split is None:
        return {clip.id: clip.split for clip in corpus.clips if clip.split is not None}
    return {name: role for role in ("train", "valid", "test") for name in getattr(split, role)}
