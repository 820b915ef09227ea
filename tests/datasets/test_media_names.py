"""Files that tell everything in their names: copies of a take, folders, tars and broken tars."""

import tarfile

import pytest

from emofuse.datasets.media_names import archive_members, content, ends, files_of, named_media, place
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember

PATTERN = rf"(\d+)_([a-z]+){ends()}"


def touch(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())


def tarred(root, target):
    with tarfile.open(target, "w") as archive:
        archive.add(root, arcname=root.name)
    return target


def test_one_file_of_a_take_and_the_rest_counted(tmp_path):
    touch(
        tmp_path,
        "a/1_joy.wav",
        "b/1_JOY.flac",
        "b/1_joy.MP4",
        "b/2_joy.flac",
        "b/notes.txt",
        "b/._3_joy.wav",
    )
    found, spare = named_media(tmp_path, PATTERN)
    assert [(match[1], file.name) for match, file in found] == [("1", "1_joy.MP4"), ("2", "2_joy.flac")]
    assert spare == 2


def test_what_is_preferred_goes_before_the_kind_of_file(tmp_path):
    touch(tmp_path, "1_joy.wav", "2_joy.mp4")
    found, spare = named_media(
        tmp_path, PATTERN, take=lambda match: match[2], prefer=lambda match: int(match[1])
    )
    assert ([file.name for _, file in found], spare) == (["1_joy.wav"], 1)


def test_a_tar_is_read_in_place(tmp_path):
    touch(tmp_path / "clips", "deep/1_joy.wav", "2_sad.wav")
    tar = tarred(tmp_path / "clips", tmp_path / "all.tar")
    found, _ = named_media(tar, PATTERN)
    assert [media.read() for _, media in found] == [b"deep/1_joy.wav", b"2_sad.wav"]
    assert all(isinstance(media, ArchiveMember) for _, media in found)


def test_a_folder_of_tars_is_read_where_no_file_is_loose(tmp_path):
    for number in (1, 2):
        touch(tmp_path / f"part{number}", f"{number}_joy.wav")
        (tmp_path / "tars").mkdir(exist_ok=True)
        tarred(tmp_path / f"part{number}", tmp_path / "tars" / f"part{number}.tar")
    assert [match[1] for match, _ in named_media(tmp_path / "tars", PATTERN)[0]] == ["1", "2"]
    touch(tmp_path / "tars", "7_joy.wav")
    assert [match[1] for match, _ in named_media(tmp_path / "tars", PATTERN)[0]] == ["7"]


def test_broken_and_compressed_tars_are_refused(tmp_path):
    touch(tmp_path / "clips", "1_joy.wav", "2_joy.wav")
    whole = tarred(tmp_path / "clips", tmp_path / "all.tar").read_bytes()
    (tmp_path / "noise.tar").write_bytes(b"noise" * 300)
    with tarfile.open(tmp_path / "small.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "clips")
    # Cut inside the content of the last member.
    (tmp_path / "cut.tar").write_bytes(whole[: whole.rindex(b"_joy.wav") + 3])
    for name in ("noise.tar", "small.tar.gz", "cut.tar"):
        with pytest.raises(DatasetError, match=name):
            list(archive_members(tmp_path / name))


def test_files_of_a_kind_are_named_and_sorted_and_tars_stand_in_for_none(tmp_path):
    touch(tmp_path / "all", "b/2.PNG", "a/1.png", "a/._1.png", "notes.txt")
    loose = files_of(tmp_path / "all", (".png",))
    assert [name.rpartition("all/")[2] for name in loose] == ["a/1.png", "b/2.PNG"]
    assert [content(file) for file in loose.values()] == [b"a/1.png", b"b/2.PNG"]
    tar = tarred(tmp_path / "all", tmp_path / "all.tar")
    assert [place(file) for file in files_of(tar, (".txt",)).values()] == [f"{tar}/all/notes.txt"]
    (tmp_path / "tars").mkdir()
    tar.rename(tmp_path / "tars" / "all.tar")
    inside = files_of(tmp_path / "tars", (".png",))
    assert [(content(file), type(file)) for file in inside.values()] == [
        *((b"a/1.png", ArchiveMember), (b"b/2.PNG", ArchiveMember))
    ]
    touch(tmp_path / "tars", "3.png")
    assert [content(file) for file in files_of(tmp_path / "tars", (".png",)).values()] == [b"3.png"]


def test_a_file_says_where_it_lies_and_that_it_is_gone(tmp_path):
    touch(tmp_path / "all", "1.png")
    (member,) = files_of(tarred(tmp_path / "all", tmp_path / "all.tar"), (".png",)).values()
    assert place(member) == f"{tmp_path / 'all.tar'}/all/1.png"
    with pytest.raises(DatasetError, match=r"2\.png"):
        content(tmp_path / "2.png")
