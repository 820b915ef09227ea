"""From the names of each corpus to a shared set of labels.

The GoEmotions names follow the Ekman grouping of Demszky et al. 2020; the quadrants anger, joy, neutral and
sadness are the four classes of most work on IEMOCAP; the sentiments are ours, and leave out what can be
either.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from emofuse.errors import DatasetError, UnknownNameError
from emofuse.types import Clip, Corpus

BASIC = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
SENTIMENTS = ("negative", "neutral", "positive")
QUADRANTS = ("anger", "joy", "neutral", "sadness")

_GOEMOTIONS = {
    "anger": ("annoyance", "disapproval"),
    "fear": ("nervousness",),
    "joy": (
        *("admiration", "amusement", "approval", "caring", "desire", "excitement"),
        *("gratitude", "love", "optimism", "pride", "relief"),
    ),
    "sadness": ("disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("confusion", "curiosity", "realization"),
}
_SPELLINGS = {
    "anger": ("angry", "ang"),
    "disgust": ("disgusted", "dis"),
    "fear": ("fearful", "fea"),
    "joy": ("happy", "happiness", "hap", "excited", "exc"),
    "neutral": ("calm", "neu"),
    "sadness": ("sad",),
    "surprise": ("surprised", "sur"),
}

TO_BASIC: Mapping[str, str | None] = {
    **{name: name for name in BASIC},
    **{other: name for names in (_GOEMOTIONS, _SPELLINGS) for name in names for other in names[name]},
    "boredom": None,
    "contempt": None,
    "frustrated": None,
    "fru": None,
}
"""Name in a corpus to its basic emotion; None where it has none and its clips are left out."""

_FEELING = {
    **dict.fromkeys(("anger", "disgust", "fear", "sadness"), "negative"),
    "neutral": "neutral",
    "joy": "positive",
    "surprise": None,
}

TO_SENTIMENT: Mapping[str, str | None] = {
    **{name: None if basic is None else _FEELING[basic] for name, basic in TO_BASIC.items()},
    **{name: name for name in SENTIMENTS},
    **dict.fromkeys(("boredom", "contempt", "frustrated", "fru"), "negative"),
}
"""Name in a corpus to its sentiment; None for surprise and its kin, which can be good or bad."""

TO_QUADRANT: Mapping[str, str | None] = {
    name: basic if basic in QUADRANTS else None for name, basic in TO_BASIC.items()
}
"""Name in a corpus to one of four; None for disgust, fear, surprise and what has no basic emotion."""

_TARGETS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str | None]]] = {
    "basic7": (BASIC, TO_BASIC),
    "sentiment3": (SENTIMENTS, TO_SENTIMENT),
    "quadrant4": (QUADRANTS, TO_QUADRANT),
}


def relabel(corpus: Corpus, to: str) -> Corpus:
    """The corpus with its labels and shares brought to ``"basic7"``, ``"sentiment3"`` or ``"quadrant4"``.

    A share whose label has no image is spread over the others of its clip; a clip that keeps none is left
    out. Clips without a label stay. The notes say what was merged and how many clips were lost.

    Raises:
        UnknownNameError: no such set.
        DatasetError: a label that no map knows.
    """
    if to not in _TARGETS:
        raise UnknownNameError(f"no label set named {to!r}; there are {', '.join(_TARGETS)}")
    labels, images = _TARGETS[to]
    used = {*corpus.task.labels, *(name for clip in corpus.clips for name in _named(clip))}
    used |= {clip.label for clip in corpus.clips if clip.label is not None}
    if unknown := sorted(used - set(images)):
        raise DatasetError(f"{corpus.name}: {to} has no image for {', '.join(map(repr, unknown))}")
    moved = [(_moved(clip, images), clip) for clip in corpus.clips]
    clips = tuple(clip for clip, _ in moved if clip is not None)
    lost = Counter(" + ".join(_named(clip)) for image, clip in moved if image is None)
    return replace(
        corpus,
        clips=clips,
        task=replace(corpus.task, labels=labels),
        notes=(*corpus.notes, *_notes(corpus.task.labels, images, to, lost)),
    )


def _named(clip: Clip) -> tuple[str, ...]:
    return tuple(_given(clip))


def _given(clip: Clip) -> Mapping[str, float]:
    return clip.shares or ({} if clip.label is None else {clip.label: 1.0})


def _moved(clip: Clip, images: Mapping[str, str | None]) -> Clip | None:
    if not _given(clip):
        return clip
    shares: dict[str, float] = {}
    for name, share in _given(clip).items():
        image = images[name]
        if image is not None:
            shares[image] = shares.get(image, 0.0) + share
    total = sum(shares.values())
    if not total:
        return None
    label = None if clip.label is None else images[clip.label]
    if label is None and len(shares) == 1:
        label = next(iter(shares))
    soft = {name: share / total for name, share in shares.items()} if clip.shares else {}
    return replace(clip, label=label, shares=soft)


def _notes(
    labels: tuple[str, ...], images: Mapping[str, str | None], to: str, lost: Counter[str]
) -> list[str]:
    notes = []
    kept: dict[str, list[str]] = {}
    for name in labels:
        image = images[name]
        if image is not None:
            kept.setdefault(image, []).append(name)
    merged = [f"{' + '.join(names)} -> {image}" for image, names in kept.items() if names != [image]]
    if merged:
        notes.append(f"brought to {to}: {'; '.join(merged)}")
    if lost:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(lost.items()))
        notes.append(f"{sum(lost.values())} clips without an image in {to} left out: {counts}")
    return notes
