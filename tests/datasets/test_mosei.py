import pytest

from emofuse.datasets.mosei import read_mosei
from emofuse.errors import DatasetError

HEADER = "vid\tstart\tstop\tlabel\tcid\ttext"


def tables(root, *rows):
    """``rows`` are those of train; the others have one each."""
    for split in ("train", "valid", "test"):
        own = rows if split == "train" else [f"{split}\t0\t1.5\t0.5\t0\tYes."]
        (root / f"{split}.tsv").write_text("\n".join([HEADER, *own]) + "\n", encoding="utf-8")
    return root


def test_a_segment_has_its_times_and_its_place(tmp_path):
    corpus = read_mosei(tables(tmp_path, 'abc\t7.15\t12.9\t-1.6666\t4\tI said "no, and left.'))
    first = corpus.clips[0]
    assert (first.id, first.dialogue, first.source, first.turn) == ("abc$_$4", "abc", "abc", 4)
    assert (first.start_s, first.end_s, first.ratings) == (7.15, 12.9, {"sentiment": -1.6666})
    assert first.text == 'I said "no, and left.'
    assert [clip.split for clip in corpus.clips] == ["train", "valid", "test"]
    assert any("published train 16326, valid 1871, test 4659" in note for note in corpus.notes)


def test_a_start_before_the_video_is_set_to_its_start(tmp_path):
    assert read_mosei(tables(tmp_path, "abc\t-0.41\t2\t0\t0\tHm.")).clips[0].start_s == 0.0


def test_three_classes(tmp_path):
    rows = [f"abc\t0\t1\t{value}\t{number}\tHm." for number, value in enumerate((-0.3333, 0, 3))]
    clips = read_mosei(tables(tmp_path, *rows), task="sentiment3").clips
    assert [clip.label for clip in clips[:3]] == ["negative", "neutral", "positive"]


@pytest.mark.parametrize(
    "row",
    ["abc\t0\t1\t3.5\t0\tx", "abc\t0\t1\tnan\t0\tx", "abc\t0\t-1\t0\t0\tx", "abc\t0\t1\t0\tx\tx", "abc"],
)
def test_row_that_does_not_hold_names_its_line(tmp_path, row):
    with pytest.raises(DatasetError, match=r"train\.tsv:3"):
        read_mosei(tables(tmp_path, "abc\t0\t1\t0\t0\tx", row))


def test_an_absent_table_is_named(tmp_path):
    (tables(tmp_path, "abc\t0\t1\t0\t0\tx") / "valid.tsv").unlink()
    with pytest.raises(DatasetError, match=r"no valid\.tsv"):
        read_mosei(tmp_path)


def test_the_folder_of_mmsa(tmp_path):
    (tmp_path / "label.csv").write_text("video_id,clip_id,text,label,mode\nabc,1,GOOD,-2.6666,valid\n")
    corpus = read_mosei(tmp_path)
    assert (corpus.name, corpus.clips[0].split, corpus.task.rating_range) == ("mosei", "valid", (-3.0, 3.0))
