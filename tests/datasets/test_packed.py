"""The store: what goes in comes out, nothing is read before it is asked for, and damage is named."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from emofuse.datasets import import_corpus, load_corpus
from emofuse.datasets.packed import Provenance, describe_store, read_packed, verify_store, write_store
from emofuse.datasets.replacing import folder_lock
from emofuse.errors import DatasetError, OutputError
from emofuse.types import ArchiveMember, Clip, Corpus, Picture, TaskSpec, Track

TASK = TaskSpec(("glad", "sad"), ("valence", "arousal"), (-2.0, 2.0), ("uar",))


def corpus(folder: Path) -> Corpus:
    (folder / "one.wav").write_bytes(b"sound")
    (folder / "box.tar").write_bytes(b"....inside....")
    generator = np.random.default_rng(0)
    clips = (
        Clip(
            id="ÄÖ 1", media=folder / "one.wav", text='He said "no",\nand left', label="sad",
            shares={"sad": 0.75, "glad": 0.25}, ratings={"valence": -1.5}, speaker="s", dialogue="d", turn=3,
            source="v", split="train", start_s=0.25, end_s=1.75, facts={"gender": "female"},
            vectors={
                "text": generator.normal(size=(4, 3)).astype(np.float32),
                "one": np.arange(5, dtype=np.float32),
                "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
                "ids": np.arange(4, dtype=np.int64),
            },
        ),
        Clip(id="2", media=ArchiveMember(folder / "box.tar", "a/inside.wav", 4, 6)),
        Clip(id="3", media=Picture(generator.integers(0, 255, (4, 6), dtype=np.uint8)), label="glad"),
        Clip(id="4", media=Picture(generator.integers(0, 255, (5, 6, 3), dtype=np.uint8))),
        Clip(id="5", vectors={"text": np.zeros((0, 3), np.float32), "half": np.ones((2, 2), np.float16)}),
    )  # fmt: skip
    return Corpus("toy", clips, TASK, "Who (2000)", "free", ("a note", "another"))


def assert_same(one: Corpus, two: Corpus) -> None:
    assert (one.name, one.task, one.citation, one.licence, one.notes) == (
        two.name, two.task, two.citation, two.licence, two.notes,
    )  # fmt: skip
    fields = (
        "id", "text", "label", "shares", "ratings", "speaker", "dialogue", "turn", "source", "split", "start_s",
        "end_s", "facts",
    )  # fmt: skip
    for first, second in zip(one.clips, two.clips, strict=True):
        for name in fields:
            assert getattr(first, name) == getattr(second, name), (first.id, name)
        assert set(first.vectors) == set(second.vectors)
        for key in first.vectors:
            given, kept = np.asarray(first.vectors[key]), np.asarray(second.vectors[key])
            assert given.shape == kept.shape and given.dtype == kept.dtype and np.array_equal(given, kept)
        if isinstance(first.media, Picture):
            assert np.array_equal(first.media.pixels, second.media.pixels)
        else:
            assert first.media == second.media


@pytest.fixture
def store(tmp_path):
    write_store(corpus(tmp_path), tmp_path / "store")
    return tmp_path / "store"


def test_every_field_comes_back(store, tmp_path):
    assert_same(corpus(tmp_path), read_packed(store))
    assert_same(corpus(tmp_path), load_corpus("packed", store))
    verify_store(store)


def test_many_shards_hold_the_same(tmp_path):
    write_store(corpus(tmp_path), tmp_path / "small", shard_bytes=16)
    assert len(list((tmp_path / "small").glob("shard-*"))) >= 3
    assert_same(corpus(tmp_path), read_packed(tmp_path / "small"))


def test_shards_are_what_safetensors_reads(store):
    from safetensors.numpy import load_file

    tensors = load_file(store / "shard-00000.safetensors")
    first = read_packed(store).clips[0]
    assert np.array_equal(tensors["text"][:4], first.vectors["text"])
    assert tensors["picture.6x1"].shape == (4, 6) and tensors["ids"].dtype == np.int64


def test_opening_reads_no_array(store):
    shard = store / "shard-00000.safetensors"
    size = shard.stat().st_size
    shard.write_bytes(b"\0" * size)
    opened = read_packed(store)
    assert opened.clips[0].label == "sad" and opened.clips[0].vectors.length("text") == 4
    with pytest.raises(DatasetError, match=r"shard-00000.*damaged"):
        opened.clips[0].vectors["text"]
    with pytest.raises(DatasetError, match=r"sha256 is .* wanted"):
        verify_store(store)


def test_tracks_are_stored_with_their_times_and_origin(tmp_path):
    given = corpus(tmp_path)
    tracks = [{"audio": Track(np.full((2, 3), n, np.float32), np.array([0.5, 1.5]))} for n in range(5)]
    origin = {"audio": Provenance("log_mel", "2", {"bands": 3})}
    write_store(given, tmp_path / "s", tracks=tracks, provenance=origin)
    clip = read_packed(tmp_path / "s").clips[3]
    assert np.array_equal(clip.vectors["audio"], np.full((2, 3), 3))
    assert list(clip.vectors["audio.times"]) == [0.5, 1.5]
    facts = describe_store(tmp_path / "s")["tracks"]["audio"]
    assert (facts["extractor"], facts["version"], facts["arguments"]) == ("log_mel", "2", {"bands": 3})
    assert (facts["clips"], facts["dim"], facts["frames"]) == (5, 3, 10)


def test_media_are_hashed_and_copied_on_demand(tmp_path):
    write_store(corpus(tmp_path), tmp_path / "s", copy_media=True)
    clips = read_packed(tmp_path / "s").clips
    assert (
        clips[0].media == tmp_path / "s" / "media" / "one.wav" and clips[0].media.read_bytes() == b"sound"
    )
    assert clips[1].media.read_bytes() == b"inside"
    import pyarrow.parquet as pq

    digest = pq.read_table(tmp_path / "s" / "index.parquet")["media_sha256"][0].as_py()
    import hashlib

    assert digest == hashlib.sha256(b"sound").hexdigest()


def test_a_description_counts(store):
    facts = describe_store(store)
    assert facts["clips"] == 5 and facts["labels"] == {"sad": 1, "None": 3, "glad": 1}
    assert facts["splits"] == {"train": 1, "None": 4} and facts["soft_labels"] == 1
    assert facts["ratings"]["valence"] == {"n": 1, "low": -1.5, "mean": -1.5, "high": -1.5}
    assert facts["tracks"]["text"]["length_quantiles"] == [0, 1, 2, 3, 4]
    json.dumps(facts)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (
            lambda s: (s / "index.parquet").write_bytes((s / "index.parquet").read_bytes()[:-9]),
            r"index.*sha256",
        ),
        (lambda s: (s / "index.parquet").unlink(), r"index.parquet: cannot be read"),
        (lambda s: (s / "store.toml").unlink(), r"no store.toml"),
        (lambda s: (s / "store.toml").write_text("format = [", encoding="utf-8"), r"store.toml: damaged"),
        (lambda s: (s / "store.toml").write_text("format = 1\n", encoding="utf-8"), r"damaged .KeyError"),
        (lambda s: (s / "shard-00000.safetensors").unlink(), r"shard-00000.*is missing"),
        (
            lambda s: (s / "store.toml").write_text(
                (s / "store.toml").read_text(encoding="utf-8").replace("format = 1", "format = 9"),
                encoding="utf-8",
            ),
            r"format 9, this version reads 1",
        ),
    ],
)
def test_damage_is_named_when_it_is_opened(store, harm, words):
    harm(store)
    with pytest.raises(DatasetError, match=words):
        read_packed(store)


def test_a_truncated_shard_is_noticed_before_its_rows_are_used(store):
    shard = store / "shard-00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-4])
    with pytest.raises(DatasetError, match=r"has \d+ bytes, wanted \d+"):
        read_packed(store).clips[0].vectors["text"]


def test_a_header_that_lies_is_refused(store):
    shard, manifest = store / "shard-00000.safetensors", store / "store.toml"
    content = shard.read_bytes().replace(b'"shape":[4,3]', b'"shape":[9,3]')
    shard.write_bytes(content)
    assert tomllib.loads(manifest.read_text(encoding="utf-8"))["shards"][0]["bytes"] == len(content)
    with pytest.raises(DatasetError, match="does not fit"):
        read_packed(store).clips[0].vectors["text"]


def test_an_old_store_survives_a_full_disk(store, tmp_path, monkeypatch):
    import emofuse.datasets.shards as shards

    def full(path, blocks):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "_write", full)
    with pytest.raises(OutputError, match="No space left"):
        write_store(corpus(tmp_path), store)
    monkeypatch.undo()
    assert_same(corpus(tmp_path), read_packed(store))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["box.tar", "one.wav", "store"]


def test_an_old_store_survives_a_writer_that_is_killed(store, tmp_path):
    code = f"""
import os, signal, numpy as np
from emofuse.datasets.packed import write_store
from emofuse.types import Clip, Corpus, TaskSpec
class Slow(dict):
    def __getitem__(self, key):
        os.kill(os.getpid(), signal.SIGKILL)
clips = tuple(Clip(id=str(n), vectors=Slow(a=1) if n == 3 else {{"a": np.ones(3)}}) for n in range(5))
write_store(Corpus("x", clips, TaskSpec(("a",))), {str(store)!r}, shard_bytes=10)
"""
    made = subprocess.run([sys.executable, "-c", code], check=False)
    assert made.returncode == -signal.SIGKILL
    assert_same(corpus(tmp_path), read_packed(store))
    write_store(corpus(tmp_path), store)  # the lock went with its process
    verify_store(store)


def test_two_writers_at_once_are_told(store, tmp_path):
    with folder_lock(store), pytest.raises(DatasetError, match="another process is writing"):
        write_store(corpus(tmp_path), store)
    assert_same(corpus(tmp_path), read_packed(store))


def test_a_store_never_replaces_anything_else(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(OutputError, match="holds no store"):
        write_store(corpus(tmp_path), tmp_path / "mine")
    with pytest.raises(OutputError, match="is a file"):
        write_store(corpus(tmp_path), tmp_path / "one.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        write_store(corpus(tmp_path), tmp_path / "shut" / "store")


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ([{"a": np.ones((2, 3))}, {"a": np.ones((2, 4))}], r"clip 1: 'a' is 4 wide"),
        ([{"a": np.ones((2, 3))}, {"a": np.ones((2, 3), np.float32)}], r"clip 1: 'a' is 3 wide float32"),
        ([{"a": np.ones((2, 3, 4))}], r"shape \(2, 3, 4\)"),
        ([{"a": np.array(["x"])}], r"of type <U1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, vectors, words):
    clips = tuple(Clip(id=str(n), vectors=one) for n, one in enumerate(vectors))
    with pytest.raises(DatasetError, match=words):
        write_store(Corpus("x", clips, TASK), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_an_import_is_a_load_and_a_write(tmp_path):
    (tmp_path / "clips.csv").write_text("id,text,label\na,hello there,glad\nb,no,sad\n", encoding="utf-8")
    made = import_corpus("listed", tmp_path / "clips.csv", tmp_path / "s")
    assert_same(load_corpus("listed", tmp_path / "clips.csv"), made)


def test_thousands_of_clips_open_in_a_moment(tmp_path):
    import time

    clips = tuple(
        Clip(id=f"c{n}", text=f"text {n}", label="sad", ratings={"valence": 0.1}, vectors={"a": np.ones(2, np.float32)})
        for n in range(20_000)
    )  # fmt: skip
    write_store(Corpus("many", clips, TASK), tmp_path / "s")
    start = time.perf_counter()
    opened = read_packed(tmp_path / "s")
    assert time.perf_counter() - start < 5.0
    assert len(opened.clips) == 20_000 and list(opened.clips[-1].vectors["a"]) == [1, 1]
