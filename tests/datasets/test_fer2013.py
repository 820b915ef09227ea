import io
import tarfile

import numpy as np
import pytest

from emofuse.datasets.fer2013 import LABELS, read_fer2013
from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Picture

# name -> content; letters are pictures, equal letters are identical pictures
FILES = {
    "train/happy/a1.jpg": b"A",
    "train/happy/a2.jpg": b"A",
    "train/sad/b1.jpg": b"B",
    "train/fear/b2.jpg": b"B",
    "train/angry/c1.png": b"C",
    "validation/angry/c2.jpg": b"C",
    "validation/neutral/d1.jpg": b"D",
    "validation/sad/e1.jpg": b"E",
    "train/surprise/e2.jpg": b"E",
    "train/disgust/f1.jpg": b"F",
}
KEPT = {"train/happy/a1", "validation/angry/c2", "validation/neutral/d1", "train/disgust/f1"}


def _folder(root, files=FILES):
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return root


def _tar(path, prefix="", mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _table(path, rows, header="emotion,pixels,Usage"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _pixels(value, count=48 * 48):
    return " ".join([str(value)] * count)


def test_folder_and_tar_hold_the_same_clips(tmp_path):
    folder = read_fer2013(_folder(tmp_path / "faces"))
    for prefix in ("", "fer2013/"):
        archive = read_fer2013(_tar(tmp_path / "faces.tar", prefix))
        assert [(clip.id, clip.label, clip.split) for clip in archive.clips] == [
            (clip.id, clip.label, clip.split) for clip in folder.clips
        ]


def test_tar_is_read_in_place(tmp_path):
    corpus = read_fer2013(_tar(tmp_path / "faces.tar"), duplicates="keep")
    assert len(corpus.clips) == len(FILES)
    for clip in corpus.clips:
        assert isinstance(clip.media, ArchiveMember)
        assert clip.media.read() == FILES[clip.media.name]
    assert [file.name for file in tmp_path.iterdir()] == ["faces.tar"]


def test_folder_that_holds_the_tar(tmp_path):
    _tar(tmp_path / "faces.tar")
    (tmp_path / "README.md").touch()
    assert {clip.id for clip in read_fer2013(tmp_path).clips} == KEPT


def test_duplicates_leave_no_conflict_and_no_copy(tmp_path):
    corpus = read_fer2013(_folder(tmp_path))
    assert {clip.id for clip in corpus.clips} == KEPT
    note = next(note for note in corpus.notes if note.startswith("identical"))
    # b1 b2 e1 e2 disagree; c1 is also in validation; a2 repeats a1.
    assert "6 of 10 (4 whose" in note
    assert "1 also in" in note
    assert "1 repeated" in note
    assert "train 5, valid 1, test 0" in note


def test_test_outranks_validation(tmp_path):
    files = {"PublicTest/sad/p.jpg": b"S", "PrivateTest/sad/q.jpg": b"S", "Training/sad/r.jpg": b"S"}
    clips = read_fer2013(_folder(tmp_path, files)).clips
    assert [(clip.id, clip.split) for clip in clips] == [("PrivateTest/sad/q", "test")]


def test_unknown_emotion_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match="'bored'"):
        read_fer2013(_folder(tmp_path, {"train/bored/a.jpg": b"A"}))


def test_compressed_and_cut_archives_are_dataset_errors(tmp_path):
    with pytest.raises(DatasetError, match="uncompressed"):
        read_fer2013(_tar(tmp_path / "packed.tar", mode="w:gz"))
    whole = _tar(tmp_path / "whole.tar").read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[:512])
    with pytest.raises(DatasetError, match=r"cut\.tar"):
        read_fer2013(cut)


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_official_table(tmp_path, header):
    rows = []
    for emotion, shade, usage in ((0, 1, "Training"), (6, 2, "PublicTest"), (3, 3, "PrivateTest")):
        cells = {"emotion": str(emotion), "pixels": _pixels(shade), "Usage": usage}
        rows.append(",".join(cells[name.strip()] for name in header.split(",")))
    clips = read_fer2013(_table(tmp_path / "fer2013.csv", rows, header)).clips
    assert [clip.split for clip in clips] == ["train", "valid", "test"]
    assert [clip.label for clip in clips] == ["angry", "neutral", "happy"]
    assert isinstance(clips[1].media, Picture)
    assert clips[1].media.pixels.dtype == np.uint8
    assert clips[1].media.pixels.shape == (48, 48)
    assert (clips[1].media.pixels == 2).all()


def test_pixels_are_row_by_row(tmp_path):
    pixels = " ".join(str(number % 48) for number in range(48 * 48))
    clip = read_fer2013(_table(tmp_path / "icml_face_data.csv", [f"4,{pixels},Training"])).clips[0]
    np.testing.assert_array_equal(clip.media.pixels[7], np.arange(48))
    assert clip.label == "sad"


def test_identical_pictures_of_the_table_are_found(tmp_path):
    rows = [f"3,{_pixels(9)},Training", f"3,{_pixels(9)},PublicTest", f"3,{_pixels(8)},Training"]
    clips = read_fer2013(_table(tmp_path / "fer2013.csv", rows)).clips
    assert [clip.id for clip in clips] == ["PublicTest_00001", "Training_00002"]


@pytest.mark.parametrize(
    "row",
    [
        f"7,{_pixels(1)},Training",
        f"x,{_pixels(1)},Training",
        f"1,{_pixels(1, 2303)},Training",
        f"1,{_pixels(256)},Training",
        f"1,{_pixels('a')},Training",
        f"1,{_pixels(1)},Practice",
        "1,Training",
    ],
)
def test_malformed_row_names_its_line(tmp_path, row):
    path = _table(tmp_path / "fer2013.csv", [f"0,{_pixels(1)},Training", row])
    with pytest.raises(DatasetError, match=r"fer2013\.csv:3"):
        read_fer2013(path)


def test_labels_are_in_the_order_of_the_official_numbers(tmp_path):
    rows = [f"{number},{_pixels(number)},Training" for number in range(7)]
    corpus = read_fer2013(_table(tmp_path / "fer2013.csv", rows))
    assert tuple(clip.label for clip in corpus.clips) == LABELS == corpus.task.labels
