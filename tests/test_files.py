import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emofuse.errors import OutputError
from emofuse.files import write_atomically


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes_are_written_whole(tmp_path):
    write_atomically(tmp_path / "a.txt", "größer 😀\n")
    write_atomically(tmp_path / "a.bin", b"\x00\xff")
    assert (tmp_path / "a.txt").read_bytes() == "größer 😀\n".encode()
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"
    write_atomically(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names_in(tmp_path) == ["a.bin", "a.txt"]


def test_others_may_read_what_is_written_and_a_mode_is_kept(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, "x")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write_atomically(path, "y")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["missing/a.txt", ".", "file/a.txt"])
def test_a_place_that_cannot_be_written_is_an_error(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write") as caught:
        write_atomically(tmp_path / place, "x")
    assert str(tmp_path) in str(caught.value)
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pathlib.Path.replace" if step == "replace" else "os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old" and names_in(tmp_path) == ["a.txt"]


def test_a_device_is_written_to_and_stays_one(tmp_path):
    read, write = os.pipe()
    with os.fdopen(read) as heard:
        write_atomically(f"/dev/fd/{write}", "said")
        os.close(write)
        assert heard.read() == "said"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_device_is_an_error():
    with pytest.raises(OutputError, match="No space left"):
        write_atomically("/dev/full", "x")
    assert not Path("/dev/full").is_file()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "link").symlink_to("a.txt")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a.txt").read_text() == "new"


def test_an_open_stream_is_added_to_under_its_other_name(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("first\n")
    with path.open("ab") as file:
        write_atomically(Path(f"/dev/fd/{file.fileno()}"), "second\n")
    assert path.read_text() == "first\nsecond\n"


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("\U0001f600" * 63)  # 252 bytes of 255
    write_atomically(path, "x")
    assert path.read_text() == "x"


def test_what_utf_8_cannot_hold_becomes_an_escape_that_json_reads_back(tmp_path):
    name = os.fsdecode(b"\xff.wav")
    write_atomically(tmp_path / "a.json", json.dumps({"source": name}, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"source": name}


def test_a_write_that_is_killed_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = f"""
import os, signal
from emofuse.files import write_atomically
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_atomically({str(path)!r}, "new" * 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
