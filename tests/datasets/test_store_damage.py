"""Whatever befalls a store ends in a typed error, and the store that was there stays as it was."""

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emofuse.datasets.exports import export_corpus
from emofuse.datasets.packed import describe_store, read_packed, verify_store, write_store
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Clip, Corpus, Picture, TaskSpec

FILES = ("store.toml", "index.parquet", "shard-00000.safetensors")


def toy(value=1.0) -> Corpus:
    clips = tuple(
        Clip(
            id=f"c{n}", text="so", split="train", ratings={"sentiment": 0.5},
            media=Picture(np.full((2, 3), n, np.uint8)) if n == 2 else None,
            vectors={"text": np.full((n + 1, 4), value, np.float32)},
        )
        for n in range(4)
    )  # fmt: skip
    return Corpus("toy", clips, TaskSpec(("glad",), ("sentiment",), (-3.0, 3.0)), "Who", "free", ("n",))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound") / "store"
    write_store(toy(), folder)
    return folder


def used(folder: Path) -> None:
    """Everything that a user may ask of a store."""
    for clip in read_packed(folder).clips:
        for key in clip.vectors:
            np.asarray(clip.vectors[key]).sum()
        if clip.media is not None:
            np.asarray(clip.media.pixels).sum()
    describe_store(folder)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    st.floats(0, 1),
    st.booleans(),
)
def test_any_damage_ends_in_a_typed_error_or_is_harmless(sound, tmp_path, name, changes, cut, shorten):
    content = bytearray((sound / name).read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    damaged = tmp_path / "store"
    damaged.mkdir(exist_ok=True)
    for other in FILES:
        (damaged / other).write_bytes((sound / other).read_bytes())
    (damaged / name).write_bytes(content[: int(cut * len(content))] if shorten else content)
    with contextlib.suppress(DatasetError):
        used(damaged)
    with contextlib.suppress(DatasetError):
        verify_store(damaged)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('name = "toy"', "name = 3"),
        ('notes = [\n    "n",\n]', "notes = 5"),
        ('labels = [\n    "glad",\n]', "labels = 1"),
        ("clips = 4", 'clips = "4"'),
        ("clips = 4", "clips = 5"),
        ("rating_range = [\n    -3.0,\n    3.0,\n]", 'rating_range = ["a"]'),
        ('name = "shard-00000.safetensors"', 'name = "../../../etc/passwd"'),
        ('name = "shard-00000.safetensors"', "name = 7"),
    ],
)
def test_a_manifest_that_was_tampered_with_is_refused(sound, tmp_path, was, becomes):
    (tmp_path / "store").mkdir()
    for name in FILES:
        content = (sound / name).read_bytes()
        if name == "store.toml":
            assert was.encode() in content
            content = content.replace(was.encode(), becomes.encode())
        (tmp_path / "store" / name).write_bytes(content)
    with pytest.raises(DatasetError, match="store"):
        used(tmp_path / "store")


WRITER = """
import sys, signal, numpy as np
from emofuse.datasets.packed import write_store
from emofuse.datasets.exports import export_corpus
from emofuse.errors import EmofuseError
from emofuse.types import Clip, Corpus, TaskSpec
what, place, value, limit = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
if limit:
    import resource
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0).random((300, 64), np.float32) / 2
clips = tuple(
    Clip(id=f"c{n}", split="train", ratings={"sentiment": 0.5}, vectors={"text": value + noise}) for n in range(40)
)
corpus = Corpus("toy", clips, TaskSpec((), ("sentiment",), (-3.0, 3.0)))
try:
    write_store(corpus, place) if what == "store" else export_corpus(corpus, what, place)
except EmofuseError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def writer(what, place, value, limit=0):
    command = [sys.executable, "-c", WRITER, what, str(place), str(value), str(limit)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files is POSIX's")
@pytest.mark.parametrize("what", ["store", "mmsa", "csv", "huggingface"])
def test_a_file_that_cannot_grow_leaves_the_old_one(tmp_path, what):
    place = tmp_path / "made"
    if what == "store":
        write_store(toy(), place)
    if what == "mmsa":
        export_corpus(toy(), "mmsa", place)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    process = writer(what, place, 7.0, limit=100_000)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and said.startswith("OutputError: "), said
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
    if what == "store":
        verify_store(place)


def test_of_writers_at_once_one_wins_as_a_whole(tmp_path):
    write_store(toy(), tmp_path / "store")
    writers = [writer("store", tmp_path / "store", value) for value in (2.0, 3.0, 4.0)]
    said = [process.communicate(timeout=60)[1] for process in writers]
    assert any(process.returncode == 0 for process in writers)
    for process, words in zip(writers, said, strict=True):
        assert process.returncode == 0 or words.startswith("DatasetError: "), words
    verify_store(tmp_path / "store")
    vectors = [clip.vectors["text"] for clip in read_packed(tmp_path / "store").clips]
    values = {float(value) for vector in vectors for value in np.floor(vector).ravel()}
    assert len(values) == 1 and values <= {2.0, 3.0, 4.0}
    assert [one.name for one in tmp_path.iterdir()] == ["store"]


def test_a_lock_whose_file_is_gone_is_no_lock(tmp_path, monkeypatch):
    import emofuse.datasets.replacing as replacing

    def lock_too_late(handle, path):
        # Between opening and locking, the last writer has finished and taken its file away.
        (tmp_path / ".store.lock").rename(tmp_path / "gone")
        (tmp_path / ".store.lock").write_bytes(b"")

    monkeypatch.setattr(replacing, "_lock", lock_too_late)
    with pytest.raises(DatasetError, match="write it again"):
        write_store(toy(), tmp_path / "store")
    assert not (tmp_path / "store").exists() and (tmp_path / ".store.lock").exists()


@pytest.mark.parametrize("swaps", [True, False])
def test_a_folder_is_replaced_with_and_without_the_system_s_exchange(tmp_path, monkeypatch, swaps):
    import emofuse.datasets.replacing as replacing

    if not swaps:
        monkeypatch.setattr(replacing, "_swapped", lambda one, other: False)
    write_store(toy(1.0), tmp_path / "store")
    opened = read_packed(tmp_path / "store")
    write_store(toy(2.0), tmp_path / "store")
    assert read_packed(tmp_path / "store").clips[0].vectors["text"][0, 0] == 2.0
    # An index must not be read with the arrays of another store.
    with pytest.raises(DatasetError, match="open it again"):
        opened.clips[0].vectors["text"]
    assert opened.clips[0].id == "c0" and [one.name for one in tmp_path.iterdir()] == ["store"]


READ = """
import sys
from pathlib import Path
from emofuse.datasets.packed import read_packed
read_packed(Path(sys.argv[1]))
"""


def test_a_process_that_read_a_store_ends_well_every_time(tmp_path):
    # Enough rows that a threaded read would still hold the bytes when the interpreter is torn down.
    clips = tuple(
        Clip(id=f"c{n}", text="so", vectors={"text": np.zeros((3, 4), np.float32)}) for n in range(2000)
    )
    write_store(Corpus("toy", clips, TaskSpec(("glad",))), tmp_path / "store")
    codes = [
        subprocess.run([sys.executable, "-c", READ, str(tmp_path / "store")], check=False).returncode
        for _ in range(10)
    ]
    assert codes == [0] * 10


def with_media(folder: Path, *, copy: bool) -> Path:
    (folder / "one.wav").write_bytes(b"sound")
    (folder / "box.tar").write_bytes(b"....inside....")
    clips = (
        Clip(id="a", media=folder / "one.wav"),
        Clip(id="b", media=ArchiveMember(folder / "box.tar", "in/side.wav", 4, 6)),
        Clip(id="c", media=folder / "one.wav", start_s=1.0),
    )
    write_store(Corpus("toy", clips, TaskSpec(("glad",))), folder / "store", copy_media=copy)
    return folder / "store"


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize(("name", "content"), [("one.wav", b"Sound"), ("one.wav", None), ("box.tar", None)])
def test_media_in_the_store_and_outside_are_verified(tmp_path, copy, name, content):
    store = with_media(tmp_path, copy=copy)
    verify_store(store)
    inside = {"one.wav": "one.wav", "box.tar": "side.wav"}[name]
    place = store / "media" / inside if copy else tmp_path / name
    place.write_bytes(content) if content else place.unlink()
    with pytest.raises(
        DatasetError, match=f"{place}.*({'not what was imported' if content else 'No such'})"
    ):
        verify_store(store)
    verify_store(store, media=False)
