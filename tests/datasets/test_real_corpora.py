"""The counts of real copies, in the folder that EMOFUSE_DATA names."""

import io
import os
import tarfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emofuse.datasets import load_corpus
from emofuse.datasets.dailydialog import read_causes
from emofuse.datasets.label_sets import BASIC, SETS
from emofuse.datasets.labels import relabel
from emofuse.datasets.protocols import rotated_test
from emofuse.datasets.splits import check_disjoint, group_folds, merge, official
from emofuse.errors import DatasetError
from emofuse.features.media import read_audio

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA names no folder of corpora"),
]


# Where a corpus lies under another name than its reader's.
FOLDERS = {
    "mosi": "cmu_mosi",
    "mosei": "cmu_mosei_text",
    "ch_sims": "ch_sims_text",
    "dailydialog": "dailydialog_reccon",
}


def _root(name):
    root = Path(os.environ["EMOFUSE_DATA"]) / FOLDERS.get(name, name)
    if not root.exists():
        pytest.skip(f"EMOFUSE_DATA holds no {root.name}")
    return root


def _load(name, **options):
    return load_corpus(name, _root(name), **options)


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


def test_ravdess_is_sound_alone_of_speech_here():
    assert len(_load("ravdess").clips) == len(_load("ravdess", modality="audio").clips) == 1200
    with pytest.raises(DatasetError, match="video"):
        _load("ravdess", modality="video")
    with pytest.raises(DatasetError, match="song"):
        _load("ravdess", channel="song")


def test_a_tar_of_real_takes_is_heard_as_the_files_are(tmp_path):
    files = sorted(_root("ravdess").glob("Actor_01/*.*"))[:3]
    with tarfile.open(tmp_path / "Actor_01.tar", "w") as archive:
        for file in files:
            archive.add(file, arcname=f"Actor_01/{file.name}")
    clips = load_corpus("ravdess", tmp_path / "Actor_01.tar").clips
    assert [clip.id for clip in clips] == [file.stem for file in files]
    for clip, file in zip(clips, files, strict=True):
        inside, outside = read_audio(clip.media), read_audio(file)
        assert inside.rate == outside.rate
        np.testing.assert_array_equal(inside.samples, outside.samples)


def test_emodb_has_ten_speakers():
    corpus = _load("emodb")
    assert len(corpus.clips) == 339
    assert len({clip.speaker for clip in corpus.clips}) == 10
    assert {"anger", "happiness", "neutral", "sadness"} <= set(corpus.task.labels)


def test_fer2013_without_duplicates():
    start = time.process_time()
    corpus = _load("fer2013")
    assert time.process_time() - start < 5
    everything = _load("fer2013", duplicates="keep")
    assert _splits(everything) == {"train": 28709, "valid": 3589}
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


@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("mosi", {}, (1447, None, 752)),
        ("mosi", {"splits": "standard"}, (1284, 229, 686)),
        ("mosei", {}, (16326, 1871, 4659)),
        ("ch_sims", {}, (1368, 456, 457)),
        ("meld", {}, (9989, 1109, 2610)),
        ("meld", {"task": "sentiment"}, (9989, 1109, 2610)),
        ("emorynlp", {}, (7551, 954, 984)),
        ("goemotions", {}, (43410, 5426, 5427)),
        ("dailydialog", {}, (8206, 493, 2405)),
    ],
)
def test_counts_are_the_published_ones(name, options, counts):
    corpus = _load(name, **options)
    found = _splits(corpus)
    assert tuple(found.get(role) for role in ("train", "valid", "test")) == counts
    assert not any("counts differ" in note for note in corpus.notes)


def test_parts_of_a_corpus_differ_in_what_they_lack_alone():
    assert not any(note.startswith("labels") for note in _load("fer2013", duplicates="keep").notes)
    (note,) = (note for note in _load("emodb").notes if note.startswith("labels"))
    assert "found boredom 0, disgust 0, fear 0; published boredom 81, disgust 46, fear 69" in note


def test_mosi_has_vectors_and_videos_that_do_not_cross():
    corpus = _load("mosi", task="sentiment2")
    assert {name: value.shape for name, value in corpus.clips[0].vectors.items()} == {
        "text": (100,),
        "audio": (73,),
        "video": (100,),
    }
    assert all(np.isfinite(value).all() for clip in corpus.clips for value in clip.vectors.values())
    assert len({clip.source for clip in corpus.clips}) == 93
    assert Counter(clip.label for clip in corpus.clips) == {"positive": 1080, "negative": 1023, None: 96}
    for fold in range(3):
        split = rotated_test(corpus, fold=fold)
        check_disjoint(split, corpus, by="source")
        assert (len(split.train), len(split.valid) + len(split.test)) == (1447, 752)


def test_mosei_and_ch_sims_have_texts_and_times():
    mosei, sims = _load("mosei"), _load("ch_sims", language="english")
    assert all(0 <= clip.start_s < clip.end_s for clip in mosei.clips)
    assert all(clip.text for corpus in (mosei, sims) for clip in corpus.clips)
    assert (len({clip.source for clip in mosei.clips}), len({clip.source for clip in sims.clips})) == (
        3225,
        60,
    )


def test_dailydialog_has_the_dialogues_and_causes_of_reccon():
    corpus = _load("dailydialog")
    dialogues = Counter(split for split, _ in {(clip.split, clip.dialogue) for clip in corpus.clips})
    assert dialogues == {"train": 834, "valid": 47, "test": 225}
    causes = read_causes(_root("dailydialog"))
    assert len(causes) == 9915
    known = {clip.id for clip in corpus.clips}
    assert {cause.clip for cause in causes} <= known


@pytest.mark.parametrize("to", [*SETS, "vad"])
def test_every_corpus_with_emotions_comes_to_every_set(to):
    for name in ("ravdess", "emodb", "meld", "emorynlp", "dailydialog", "goemotions"):
        corpus = _load(name)
        moved = relabel(corpus, to)
        kept, lost = len(moved.clips), len(corpus.clips) - len(moved.clips)
        assert kept > 0
        told = [note for note in moved.notes if note.startswith(f"{lost} clips without an image in {to}")]
        assert bool(told) == bool(lost)


def test_ratings_come_to_sentiments():
    emobank = relabel(_load("emobank"), "rated_sentiment3")
    assert len(emobank.clips) == 10062
    mosi = relabel(_load("mosi"), "rated_sentiment2")
    assert Counter(clip.label for clip in mosi.clips) == {"positive": 1080, "negative": 1023}


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
