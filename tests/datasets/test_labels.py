from dataclasses import replace

import pytest

from emofuse.datasets import (
    affectnet,
    ck_plus,
    crema_d,
    dailydialog,
    emodb,
    emoreact,
    emorynlp,
    fer2013,
    iemocap,
    meld,
    merbench,
    ravdess,
    savee,
    sentiment,
    tess,
)  # fmt: skip
from emofuse.datasets.label_sets import BASIC, SETS, images, points
from emofuse.datasets.labels import relabel
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
    clips = (Clip("a", label="calm"), Clip("b", label="neutral"), Clip("c", label="calm"))
    notes = relabel(_corpus(*clips), "basic7").notes
    assert "brought to basic7 (clips): calm 2 + neutral 1 -> neutral" in notes


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
    assert any(note.startswith("1 clips lost a part of their shares") for note in corpus.notes)
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
        relabel(_corpus(Clip("a", label="joy")), "basic9")


def test_twice_is_as_once():
    once = relabel(_corpus(Clip("a", label="happy"), Clip("b", label="fearful")), "basic7")
    assert _labels(relabel(once, "basic7")) == _labels(once)


@pytest.mark.parametrize("to", SETS)
def test_maps_lead_to_their_targets_only(to):
    known = images(to)
    assert set(known.values()) - {None} == set(SETS[to])
    assert all(known[name] == name for name in SETS[to])


READERS = (affectnet, ck_plus, crema_d, dailydialog, emoreact, emorynlp, fer2013, merbench, ravdess)
NAMED = (*emodb.EMOTIONS.values(), *savee.EMOTIONS.values(), *tess.EMOTIONS.values(), *iemocap.SETS["all"])
EVERY = {*NAMED, *meld.EMOTIONS, *sentiment.EMOTIONS, *(name for one in READERS for name in one.LABELS)}


@pytest.mark.parametrize("to", [*SETS, "vad"])
def test_labels_of_every_reader_are_known_to_every_set(to):
    assert set(points() if to == "vad" else images(to)) >= EVERY


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("quadrant4", ["anger", "joy", "neutral", None, None, None, "joy", None]),
        ("basic5", ["anger", "joy", "neutral", "surprise", None, None, "joy", None]),
        ("basic6", ["anger", "joy", "neutral", None, "disgust", None, "joy", None]),
        ("ekman6", ["anger", "joy", None, "surprise", "disgust", None, "joy", None]),
        ("iemocap6", ["anger", "joy", "neutral", None, None, None, "excitement", "frustration"]),
        ("basic7", ["anger", "joy", "neutral", "surprise", "disgust", None, "joy", None]),
        ("basic8", ["anger", "joy", "neutral", "surprise", "disgust", "contempt", "joy", None]),
        ("calm8", ["anger", "joy", "calm", "surprise", "disgust", None, "joy", None]),
        (
            "sentiment2",
            ["negative", "positive", None, None, "negative", "negative", "positive", "negative"],
        ),
    ],
)
def test_what_each_set_keeps(to, wanted):
    names = ("angry", "happy", "calm", "surprised", "disgust", "contempt", "excited", "fru")
    moved = {clip.id: clip.label for clip in relabel(_corpus(*(Clip(n, label=n) for n in names)), to).clips}
    assert [moved.get(name) for name in names] == wanted


def test_labels_become_points_by_share_and_own_ratings_stay():
    clips = (
        Clip("a", label="angry"),
        Clip("b", shares={"sad": 0.5, "neutral": 0.5}),
        Clip("c", label="happy", ratings={"valence": 4.0, "arousal": 1.0}),
        Clip("d", label="contempt"),
        Clip("e"),
    )
    corpus = replace(_corpus(*clips), task=TaskSpec(("angry",), ("valence",), (1.0, 5.0)))
    vad = relabel(corpus, "vad")
    assert [clip.id for clip in vad.clips] == ["a", "b", "c", "e"]
    assert vad.clips[0].ratings == {"valence": -0.51, "arousal": 0.59, "dominance": 0.25}
    assert vad.clips[1].ratings["valence"] == pytest.approx(-0.315)
    assert vad.clips[2].ratings == {"valence": 0.5, "arousal": -1.0}
    assert {(clip.label, *clip.shares) for clip in vad.clips} == {(None,)}
    assert (vad.task.labels, vad.task.ratings, vad.task.rating_range) == (
        *((), ("valence", "arousal", "dominance")),
        (-1.0, 1.0),
    )
    assert "brought to vad: 2 clips by their labels, 1 by their own ratings" in vad.notes
    assert "1 clips without an image in vad left out: contempt 1" in vad.notes


def test_a_sentiment_is_a_valence():
    corpus = Corpus("toy", (Clip("a", ratings={"sentiment": -1.5}),), TaskSpec((), ("sentiment",), (-3, 3)))
    assert relabel(corpus, "vad").clips[0].ratings == {"valence": -0.5}


def test_ratings_become_sentiments_about_the_middle():
    values = {"a": 1.0, "b": 3.0, "c": 4.5}
    clips = (*(Clip(name, ratings={"valence": value}) for name, value in values.items()), Clip("d"))
    corpus = Corpus("toy", clips, TaskSpec((), ("valence",), (1.0, 5.0), ("ccc",)))
    three = relabel(corpus, "rated_sentiment3")
    assert _labels(three) == ["negative", "neutral", "positive"]
    assert three.task.labels == ("negative", "neutral", "positive")
    assert three.task.ratings == ("valence",)
    assert set(three.task.metrics) > {"ccc", "accuracy"}
    assert (
        "labels of rated_sentiment3 were made from ratings: negative 1, neutral 1, positive 1"
        in three.notes
    )
    assert any(note.startswith("1 clips without such a rating") for note in three.notes)
    assert _labels(relabel(corpus, "rated_sentiment2")) == ["negative", "positive"]


def test_ratings_become_the_nearest_quadrant():
    points = {"joy": (0.8, 0.5), "anger": (-0.5, 0.7), "sadness": (-0.6, -0.4), "neutral": (0.1, -0.1)}
    clips = [
        Clip(name, label="surprise", ratings={"valence": valence, "arousal": arousal})
        for name, (valence, arousal) in points.items()
    ]
    corpus = _corpus(*clips, Clip("flat", ratings={"valence": 0.9}))
    quadrants = relabel(corpus, "rated_quadrant4")
    assert _labels(quadrants) == list(points)
    assert len(quadrants.clips) == 4


def test_points_come_back_as_the_emotions_they_were_made_from():
    corpus = _corpus(*(Clip(name, label=name) for name in SETS["quadrant4"]))
    assert _labels(relabel(relabel(corpus, "vad"), "rated_quadrant4")) == list(SETS["quadrant4"])
