import shutil
import tarfile

import pytest
from PIL import Image

from emofuse.datasets.ck_plus import read_ck_plus
from emofuse.errors import ConfigError, DatasetError


def picture(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8)).save(file)


def release(root, code="   3.0000000e+00\n", frames=6):
    for number in range(1, frames + 1):
        picture(root / "cohn-kanade-images" / "S005" / "001" / f"S005_001_{number:08d}.png")
    picture(root / "cohn-kanade-images" / "S010" / "002" / "S010_002_00000001.png")
    label = root / "Emotion" / "S005" / "001" / f"S005_001_{frames:08d}_emotion.txt"
    label.parent.mkdir(parents=True, exist_ok=True)
    label.write_text(code)
    return root


def test_the_peak_of_a_sequence_is_its_last_pictures(tmp_path):
    corpus = read_ck_plus(release(tmp_path))
    assert [clip.id[-2:] for clip in corpus.clips] == ["04", "05", "06"]
    assert {(clip.label, clip.speaker, clip.source) for clip in corpus.clips} == {
        ("disgust", "S005", "S005_001")
    }
    assert corpus.task.labels == ("disgust",)
    assert [clip.id[-2:] for clip in read_ck_plus(tmp_path, frames=1).clips] == ["06"]
    assert any("found sequences 1; published sequences 327" in note for note in corpus.notes)


def test_folders_called_as_emotions(tmp_path):
    picture(tmp_path / "anger" / "S010_004_00000017.png")
    picture(tmp_path / "anger" / "S010_004_00000018.png")
    picture(tmp_path / "Happy" / "S011_006_00000013.png")
    picture(tmp_path / "other" / "S012_001_00000001.png")
    corpus = read_ck_plus(tmp_path)
    assert sorted((clip.id, clip.label, clip.source) for clip in corpus.clips) == [
        ("S010_004_00000017", "anger", "S010_004"),
        ("S010_004_00000018", "anger", "S010_004"),
        ("S011_006_00000013", "happy", "S011_006"),
    ]
    assert corpus.task.labels == ("anger", "happy")


@pytest.mark.parametrize("code", ["", "9.0", "1.5", "anger"])
def test_a_code_that_does_not_hold_names_its_file(tmp_path, code):
    with pytest.raises(DatasetError, match=r"S005_001_00000006_emotion\.txt"):
        read_ck_plus(release(tmp_path, code=code))


@pytest.mark.parametrize("frames", [0, -1, "3"])
def test_frames_are_at_least_one(tmp_path, frames):
    with pytest.raises(ConfigError, match="frames"):
        read_ck_plus(release(tmp_path), frames=frames)


def test_nothing_to_read(tmp_path):
    picture(tmp_path / "anger" / "me.png")
    with pytest.raises(DatasetError, match="no folder called as an emotion"):
        read_ck_plus(tmp_path)


def tarred(root, target):
    """The folder ``root`` as an uncompressed tar; the folder itself is taken away."""
    with tarfile.open(target, "w") as archive:
        archive.add(root, arcname=root.name)
    shutil.rmtree(root)
    return target


def test_both_layouts_from_tars(tmp_path):
    folders = [release(tmp_path / "release"), tmp_path / "folders"]
    picture(folders[1] / "anger" / "S010_004_00000017.png")
    for folder in folders:
        loose = [(clip.id, clip.label, clip.source) for clip in read_ck_plus(folder).clips]
        tar = tarred(folder, tmp_path / f"{folder.name}.tar")
        clips = read_ck_plus(tar).clips
        assert [(clip.id, clip.label, clip.source) for clip in clips] == loose
        assert all(clip.media.read().startswith(b"\x89PNG") for clip in clips)


def test_a_code_in_a_tar_that_does_not_hold_names_its_place(tmp_path):
    tar = tarred(release(tmp_path / "release", code="9"), tmp_path / "release.tar")
    with pytest.raises(DatasetError, match=r"release\.tar/.*_emotion\.txt"):
        read_ck_plus(tar)
