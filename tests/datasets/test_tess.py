import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.tess import read_tess
from emofuse.errors import DatasetError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_name_gives_speaker_word_and_emotion(tmp_path):
    touch(tmp_path, "OAF_angry/OAF_back_angry.wav", "YAF_pleasant_surprised/YAF_sub_ps.wav")
    first, second = read_tess(tmp_path).clips
    assert (first.id, first.label, first.speaker, first.text) == (
        "OAF_back_angry",
        "anger",
        "OAF",
        "Say the word back",
    )
    assert (second.id, second.label, second.speaker) == ("YAF_sub_ps", "surprise", "YAF")


def test_the_misspelt_speaker_and_the_second_copy_are_one(tmp_path):
    # The common copy holds all folders twice, and one file without its last letter.
    touch(
        tmp_path,
        "a/OAF_Fear/OAF_bite_fear.wav",
        "b/OAF_Fear/OAF_bite_fear.wav",
        "a/OAF_Fear/OA_bite_fear.wav",
    )
    corpus = load_corpus("tess", tmp_path)
    assert [(clip.id, clip.speaker) for clip in corpus.clips] == [("OAF_bite_fear", "OAF")]
    assert any(note.startswith("2 further files") for note in corpus.notes)


def test_other_names_are_no_takes(tmp_path):
    touch(tmp_path, "OAF_back_bored.wav", "XAF_back_angry.wav")
    with pytest.raises(DatasetError, match="OAF_word_emotion"):
        read_tess(tmp_path)
