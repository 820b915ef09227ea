import json

import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.listed import read_listed
from emofuse.errors import DatasetError


def _touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def _table(root, *lines):
    path = root / "clips.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_column_reaches_its_clip(tmp_path):
    _touch(tmp_path, "talks/one.wav")
    path = _table(
        tmp_path,
        "id,media,text,label,speaker,split,dialogue,turn,start_s,end_s,valence,arousal,mood",
        "k1,talks/one.wav,hello,glad,ann,dev,d1,2,0.5,1.75,-0.5,1,ignored",
    )
    clip = read_listed(path).clips[0]
    assert clip.media == tmp_path / "talks" / "one.wav"
    assert (clip.id, clip.text, clip.label, clip.speaker) == ("k1", "hello", "glad", "ann")
    assert (clip.split, clip.dialogue, clip.turn) == ("valid", "d1", 2)
    assert (clip.start_s, clip.end_s) == (0.5, 1.75)
    assert clip.ratings == {"valence": -0.5, "arousal": 1.0}
    assert clip.source == "talks/one.wav"


def test_task_is_what_the_rows_hold(tmp_path):
    path = _table(tmp_path, "text,label,valence", "a,sad,", "b,glad,0.5", "c,,")
    corpus = read_listed(path)
    assert corpus.task.labels == ("glad", "sad")
    assert corpus.task.ratings == ("valence",)
    assert corpus.clips[2].label is None
    assert corpus.clips[0].ratings == {}


def test_ids_are_made_of_media_start_or_line(tmp_path):
    _touch(tmp_path, "x/one.wav")
    path = _table(tmp_path, "media,text,start_s", "x/one.wav,,", "x/one.wav,,1.5", ",words,")
    assert [clip.id for clip in read_listed(path).clips] == ["x/one", "x/one@1.5", "line_4"]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("absent.wav,a,,,", "absent.wav"),
        (",,joy,,", "neither media nor text"),
        (",a,joy,2,1", "end_s"),
        (",a,joy,1,1", "ends at 1 s"),
        (",a,joy,soon,", "start_s"),
        (",a,joy,-1,", "start_s"),
    ],
)
def test_bad_row_names_file_and_line(tmp_path, row, complaint):
    path = _table(tmp_path, "media,text,label,start_s,end_s", ",fine,joy,,", row)
    with pytest.raises(DatasetError, match=rf"clips\.csv:3.*{complaint}"):
        read_listed(path)


@pytest.mark.parametrize(("column", "cell"), [("split", "holdout"), ("valence", "1.1"), ("turn", "first")])
def test_bad_cell_names_column_and_line(tmp_path, column, cell):
    path = _table(tmp_path, f"text,{column}", f"a,{cell}")
    with pytest.raises(DatasetError, match=rf"clips\.csv:2: {column}"):
        read_listed(path)


def test_repeated_id_names_the_second_line(tmp_path):
    path = _table(tmp_path, "id,text", "k,a", "m,b", "k,c")
    with pytest.raises(DatasetError, match=r"clips\.csv:4: the id 'k'"):
        read_listed(path)


def test_table_without_media_or_text_names_what_it_has(tmp_path):
    with pytest.raises(DatasetError, match="found file, label"):
        read_listed(_table(tmp_path, "file,label", "a.wav,joy"))
    with pytest.raises(DatasetError, match="no clip"):
        read_listed(_table(tmp_path, "text,label"))


def test_folder_of_labels(tmp_path):
    _touch(tmp_path, "sad/one.mp4", "glad/two.WAV", "glad/three.jpg", "glad/notes.md", ".git/four.wav.txt")
    corpus = read_listed(tmp_path)
    assert [(clip.id, clip.label) for clip in corpus.clips] == [
        ("glad/three", "glad"),
        ("glad/two", "glad"),
        ("sad/one", "sad"),
    ]
    assert corpus.task.labels == ("glad", "sad")


def test_flat_folder_has_no_labels(tmp_path):
    _touch(tmp_path, "one.wav", "two.mp4")
    corpus = read_listed(tmp_path)
    assert [clip.label for clip in corpus.clips] == [None, None]
    assert corpus.task.labels == ()


def test_split_level_above_the_labels(tmp_path):
    _touch(tmp_path, "train/sad/one.wav", "Validation/glad/one.wav", "test/sad/two.wav")
    clips = read_listed(tmp_path).clips
    assert {(clip.split, clip.label) for clip in clips} == {
        ("train", "sad"),
        ("valid", "glad"),
        ("test", "sad"),
    }


@pytest.mark.parametrize("names", [("one.wav", "sad/two.wav"), ("a/b/c/one.wav", "a/b/c/two.wav")])
def test_mixed_or_deep_folders_are_refused(tmp_path, names):
    _touch(tmp_path, *names)
    with pytest.raises(DatasetError, match="wanted"):
        read_listed(tmp_path)


def test_options_of_a_wrong_type_are_dataset_errors(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nhello,joy\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"labels=\[1\]"):
        load_corpus("listed", tmp_path / "a.csv", labels=[1])


def _lines(root, *rows):
    path = root / "clips.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_json_lines_end_at_a_line_feed_alone(tmp_path):
    path = _lines(tmp_path, {"text": "so\u2028it\x85is", "label": "joy"}, {"text": "b\x0b\x1cc"})
    assert [clip.text for clip in read_listed(path).clips] == ["so\u2028it\x85is", "b\x0b\x1cc"]


def test_several_labels_in_json_lines_share_equally(tmp_path):
    path = _lines(
        tmp_path,
        {"text": "a", "label": ["joy", "fear"]},
        {"text": "b", "label": ["joy"]},
        {"text": "c", "label": []},
        {"text": "d", "label": ["joy", "fear"], "shares": {"joy": 3, "fear": 1}},
    )
    corpus = read_listed(path)
    assert [(clip.label, dict(clip.shares)) for clip in corpus.clips] == [
        (None, {"joy": 0.5, "fear": 0.5}),
        ("joy", {"joy": 1.0}),
        (None, {}),
        (None, {"joy": 0.75, "fear": 0.25}),
    ]
    assert corpus.task.labels == ("fear", "joy")


def test_a_whole_number_may_be_written_with_a_point(tmp_path):
    assert [clip.turn for clip in read_listed(_lines(tmp_path, {"text": "a", "turn": 1.0})).clips] == [1]
    assert [clip.turn for clip in read_listed(_table(tmp_path, "text,turn", "a,2.0")).clips] == [2]
    with pytest.raises(DatasetError, match=r"clips\.csv:2: turn is '2.5'"):
        read_listed(_table(tmp_path, "text,turn", "a,2.5"))


def test_films_of_every_common_kind_are_found(tmp_path):
    _touch(tmp_path, "sad/one.flv", "sad/two.FLV", "glad/three.avi")
    assert len(read_listed(tmp_path).clips) == 3


def test_a_text_may_be_as_long_as_a_book(tmp_path):
    (clip,) = read_listed(_table(tmp_path, "text,label", f"{'so ' * 60_000}end,joy")).clips
    assert len(clip.text) == 180_003


def test_only_what_was_exported_is_taken_as_it_stands(tmp_path):
    path = _table(tmp_path, "text,label,start_s,end_s", '" so ",joy,1,1')
    with pytest.raises(DatasetError, match="ends at 1 s"):
        read_listed(path)
    path.with_suffix(".toml").write_text('exported = true\nlabels = ["sad"]\n')
    corpus = read_listed(path)
    assert [(clip.text, clip.end_s) for clip in corpus.clips] == [(" so ", 1.0)]
    assert corpus.task.labels == ("sad",)
    with pytest.raises(DatasetError, match="'joy' is not among those given"):
        read_listed(path, labels=["sad"])
    path.with_suffix(".toml").write_text('exported = "yes"\n')
    with pytest.raises(DatasetError, match="exported is 'yes', wanted true or false"):
        read_listed(path)


@pytest.mark.parametrize(
    ("column", "cell", "complaint"),
    [("turn", "1.5", "turn is"), ("rating.x", "high", "rating.x is"), ("media", "no.wav", "no file"),
     ("vector.a", "a.npz#1", "cannot be read"), ("split", "left", "split is")],
)  # fmt: skip
def test_an_exported_table_that_was_changed_is_told(tmp_path, column, cell, complaint):
    path = _table(tmp_path, f"text,{column}", f"a,{cell}")
    path.with_suffix(".toml").write_text("exported = true\n")
    with pytest.raises(DatasetError, match=rf"clips\.csv:2: .*{complaint}"):
        read_listed(path)
