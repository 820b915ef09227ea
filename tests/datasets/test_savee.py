import pytest

from emofuse.datasets.savee import read_savee
from emofuse.errors import DatasetError


@pytest.mark.parametrize("shape", ["{}_{}", "AudioData/{}/{}", "{}/{}"])
def test_both_published_shapes(tmp_path, shape):
    for speaker, take in (("DC", "a01"), ("KL", "sa15"), ("JE", "su03"), ("JK", "n30")):
        file = tmp_path / f"{shape.format(speaker, take)}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    clips = read_savee(tmp_path).clips
    assert [(clip.id, clip.label, clip.speaker) for clip in clips] == [
        ("DC_a01", "anger", "DC"),
        ("JE_su03", "surprise", "JE"),
        ("JK_n30", "neutral", "JK"),
        ("KL_sa15", "sadness", "KL"),
    ]


def test_folder_that_is_a_speaker_itself(tmp_path):
    (tmp_path / "DC").mkdir()
    (tmp_path / "DC" / "h01.wav").touch()
    assert [clip.id for clip in read_savee(tmp_path / "DC").clips] == ["DC_h01"]


def test_picture_goes_before_sound_and_counts_are_noted(tmp_path):
    for file in ("AudioData/DC/a01.wav", "AudioVisualClip/DC/a01.avi"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    corpus = read_savee(tmp_path)
    assert [clip.media.suffix for clip in corpus.clips] == [".avi"]
    assert any("found clips 1; published clips 480" in note for note in corpus.notes)


def test_other_names_are_no_takes(tmp_path):
    for name in ("DC_x01.wav", "AB_a01.wav", "DC_a1.wav"):
        (tmp_path / name).touch()
    with pytest.raises(DatasetError, match=r"DC_a01\.wav"):
        read_savee(tmp_path)
