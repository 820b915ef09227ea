"""Labels that are not as often as published, by split, and what an audit makes of the note."""

import pytest

from emofuse.audit import audit
from emofuse.datasets import (
    crema_d,
    dailydialog,
    emodb,
    emorynlp,
    fer2013,
    goemotions,
    iemocap,
    load_corpus,
    meld,
    ravdess,
    savee,
    tess,
)
from emofuse.datasets.label_counts import by_split, label_note
from emofuse.types import Clip, Corpus, TaskSpec

PUBLISHED = by_split({"glad": (2, 1, 1), "sad": (1, 0, 1)})


def clips(*labels):
    return [
        Clip(str(number), text="so", label=label, split=split)
        for number, (split, label) in enumerate(labels)
    ]


WHOLE = [
    *(("train", label) for label in ("glad", "glad", "sad")),
    *(("valid", "glad"), ("test", "glad"), ("test", "sad")),
]


def test_counts_as_published_are_not_noted():
    assert label_note(clips(*WHOLE), PUBLISHED) == ()


def test_only_the_labels_that_differ_are_named_with_their_split():
    changed = [*WHOLE[:4], ("test", "sad"), ("test", "sad")]
    (note,) = label_note(clips(*changed), PUBLISHED)
    assert note == (
        "labels: counts differ from the published ones: found test glad 0, test sad 2; "
        "published test glad 1, test sad 1"
    )


def test_a_split_that_is_absent_is_passed_over():
    assert label_note(clips(*WHOLE[:4]), PUBLISHED) == ()


def test_without_splits_all_clips_count():
    assert label_note(clips((None, "glad"), (None, "glad")), {None: {"glad": 2}}) == ()
    (note,) = label_note(clips((None, "glad")), {None: {"glad": 2, "sad": 0}})
    assert note.endswith("found glad 1; published glad 2")


def test_a_clip_of_several_labels_counts_for_each():
    two = Clip("a", text="so", shares={"glad": 0.5, "sad": 0.5}, split="train")
    assert label_note([two], {"train": {"glad": 1, "sad": 1}}) == ()


def test_an_audit_warns_of_labels_that_were_changed():
    changed = clips(*WHOLE[:5], ("test", "glad"))
    corpus = Corpus("toy", tuple(changed), TaskSpec(("glad", "sad")), notes=label_note(changed, PUBLISHED))
    found = [one for one in audit(corpus, checks=["labels"]).findings if "differ" in one.message]
    assert [(one.check, one.severity) for one in found] == [("counts", "warning")]
    assert "found test glad 2, test sad 0" in found[0].message


@pytest.mark.parametrize(
    ("labels", "clips_of_splits"),
    [
        (meld.PUBLISHED_LABELS["emotion"], meld.PUBLISHED),
        (meld.PUBLISHED_LABELS["sentiment"], meld.PUBLISHED),
        (emorynlp.PUBLISHED_LABELS, emorynlp.PUBLISHED),
        (fer2013.PUBLISHED_LABELS, fer2013.PUBLISHED),
        (dailydialog.PUBLISHED_LABELS["release"], {"train": 87170, "valid": 8069, "test": 7740}),
        (dailydialog.PUBLISHED_LABELS["reccon"], {"train": 8206, "valid": 493, "test": 2405}),
    ],
)
def test_published_labels_add_up_to_the_published_clips(labels, clips_of_splits):
    sums = {split: sum(counts.values()) for split, counts in by_split(labels).items()}
    assert sums == clips_of_splits


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        (emodb.PUBLISHED_LABELS, emodb.CLIPS),
        (crema_d.PUBLISHED_LABELS, crema_d.PUBLISHED),
        (savee.PUBLISHED_LABELS, savee.PUBLISHED),
        (tess.PUBLISHED_LABELS, tess.PUBLISHED),
        *((ravdess.PUBLISHED_LABELS[name], ravdess.PUBLISHED[name]) for name in ravdess.CHANNELS),
        *((iemocap.PUBLISHED_LABELS[name], iemocap.PUBLISHED[name]) for name in ("4", "6")),
    ],
)
def test_published_labels_add_up_where_there_is_no_split(labels, count):
    assert sum(labels.values()) == count


def test_goemotions_labels_are_at_least_its_comments():
    for labels in goemotions.PUBLISHED_LABELS.values():
        for split, counts in by_split(labels).items():
            assert goemotions.PUBLISHED[split] < sum(counts.values()) < 1.3 * goemotions.PUBLISHED[split]


@pytest.mark.parametrize(
    ("dataset", "name", "label", "published"),
    [
        ("emodb", "03a01Fa.wav", "happiness", 71),
        ("ravdess", "03-01-03-01-02-01-07.wav", "happy", 192),
        ("crema_d", "1001_DFA_HAP_XX.wav", "happy", 1271),
        ("savee", "DC_h01.wav", "happiness", 60),
        ("tess", "OAF_back_happy.wav", "happiness", 400),
        ("ck_plus", "happy/S011_006_00000013.png", "happy", 69),
        ("fer2013", "train/happy/1.jpg", "train happy", 7215),
    ],
)
def test_readers_tell_which_labels_are_not_as_published(tmp_path, dataset, name, label, published):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    (note,) = (note for note in load_corpus(dataset, tmp_path).notes if note.startswith("labels"))
    found, _, wanted = note.partition("; published ")
    assert f"{label} 1" in found and f"{label} {published}" in wanted
