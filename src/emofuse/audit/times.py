"""Times that cannot be: of no length, backwards, far too long; turns that are out of order."""

from collections import defaultdict

from emofuse.audit import Audited
from emofuse.audit.findings import Finding, listed
from emofuse.types import Clip

# Our choice: an utterance of more than a minute is a slip of its borders.
LONG_S = 60.0


def time_faults(given: Audited) -> list[Finding]:
    """Clips of no length or that end before they start; over-long ones; dialogues whose turns run backwards."""
    timed = [clip for clip in given.corpus.clips if clip.start_s is not None and clip.end_s is not None]
    lengths = {clip.id: round((clip.end_s or 0.0) - (clip.start_s or 0.0), 3) for clip in timed}
    findings = []
    if empty := {name: length for name, length in lengths.items() if length <= 0}:
        told = listed([f"{name} ({length:g} s)" for name, length in empty.items()])
        message = f"{len(empty)} clips have no length or end before they start: {told}"
        findings.append(Finding("times", "fault", message, len(empty), _evidence(empty)))
    if early := [clip.id for clip in timed if (clip.start_s or 0.0) < 0]:
        message = f"{len(early)} clips start before 0 s: {listed(early)}"
        findings.append(Finding("times", "fault", message, len(early), early))
    if long := {name: length for name, length in lengths.items() if length > LONG_S}:
        told = listed([f"{name} ({length:.1f} s)" for name, length in long.items()])
        message = f"{len(long)} clips last more than {LONG_S:g} s: {told}"
        findings.append(Finding("times", "warning", message, len(long), _evidence(long)))
    return [*findings, *_backwards(timed)]


def _evidence(lengths: dict[str, float]) -> list[dict[str, object]]:
    return [{"id": name, "length_s": length} for name, length in lengths.items()]


def _backwards(clips: list[Clip]) -> list[Finding]:
    dialogues: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.dialogue is not None and clip.turn is not None:
            dialogues[clip.dialogue].append(clip)
    wrong = []
    for turns in dialogues.values():
        ordered = sorted(turns, key=lambda clip: clip.turn or 0)
        latest = float("-inf")
        for clip in ordered:
            start_s = clip.start_s or 0.0
            if start_s < latest:
                wrong.append(clip.id)
            latest = max(latest, start_s)
    if not wrong:
        return []
    message = f"{len(wrong)} turns start before an earlier turn of their dialogue does: {listed(wrong)}"
    return [Finding("times", "note", message, len(wrong), wrong[:200])]
