import tarfile

import pytest

from emofuse.datasets.emodb import read_emodb
from emofuse.errors import DatasetError


def _touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize("inside", ["wav", "."])
def test_name_gives_speaker_and_emotion(tmp_path, inside):
    _touch(tmp_path / inside, "16b10Lb.wav", "03a01Fa.flac", "03a01Xa.wav", "readme.txt")
    happy, bored = read_emodb(tmp_path).clips
    assert (happy.id, happy.label, happy.speaker) == ("03a01Fa", "happiness", "03")
    assert (bored.id, bored.label, bored.speaker) == ("16b10Lb", "boredom", "16")


def test_task_holds_the_emotions_that_are_present_in_published_order(tmp_path):
    _touch(tmp_path, "03a01Na.wav", "03a01Wa.wav", "08a01Ea.wav", "08a02Wa.wav")
    corpus = read_emodb(tmp_path)
    assert corpus.task.labels == ("anger", "disgust", "neutral")
    assert "no clip of boredom, fear, happiness, sadness" in corpus.notes
    assert any("found 4 clips, published 535" in note for note in corpus.notes)


def test_same_clip_as_wav_and_flac_is_one_clip(tmp_path):
    _touch(tmp_path, "03a01Fa.wav", "03a01Fa.flac", "03a02Fa.wav")
    assert [clip.id for clip in read_emodb(tmp_path).clips] == ["03a01Fa", "03a02Fa"]


def test_a_tar_is_read_in_place(tmp_path):
    _touch(tmp_path / "wav", "08b10Wc.wav", "03a01Fa.wav")
    (tmp_path / "wav" / "03a01Fa.wav").write_bytes(b"sound")
    with tarfile.open(tmp_path / "emodb.tar", "w") as archive:
        archive.add(tmp_path / "wav", arcname="wav")
    first, second = read_emodb(tmp_path / "emodb.tar").clips
    assert (first.id, first.media.read(), second.id) == ("03a01Fa", b"sound", "08b10Wc")


def test_folder_without_such_names(tmp_path):
    _touch(tmp_path, "happy_1.wav")
    with pytest.raises(DatasetError, match="SSTTTEv"):
        read_emodb(tmp_path)
