import pytest

from emofuse.datasets.goemotions import read_goemotions
from emofuse.errors import DatasetError


def _write(folder, train, labels="anger\njoy\nneutral\n"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.txt").write_text(labels)
    (folder / "train.tsv").write_bytes(train)
    (folder / "dev.tsv").write_bytes(b"fine\t2\td1\n")
    (folder / "test.tsv").write_bytes(b"grr\t0\tt1\n")
    return folder


def test_one_label_and_several(tmp_path):
    clips = read_goemotions(_write(tmp_path, b"yes\t1\tc1\nno and yes\t0,1\tc2\n")).clips
    assert [clip.id for clip in clips] == ["c1", "c2", "d1", "t1"]
    assert [clip.split for clip in clips] == ["train", "train", "valid", "test"]
    assert (clips[0].label, clips[0].shares) == ("joy", {"joy": 1.0})
    assert (clips[1].label, clips[1].shares) == (None, {"anger": 0.5, "joy": 0.5})


def test_quotes_and_odd_line_ends_belong_to_the_text(tmp_path):
    text = '"never closed\u2028and \x85 more'
    clips = read_goemotions(_write(tmp_path, f"{text}\t1\tc1\r\nnext\t0\tc2\n".encode())).clips
    assert clips[0].text == text
    assert (clips[0].id, clips[1].id) == ("c1", "c2")


def test_root_folder_holds_both_taxonomies(tmp_path):
    _write(tmp_path / "ekman", b"yes\t1\tc1\n")
    _write(tmp_path / "original", b"yes\t3\tc1\n", labels="anger\ngrief\nneutral\npride\n")
    assert read_goemotions(tmp_path).task.labels == ("anger", "joy", "neutral")
    assert read_goemotions(tmp_path, labels="original").clips[0].label == "pride"
    assert read_goemotions(tmp_path / "original").clips[0].label == "pride"


@pytest.mark.parametrize("line", [b"yes\t3\tc1", b"yes\tjoy\tc1", b"yes\t\tc1", b"yes\t1", b"y\te\t1\tc1"])
def test_malformed_line_is_named(tmp_path, line):
    with pytest.raises(DatasetError, match=r"train\.tsv:2"):
        read_goemotions(_write(tmp_path, b"fine\t1\tc0\n" + line + b"\n"))


def test_absent_or_undecodable_files_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"train\.tsv: not UTF-8"):
        read_goemotions(_write(tmp_path, b"\xff\t1\tc1\n"))
    (_write(tmp_path, b"yes\t1\tc1\n") / "dev.tsv").unlink()
    with pytest.raises(DatasetError, match=r"dev\.tsv"):
        read_goemotions(tmp_path)


def test_a_part_of_the_corpus_is_noted(tmp_path):
    notes = read_goemotions(_write(tmp_path, b"yes\t1\tc1\n")).notes
    assert any("found train 1, valid 1, test 1; published train 43410" in note for note in notes)
