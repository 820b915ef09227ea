"""Labels that the task does not know, shares and ratings out of range, counts, one text with several labels."""

import math
from collections import Counter, defaultdict

from emofuse.audit import Audited
from emofuse.audit.findings import Finding, listed
from emofuse.audit.leaks import LONG_WORDS, plain
from emofuse.types import Clip


def label_faults(given: Audited) -> list[Finding]:
    """What does not fit the task, labels that a part lacks, and counts that are not the published ones."""
    task, clips = given.corpus.task, given.corpus.clips
    low, high = task.rating_range
    faults = {
        "unknown labels": [c.id for c in clips if c.label is not None and c.label not in task.labels],
        "shares that do not sum to 1 or name no label": [
            c.id for c in clips if c.shares and not _sound(c, task.labels)
        ],
        f"ratings outside {low:g} to {high:g}": [
            c.id for c in clips if any(not low <= value <= high for value in c.ratings.values())
        ],
    }
    findings = [
        Finding("labels", "fault", f"{len(ids)} clips have {what}: {listed(ids)}", len(ids), ids)
        for what, ids in faults.items()
        if ids
    ]
    findings += [
        Finding("counts", "warning", note)
        for note in given.corpus.notes
        if "counts differ from the published" in note
    ]
    return [*findings, *_lacking(given)]


def _sound(clip: Clip, labels: tuple[str, ...]) -> bool:
    within = all(name in labels and value >= 0 for name, value in clip.shares.items())
    return within and math.isclose(sum(clip.shares.values()), 1.0, abs_tol=1e-3)


def _lacking(given: Audited) -> list[Finding]:
    """Labels that train or test never shows."""
    by_role: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in given.corpus.clips:
        if (role := given.role(clip)) is not None:
            by_role[role].update([clip.label] if clip.label else clip.shares)
    findings = []
    for role, counts in by_role.items():
        absent = [label for label in given.corpus.task.labels if not counts[label]]
        if absent and counts:
            message = f"{role} has no clip of {', '.join(absent)}"
            findings.append(Finding("counts", "warning", message, len(absent), absent))
    return findings


def conflicting_texts(given: Audited) -> list[Finding]:
    """Long texts of one speaker (or of nobody known) that are labelled differently, where text is all there is."""
    groups: dict[tuple[str, str | None], list[Clip]] = defaultdict(list)
    for clip in given.corpus.clips:
        words = plain(clip.text)
        if (
            clip.media is None
            and clip.label is not None
            and len(words.split()) >= LONG_WORDS
            and not clip.vectors
        ):
            groups[words, clip.speaker].append(clip)
    differ = {key: clips for key, clips in groups.items() if len({clip.label for clip in clips}) > 1}
    if not differ:
        return []
    quoted = [repr(text[:60]) for text, _ in differ]
    message = f"{len(differ)} texts of one speaker have several labels: {listed(quoted, 3)}"
    evidence = [
        {"text": text, "labels": {clip.id: clip.label for clip in clips}}
        for (text, _), clips in differ.items()
    ]
    return [Finding("conflicting labels", "warning", message, len(differ), evidence[:200])]
