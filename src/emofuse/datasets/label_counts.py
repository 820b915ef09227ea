"""How often each label is there, against what was published: a part is legitimate, silence is not."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from emofuse.datasets.rows import count_note
from emofuse.types import Clip

SPLITS = ("train", "valid", "test")


def by_split(counts: Mapping[str, tuple[int, ...]]) -> dict[str | None, dict[str, int]]:
    """Counts by label, in the order of `SPLITS`, as counts by split and label."""
    return {
        split: {label: row[place] for label, row in counts.items()} for place, split in enumerate(SPLITS)
    }


def label_note(clips: Iterable[Clip], published: Mapping[str | None, Mapping[str, int]]) -> tuple[str, ...]:
    """A note on the labels that are not as often as published, by split; under None all clips are counted.

    A clip with ``shares`` counts for each of their labels. A split without a clip is passed over: that it is
    absent is told by the counts of clips.
    """
    found: dict[str | None, Counter[str | None]] = defaultdict(Counter)
    for clip in clips:
        for part in {clip.split, None}:
            found[part].update(clip.shares.keys() or [clip.label])
    odd = [
        (f"{split or ''} {label}".strip(), found[split][label], count)
        for split, counts in published.items()
        if split in found
        for label, count in counts.items()
        if found[split][label] != count
    ]
    notes = count_note({name: seen for name, seen, _ in odd}, {name: count for name, _, count in odd})
    return tuple(f"labels: {note}" for note in notes)
