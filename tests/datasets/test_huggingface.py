"""Hugging Face folders, written here as their package writes them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emofuse.datasets.huggingface import read_huggingface
from emofuse.errors import ConfigError, DatasetError

CLASSES = {"label": {"names": ["sad", "glad"], "_type": "ClassLabel"}}


def frame(features=None, **columns):
    table = pa.table(columns)
    if features is None:
        return table
    info = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": info})


def arrow(file, table, *, stream=True):
    file.parent.mkdir(parents=True, exist_ok=True)
    opened = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(file), "wb") as sink, opened(sink, table.schema) as writer:
        writer.write_table(table)


def parquet(file, table):
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)


@pytest.mark.parametrize("stream", [True, False])
def test_a_saved_dictionary_of_splits(tmp_path, stream):
    for split, label in (("test", 0), ("train", 1), ("validation", -1)):
        table = frame(CLASSES, id=[f"{split}1"], text=["So it is."], label=[label], speaker=["ann"])
        arrow(tmp_path / split / "data-00000-of-00001.arrow", table, stream=stream)
        (tmp_path / split / "cache-0123.arrow").write_bytes(b"of a map that was run on it")
    corpus = read_huggingface(tmp_path)
    assert [(clip.id, clip.split, clip.label) for clip in corpus.clips] == [
        ("train1", "train", "glad"),
        ("validation1", "valid", None),
        ("test1", "test", "sad"),
    ]
    assert corpus.task.labels == ("sad", "glad")


def test_shards_of_parquet_come_in_order_and_rows_without_an_id_are_numbered(tmp_path):
    for shard in (1, 0):
        table = frame(text=[f"{shard}a", f"{shard}b"], emotion=["joy", "anger"])
        parquet(tmp_path / "data" / f"train-{shard:05d}-of-00002.parquet", table)
    parquet(tmp_path / "data" / "other.parquet", frame(text=["x"], emotion=["fear"]))
    corpus = read_huggingface(tmp_path)
    assert [(clip.id, clip.text, clip.split) for clip in corpus.clips] == [
        *(
            ("row_0", "0a", "train"),
            ("row_1", "0b", "train"),
            ("row_2", "1a", "train"),
            ("row_3", "1b", "train"),
        ),
        ("row_4", "x", None),
    ]
    assert corpus.task.labels == ("anger", "fear", "joy")


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": CLASSES["label"], "_type": "Sequence"},
        {"feature": CLASSES["label"], "_type": "List"},
        [CLASSES["label"]],
    ],
)
def test_several_labels_share_equally(tmp_path, feature):
    table = frame({"labels": feature}, text=["a", "b", "c"], labels=[[0, 1], [1], []])
    parquet(tmp_path / "train.parquet", table)
    corpus = read_huggingface(tmp_path)
    assert [(clip.label, dict(clip.shares)) for clip in corpus.clips] == [
        (None, {"sad": 0.5, "glad": 0.5}),
        ("glad", {"glad": 1.0}),
        (None, {}),
    ]
    assert corpus.task.labels == ("sad", "glad")


def test_names_of_columns_are_found_or_given(tmp_path):
    table = frame(
        utterance=["Hi."],
        Emotion=["joy"],
        dialogue_id=["d1"],
        utterance_id=[4],
        begin=[0.5],
        stop=[2.0],
        mood=["calm"],
    )
    parquet(tmp_path / "test.parquet", table)
    (clip,) = read_huggingface(tmp_path).clips
    assert (clip.text, clip.label, clip.dialogue, clip.turn) == ("Hi.", "joy", "d1", 4)
    assert (clip.start_s, clip.end_s) == (0.5, 2.0)
    assert read_huggingface(tmp_path, columns={"label": "mood"}).clips[0].label == "calm"
    with pytest.raises(ConfigError, match="'colour', wanted fields of id"):
        read_huggingface(tmp_path, columns={"colour": "mood"})
    with pytest.raises(ConfigError, match=r"'moood', which .* found utterance"):
        read_huggingface(tmp_path, columns={"label": "moood"})


def test_ratings_shares_and_vectors_have_columns_of_their_own(tmp_path):
    columns = {
        "text": ["a"],
        "ratings.valence": [0.25],
        "shares.joy": [0.75],
        "shares.anger": [0.25],
        "vectors.audio": pa.array([[[1.0, 2.0], [3.0, 4.0]]], pa.list_(pa.list_(pa.float32()))),
    }
    parquet(tmp_path / "train.parquet", frame(**columns))
    corpus = read_huggingface(tmp_path)
    (clip,) = corpus.clips
    assert (clip.ratings, clip.shares) == ({"valence": 0.25}, {"joy": 0.75, "anger": 0.25})
    assert clip.vectors["audio"].dtype == np.float32
    np.testing.assert_array_equal(clip.vectors["audio"], [[1, 2], [3, 4]])
    assert corpus.task.labels == ("anger", "joy")


def test_embedded_sound_is_written_once_by_its_content(tmp_path):
    sounds = [
        {"bytes": b"RIFFsound", "path": None},
        {"bytes": b"RIFFsound", "path": None},
        {"bytes": b"something", "path": "a/b.flac"},
        {"bytes": None, "path": "loose.wav"},
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "loose.wav").touch()
    parquet(tmp_path / "data" / "train.parquet", frame(audio=sounds, label=["joy"] * 4))
    first, second, third, loose = read_huggingface(tmp_path / "data", unpack_to=tmp_path / "out").clips
    assert first.media == second.media
    assert (first.media.suffix, first.media.read_bytes()) == (".wav", b"RIFFsound")
    assert (third.media.suffix, third.media.parent) == (".flac", tmp_path / "out")
    assert loose.media == tmp_path / "data" / "loose.wav"
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("end", ["csv", "jsonl"])
def test_media_beside_a_table(tmp_path, end):
    (tmp_path / "one.wav").touch()
    if end == "csv":
        (tmp_path / "metadata.csv").write_text("file_name,emotion,transcription\none.wav,joy,Hi.\n")
    else:
        (tmp_path / "metadata.jsonl").write_text(
            json.dumps({"file_name": "one.wav", "emotion": "joy", "transcription": "Hi."}) + "\n"
        )
    (clip,) = read_huggingface(tmp_path).clips
    assert (clip.media, clip.label, clip.text, clip.split) == (tmp_path / "one.wav", "joy", "Hi.", None)


def test_media_with_a_table_in_each_split(tmp_path):
    for split in ("train", "validation", "notes"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "one.wav").touch()
        (tmp_path / split / "metadata.csv").write_text(f"file_name,id,label\none.wav,{split},joy\n")
    assert [(clip.id, clip.split, clip.media.parent.name) for clip in read_huggingface(tmp_path).clips] == [
        ("train", "train", "train"),
        ("validation", "valid", "validation"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", b"name,label\none.wav,joy\n"),
        ("metadata.csv", b"file_name,label\n\xff\xfe,joy\n"),
        ("metadata.jsonl", b"{\n"),
        ("metadata.jsonl", b"[1]\n"),
        ("metadata.jsonl", b"\xff\n"),
        ("data-00000-of-00001.arrow", b"no arrow"),
        ("train.parquet", b"PAR1 and no more"),
    ],
)
def test_files_that_are_damaged(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=name.partition(".")[0]):
        read_huggingface(tmp_path)


@pytest.mark.parametrize(
    ("field", "alias", "values", "kept"),
    [
        ("turn", "utterance_id", ["dia0_utt1", "dia0_utt2"], [None, None]),
        ("turn", "utterance_id", [1.0, float("nan")], [1, None]),
        ("turn", "utterance_id", [0.5, 1.0], [None, None]),
        ("start_s", "start", ["00:00:01", "00:00:02"], [None, None]),
        ("end_s", "stop", ["0.5", ""], [0.5, None]),
    ],
)
def test_a_column_that_only_sounds_like_a_number_is_passed_over(tmp_path, field, alias, values, kept):
    parquet(tmp_path / "train.parquet", frame(**{"text": ["a", "b"], alias: values}))
    assert [getattr(clip, field) for clip in read_huggingface(tmp_path).clips] == kept


def test_the_same_beside_media(tmp_path):
    (tmp_path / "one.wav").touch()
    row = {
        "file_name": "one.wav",
        "text": "a",
        "utterance_id": "dia0_utt1",
        "start": "00:00:01",
        "end": "2.5",
    }
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    (clip,) = read_huggingface(tmp_path).clips
    assert (clip.turn, clip.start_s, clip.end_s) == (None, None, 2.5)


def test_the_next_name_is_taken_where_the_first_holds_no_numbers(tmp_path):
    table = frame(text=["a"], start=["00:01"], begin=[1.5])
    parquet(tmp_path / "train.parquet", table)
    assert read_huggingface(tmp_path).clips[0].start_s == 1.5


@pytest.mark.parametrize(
    ("column", "value", "columns"),
    [
        ("turn", "first", {}),
        ("start_s", "00:00:01", {}),
        ("start_s", float("inf"), {}),
        ("start", "00:00:01", {"start_s": "start"}),
        ("ratings.x", "high", {}),
        ("shares.joy", [1.0], {}),
        ("vectors.audio", "loud", {}),
        ("vectors.audio", [[1.0], [2.0, 3.0]], {}),
        ("vectors.audio", [[[1.0]]], {}),
    ],
)
def test_what_a_column_cannot_hold_names_the_column(tmp_path, column, value, columns):
    parquet(tmp_path / "train.parquet", frame(**{"text": ["a"], column: [value]}))
    with pytest.raises(DatasetError, match=f"column {column!r}"):
        read_huggingface(tmp_path, columns=columns)


def test_a_number_that_is_none_beside_media_names_the_table(tmp_path):
    (tmp_path / "one.wav").touch()
    (tmp_path / "metadata.csv").write_text("file_name,start_s\none.wav,00:00:01\n")
    with pytest.raises(DatasetError, match=r"metadata\.csv: row 1: start_s is '00:00:01'"):
        read_huggingface(tmp_path)


def test_texts_beside_media_may_hold_what_unicode_calls_the_end_of_a_line(tmp_path):
    (tmp_path / "one.wav").touch()
    row = {"file_name": "one.wav", "text": "so\u2028it\x85is", "label": ["joy", "fear"]}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    (clip,) = read_huggingface(tmp_path).clips
    assert clip.text == row["text"] and dict(clip.shares) == {"joy": 0.5, "fear": 0.5}


@pytest.mark.parametrize(
    "facts",
    [
        {"name": 3, "notes": "n", "widths": [1]},
        {"rating_range": ["a", 1], "labels": [1]},
        {"metrics": None},
    ],
)
def test_facts_of_another_kind_are_left_out(tmp_path, facts):
    table = frame(text=["a"], label=["joy"]).replace_schema_metadata({"emofuse": json.dumps(facts)})
    parquet(tmp_path / "train.parquet", table)
    corpus = read_huggingface(tmp_path)
    assert (corpus.name, corpus.task.labels, corpus.task.rating_range) == ("huggingface", ("joy",), (-1, 1))
