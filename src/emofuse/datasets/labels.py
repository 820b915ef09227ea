"""From the names of each corpus to a shared set of labels, to ratings, and from ratings to labels.

`label_sets` has the sets and what comes to what; this says how clips move, and counts what is merged and lost.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from emofuse.datasets.label_sets import POINTS, SETS, VAD, images, points
from emofuse.errors import DatasetError, UnknownNameError
from emofuse.types import Clip, Corpus

RATED = ("rated_sentiment2", "rated_sentiment3", "rated_quadrant4")
TARGETS = (*SETS, "vad", *RATED)

_CLASS_METRICS = ("uar", "accuracy", "weighted_f1")


def relabel(corpus: Corpus, to: str) -> Corpus:
    """The corpus brought to one of `TARGETS`; its notes say what was merged and how many clips were lost.

    A set of labels: a share whose label has no image is spread over the others of its clip; a clip that keeps
    none is left out; clips without a label stay. ``"vad"``: labels become ratings from -1 to 1, see `rated`.
    ``"rated_sentiment2"``, ``"rated_sentiment3"``, ``"rated_quadrant4"``: ratings become labels, see `classed`.

    Raises:
        UnknownNameError: no such target.
        DatasetError: a label that no map knows.
    """
    if to not in TARGETS:
        raise UnknownNameError(f"no label set named {to!r}; there are {', '.join(TARGETS)}")
    if to == "vad":
        return rated(corpus)
    if to in RATED:
        return classed(corpus, to)
    known = images(to)
    _check(corpus, known, to)
    moved = [(_moved(clip, known), clip) for clip in corpus.clips]
    notes = [*_merged(corpus, known, to), *_lost([clip for image, clip in moved if image is None], to)]
    cut = sum(
        image is not None and any(known[name] is None for name in clip.shares) for image, clip in moved
    )
    if cut:
        notes.append(f"{cut} clips lost a part of their shares, which have no image in {to}")
    return replace(
        corpus,
        clips=tuple(image for image, _ in moved if image is not None),
        task=replace(corpus.task, labels=SETS[to]),
        notes=(*corpus.notes, *notes),
    )


def rated(corpus: Corpus) -> Corpus:
    """Labels as ``valence``, ``arousal`` and ``dominance`` from -1 to 1: the points of `label_sets`, by share.

    A clip that people rated keeps their ratings instead, brought to that range (``sentiment`` is a valence). All
    differences within an emotion are lost; a clip whose labels have no point is left out.

    Raises:
        DatasetError: a label that no map knows.
    """
    known = points()
    _check(corpus, known, "vad")
    moved = [(_placed(clip, known, corpus.task.rating_range), clip) for clip in corpus.clips]
    own = sum(bool(_own(clip)) for clip in corpus.clips)
    made = sum(image is not None and bool(image.ratings) for image, _ in moved) - own
    notes = [f"brought to vad: {made} clips by their labels, {own} by their own ratings"]
    task = replace(
        corpus.task, labels=(), ratings=VAD, rating_range=(-1.0, 1.0), metrics=("ccc", "mae", "pearson")
    )
    return replace(
        corpus,
        clips=tuple(image for image, _ in moved if image is not None),
        task=task,
        notes=(*corpus.notes, *notes, *_lost([clip for image, clip in moved if image is None], "vad")),
    )


def classed(corpus: Corpus, to: str) -> Corpus:
    """Labels from ratings. Sentiments by the sign of ``sentiment``, else ``valence``, about the middle of the range
    (the middle itself is neutral, and lost among two); quadrants by the nearest point of `label_sets` among what is
    rated of valence, arousal and dominance. Labels that the clips had are replaced; degrees are lost.
    """
    kept = SETS[to.removeprefix("rated_")]
    clips, counts = [], Counter[str]()
    for clip in corpus.clips:
        label = _label(clip, kept, corpus.task.rating_range)
        if label is not None:
            counts[label] += 1
            clips.append(replace(clip, label=label, shares={}))
    told = ", ".join(f"{label} {counts[label]}" for label in kept)
    notes = [f"labels of {to} were made from ratings: {told}"]
    if lost := len(corpus.clips) - len(clips):
        notes.append(f"{lost} clips without such a rating, or with none of {', '.join(kept)}, left out")
    metrics = tuple(dict.fromkeys((*_CLASS_METRICS, *corpus.task.metrics)))
    task = replace(corpus.task, labels=kept, metrics=metrics)
    return replace(corpus, clips=tuple(clips), task=task, notes=(*corpus.notes, *notes))


def _check(corpus: Corpus, known: Mapping[str, object], to: str) -> None:
    used = {*corpus.task.labels, *(name for clip in corpus.clips for name in _given(clip))}
    used |= {clip.label for clip in corpus.clips if clip.label is not None}
    if unknown := sorted(used - set(known)):
        raise DatasetError(f"{corpus.name}: {to} has no image for {', '.join(map(repr, unknown))}")


def _given(clip: Clip) -> Mapping[str, float]:
    return clip.shares or ({} if clip.label is None else {clip.label: 1.0})


def _moved(clip: Clip, known: Mapping[str, str | None]) -> Clip | None:
    if not _given(clip):
        return clip
    shares: dict[str, float] = {}
    for name, share in _given(clip).items():
        image = known[name]
        if image is not None:
            shares[image] = shares.get(image, 0.0) + share
    total = sum(shares.values())
    if not total:
        return None
    label = None if clip.label is None else known[clip.label]
    if label is None and len(shares) == 1:
        label = next(iter(shares))
    soft = {name: share / total for name, share in shares.items()} if clip.shares else {}
    return replace(clip, label=label, shares=soft)


def _merged(corpus: Corpus, known: Mapping[str, str | None], to: str) -> list[str]:
    counts = Counter(name for clip in corpus.clips for name in _given(clip))
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys((*corpus.task.labels, *counts)):
        image = known[name]
        if image is not None:
            names.setdefault(image, []).append(name)
    merged = [
        f"{' + '.join(f'{name} {counts[name]}' for name in several)} -> {image}"
        for image, several in names.items()
        if several != [image]
    ]
    return [f"brought to {to} (clips): {'; '.join(merged)}"] if merged else []


def _lost(clips: list[Clip], to: str) -> list[str]:
    if not clips:
        return []
    counts = Counter(" + ".join(_given(clip)) for clip in clips)
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return [f"{len(clips)} clips without an image in {to} left out: {told}"]


def _own(clip: Clip) -> dict[str, float]:
    stated = {"valence": clip.ratings["sentiment"]} if "sentiment" in clip.ratings else {}
    return stated | {name: value for name, value in clip.ratings.items() if name in VAD}


def _placed(
    clip: Clip, known: Mapping[str, tuple[float, float, float] | None], bounds: tuple[float, float]
) -> Clip | None:
    middle, half = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
    ratings = {name: (value - middle) / half for name, value in _own(clip).items()}
    given = _given(clip)
    if given and not ratings:
        held = [(point, share) for name, share in given.items() if (point := known[name]) is not None]
        if not held:
            return None
        total = sum(share for _, share in held)
        ratings = {
            name: sum(point[place] * share for point, share in held) / total
            for place, name in enumerate(VAD)
        }
    return replace(clip, label=None, shares={}, ratings=ratings)


def _label(clip: Clip, kept: tuple[str, ...], bounds: tuple[float, float]) -> str | None:
    middle, half = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
    if "negative" in kept:
        value = clip.ratings.get("sentiment", clip.ratings.get("valence"))
        if value is None:
            return None
        label = "positive" if value > middle else "negative" if value < middle else "neutral"
        return label if label in kept else None
    where = {name: (clip.ratings[name] - middle) / half for name in VAD if name in clip.ratings}
    if not {"valence", "arousal"} <= set(where):
        return None
    return min(kept, key=lambda name: _apart(where, POINTS[name]))


def _apart(where: Mapping[str, float], point: tuple[float, float, float]) -> float:
    return sum((where[name] - value) ** 2 for name, value in zip(VAD, point, strict=True) if name in where)
