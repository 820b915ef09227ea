import tarfile
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from emofuse.types import ArchiveMember, Batch, Clip, Corpus, Signal, TaskSpec, Track


def test_a_file_inside_a_tar_is_read_in_place(tmp_path):
    (tmp_path / "one.txt").write_bytes(b"hello")
    (tmp_path / "two.txt").write_bytes(b"world!")
    path = tmp_path / "both.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("one.txt", "two.txt"):
            tar.add(tmp_path / name, name)
    with tarfile.open(path) as tar:
        member = tar.getmember("two.txt")
    found = ArchiveMember(path, member.name, member.offset_data, member.size)
    assert found.read() == b"world!"
    assert found == ArchiveMember(path, "two.txt", member.offset_data, 6) and len({found, found}) == 1


def test_parts_of_a_signal():
    signal = Signal(np.arange(10, dtype=np.float32), 5)
    assert signal.duration_s == 2.0
    assert signal.between(0.4, 1.0).samples.tolist() == [2, 3, 4]
    assert signal.between(-1.0, 0.2).samples.tolist() == [0]
    assert signal.between(1.8, 9.0).samples.tolist() == [9]
    assert signal.between(5.0, 6.0).duration_s == 0.0


def test_frames_of_a_track_by_their_centres():
    track = Track(np.arange(4)[:, None], np.array([0.0, 0.5, 1.0, 1.5]))
    part = track.between(0.5, 1.5)
    assert len(track) == 4 and len(part) == 2
    assert part.values[:, 0].tolist() == [1, 2] and part.times.tolist() == [0.5, 1.0]


def test_nouns_are_frozen():
    clip = Clip("a")
    with pytest.raises(FrozenInstanceError):
        clip.label = "joy"
    assert clip.ratings == {} and clip.vectors == {}


def test_a_corpus_with_other_clips_keeps_the_rest():
    corpus = Corpus("c", (Clip("a"), Clip("b")), TaskSpec(labels=("x",)), citation="who", notes=("n",))
    fewer = corpus.with_clips(corpus.clips[:1])
    assert [clip.id for clip in fewer.clips] == ["a"]
    assert (fewer.name, fewer.task, fewer.citation, fewer.notes) == ("c", corpus.task, "who", ("n",))


def test_a_batch_moves_as_a_whole():
    one = {"audio": torch.zeros(2, 3, 1)}
    batch = Batch(
        ("a", "b"), one, {"audio": torch.ones(2, 3, dtype=torch.bool)}, {"audio": torch.ones(2, dtype=torch.bool)},
        torch.zeros(2, 4), torch.zeros(2, 0), torch.ones(2),
    )  # fmt: skip
    moved = batch.to("meta")
    tensors = [
        *moved.values.values(),
        *moved.masks.values(),
        *moved.presence.values(),
        moved.shares,
        moved.ratings,
        moved.weights,
    ]
    assert len(moved) == 2 and {tensor.device.type for tensor in tensors} == {"meta"}
    assert batch.shares.device.type == "cpu"
