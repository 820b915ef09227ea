"""The counts of real copies, in the folder that EMOFUSE_DATA names."""

import io
import os
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from emofuse.datasets import load_corpus
from emofuse.datasets.label_sets import BASIC
from emofuse.datasets.labels import relabel
from emofuse.datasets.splits import check_disjoint, group_folds, merge, official

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA names no folder of corpora"),
]


def _load(name, **options):
    root = Path(os.environ["EMOFUSE_DATA"]) / name
    if not root.exists():
        pytest.skip(f"EMOFUSE_DATA holds no {name}")
    return load_corpus(name, root, **options)


def _splits(corpus):
    return Counter(clip.split for clip in corpus.clips)


def test_ravdess_has_sixty_clips_of_each_actor():
    corpus = _load("ravdess")
    assert set(Counter(clip.speaker for clip in corpus.clips).values()) == {60}
    assert all(clip.vectors["action_units"].shape == (35,) for clip in corpus.clips)
    labels = Counter(clip.label for clip in corpus.clips)
    assert labels["neutral"] * 2 == labels["calm"] == labels["happy"]
    for fold in range(5):
        check_disjoint(group_folds(corpus, fold=fold), corpus)


def test_emodb_has_ten_speakers():
    corpus = _load("emodb")
    assert len({clip.speaker for clip in corpus.clips}) == 10
    assert {"anger", "happiness", "neutral", "sadness"} <= set(corpus.task.labels)


def test_fer2013_without_duplicates():
    start = time.process_time()
    corpus = _load("fer2013")
    assert time.process_time() - start < 5
    everything = _load("fer2013", duplicates="keep")
    assert _splits(everything)["train"] == 28709
    assert _splits(everything)["valid"] == 3589
    assert _splits(corpus)["train"] < 28709
    content = [clip.media.read() for clip in corpus.clips]
    assert len(set(content)) == len(content)
    assert Image.open(io.BytesIO(content[0])).size == (48, 48)


def test_goemotions_counts_and_groups():
    ekman, original = _load("goemotions"), _load("goemotions", labels="original")
    for corpus in (ekman, original):
        assert _splits(corpus) == {"train": 43410, "valid": 5426, "test": 5427}
        assert not any("counts differ" in note for note in corpus.notes)
    assert len(original.task.labels) == 28
    moved = {clip.id: set(clip.shares) for clip in relabel(original, "basic7").clips}
    assert moved == {clip.id: set(clip.shares) for clip in ekman.clips}


def test_emobank_counts():
    corpus = _load("emobank")
    assert _splits(corpus) == {"train": 8062, "valid": 1000, "test": 1000}
    assert all(clip.source for clip in corpus.clips)


def test_meld_counts_and_faults():
    corpus = _load("meld")
    assert _splits(corpus) == {"train": 9989, "valid": 1109, "test": 2610}
    assert Counter(clip.label for clip in corpus.clips)["neutral"] == 4710 + 470 + 1256
    notes = " | ".join(corpus.notes)
    for fault in ("train has no dialogue 60", "test_dia155_utt3", "test_dia38_utt4", "test_dia220_utt0"):
        assert fault in notes
    assert len(_load("meld", task="sentiment").task.labels) == 3


def test_speech_corpora_merge_into_seven_emotions():
    merged = merge([relabel(_load(name), "basic7") for name in ("ravdess", "emodb")])
    assert merged.task.labels == BASIC
    for fold in range(5):
        split = group_folds(merged, fold=fold)
        check_disjoint(split, merged)
        assert {name.partition("/")[0] for name in split.test} == {"ravdess", "emodb"}


def test_text_corpora_merge_with_their_official_splits():
    merged = merge([_load("goemotions"), _load("emobank")])
    split = official(merged)
    assert (len(split.train), len(split.valid), len(split.test)) == (51472, 6426, 6427)
