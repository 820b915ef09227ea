import pytest

from emofuse.datasets.ch_sims import read_ch_sims
from emofuse.errors import ConfigError, DatasetError


def plain(root, *rows):
    (root / "ch_sims.csv").write_text(
        "\n".join(["id,split,label,chinese,english", *rows]) + "\n", encoding="utf-8"
    )
    return root


def release(root, *, vision="-1.0", index="0"):
    """The first release: two clips, one with a file; tables without the leading zeros of the files."""
    sentiment = root / "metadata" / "sentiment"
    sentiment.mkdir(parents=True)
    for letter, values in {"M": "0.4 -0.6", "T": "0.2 0.0", "A": "1.0 -0.2", "V": f"{vision} 0.8"}.items():
        rows = [f"video_0001,{number},{value}" for number, value in enumerate(values.split(), 1)]
        (sentiment / f"label_{letter}.csv").write_text("\n".join(["video_id,clip_id,label", *rows]) + "\n")
    for name, rows in {"train": index, "val": "", "test": "1"}.items():
        (root / "metadata" / f"{name}_index.csv").write_text("\n".join(["index", *rows.split()]) + "\n")
    (root / "metadata" / "Translation.csv").write_text(
        "video_id,clip_id,Chinese,English\nvideo_0001,0001,好,good\nvideo_0001,0002,不,no\n",
        encoding="utf-8",
    )
    (root / "Raw" / "video_0001").mkdir(parents=True)
    (root / "Raw" / "video_0001" / "0001.mp4").touch()
    return root


def test_plain_table_in_two_languages(tmp_path):
    plain(tmp_path, "video_0001_0003,train,-0.6,不,no", "aqgy3_0001_00012,valid,0.2,好,good")
    first, second = read_ch_sims(tmp_path).clips
    assert (first.id, first.dialogue, first.turn, first.text) == (
        "video_0001$_$0003",
        "video_0001",
        3,
        "不",
    )
    assert (second.source, second.split, second.ratings) == ("aqgy3_0001", "valid", {"sentiment": 0.2})
    assert read_ch_sims(tmp_path, language="english").clips[0].text == "no"


def test_first_release_has_the_labels_of_each_modality(tmp_path):
    corpus = read_ch_sims(release(tmp_path), task="sentiment3")
    first, second = corpus.clips
    assert corpus.task.ratings == ("sentiment", "sentiment_text", "sentiment_audio", "sentiment_vision")
    assert first.ratings == dict(zip(corpus.task.ratings, (0.4, 0.2, 1.0, -1.0), strict=True))
    assert (first.id, first.media.name, first.text, first.label) == (
        "video_0001$_$0001",
        "0001.mp4",
        "好",
        "positive",
    )
    assert (second.media, second.label, second.split) == (None, "negative", "test")


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ({"vision": "1.2"}, r"label_V\.csv:2"),
        ({"index": "0 2"}, "row 2 of 2 labels"),
        ({"index": "0 1"}, "row 1 twice"),
    ],
)
def test_first_release_that_does_not_hold(tmp_path, fault, wanted):
    with pytest.raises(DatasetError, match=wanted):
        read_ch_sims(release(tmp_path, **fault))


def test_label_tables_of_two_lengths(tmp_path):
    table = release(tmp_path) / "metadata" / "sentiment" / "label_A.csv"
    table.write_text("video_id,clip_id,label\nvideo_0001,1,0.5\n")
    with pytest.raises(DatasetError, match="sentiment_audio have 1 rows, sentiment has 2"):
        read_ch_sims(tmp_path)


def test_second_version_in_any_order_of_columns(tmp_path):
    header = "mode,label_V,label,label_T,label_A,text,clip_id,video_id,annotation"
    (tmp_path / "meta.csv").write_text(
        f"{header}\ntrain,-0.2,0.6,0.4,,好,0002,aqgy3_0001,Positive\n", encoding="utf-8"
    )
    corpus = read_ch_sims(tmp_path, version=2)
    assert corpus.clips[0].ratings == {"sentiment": 0.6, "sentiment_text": 0.4, "sentiment_vision": -0.2}
    assert corpus.task.rating_range == (-1.0, 1.0)
    assert any("published train 2722, valid 647, test 1034" in note for note in corpus.notes)


def test_unknown_options_and_absent_layouts(tmp_path):
    with pytest.raises(DatasetError, match=r"ch_sims\.csv, metadata/sentiment, meta\.csv or label\.csv"):
        read_ch_sims(tmp_path)
    for wrong in ({"version": "3"}, {"language": "german"}, {"task": "emotion"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            read_ch_sims(plain(tmp_path, "a_1,train,0,x,y"), **wrong)


@pytest.mark.parametrize("table", ["meta.csv", "label.csv"])
def test_numbers_of_the_second_version_find_their_files_with_zeros(tmp_path, table):
    rows = (
        "video_id,clip_id,text,label,mode",
        "v1,1,好,0.6,train",
        "v1,0002,不,-1,test",
        "v1,3,不,0,valid",
    )
    (tmp_path / table).write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "Raw" / "v1").mkdir(parents=True)
    for name in ("0001.mp4", "00002.mp4"):
        (tmp_path / "Raw" / "v1" / name).touch()
    clips = read_ch_sims(tmp_path, version="2").clips
    assert [(clip.id, clip.turn, clip.media and clip.media.name) for clip in clips] == [
        ("v1$_$0001", 1, "0001.mp4"),
        ("v1$_$0002", 2, "00002.mp4"),
        ("v1$_$0003", 3, None),
    ]


def test_language_of_the_second_version(tmp_path):
    table = tmp_path / "meta.csv"
    table.write_text("video_id,clip_id,text,label,mode\nvideo_0001,1,好,0.6,train\n", encoding="utf-8")
    assert read_ch_sims(tmp_path).clips[0].text == "好"
    with pytest.raises(DatasetError, match="no column english"):
        read_ch_sims(tmp_path, language="english")
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "Translation.csv").write_text(
        "video_id,clip_id,Chinese,English\nvideo_0001,0001,好,good\n", encoding="utf-8"
    )
    assert read_ch_sims(tmp_path, language="english").clips[0].text == "good"
    table.write_text(
        "video_id,clip_id,text,English,label,mode\nvideo_0001,1,好,fine,0.6,train\n", encoding="utf-8"
    )
    assert [read_ch_sims(tmp_path, language=name).clips[0].text for name in ("english", "chinese")] == [
        "fine",
        "好",
    ]
