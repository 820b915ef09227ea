import tarfile

import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.crema_d import read_crema_d
from emofuse.errors import ConfigError, DatasetError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def votes(root, *rows, name="fileName"):
    """Rows are a number, six counts and a name; the release's further columns follow."""
    lines = [f'"","A","D","F","H","N","S","{name}","numResponses","agreement","emoVote","meanEmoResp"']
    lines += [f"{row},9,0.5,N,66.2" for row in rows]
    (root / "processedResults").mkdir(exist_ok=True)
    (root / "processedResults" / "tabulatedVotes.csv").write_text("\n".join(lines) + "\n")


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


@pytest.mark.parametrize("name", ["fileName", "FileName"])
def test_votes_are_shares_and_a_tie_has_no_label(tmp_path, name):
    touch(tmp_path, "1001_DFA_ANG_XX.wav", "1002_IEO_HAP_HI.wav")
    rows = ('"300062",6,2,0,0,1,1,"1001_DFA_ANG_XX"', '"300086",0,0,0,4,4,0,"1002_IEO_HAP_HI"')
    votes(tmp_path, *rows, name=name)
    one, tie = read_crema_d(tmp_path, target="voted").clips
    assert (one.label, one.shares) == ("anger", {"anger": 0.6, "disgust": 0.2, "neutral": 0.1, "sad": 0.1})
    assert (tie.label, tie.shares) == (None, {"happy": 0.5, "neutral": 0.5})
    assert dict(read_crema_d(tmp_path).clips[0].shares) == {}


def test_votes_are_those_of_the_raters_who_saw_and_heard_unless_others_are_asked_for(tmp_path):
    touch(tmp_path, "1001_DFA_ANG_XX.wav")
    counts = {"1": "5,0,0,0,5,0", "2": "0,0,10,0,0,0", "3": "8,2,0,0,0,0"}
    votes(tmp_path, *(f'"{kind}00062",{row},"1001_DFA_ANG_XX"' for kind, row in counts.items()))
    shares = {
        kind: read_crema_d(tmp_path, target="voted", presented=kind).clips[0].shares
        for kind in ("audio", "video", "audio_video")
    }
    assert shares == {
        "audio": {"anger": 0.5, "neutral": 0.5},
        "video": {"fear": 1.0},
        "audio_video": {"anger": 0.8, "disgust": 0.2},
    }
    assert read_crema_d(tmp_path, target="voted").clips[0].shares == shares["audio_video"]


def test_votes_that_are_absent_or_odd_are_errors(tmp_path):
    touch(tmp_path, "1001_DFA_ANG_XX.wav")
    with pytest.raises(DatasetError, match="tabulatedVotes"):
        read_crema_d(tmp_path, target="voted")
    for row in ('"300001",1,0,0,0,0,0,"1009_DFA_ANG_XX"', '"300062",0,0,0,0,0,0,"1001_DFA_ANG_XX"'):
        votes(tmp_path, row)
        with pytest.raises(DatasetError, match="no votes on audio_video, first 1001_DFA_ANG_XX"):
            read_crema_d(tmp_path, target="voted")
    votes(tmp_path, '"300062",-1,0,0,0,0,0,"1001_DFA_ANG_XX"')
    with pytest.raises(DatasetError, match=r"tabulatedVotes\.csv:2"):
        read_crema_d(tmp_path, target="voted")
    votes(tmp_path, '"300062",1,0,0,0,0,0,"1001_DFA_ANG_XX"', name="clip")
    with pytest.raises(DatasetError, match="no column fileName"):
        read_crema_d(tmp_path, target="voted")
    with pytest.raises(ConfigError, match="intended, voted"):
        read_crema_d(tmp_path, target="perceived")
    with pytest.raises(ConfigError, match="presented"):
        read_crema_d(tmp_path, presented="text")


def test_tar_with_the_votes_beside_it(tmp_path):
    touch(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav")
    with tarfile.open(tmp_path / "AudioWAV.tar", "w") as archive:
        archive.add(tmp_path / "AudioWAV", arcname="AudioWAV")
    votes(tmp_path, '"300062",5,0,0,0,0,5,"1001_DFA_ANG_XX"')
    (clip,) = read_crema_d(tmp_path / "AudioWAV.tar", target="voted").clips
    assert (clip.media.read(), clip.shares) == (b"", {"anger": 0.5, "sad": 0.5})


def test_other_names_are_no_takes(tmp_path):
    touch(tmp_path, "1001_DFA_JOY_XX.wav", "2001_DFA_ANG_XX.wav")
    with pytest.raises(DatasetError, match="NNNN_SSS_EEE_LL"):
        read_crema_d(tmp_path)
