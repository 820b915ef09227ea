import pytest

from emofuse.datasets.labels import (
    BASIC,
    QUADRANTS,
    SENTIMENTS,
    TO_BASIC,
    TO_QUADRANT,
    TO_SENTIMENT,
    relabel,
)
from emofuse.errors import DatasetError, UnknownNameError
from emofuse.types import Clip, Corpus, TaskSpec


def _corpus(*clips, labels=None):
    named = labels or tuple(dict.fromkeys(clip.label for clip in clips if clip.label))
    return Corpus("toy", clips, TaskSpec(labels=named, ratings=("valence",)), notes=("first",))


def _labels(corpus):
    return [clip.label for clip in corpus.clips]


def test_spellings_come_to_one_name():
    names = ("happy", "happiness", "joy", "sad", "angry", "fearful", "surprised", "calm", "disgust")
    corpus = _corpus(*(Clip(name, label=name) for name in names))
    basic = relabel(corpus, "basic7")
    assert _labels(basic) == [
        *("joy", "joy", "joy", "sadness", "anger", "fear", "surprise", "neutral", "disgust")
    ]
    assert basic.task.labels == BASIC
    assert basic.task.ratings == ("valence",)


def test_what_has_no_image_is_left_out_and_said():
    corpus = _corpus(Clip("a", label="boredom"), Clip("b", label="boredom"), Clip("c", label="anger"))
    basic = relabel(corpus, "basic7")
    assert [clip.id for clip in basic.clips] == ["c"]
    assert basic.notes[0] == "first"
    assert "2 clips without an image in basic7 left out: boredom 2" in basic.notes


def test_merged_labels_are_said():
    notes = relabel(_corpus(Clip("a", label="calm"), Clip("b", label="neutral")), "basic7").notes
    assert "brought to basic7: calm + neutral -> neutral" in notes


def test_shares_are_added_and_a_single_one_becomes_the_label():
    clips = (
        Clip("a", shares={"joy": 0.25, "love": 0.25, "grief": 0.5}),
        Clip("b", shares={"joy": 0.5, "pride": 0.5}),
    )
    first, second = relabel(_corpus(*clips, labels=("joy", "love", "grief", "pride")), "basic7").clips
    assert (first.shares, first.label) == ({"joy": 0.5, "sadness": 0.5}, None)
    assert (second.shares, second.label) == ({"joy": 1.0}, "joy")


def test_lost_share_is_spread_over_the_rest():
    clip = Clip("a", shares={"surprise": 0.5, "joy": 0.25, "anger": 0.25})
    corpus = relabel(_corpus(clip, labels=("surprise", "joy", "anger")), "sentiment3")
    assert corpus.clips[0].shares == {"positive": 0.5, "negative": 0.5}
    assert not relabel(
        _corpus(Clip("b", shares={"surprise": 1.0}), labels=("surprise",)), "sentiment3"
    ).clips


def test_label_beside_soft_shares_stays_the_label():
    clip = Clip("a", label="happy", shares={"happy": 0.75, "sad": 0.25})
    moved = relabel(_corpus(clip), "basic7").clips[0]
    assert (moved.label, moved.shares) == ("joy", {"joy": 0.75, "sadness": 0.25})


def test_unlabelled_clips_stay():
    corpus = relabel(_corpus(Clip("a", ratings={"valence": 0.5}), Clip("b", label="sad")), "quadrant4")
    assert _labels(corpus) == [None, "sadness"]


def test_sentiments_and_quadrants():
    names = ("anger", "joy", "neutral", "surprise", "boredom")
    corpus = _corpus(*(Clip(name, label=name) for name in names))
    assert _labels(relabel(corpus, "sentiment3")) == ["negative", "positive", "neutral", "negative"]
    assert _labels(relabel(corpus, "quadrant4")) == ["anger", "joy", "neutral"]
    sentiments = _corpus(*(Clip(name, label=name) for name in ("positive", "neutral", "negative")))
    assert _labels(relabel(sentiments, "sentiment3")) == ["positive", "neutral", "negative"]


def test_unknown_names_are_errors():
    with pytest.raises(DatasetError, match="'hangry'"):
        relabel(_corpus(Clip("a", label="hangry")), "basic7")
    with pytest.raises(DatasetError, match="'positive'"):
        relabel(_corpus(Clip("a", label="positive")), "basic7")
    with pytest.raises(UnknownNameError, match="basic7"):
        relabel(_corpus(Clip("a", label="joy")), "basic8")


def test_twice_is_as_once():
    once = relabel(_corpus(Clip("a", label="happy"), Clip("b", label="fearful")), "basic7")
    assert _labels(relabel(once, "basic7")) == _labels(once)


@pytest.mark.parametrize(
    ("images", "targets"), [(TO_BASIC, BASIC), (TO_SENTIMENT, SENTIMENTS), (TO_QUADRANT, QUADRANTS)]
)
def test_maps_lead_to_their_targets_only(images, targets):
    assert set(images.values()) - {None} == set(targets)
    assert all(images[name] == name for name in targets)
