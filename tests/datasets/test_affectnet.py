import shutil
import tarfile

import numpy as np
import pytest

from emofuse.datasets.affectnet import read_affectnet
from emofuse.errors import DatasetError

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)


def table(root, *rows, files=("1/a.jpg",), folder="Manually_Annotated_Images"):
    for name in files:
        (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        (root / folder / name).touch()
    lines = [HEADER, *(f"{name},0,0,9,9,1;2,{rest}" for name, rest in rows)]
    (root / "training.csv").write_text("\n".join(lines) + "\n")
    return root


def part(root, name, **values):
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "images").mkdir(exist_ok=True)
    (root / "images" / f"{name}.jpg").touch()
    for kind, value in {"exp": "1", "val": "0.5", "aro": "-0.25", **values}.items():
        np.save(root / "annotations" / f"{name}_{kind}.npy", np.array(value))


@pytest.mark.parametrize(
    "folder", ["", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images"]
)
def test_the_tables_and_their_pictures(tmp_path, folder):
    corpus = read_affectnet(table(tmp_path, ("1/a.jpg", "7,-0.5,0.25"), folder=folder))
    (clip,) = corpus.clips
    assert (clip.id, clip.label, clip.split) == ("train/1/a.jpg", "contempt", "train")
    assert (clip.ratings, clip.media.name) == ({"valence": -0.5, "arousal": 0.25}, "a.jpg")


def test_pictures_without_an_emotion_are_left_out_and_counted(tmp_path):
    rows = [("1/a.jpg", "0,0,0"), *((f"1/{code}.jpg", f"{code},-2,-2") for code in (8, 9, 10))]
    corpus = read_affectnet(table(tmp_path, *rows))
    assert [clip.label for clip in corpus.clips] == ["neutral"]
    assert any(note.startswith("3 pictures of no emotion") for note in corpus.notes)


def test_a_rating_that_nobody_gave_is_left_out(tmp_path):
    assert read_affectnet(table(tmp_path, ("1/a.jpg", "1,-2,0.5"))).clips[0].ratings == {"arousal": 0.5}


@pytest.mark.parametrize("rest", ["11,0,0", "x,0,0", "1,1.5,0", "1,nan,0"])
def test_row_that_does_not_hold_names_its_line(tmp_path, rest):
    with pytest.raises(DatasetError, match=r"training\.csv:3"):
        read_affectnet(table(tmp_path, ("1/a.jpg", "0,0,0"), ("1/a.jpg", rest)))


def test_a_picture_that_is_missing_names_its_line(tmp_path):
    with pytest.raises(DatasetError, match=r"training\.csv:2: no picture 1/b\.jpg"):
        read_affectnet(table(tmp_path, ("1/b.jpg", "0,0,0")))


def test_the_annotation_folders(tmp_path):
    part(tmp_path / "train_set", "17")
    part(tmp_path / "val_set", "17", exp="6", val="-0.75")
    first, second = read_affectnet(tmp_path).clips
    assert (first.id, first.label, first.ratings) == (
        "train/17",
        "happy",
        {"valence": 0.5, "arousal": -0.25},
    )
    assert (second.id, second.label, second.split) == ("valid/17", "anger", "valid")


@pytest.mark.parametrize("fault", ["pickled", "absent", "text", "no picture"])
def test_annotations_that_do_not_hold(tmp_path, fault):
    part(tmp_path / "train_set", "17")
    file = tmp_path / "train_set" / "annotations" / "17_val.npy"
    if fault == "pickled":
        np.save(file, np.array([{}], dtype=object))
    elif fault == "absent":
        file.unlink()
    elif fault == "text":
        np.save(file, np.array("much"))
    else:
        (tmp_path / "train_set" / "images" / "17.jpg").unlink()
    with pytest.raises(DatasetError, match="17_"):
        read_affectnet(tmp_path)


def test_neither_layout(tmp_path):
    with pytest.raises(DatasetError, match=r"training\.csv nor"):
        read_affectnet(tmp_path)


def tarred(root, target):
    """The folder ``root`` as an uncompressed tar; the folder itself is taken away."""
    with tarfile.open(target, "w") as archive:
        archive.add(root, arcname=root.name)
    shutil.rmtree(root)
    return target


def test_pictures_of_the_tables_in_a_tar_beside_them(tmp_path):
    table(tmp_path, ("1/a.jpg", "7,-0.5,0.25"))
    tarred(tmp_path / "Manually_Annotated_Images", tmp_path / "pictures.tar")
    (clip,) = read_affectnet(tmp_path).clips
    assert (clip.id, clip.label, clip.media.read()) == ("train/1/a.jpg", "contempt", b"")


def test_the_annotation_folders_in_a_tar(tmp_path):
    part(tmp_path / "affectnet" / "train_set", "17")
    part(tmp_path / "affectnet" / "val_set", "17", exp="6")
    loose = read_affectnet(tmp_path / "affectnet").clips
    clips = read_affectnet(tarred(tmp_path / "affectnet", tmp_path / "affectnet.tar")).clips
    assert [(clip.id, clip.label, clip.ratings) for clip in clips] == [
        (clip.id, clip.label, clip.ratings) for clip in loose
    ]
    assert [clip.media.name for clip in clips] == [
        f"affectnet/{name}_set/images/17.jpg" for name in ("train", "val")
    ]


def test_an_annotation_that_is_an_object_is_not_advised_to_be_loaded(tmp_path):
    part(tmp_path / "train_set", "17")
    np.save(tmp_path / "train_set" / "annotations" / "17_val.npy", np.array([{}], dtype=object))
    with pytest.raises(DatasetError) as found:
        read_affectnet(tmp_path)
    assert "pickle" not in str(found.value)
