"""What readers know of a clip beside its emotion: gender, age, the intensity that was asked for."""

import os

import numpy as np
import pandas as pd
import pytest

from emofuse.datasets import load_corpus
from emofuse.errors import DatasetError


def facts(reader, root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return [dict(clip.facts) for clip in load_corpus(reader, root).clips]


def test_ravdess_tells_gender_intensity_and_channel_by_the_name(tmp_path):
    assert facts("ravdess", tmp_path, "03-01-02-01-01-01-03.wav", "03-01-05-02-01-01-12.wav") == [
        {"gender": "male", "intensity": "normal", "channel": "speech"},
        {"gender": "female", "intensity": "strong", "channel": "speech"},
    ]
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "03-02-02-01-01-01-03.wav").touch()
    (sung,) = load_corpus("ravdess", tmp_path / "song", channel="song").clips
    assert sung.facts["channel"] == "song"


def test_speakers_of_emodb_savee_and_tess_have_their_gender(tmp_path):
    names = [
        f"{speaker}a01Fa.wav" for speaker in ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    ]
    found = facts("emodb", tmp_path / "emodb", *names)
    assert [one["gender"][0] for one in found] == list("mffmmmffmf")
    assert facts("savee", tmp_path / "savee", "DC_a01.wav") == [{"gender": "male"}]
    assert facts("tess", tmp_path / "tess", "OAF_back_angry.wav", "YAF_sub_ps.wav") == [
        {"gender": "female", "age": "older"},
        {"gender": "female", "age": "younger"},
    ]


def test_demographics_of_crema_d_are_read_where_they_are(tmp_path):
    takes = ("AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_IEO_HAP_HI.wav")
    assert facts("crema_d", tmp_path, *takes) == [{}, {}]
    table = tmp_path / "VideoDemographics.csv"
    table.write_text("ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n")
    # An actor without a row has no facts.
    assert facts("crema_d", tmp_path) == [{"gender": "male", "age": "50 to 59"}, {}]
    table.write_text("ActorID,Age,Sex,Race,Ethnicity\n1001,old,Male,Caucasian,Not Hispanic\n")
    with pytest.raises(DatasetError, match=r"VideoDemographics\.csv:2.*Age"):
        facts("crema_d", tmp_path)


def test_turns_of_iemocap_tell_gender_and_scenario(tmp_path):
    folder = tmp_path / "Session1" / "dialog" / "EmoEvaluation"
    folder.mkdir(parents=True)
    turns = {"Ses01F_impro01": ("F000", "M000"), "Ses01M_script01_1": ("F000",)}
    for dialogue, names in turns.items():
        lines = [
            f"[{n}.0000 - {n}.5000]\t{dialogue}_{name}\tneu\t[2.5000, 2.5000, 2.5000]\n\n"
            for n, name in enumerate(names)
        ]
        (folder / f"{dialogue}.txt").write_text("".join(lines))
    found = {clip.id: dict(clip.facts) for clip in load_corpus("iemocap", tmp_path, media="none").clips}
    assert found == {
        "Ses01F_impro01_F000": {"gender": "female", "scenario": "improvised"},
        "Ses01F_impro01_M000": {"gender": "male", "scenario": "improvised"},
        "Ses01M_script01_1_F000": {"gender": "female", "scenario": "scripted"},
    }


def test_the_frame_of_iemocap_may_have_a_column_of_genders(tmp_path):
    rows = {
        "emotion": ["hap", "neu", "sad"],
        "path": ["Ses01M_impro02_F007.wav", "Ses05F_script01_1_M000.wav", "Ses05F_script01_1_M001.wav"],
        "gender": ["F", "male", None],
        "features": [np.ones((5, 65), np.float32)] * 3,
    }
    pd.DataFrame(rows).to_pickle(tmp_path / "data_processed.pickle")
    found = [dict(clip.facts) for clip in load_corpus("data_processed", tmp_path).clips]
    assert found == [{"gender": "female"}, {"gender": "male"}, {}]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_ones_own_list_may_tell_facts(tmp_path, form):
    path = tmp_path / f"clips.{form}"
    if form == "csv":
        path.write_text("text,label,fact.gender,fact.first language\nhi,glad,female,\nno,sad,male,Urdu\n")
    else:
        path.write_text(
            '{"text": "hi", "label": "glad", "facts": {"gender": "female"}}\n'
            '{"text": "no", "label": "sad", "facts": {"gender": "male", "first language": "Urdu"}}\n'
        )
    found = [dict(clip.facts) for clip in load_corpus("listed", path).clips]
    assert found == [{"gender": "female"}, {"gender": "male", "first language": "Urdu"}]


@pytest.mark.real_data
@pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA names no folder of corpora")
def test_real_actors_of_ravdess_are_half_and_half():
    clips = load_corpus("ravdess", f"{os.environ['EMOFUSE_DATA']}/ravdess").clips
    genders = {clip.speaker: clip.facts["gender"] for clip in clips}
    assert sorted(genders.values()).count("female") == len(genders) / 2
    assert {clip.facts["intensity"] for clip in clips if clip.label == "neutral"} == {"normal"}
