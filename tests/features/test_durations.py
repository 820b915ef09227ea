"""Lengths that containers state are those that a walk through the file finds, and nothing is decoded for them."""

import os
import shutil
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from emofuse.features import containers
from emofuse.features.durations import stated_seconds
from emofuse.features.media import probe
from emofuse.features.pictures import is_picture
from emofuse.types import ArchiveMember, Picture

RATE = 16000
FILM = Path(__file__).parents[2] / "demo" / "clip.mp4"


def sound(path, seconds=1.25):
    wave = 0.3 * np.sin(np.arange(round(seconds * RATE)) / 8)
    soundfile.write(path, wave.astype(np.float32), RATE)
    return path


@pytest.fixture
def blind(monkeypatch):
    """Whoever decodes fails."""
    monkeypatch.setattr(containers, "frames_of", lambda packet: pytest.fail("a packet is decoded"))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_sound_lasts_as_long_as_its_header_says(tmp_path, blind, kind):
    assert stated_seconds(sound(tmp_path / f"a.{kind}")) == pytest.approx(1.25, abs=1e-6)


def test_the_name_does_not_matter(tmp_path):
    assert stated_seconds(shutil.copy(sound(tmp_path / "a.flac"), tmp_path / "b.wav")) == pytest.approx(
        1.25
    )


def test_a_film_lasts_as_long_as_a_walk_through_it_finds(blind):
    assert stated_seconds(FILM) == pytest.approx(probe(FILM).duration_s, abs=0.05)


def test_a_file_inside_a_tar_is_read_in_place(tmp_path):
    sound(tmp_path / "a.wav")
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(tmp_path / "a.wav", "a.wav")
    with tarfile.open(tmp_path / "all.tar") as tar:
        member = tar.getmember("a.wav")
    inside = ArchiveMember(tmp_path / "all.tar", "a.wav", member.offset_data, member.size)
    assert stated_seconds(inside) == pytest.approx(1.25)


def test_a_header_that_was_written_before_the_sound_still_gives_the_length(tmp_path):
    path = sound(tmp_path / "a.wav")
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<I", 0xFFFFFFFF)
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert stated_seconds(path) == pytest.approx(1.25, abs=0.01)


def test_a_picture_has_no_length(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for media in (tmp_path / "a.png", Picture(np.zeros((4, 4), np.uint8))):
        assert is_picture(media) and stated_seconds(media) is None


@pytest.mark.parametrize("content", [None, b"", b"neither sound nor picture"])
def test_what_cannot_be_opened_has_none(tmp_path, content):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    assert stated_seconds(tmp_path / "a.wav") is None and not is_picture(tmp_path / "a.wav")


@pytest.mark.real_data
def test_real_recordings_last_as_long_as_a_walk_through_them_finds():
    if "EMOFUSE_DATA" not in os.environ:
        pytest.skip("EMOFUSE_DATA is not set")
    for corpus in ("emodb", "ravdess"):
        files = sorted((Path(os.environ["EMOFUSE_DATA"]) / corpus).rglob("*.flac"))[::50]
        assert files
        for path in files:
            assert stated_seconds(path) == pytest.approx(probe(path).duration_s, abs=1e-3)
