import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emofuse.features.cache import Cache
from emofuse.types import Track


def a_track(frames=3):
    values = np.arange(frames * 2, dtype=np.float32).reshape(frames, 2)
    return Track(values, np.arange(frames) * 0.1)


def files_of(cache):
    return [path for path in cache.folder.rglob("*") if path.is_file()]


def test_a_track_comes_back_bit_by_bit(tmp_path):
    cache = Cache(tmp_path / "new" / "folder")
    key = cache.key("hash", "mel", {"bands": 40})
    assert cache.get_track(key) is None and (cache.hits, cache.misses) == (0, 1)
    cache.put_track(key, a_track())
    found = cache.get_track(key)
    assert (found.values == a_track().values).all() and found.values.dtype == np.float32
    assert (found.times == a_track().times).all() and found.times.dtype == np.float64
    assert (cache.hits, cache.misses, cache.broken) == (1, 1, None)
    assert len(files_of(cache)) == 1


def test_pixels_views_and_empty_tracks_are_kept(tmp_path):
    cache = Cache(tmp_path)
    pixels = np.arange(48, dtype=np.uint8).reshape(2, 4, 6)[:, ::2]
    for number, track in enumerate([Track(pixels, np.zeros(2)), a_track(0)]):
        cache.put_track(cache.key(number), track)
        found = cache.get_track(cache.key(number))
        assert (found.values == track.values).all() and found.values.shape == track.values.shape
        assert found.values.dtype == track.values.dtype


def test_documents(tmp_path):
    cache = Cache(tmp_path)
    key = cache.key("speech")
    assert cache.get_document(key) is None
    cache.put_document(key, {"regions": [[0.1, 1.5]], "text": "größer 😀"})
    assert cache.get_document(key) == {"regions": [[0.1, 1.5]], "text": "größer 😀"}


def test_a_document_may_name_what_utf_8_cannot_hold(tmp_path):
    cache = Cache(tmp_path)
    cache.put_document(key := cache.key("odd"), {"source": "\udcff.wav"})
    assert cache.get_document(key) == {"source": "\udcff.wav"}


def test_a_key_follows_every_part_and_not_the_order_of_settings():
    base = Cache.key("hash", "mel", {"bands": 40, "hop_s": 0.01})
    assert len(base) == 64 and int(base, 16) >= 0
    assert base == Cache.key("hash", "mel", {"hop_s": 0.01, "bands": 40})
    others = [
        Cache.key("hash2", "mel", {"bands": 40, "hop_s": 0.01}),
        Cache.key("hash", "mel", {"bands": 41, "hop_s": 0.01}),
        Cache.key("hash", "mel"),
        Cache.key("hashmel", {"bands": 40, "hop_s": 0.01}),
        Cache.key("hash", "mel", {"bands": 40, "hop_s": None}),
    ]
    assert len({base, *others}) == 6
    assert Cache.key(1) != Cache.key("1") != Cache.key(True)
    assert Cache.key(np.float64(0.5), (1, 2)) == Cache.key(0.5, [1, 2])
    with pytest.raises(TypeError, match="plain values"):
        Cache.key(object())


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_file_is_a_miss_and_is_overwritten(tmp_path, damage):
    cache = Cache(tmp_path)
    key = cache.key("a")
    cache.put_track(key, a_track())
    cache.put_document(key, {"a": 1})
    for path in files_of(cache):
        path.write_bytes(damage)
    assert cache.get_track(key) is None and cache.get_document(key) is None and cache.misses == 2
    cache.put_track(key, a_track())
    cache.put_document(key, {"a": 2})
    assert len(cache.get_track(key)) == 3 and cache.get_document(key) == {"a": 2}


def test_a_cut_file_and_one_of_another_shape_are_misses(tmp_path):
    cache = Cache(tmp_path)
    cache.put_track(cache.key("a"), a_track())
    (path,) = files_of(cache)
    path.write_bytes(path.read_bytes()[:-4])
    assert cache.get_track(cache.key("a")) is None
    cache.put_track(cache.key("b"), Track(np.zeros((3, 2), np.float32), np.zeros(4)))
    assert cache.get_track(cache.key("b")) is None


def test_no_folder_keeps_nothing():
    cache = Cache(None)
    cache.put_track("key", a_track())
    cache.put_document("key", {})
    assert cache.get_track("key") is None and cache.get_document("key") is None
    assert (cache.hits, cache.misses, cache.broken) == (0, 2, None)


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file")
    cache.put_track(cache.key("a"), a_track())
    cache.put_document(cache.key("a"), {})
    assert cache.get_track(cache.key("a")) is None
    assert cache.broken is not None and str(tmp_path) in cache.broken


def test_a_reader_never_sees_a_part_while_others_write(tmp_path):
    key, size = Cache.key("race"), 20000
    code = (
        "import sys, numpy as np; from pathlib import Path; from emofuse.features.cache import Cache;"
        "from emofuse.types import Track; cache = Cache(Path(sys.argv[1])); fill = float(sys.argv[3])\n"
        f"track = Track(np.full(({size}, 2), fill), np.zeros({size}))\n"
        "for _ in range(40): cache.put_track(sys.argv[2], track)\n"
        "assert cache.broken is None"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, tmp_path, key, fill]) for fill in "12"]
    cache, seen = Cache(tmp_path), set()
    while any(writer.poll() is None for writer in writers):
        if (track := cache.get_track(key)) is not None:
            assert len(track) == size and np.ptp(track.values) == 0
            seen.add(float(track.values[0, 0]))
        else:
            assert not seen
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(files_of(cache)) == 1


def test_the_default_place(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("EMOFUSE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert Cache.default().folder == Path("/home/someone/.cache/emofuse")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert Cache.default().folder == Path("/x/emofuse")
    monkeypatch.setenv("EMOFUSE_CACHE", "/y")
    assert Cache.default().folder == Path("/y")


def test_reading_a_track_imports_no_torch(tmp_path):
    Cache(tmp_path).put_track(Cache.key("a"), a_track())
    code = (
        "import sys; from pathlib import Path; from emofuse.features.cache import Cache;"
        "assert Cache(Path(sys.argv[1])).get_track(Cache.key('a')) is not None;"
        "assert 'torch' not in sys.modules and 'av' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
