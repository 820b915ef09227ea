import tarfile

import pytest

from emofuse.datasets.emorynlp import read_emorynlp
from emofuse.errors import DatasetError

HEADER = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time"


def row(turn=3, who="['Monica Geller']", emotion="Joyful", times="00:00:02.877,00:00:05.001", scene=6):
    return f'"Well, yes.","{who}",{emotion},{scene},{turn},1,2,{times}'


def tables(root, *rows):
    root.mkdir(exist_ok=True)
    for name in ("train", "dev", "test"):
        own = rows if name == "train" else [row()]
        (root / f"emorynlp_{name}_final.csv").write_text("\n".join([HEADER, *own]) + "\n", encoding="utf-8")
    return root


def test_a_turn_has_its_place_in_the_scene(tmp_path):
    corpus = read_emorynlp(tables(tmp_path, row()))
    first = corpus.clips[0]
    assert (first.id, first.dialogue, first.turn) == ("train_sea1_ep2_sc6_utt3", "train_sea1_ep2_sc6", 3)
    assert (first.label, first.speaker, first.source, first.text) == (
        "joyful",
        "Monica Geller",
        "s01e02",
        "Well, yes.",
    )
    assert (first.start_s, first.end_s) == (2.877, 5.001)
    assert [clip.split for clip in corpus.clips] == ["train", "valid", "test"]
    assert any("published train 7551, valid 954, test 984" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("who", "speaker"),
    [
        ("['Ross Geller', 'Joey Tribbiani']", "Ross Geller & Joey Tribbiani"),
        ("[''Chandler's Mom'']", None),
        ('[""Phoebe\'s Friend""]', "Phoebe's Friend"),
    ],
)
def test_speakers_are_a_list_that_is_never_evaluated(tmp_path, who, speaker):
    if speaker is None:
        assert "Chandler" in read_emorynlp(tables(tmp_path, row(who=who))).clips[0].speaker
    else:
        assert read_emorynlp(tables(tmp_path, row(who=who))).clips[0].speaker == speaker


def test_times_that_run_backwards_are_left_out_and_counted(tmp_path):
    corpus = read_emorynlp(tables(tmp_path, row(), row(4, times="00:00:09.000,00:00:09.000")))
    assert (corpus.clips[1].start_s, corpus.clips[1].end_s) == (None, None)
    assert any(note.startswith("1 turns end where or before they start") for note in corpus.notes)


def test_clips_are_found_at_any_depth_and_are_whole(tmp_path):
    (tmp_path / "clips" / "train").mkdir(parents=True)
    (tmp_path / "clips" / "train" / "sea1_ep2_sc6_utt3.mp4").touch()
    clip = read_emorynlp(tables(tmp_path, row())).clips[0]
    assert (clip.media.name, clip.start_s, clip.end_s) == ("sea1_ep2_sc6_utt3.mp4", None, None)


def test_picture_goes_before_sound(tmp_path):
    for end in ("wav", "flv", "flac"):
        (tmp_path / f"sea1_ep2_sc6_utt3.{end}").touch()
    assert read_emorynlp(tables(tmp_path, row())).clips[0].media.suffix == ".flv"


@pytest.mark.parametrize(
    "wrong",
    [row(emotion="Glad"), row(who="Monica"), row(times="2.8,00:00:05.001"), row(turn="x"), '"short"'],
)
def test_row_that_does_not_hold_names_its_line(tmp_path, wrong):
    with pytest.raises(DatasetError, match=r"emorynlp_train_final\.csv:3"):
        read_emorynlp(tables(tmp_path, row(), wrong))


def test_tables_at_any_depth_and_absent_ones(tmp_path):
    tables(tmp_path / "EmoryNLP", row())
    assert len(read_emorynlp(tmp_path).clips) == 3
    (tmp_path / "EmoryNLP" / "emorynlp_dev_final.csv").unlink()
    with pytest.raises(DatasetError, match=r"emorynlp_dev_final\.csv"):
        read_emorynlp(tmp_path)


def test_clips_in_a_tar_beside_the_tables(tmp_path):
    (tmp_path / "sea1_ep2_sc6_utt3.mp4").write_bytes(b"moving")
    with tarfile.open(tables(tmp_path / "corpus", row()) / "clips.tar", "w") as archive:
        archive.add(tmp_path / "sea1_ep2_sc6_utt3.mp4", arcname="train/sea1_ep2_sc6_utt3.mp4")
    assert read_emorynlp(tmp_path / "corpus").clips[0].media.read() == b"moving"


def test_picture_is_read_before_sound(tmp_path):
    for end in ("wav", "avi"):
        (tables(tmp_path, row()) / f"sea1_ep2_sc6_utt3.{end}").touch()
    assert read_emorynlp(tmp_path).clips[0].media.name == "sea1_ep2_sc6_utt3.avi"
