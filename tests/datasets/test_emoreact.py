import shutil
import tarfile

import pytest

from emofuse.datasets.emoreact import read_emoreact
from emofuse.errors import DatasetError

NONE = "0,0,0,0,0,0,0,0,4"


def release(root, rows, names=None, *, lists="Labels", missing=()):
    """Train holds ``rows``; validation and test one clip each."""
    names = names or [f"VCR{number}_2.mp4" for number in range(len(rows))]
    parts = {
        "train": ("Train", names, rows),
        "val": ("Validation", ["A1.mp4"], [NONE]),
        "test": ("Test", ["A1.mp4"], [NONE]),
    }
    for part, (folder, files, lines) in parts.items():
        for place in (root / "Data" / folder, root / "Labels", root / lists):
            place.mkdir(parents=True, exist_ok=True)
        (root / lists / f"{part.title()}_names.txt").write_text(
            "".join(f"'{name}'\n" for name in files) + "\n"
        )
        (root / "Labels" / f"{part}_labels.text").write_text("".join(f"{line}\n" for line in lines))
        for name in set(files) - set(missing):
            (root / "Data" / folder / name).touch()
    return root


def test_states_are_equal_shares_and_one_alone_is_the_label(tmp_path):
    rows = ["1,0,0,1,0,0,0,0,6.5", "0,0,0,0,0,0,0,1,2", NONE]
    two, one, none = read_emoreact(release(tmp_path, rows)).clips[:3]
    assert (two.label, two.shares) == (None, {"curiosity": 0.5, "happiness": 0.5})
    assert (one.label, one.shares, one.ratings) == ("frustration", {"frustration": 1.0}, {"valence": 2.0})
    assert (none.label, dict(none.shares), none.ratings) == (None, {}, {"valence": 4.0})


def test_ids_do_not_meet_across_the_splits_and_topics_are_sources(tmp_path):
    corpus = read_emoreact(release(tmp_path, [NONE, NONE], ["VCR107_2.mp4", "ROTARY_PHONE3.mp4"]))
    assert [(clip.id, clip.source, clip.split) for clip in corpus.clips] == [
        ("train_VCR107_2", "VCR", "train"),
        ("train_ROTARY_PHONE3", "ROTARY_PHONE", "train"),
        ("valid_A1", "A", "valid"),
        ("test_A1", "A", "test"),
    ]
    assert any("found train 2, valid 1, test 1; published train 432" in note for note in corpus.notes)


@pytest.mark.parametrize(("inside", "lists"), [(".", "."), ("EmoReact_V_1.0", "Labels")])
def test_lists_at_the_root_and_the_release_one_folder_down(tmp_path, inside, lists):
    release(tmp_path / inside, [NONE], lists=lists)
    assert len(read_emoreact(tmp_path).clips) == 3


def test_clips_without_a_video_are_left_out_and_counted(tmp_path):
    corpus = read_emoreact(release(tmp_path, [NONE, NONE], missing=("VCR1_2.mp4",)))
    assert "1 clips without a video were left out, first train_VCR1_2" in corpus.notes
    assert [clip.id for clip in corpus.clips if clip.split == "train"] == ["train_VCR0_2"]


@pytest.mark.parametrize(
    "row", ["1,0,0", "0,0,0,0,0,0,0,2,4", "0,0,0,0,0,0,0,0,8", "0,0,0,0,0,0,0,x,4", "nan,0,0,0,0,0,0,0,4"]
)
def test_line_that_does_not_hold_is_named(tmp_path, row):
    with pytest.raises(DatasetError, match=r"train_labels\.text:2"):
        read_emoreact(release(tmp_path, [NONE, row]))


def test_lists_of_two_lengths_are_an_error(tmp_path):
    with pytest.raises(DatasetError, match=r"3 names, train_labels\.text has 1 lines"):
        read_emoreact(release(tmp_path, [NONE], ["A1.mp4", "A2.mp4", "A3.mp4"]))


def tarred(root, target):
    """The folder ``root`` as an uncompressed tar; the folder itself is taken away."""
    with tarfile.open(target, "w") as archive:
        archive.add(root, arcname=root.name)
    shutil.rmtree(root)
    return target


@pytest.mark.parametrize("whole", [True, False])
def test_the_release_or_its_videos_in_a_tar(tmp_path, whole):
    root = release(tmp_path / "EmoReact_V_1.0", ["1,0,0,0,0,0,0,0,4"])
    loose = [(clip.id, clip.label, clip.split) for clip in read_emoreact(root).clips]
    given = tarred(root, tmp_path / "all.tar") if whole else root
    if not whole:
        tarred(root / "Data", root / "Data.tar")
    clips = read_emoreact(given).clips
    assert [(clip.id, clip.label, clip.split) for clip in clips] == loose
    assert all(clip.media.read() == b"" for clip in clips)
