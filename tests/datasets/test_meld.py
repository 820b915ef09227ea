import pytest

from emofuse.datasets.meld import EMOTIONS, read_meld
from emofuse.errors import ConfigError, DatasetError

HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
)


def _row(dialogue=0, turn=0, start="00:01:00,000", end="00:01:02,000", **other):
    cells = {"text": '"Oh, no."', "speaker": "Ross", "emotion": "sadness", "sentiment": "negative", **other}
    return (
        f"1,{cells['text']},{cells['speaker']},{cells['emotion']},{cells['sentiment']},"
        f'{dialogue},{turn},4,7,"{start}","{end}"'
    )


def _write(root, train=None, **splits):
    root.mkdir(exist_ok=True)
    tables = {"train": train or [_row()], "dev": [_row()], "test": [_row()], **splits}
    for name, rows in tables.items():
        (root / f"{name}_sent_emo.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return root


def test_turn_has_its_place_in_the_dialogue_and_the_series(tmp_path):
    rows = [
        _row(3, 0, "00:20:57,256", "00:21:00,049"),
        _row(3, 1, "00:21:01,927", "00:21:03,261", speaker="Monica", emotion="surprise"),
    ]
    first, second = read_meld(_write(tmp_path, rows)).clips[:2]
    assert (second.id, second.dialogue, second.turn) == ("train_dia3_utt1", "train_dia3", 1)
    assert (second.speaker, second.label, second.source, second.split) == (
        "Monica",
        "surprise",
        "s04e07",
        "train",
    )
    assert (first.start_s, first.end_s) == (0.0, 2.793)
    assert (second.start_s, second.end_s) == (4.671, 6.005)


def test_ids_of_the_splits_do_not_meet(tmp_path):
    clips = read_meld(_write(tmp_path)).clips
    assert [clip.id for clip in clips] == ["train_dia0_utt0", "dev_dia0_utt0", "test_dia0_utt0"]
    assert [clip.split for clip in clips] == ["train", "valid", "test"]


def test_two_tasks(tmp_path):
    _write(tmp_path)
    assert read_meld(tmp_path).task.labels == EMOTIONS
    sentiment = read_meld(tmp_path, task="sentiment")
    assert sentiment.task.labels == ("neutral", "positive", "negative")
    assert {clip.label for clip in sentiment.clips} == {"negative"}


def test_faults_are_named(tmp_path):
    rows = [_row(0), _row(2, 0, "00:01:00,000", "00:01:00,000"), _row(2, 1, "00:01:00,000", "00:06:04,900")]
    corpus = read_meld(_write(tmp_path, rows))
    assert "train has no dialogue 1" in corpus.notes
    assert "no length: train_dia2_utt0" in corpus.notes
    assert "longer than 60 s: train_dia2_utt1 (304.9 s)" in corpus.notes
    empty = corpus.clips[1]
    assert (empty.start_s, empty.end_s) == (0.0, 0.0)


@pytest.mark.parametrize("folder", ["train_splits", "MELD.Raw/train_splits", "train"])
def test_clips_are_found_in_the_folders_of_the_archives(tmp_path, folder):
    _write(tmp_path, [_row(0, 0), _row(0, 1, "00:01:03,000", "00:01:04,000"), _row(125, 3)])
    media = tmp_path / folder
    media.mkdir(parents=True)
    for name in ("dia0_utt0.mp4", "dia125_utt3.mp4", "final_videos_testdia0_utt1.mp4"):
        (media / name).touch()
    corpus = read_meld(tmp_path)
    found, bare, unreadable = corpus.clips[:3]
    assert found.media == media / "dia0_utt0.mp4"
    assert (found.start_s, found.end_s) == (None, None)
    assert bare.media is None
    assert bare.start_s == 3.0
    assert unreadable.media is None
    assert any(note.startswith("1 clips have media; 4 do not") for note in corpus.notes)


def test_media_of_other_kinds_picture_first(tmp_path):
    (_write(tmp_path) / "train").mkdir()
    for name in ("dia0_utt0.wav", "dia0_utt0.avi", "._dia0_utt0.mp4"):
        (tmp_path / "train" / name).touch()
    assert read_meld(tmp_path).clips[0].media.name == "dia0_utt0.avi"


def test_tables_one_folder_down(tmp_path):
    _write(tmp_path / "MELD")
    assert len(read_meld(tmp_path).clips) == 3


def test_each_table_in_the_folder_of_its_split_two_folders_down(tmp_path):
    _write(tmp_path / "tables")
    for name, clips in (("train", "train_splits"), ("dev", "dev_splits_complete"), ("test", "clips")):
        folder = tmp_path / "release" / "MELD.Raw" / name
        (folder / clips).mkdir(parents=True)
        (tmp_path / "tables" / f"{name}_sent_emo.csv").rename(folder / f"{name}_sent_emo.csv")
        (folder / clips / "dia0_utt0.mp4").touch()
    (tmp_path / "release" / "MELD.Raw" / "test" / "clips").rename(
        tmp_path / "release" / "MELD.Raw" / "test_splits"
    )
    corpus = read_meld(tmp_path / "release")
    assert [clip.media and clip.media.parent.name for clip in corpus.clips] == [
        *("train_splits", "dev_splits_complete", "test_splits")
    ]


def test_media_two_folders_below_a_table_at_the_root(tmp_path):
    media = _write(tmp_path) / "MELD.Raw" / "train" / "train_splits"
    media.mkdir(parents=True)
    (media / "dia0_utt0.mp4").touch()
    assert read_meld(tmp_path).clips[0].media == media / "dia0_utt0.mp4"


def test_windows_quotes_are_mended_and_good_ones_left(tmp_path):
    clips = read_meld(_write(tmp_path, [_row(text="It\x92s \x93fine\x94"), _row(1, text="It’s é")])).clips
    assert [clip.text for clip in clips[:2]] == ["It’s “fine”", "It’s é"]


@pytest.mark.parametrize(
    "row", [_row(emotion="glad"), _row(start="61"), _row("x"), _row(turn="-1"), "1,short"]
)
def test_row_that_does_not_hold_names_its_line(tmp_path, row):
    with pytest.raises(DatasetError, match=r"dev_sent_emo\.csv:3"):
        read_meld(_write(tmp_path, dev=[_row(), row]))


def test_absent_table_is_named(tmp_path):
    (_write(tmp_path) / "test_sent_emo.csv").unlink()
    with pytest.raises(DatasetError, match=r"test_sent_emo\.csv"):
        read_meld(tmp_path)


DYADIC = (
    "Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Old_Dialogue_ID,Old_Utterance_ID,Season,Episode,"
    "StartTime,EndTime"
)


def _dyads(root):
    """Two dialogues of train share a turn of the dialogue 125; times are written without a leading zero, too."""
    rows = (
        '"Oh, no.",Ross,sadness,negative,0,0,125,3,4,7,"00:01:00,000","00:01:02,000"',
        'Yes!,Monica,joy,positive,0,1,125,4,4,7,"0:01:03,000","0:01:04,500"',
        'Yes!,Monica,joy,positive,1,0,125,4,4,7,"0:01:03,000","0:01:04,500"',
    )
    root.mkdir(exist_ok=True)
    for name in ("train", "dev", "test"):
        content = "\n".join([DYADIC, *(rows if name == "train" else rows[:1])]) + "\n"
        (root / f"{name}_sent_emo_dya.csv").write_text(content, encoding="utf-8")


def test_dyadic_turns_have_ids_of_their_own_and_the_clips_of_their_old_numbers(tmp_path):
    _dyads(tmp_path / "MELD_Dyadic")
    (tmp_path / "train_splits").mkdir()
    for name in ("dia125_utt3.mp4", "dia125_utt4.mp4", "dia0_utt0.mp4"):
        (tmp_path / "train_splits" / name).touch()
    corpus = read_meld(tmp_path, variant="dyadic")
    assert [(clip.id, clip.dialogue, clip.turn) for clip in corpus.clips[:3]] == [
        ("train_dya0_utt0", "train_dya0", 0),
        ("train_dya0_utt1", "train_dya0", 1),
        ("train_dya1_utt0", "train_dya1", 0),
    ]
    # The published file of train dia125_utt3 cannot be read.
    assert [clip.media and clip.media.name for clip in corpus.clips[:3]] == [None, *["dia125_utt4.mp4"] * 2]
    assert [clip.split for clip in corpus.clips] == ["train"] * 3 + ["valid", "test"]
    assert "1 of 3 turns of train are also in another of its dialogues" in corpus.notes


def test_dyadic_times_count_from_the_start_of_their_own_dialogue(tmp_path):
    _dyads(tmp_path)
    clips = read_meld(tmp_path, variant="dyadic", task="sentiment").clips
    assert [(clip.start_s, clip.end_s, clip.label) for clip in clips[:3]] == [
        *((0.0, 2.0, "negative"), (3.0, 4.5, "positive"), (0.0, 1.5, "positive"))
    ]


def test_variants_do_not_stand_in_for_each_other(tmp_path):
    with pytest.raises(DatasetError, match=r"train_sent_emo_dya\.csv"):
        read_meld(_write(tmp_path), variant="dyadic")
    with pytest.raises(ConfigError, match="multiparty, dyadic"):
        read_meld(tmp_path, variant="triadic")
