"""Labels and ratings of sentiment corpora: one number a clip, and the classes that are cut from it."""

from emofuse.datasets.rows import choose
from emofuse.types import Clip, Corpus, TaskSpec

TASKS = ("sentiment", "sentiment2", "sentiment3")
_RATING_METRICS = ("mae", "pearson", "ccc")
_LABELS = {
    "sentiment": (),
    "sentiment2": ("negative", "positive"),
    "sentiment3": ("negative", "neutral", "positive"),
}


def sentiment_label(value: float, task: str) -> str | None:
    """The class of a sentiment: by its sign, where two classes are wanted without the zeros (Acc-2 "non0")."""
    if task == "sentiment" or (task == "sentiment2" and value == 0):
        return None
    return "positive" if value > 0 else "negative" if value < 0 else "neutral"


def sentiment_task(task: str, ratings: tuple[str, ...], bounds: tuple[float, float]) -> TaskSpec:
    """Ratings alone, or two or three classes beside them.

    Raises:
        ConfigError: ``task`` is none of `TASKS`.
    """
    labels = _LABELS[choose("task", task, TASKS)]
    metrics = (*(("accuracy", "weighted_f1") if labels else ()), *_RATING_METRICS)
    return TaskSpec(labels=labels, ratings=ratings, rating_range=bounds, metrics=metrics)


def split_counts(clips: tuple[Clip, ...] | list[Clip]) -> dict[str, int]:
    """How many clips each split has, in the order train, valid, test."""
    return {
        role: count
        for role in ("train", "valid", "test")
        if (count := sum(clip.split == role for clip in clips))
    }


def renamed(corpus: Corpus, name: str, citation: str, licence: str, notes: tuple[str, ...]) -> Corpus:
    """A corpus that was read in another's layout, under its own name and terms."""
    return Corpus(name, corpus.clips, corpus.task, citation, licence, (*notes, *corpus.notes))
