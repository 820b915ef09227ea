"""The real CMU-MOSI vectors, put into the published layouts and read back."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from emofuse.datasets.mmsa import read_mmsa
from emofuse.datasets.mult import read_mult

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA is not set"),
]

NAMES = (("text", "text"), ("audio", "audio"), ("vision", "video_features"))


@pytest.fixture(scope="module")
def vectors():
    with np.load(Path(os.environ["EMOFUSE_DATA"]) / "cmu_mosi" / "mosi_utterances.npz") as held:
        return {key: held[key] for key in held.files}


def test_mmsa_layout_gives_back_the_vectors(vectors, tmp_path):
    content = {}
    for split in ("train", "test"):
        rows = vectors["split"] == split
        content[split] = {
            "id": list(map("{}$_${}".format, vectors["video"][rows], vectors["turn"][rows])),
            "raw_text": list(map(str, vectors["transcript"][rows])),
            "regression_labels": vectors["sentiment"][rows],
            **{key: vectors[name][rows][:, None] for key, name in NAMES},
        }
    path = tmp_path / "mosi.pkl"
    path.write_bytes(pickle.dumps(content))
    corpus = read_mmsa(path)
    order = np.r_[np.flatnonzero(vectors["split"] == "train"), np.flatnonzero(vectors["split"] == "test")]
    assert [sum(clip.split == split for clip in corpus.clips) for split in ("train", "test")] == [1447, 752]
    assert len({clip.source for clip in corpus.clips}) == 93
    for clip, row in zip(corpus.clips, order, strict=True):
        assert clip.ratings["sentiment"] == pytest.approx(float(vectors["sentiment"][row]))
        for key, name in (("text", "text"), ("audio", "audio"), ("video", "video_features")):
            held = vectors[name][row].astype(np.float32)
            assert np.array_equal(clip.vectors[key][0] if key in clip.vectors else 0 * held, held)


def test_mult_layout_gives_back_the_vectors(vectors, tmp_path):
    rows = np.arange(200)
    padded = {key: np.pad(vectors[name][rows][:, None], ((0, 0), (49, 0), (0, 0))) for key, name in NAMES}
    labels = vectors["sentiment"][rows].reshape(-1, 1, 1)
    ids = np.array([[f"{video}".encode(), b"0", b"1"] for video in vectors["video"][rows]])
    path = tmp_path / "mosi_data.pkl"
    path.write_bytes(pickle.dumps({"train": {**padded, "labels": labels, "id": ids}}, 2))
    corpus = read_mult(path)
    for clip, row in zip(corpus.clips, rows, strict=True):
        assert clip.vectors["text"].shape == (1, 100)
        assert np.array_equal(clip.vectors["text"][0], vectors["text"][row].astype(np.float32))
