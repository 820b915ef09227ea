"""A published archive through a store and out again: nothing is lost but padding."""

import os
import pickle

import numpy as np
import pytest

from emofuse.datasets import import_corpus, load_corpus
from emofuse.datasets.archives import load_restricted
from emofuse.datasets.exports import export_corpus

KEYS = {"text": ("text", 6, 4), "audio": ("audio", 9, 5), "vision": ("video", 7, 3)}
COUNTS = {"train": 5, "valid": 2, "test": 3}


def archive(*, aligned=False, bert=True):
    """An archive of MMSA's layout, and by split the true lengths of each key."""
    random = np.random.default_rng(3)
    content, lengths = {}, {}
    for split, count in COUNTS.items():
        true = {key: random.integers(1, frames + 1, count) for key, (_, frames, _) in KEYS.items()}
        if aligned:
            true = dict.fromkeys(KEYS, true["text"])
        parts = {
            "id": [f"{split}clip$_${row}" for row in range(count)],
            "raw_text": [f"WORDS, {row}" for row in range(count)],
            "annotations": ["Negative"] * count,
            "classification_labels": np.zeros(count, np.int64),
            "regression_labels": -random.uniform(0.1, 3, count).astype(np.float32),
            "regression_labels_T": random.uniform(-3, 3, count).astype(np.float32),
        }
        for key, (_, frames, dim) in KEYS.items():
            frames = 6 if aligned else frames
            block = random.normal(size=(count, frames, dim)).astype(np.float32)
            for row, length in enumerate(true[key]):
                block[row, length:] = 0
            parts[key] = block
        if not aligned:
            parts |= {f"{key}_lengths": true[key].tolist() for key in ("audio", "vision")}
        if bert:
            rows = np.zeros((count, 3, 6), np.float32)
            rows[:, 1] = np.arange(6) < true["text"][:, None]
            rows[:, 0] = rows[:, 1] * random.integers(100, 30_000, (count, 6))
            parts["text_bert"] = rows
        content[split], lengths[split] = parts, true
    return content, lengths


def assert_equal_up_to_padding(one, two):
    most = min(one.shape[1], two.shape[1])
    assert np.array_equal(one[:, :most], two[:, :most])
    assert not one[:, most:].any() and not two[:, most:].any()


@pytest.mark.parametrize(("aligned", "bert"), [(False, True), (False, False), (True, True)])
def test_mmsa_to_a_store_to_mmsa(tmp_path, aligned, bert):
    given, lengths = archive(aligned=aligned, bert=bert)
    (tmp_path / "given.pkl").write_bytes(pickle.dumps(given, 4))
    store = import_corpus("mmsa", tmp_path / "given.pkl", tmp_path / "store")
    export_corpus(store, "mmsa", tmp_path / "back.pkl")
    back = load_restricted(tmp_path / "back.pkl")
    assert list(back) == ["train", "valid", "test"]
    for split, parts in given.items():
        found = back[split]
        for key in ("id", "raw_text", "annotations"):
            assert list(found[key]) == parts[key], (split, key)
        for key in ("classification_labels", "regression_labels", "regression_labels_T"):
            assert np.array_equal(found[key], parts[key]), (split, key)
        for key in KEYS:
            assert_equal_up_to_padding(found[key], parts[key])
            assert found[f"{key}_lengths"] == lengths[split][key].tolist()
        assert ("text_bert" in found) == bert
        if bert:
            assert_equal_up_to_padding(found["text_bert"].swapaxes(1, 2), parts["text_bert"].swapaxes(1, 2))
    # What was exported is again a published archive, with the same clips.
    again = load_corpus("mmsa", tmp_path / "back.pkl")
    assert_same_clips(store, again)


def test_a_clip_without_a_modality_costs_the_others_nothing(tmp_path):
    given, _ = archive()
    given["train"]["audio"][1] = 0
    given["train"]["audio_lengths"][1] = 0
    (tmp_path / "given.pkl").write_bytes(pickle.dumps(given, 4))
    store = import_corpus("mmsa", tmp_path / "given.pkl", tmp_path / "store")
    assert "audio" not in store.clips[1].vectors
    export_corpus(store, "mmsa", tmp_path / "back.pkl")
    part = load_restricted(tmp_path / "back.pkl")["train"]
    assert part["audio_lengths"][1] == 0 and not part["audio"][1].any()
    assert_equal_up_to_padding(part["audio"], given["train"]["audio"])
    assert_same_clips(store, load_corpus("mmsa", tmp_path / "back.pkl"))


@pytest.mark.parametrize(
    ("form", "reader", "file"), [("csv", "listed", "clips.csv"), ("huggingface", "huggingface", "")]
)
def test_a_store_to_other_forms_and_back(tmp_path, form, reader, file):
    given, _ = archive()
    (tmp_path / "given.pkl").write_bytes(pickle.dumps(given, 4))
    store = import_corpus("mmsa", tmp_path / "given.pkl", tmp_path / "store")
    export_corpus(store, form, tmp_path / "out")
    back = load_corpus(reader, tmp_path / "out" / file)
    assert_same_clips(store, back)
    # And that into a store once more.
    assert_same_clips(store, import_corpus(reader, tmp_path / "out" / file, tmp_path / "second"))


def assert_same_clips(one, two):
    fields = ("id", "text", "label", "speaker", "dialogue", "turn", "source", "split", "start_s", "end_s")
    for first, second in zip(one.clips, two.clips, strict=True):
        assert [getattr(first, name) for name in fields] == [getattr(second, name) for name in fields]
        assert dict(first.ratings) == pytest.approx(dict(second.ratings))
        assert set(first.vectors) == set(second.vectors)
        for key in first.vectors:
            assert np.array_equal(first.vectors[key], second.vectors[key]), (first.id, key)
    assert one.task.labels == two.task.labels and set(one.task.ratings) == set(two.task.ratings)


@pytest.mark.real_data
@pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA names no folder of corpora")
def test_real_cmu_mosi_through_a_store_and_mmsa(tmp_path):
    store = import_corpus("mosi", f"{os.environ['EMOFUSE_DATA']}/cmu_mosi", tmp_path / "store")
    export_corpus(store, "mmsa", tmp_path / "mosi.pkl")
    back = load_corpus("mmsa", tmp_path / "mosi.pkl")
    assert len(back.clips) == len(store.clips)
    kept = {clip.id: clip for clip in store.clips}
    for clip in back.clips:
        for key, vector in clip.vectors.items():
            given = kept[clip.id.replace("$_$", "_")].vectors[key]
            assert np.array_equal(vector, np.atleast_2d(given)), (clip.id, key)


@pytest.mark.real_data
@pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA names no folder of corpora")
@pytest.mark.parametrize("name", ["meld", "goemotions"])
def test_real_texts_and_times_through_a_table(tmp_path, name):
    given = load_corpus(name, f"{os.environ['EMOFUSE_DATA']}/{name}")
    assert export_corpus(given, "csv", tmp_path / "out") == len(given.clips)
    assert_same_clips(given, load_corpus("listed", tmp_path / "out" / "clips.csv"))
