"""What two parts of a split share: who speaks, in which dialogue, of which recording, and what is said."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from emofuse.audit import Audited
from emofuse.audit.findings import Finding, listed
from emofuse.types import Clip

# Our choices: shorter texts ("yes", "oh my god") recur in any two conversations and say nothing.
LONG_WORDS = 6
# A corpus whose clips say at most so many sentences each was read from a script.
SCRIPTED_CLIPS = 5
_KINDS = (
    ("speaker", "speakers"),
    ("dialogue", "dialogues"),
    ("source", "sources (videos, episodes, sessions)"),
)


def shared_groups(given: Audited) -> list[Finding]:
    """Speakers, dialogues and sources with clips in more than one part, and ids that repeat."""
    findings = []
    for field, name in _KINDS:
        groups: dict[str, list[Clip]] = defaultdict(list)
        for clip in given.corpus.clips:
            if getattr(clip, field) is not None:
                groups[getattr(clip, field)].append(clip)
        if shared := given.crossing(groups):
            findings.append(_shared(given, field, name, shared, len(groups)))
    return [*findings, *_repeated(given.corpus.clips)]


def _shared(given: Audited, field: str, name: str, shared: dict[str, list[Clip]], total: int) -> Finding:
    tested = sum(given.role(clip) == "test" for clips in shared.values() for clip in clips)
    order = sorted(shared, key=lambda key: (-len(shared[key]), key))
    evidence = [
        {field: key, "clips": dict(Counter(str(given.role(clip)) for clip in shared[key]))} for key in order
    ]
    message = (
        f"{len(shared)} of {total} {name} are in more than one split ({tested} test clips): {listed(order)}"
    )
    return Finding(f"shared {field}", "leak", message, len(shared), evidence)


def _repeated(clips: Sequence[Clip]) -> list[Finding]:
    seen: dict[str, int] = defaultdict(int)
    for clip in clips:
        seen[clip.id] += 1
    repeated = [name for name, count in seen.items() if count > 1]
    if not repeated:
        return []
    return [
        Finding(
            "ids",
            "fault",
            f"{len(repeated)} ids are there more than once: {listed(repeated)}",
            len(repeated),
            repeated,
        )
    ]


def shared_texts(given: Audited) -> list[Finding]:
    """Long sentences in more than one part, and corpora in which everybody says the same few."""
    by_text: dict[str, list[Clip]] = defaultdict(list)
    for clip in given.corpus.clips:
        if words := plain(clip.text):
            by_text[words].append(clip)
    if not by_text:
        return []
    findings = []
    spoken = sum(len(clips) for clips in by_text.values())
    speakers = {clip.speaker for clips in by_text.values() for clip in clips if clip.speaker is not None}
    scripted = spoken >= SCRIPTED_CLIPS * len(by_text) and len(speakers) > 1
    if scripted:
        everybody = [text for text, clips in by_text.items() if {c.speaker for c in clips} >= speakers]
        message = (
            f"{spoken} clips say {len(by_text)} sentences, {len(everybody)} of them said by all {len(speakers)} "
            "speakers: speaker-disjoint is not sentence-disjoint"
        )
        findings.append(Finding("shared sentences", "warning", message, len(by_text), list(by_text)[:50]))
    long = {text: clips for text, clips in by_text.items() if len(text.split()) >= LONG_WORDS}
    if not scripted and (shared := given.crossing(long)):
        order = sorted(shared, key=lambda text: (-len(shared[text]), text))
        quoted = [repr(text[:60]) for text in order]
        message = f"{len(shared)} texts of {LONG_WORDS} words or more are in more than one split: {listed(quoted, 3)}"
        evidence = [{"text": text, "ids": [clip.id for clip in shared[text]][:20]} for text in order[:200]]
        findings.append(Finding("shared text", "warning", message, len(shared), evidence))
    return findings


def plain(text: str | None) -> str:
    """Words in lower case without marks, so that one sentence is one sentence."""
    return " ".join(re.findall(r"\w+", (text or "").lower()))
