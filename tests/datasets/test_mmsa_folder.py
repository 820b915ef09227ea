import shutil
import tarfile

import pytest

from emofuse.datasets.mmsa_folder import read_mmsa_folder
from emofuse.errors import ConfigError, DatasetError

HEADER = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode"


def folder(root, *rows, header=HEADER, files=()):
    (root / "label.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    for name in files:
        (root / "Raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "Raw" / name).touch()
    return root


def test_ids_keep_their_zeros_and_find_their_files(tmp_path):
    rows = (
        "v1,0001,hello,0.4,,,,Positive,train",
        "v1,1,no,-0.6,,,,Negative,valid",
        "v2,0001,so,0,,,,Neutral,test",
    )
    corpus = read_mmsa_folder(folder(tmp_path, *rows, files=("v1/0001.mp4", "v2/0001.FLAC", "v1/._1.mp4")))
    assert [(clip.id, clip.media and clip.media.name, clip.turn) for clip in corpus.clips] == [
        ("v1$_$0001", "0001.mp4", 1),
        ("v1$_$1", None, 1),
        ("v2$_$0001", "0001.FLAC", 1),
    ]
    assert [clip.split for clip in corpus.clips] == ["train", "valid", "test"]
    assert "2 clips have media; 1 do not" in corpus.notes


def test_unimodal_labels_are_ratings_where_they_are_filled_in(tmp_path):
    rows = ("v,1,a,0.4,0.2,,-1.0,Positive,train", "v,2,b,-0.6,,,,Negative,train")
    corpus = read_mmsa_folder(folder(tmp_path, *rows))
    assert corpus.task.ratings == ("sentiment", "sentiment_text", "sentiment_vision")
    assert corpus.clips[0].ratings == {"sentiment": 0.4, "sentiment_text": 0.2, "sentiment_vision": -1.0}
    assert corpus.clips[1].ratings == {"sentiment": -0.6}


@pytest.mark.parametrize(("value", "bounds"), [("1.0", (-1, 1)), ("-1.2", (-3, 3)), ("3", (-3, 3))])
def test_the_range_follows_the_labels_or_is_given(tmp_path, value, bounds):
    folder(tmp_path, f"v,1,a,{value},,,,,train")
    assert read_mmsa_folder(tmp_path).task.rating_range == bounds
    assert read_mmsa_folder(tmp_path, rating_range=[-5, 5]).task.rating_range == (-5.0, 5.0)


def test_clips_may_lack_split_and_label(tmp_path):
    first, second = read_mmsa_folder(
        folder(tmp_path, "v,1,a,,,,,,", "v,2,b,1,,,,,train"), task="sentiment2"
    ).clips
    assert (first.split, first.label, first.ratings) == (None, None, {})
    assert second.label == "positive"


def test_a_folder_without_any_label(tmp_path):
    corpus = read_mmsa_folder(folder(tmp_path, "v,1,a,,,,,,"))
    assert (corpus.clips[0].ratings, corpus.task.rating_range) == ({}, (-1.0, 1.0))


def test_another_table_and_the_older_columns(tmp_path):
    folder(
        tmp_path,
        "v,1,a,0.4,Positive,train,0.4",
        header="video_id,clip_id,text,label,annotation,mode,label_M",
    )
    (tmp_path / "label.csv").rename(tmp_path / "other.csv")
    assert len(read_mmsa_folder(tmp_path, table="other.csv").clips) == 1


@pytest.mark.parametrize(
    "row", ["v,1,a,4,,,,,train", "v,1,a,x,,,,,train", "v,1,a,1,,,,,tomorrow", "v,1,a,1"]
)
def test_row_that_does_not_hold_names_its_line(tmp_path, row):
    with pytest.raises(DatasetError, match=r"label\.csv:3"):
        read_mmsa_folder(folder(tmp_path, "v,0,a,1,,,,,train", row))


def test_empty_tables_and_unknown_tasks(tmp_path):
    with pytest.raises(DatasetError, match="no row"):
        read_mmsa_folder(folder(tmp_path))
    with pytest.raises(ConfigError, match="sentiment2"):
        read_mmsa_folder(folder(tmp_path, "v,1,a,1,,,,,train"), task="emotion")


def test_media_in_a_tar_beside_the_table(tmp_path):
    folder(tmp_path, "v1,0001,hello,0.4,,,,Positive,train", files=("v1/0001.mp4", "v1/0001.wav"))
    with tarfile.open(tmp_path / "Raw.tar", "w") as archive:
        archive.add(tmp_path / "Raw", arcname="Raw")
    shutil.rmtree(tmp_path / "Raw")
    (clip,) = read_mmsa_folder(tmp_path).clips
    assert (clip.media.name, clip.media.read()) == ("Raw/v1/0001.mp4", b"")


def test_texts_of_another_column_and_numbers_of_so_many_digits(tmp_path):
    header = HEADER.replace("text", "said", 1)
    folder(tmp_path, "v1,7,hello,0.4,,,,Positive,train", header=header, files=("v1/00007.mp4",))
    (clip,) = read_mmsa_folder(tmp_path, words="said", digits=3).clips
    assert (clip.id, clip.text, clip.media.name) == ("v1$_$007", "hello", "00007.mp4")
    with pytest.raises(DatasetError, match="no column text"):
        read_mmsa_folder(tmp_path)
