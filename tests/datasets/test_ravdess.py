import tarfile

import numpy as np
import pytest

from emofuse.datasets.ravdess import LABELS, read_ravdess
from emofuse.errors import ConfigError, DatasetError


def _touch(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def _units(root, *rows, width=35):
    header = ",".join(["id", *(f"AU{number:02d}" for number in range(width))])
    (root / "action_units.csv").write_text("\n".join([header, *rows]) + "\n")


def test_name_gives_emotion_statement_and_actor(tmp_path):
    _touch(tmp_path, "Actor_12/03-01-06-01-02-01-12.wav", "Actor_03/03-01-02-02-01-02-03.flac")
    first, second = read_ravdess(tmp_path).clips
    assert (first.id, first.label, first.speaker) == ("03-01-02-02-01-02-03", "calm", "actor_03")
    assert (second.label, second.text) == ("fearful", "Dogs are sitting by the door")
    assert first.text == "Kids are talking by the door"
    assert first.split is None
    assert read_ravdess(tmp_path).task.labels == LABELS


def test_channels_are_kept_apart_at_any_depth(tmp_path):
    _touch(
        tmp_path,
        "Audio_Speech_Actors_01-24/Actor_01/03-01-01-01-01-01-01.wav",
        "Audio_Song_Actors_01-24/Actor_01/03-02-03-01-01-01-01.wav",
        "Audio_Song_Actors_01-24/Actor_01/notes.txt",
    )
    assert [clip.label for clip in read_ravdess(tmp_path).clips] == ["neutral"]
    assert [clip.label for clip in read_ravdess(tmp_path, channel="song").clips] == ["happy"]


def test_one_file_is_read_of_each_take(tmp_path):
    _touch(
        tmp_path,
        "Actor_01/03-01-05-01-01-01-01.wav",
        "audio_speech/Actor_01/03-01-05-01-01-01-01.wav",
        "Actor_01/01-01-05-01-01-01-01.mp4",
        "Actor_01/02-01-05-01-01-01-01.mp4",
        "Actor_01/02-01-08-01-01-01-01.mp4",
        "Actor_01/03-01-08-01-01-01-01.wav",
    )
    corpus = read_ravdess(tmp_path)
    assert [clip.id for clip in corpus.clips] == ["01-01-05-01-01-01-01", "03-01-08-01-01-01-01"]
    assert any(note.startswith("4 further files") for note in corpus.notes)


def test_action_units_go_to_their_take(tmp_path):
    _touch(tmp_path, "Actor_01/03-01-05-01-01-01-01.wav", "Actor_01/03-01-05-01-01-02-01.wav")
    _units(tmp_path, "01-01-05-01-01-01-01," + ",".join(str(number / 4) for number in range(35)))
    corpus = read_ravdess(tmp_path)
    with_units, without = corpus.clips
    vector = with_units.vectors["action_units"]
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.arange(35) / 4)
    assert not without.vectors
    assert "1 clips have no row in action_units.csv" in corpus.notes


@pytest.mark.parametrize("row", ["nan", "wide"])
def test_damaged_action_units_name_their_line(tmp_path, row):
    _touch(tmp_path, "Actor_01/03-01-05-01-01-01-01.wav")
    if row == "nan":
        _units(tmp_path, "03-01-05-01-01-01-01," + ",".join(["nan"] * 35))
    else:
        _units(tmp_path, "03-01-05-01-01-01-01," + ",".join(["0"] * 36), width=36)
    with pytest.raises(DatasetError, match=r"action_units.csv:2"):
        read_ravdess(tmp_path)


def test_a_modality_is_chosen(tmp_path):
    take = "01-05-01-01-01-01"
    _touch(tmp_path, f"Actor_01/01-{take}.mp4", f"Actor_01/02-{take}.mp4", f"Actor_01/03-{take}.wav")
    found = {
        modality: [clip.media.name for clip in read_ravdess(tmp_path, modality=modality).clips]
        for modality in ("best", "audio_video", "video", "audio")
    }
    assert found == {
        "best": [f"01-{take}.mp4"],
        "audio_video": [f"01-{take}.mp4"],
        "video": [f"02-{take}.mp4"],
        "audio": [f"03-{take}.wav"],
    }
    assert not any("further files" in note for note in read_ravdess(tmp_path, modality="video").notes)


@pytest.mark.parametrize("ending", ["mp4", "flv", "avi", "wav", "flac", "WAV"])
def test_every_kind_of_media_is_read(tmp_path, ending):
    _touch(tmp_path, f"Actor_01/01-01-05-01-01-01-01.{ending}")
    assert [clip.id for clip in read_ravdess(tmp_path).clips] == ["01-01-05-01-01-01-01"]


def test_speech_and_song_together(tmp_path):
    _touch(tmp_path, "Actor_01/03-01-05-01-01-01-01.wav", "Actor_01/03-02-05-01-01-01-01.wav")
    corpus = read_ravdess(tmp_path, channel="both")
    assert [clip.id[3:5] for clip in corpus.clips] == ["01", "02"]
    assert any("found both 2; published both 2452" in note for note in corpus.notes)


def test_tars_of_actors_are_read_in_place(tmp_path):
    _touch(tmp_path, "clips/Actor_02/03-01-08-01-01-01-02.wav", "clips/Actor_01/03-01-05-01-01-01-01.wav")
    (tmp_path / "clips/Actor_02/03-01-08-01-01-01-02.wav").write_bytes(b"sound")
    (tmp_path / "tars").mkdir()
    for actor in ("Actor_01", "Actor_02"):
        with tarfile.open(tmp_path / "tars" / f"{actor}.tar", "w") as archive:
            archive.add(tmp_path / "clips" / actor, arcname=actor)
    _units(tmp_path / "tars", "03-01-08-01-01-01-02," + ",".join(["0.5"] * 35))
    first, second = read_ravdess(tmp_path / "tars").clips
    assert (first.speaker, second.speaker, second.media.read()) == ("actor_01", "actor_02", b"sound")
    assert second.vectors["action_units"].tolist() == [0.5] * 35
    (alone,) = read_ravdess(tmp_path / "tars" / "Actor_02.tar").clips
    assert alone.vectors


def test_wrong_names_and_channels(tmp_path):
    _touch(tmp_path, "Actor_01/03-01-09-01-01-01-01.wav", "Actor_01/03-01-05-01-01-01-01.txt")
    with pytest.raises(DatasetError, match="MM-VV-EE"):
        read_ravdess(tmp_path)
    with pytest.raises(ConfigError, match="speech, song"):
        read_ravdess(tmp_path, channel="whisper")
    with pytest.raises(ConfigError, match="audio_video, video, audio"):
        read_ravdess(tmp_path, modality="smell")
