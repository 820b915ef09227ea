import tarfile

import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.crema_d import read_crema_d
from emofuse.errors import ConfigError, DatasetError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def votes(root, *rows):
    lines = ['"","FileName","VoiceVote","MultiModalVote"', *rows]
    (root / "processedResults").mkdir(exist_ok=True)
    (root / "processedResults" / "summaryTable.csv").write_text("\n".join(lines) + "\n")


def test_name_gives_actor_sentence_emotion_and_level(tmp_path):
    touch(
        tmp_path,
        "AudioWAV/1001_DFA_ANG_XX.wav",
        "AudioWAV/1091_IEO_SAD_HI.wav",
        "AudioWAV/1002_IEO_HAP_X.wav",
    )
    first, second, third = read_crema_d(tmp_path).clips
    assert (first.id, first.label, first.speaker) == ("1001_DFA_ANG_XX", "anger", "1001")
    assert (first.text, first.ratings) == ("Don't forget a jacket", {})
    assert (second.label, second.ratings) == ("happy", {})
    assert (third.speaker, third.text, third.ratings) == ("1091", "It's eleven o'clock", {"intensity": 3.0})


def test_sound_and_picture_of_a_take_are_one_clip(tmp_path):
    touch(
        tmp_path,
        "AudioWAV/1001_DFA_ANG_XX.wav",
        "VideoFlash/1001_DFA_ANG_XX.flv",
        "AudioMP3/1001_DFA_ANG_XX.mp3",
    )
    corpus = load_corpus("crema_d", tmp_path)
    assert [clip.media.name for clip in corpus.clips] == ["1001_DFA_ANG_XX.flv"]
    assert any(note.startswith("2 further files") for note in corpus.notes)


def test_votes_are_shares_and_a_tie_has_no_label(tmp_path):
    touch(tmp_path, "1001_DFA_ANG_XX.wav", "1002_IEO_HAP_HI.wav")
    votes(tmp_path, '1,"1001_DFA_ANG_XX","A","D"', '2,"1002_IEO_HAP_HI","H","H:N"')
    one, tie = read_crema_d(tmp_path, target="voted").clips
    assert (one.label, one.shares) == ("disgust", {"disgust": 1.0})
    assert (tie.label, tie.shares) == (None, {"happy": 0.5, "neutral": 0.5})
    assert read_crema_d(tmp_path).clips[0].label == "anger"


def test_votes_that_are_absent_or_odd_are_errors(tmp_path):
    touch(tmp_path, "1001_DFA_ANG_XX.wav")
    with pytest.raises(DatasetError, match="summaryTable"):
        read_crema_d(tmp_path, target="voted")
    votes(tmp_path, '1,"1009_DFA_ANG_XX","A","A"')
    with pytest.raises(DatasetError, match="1001_DFA_ANG_XX"):
        read_crema_d(tmp_path, target="voted")
    votes(tmp_path, '1,"1001_DFA_ANG_XX","A","Q"')
    with pytest.raises(DatasetError, match=r"summaryTable\.csv:2"):
        read_crema_d(tmp_path, target="voted")
    with pytest.raises(ConfigError, match="intended, voted"):
        read_crema_d(tmp_path, target="perceived")


def test_tar_with_the_votes_beside_it(tmp_path):
    touch(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav")
    with tarfile.open(tmp_path / "AudioWAV.tar", "w") as archive:
        archive.add(tmp_path / "AudioWAV", arcname="AudioWAV")
    votes(tmp_path, '1,"1001_DFA_ANG_XX","A","A:S"')
    (clip,) = read_crema_d(tmp_path / "AudioWAV.tar", target="voted").clips
    assert (clip.media.read(), clip.shares) == (b"", {"anger": 0.5, "sad": 0.5})


def test_other_names_are_no_takes(tmp_path):
    touch(tmp_path, "1001_DFA_JOY_XX.wav", "2001_DFA_ANG_XX.wav")
    with pytest.raises(DatasetError, match="NNNN_SSS_EEE_LL"):
        read_crema_d(tmp_path)
