"""Archives inside archives: unpacked whole, safely, and once."""

import io
import tarfile
from pathlib import Path

import pytest

from emofuse.datasets import import_corpus, load_corpus
from emofuse.datasets.unpacked import unpack_nested
from emofuse.errors import ConfigError, DatasetError

HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
)
ROW = '1,"Oh, no.",Ross,sadness,negative,0,0,4,7,"00:01:00,500","00:01:02,000"'


def packed(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def release(path: Path) -> Path:
    """As MELD.Raw.tar.gz: tables of two parts, an archive of clips for each."""
    parts = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    members = {}
    for name, folder in parts.items():
        inner = {
            f"{folder}/dia0_utt0.mp4": b"video of " + name.encode(),
            f"{folder}/._dia0_utt0.mp4": b"junk",
        }
        members[f"MELD.Raw/{name}.tar.gz"] = packed(inner)
        members[f"MELD.Raw/{name}_sent_emo.csv"] = f"{HEADER}\n{ROW}\n".encode()
    path.write_bytes(packed(members))
    return path


def test_a_release_is_unpacked_by_its_import(tmp_path):
    archive = release(tmp_path / "MELD.Raw.tar.gz")
    corpus = import_corpus("meld", archive, tmp_path / "store")
    assert [clip.id for clip in corpus.clips] == ["train_dia0_utt0", "dev_dia0_utt0", "test_dia0_utt0"]
    assert [clip.media.read_bytes() for clip in corpus.clips] == [
        b"video of train",
        b"video of dev",
        b"video of test",
    ]
    assert all(clip.media.is_relative_to(tmp_path / "store-media") for clip in corpus.clips)


def test_what_is_there_is_not_written_again(tmp_path):
    archive = release(tmp_path / "MELD.Raw.tar.gz")
    into = unpack_nested(archive, tmp_path / "out")
    kept = into / "MELD.Raw" / "train_splits" / "dia0_utt0.mp4"
    (into / ".unpacked").unlink()
    before, lost = kept.stat().st_mtime_ns, into / "MELD.Raw" / "test_sent_emo.csv"
    lost.unlink()
    unpack_nested(archive, into)
    assert lost.is_file() and kept.stat().st_mtime_ns == before


def test_an_archive_without_a_place_is_refused_with_the_way(tmp_path):
    with pytest.raises(ConfigError, match="unpack_to names the folder"):
        load_corpus("meld", release(tmp_path / "MELD.Raw.tar.gz"))


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    (tmp_path / "bad.tar").write_bytes(packed({name: b"x"}, "w"))
    with pytest.raises(DatasetError, match="leads out"):
        unpack_nested(tmp_path / "bad.tar", tmp_path / "in" / "here")
    assert not list(tmp_path.rglob("out.txt"))


def test_links_are_refused(tmp_path):
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(DatasetError, match="link or a device"):
        unpack_nested(tmp_path / "bad.tar", tmp_path / "out")


def test_a_cut_archive_is_an_error(tmp_path):
    archive = release(tmp_path / "MELD.Raw.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DatasetError):
        unpack_nested(archive, tmp_path / "out")


def test_what_grows_beyond_reason_is_refused(tmp_path, monkeypatch):
    import emofuse.datasets.unpacked as unpacked

    monkeypatch.setattr(unpacked, "_SLACK", 0)
    (tmp_path / "bomb.tar.gz").write_bytes(packed({"zeros": bytes(10_000_000)}))
    with pytest.raises(DatasetError, match="far more than it holds"):
        unpack_nested(tmp_path / "bomb.tar.gz", tmp_path / "out")
