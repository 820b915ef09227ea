"""A finished run opened again: its samples, what it is measured under, and what it is measured against."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from emofuse.errors import ConfigError, DatasetError, InputError, UnknownNameError
from emofuse.scrutiny import OpenedRun, conditions, groupings, measure_study, media_seconds


@pytest.fixture
def opened(tone_runs):
    return OpenedRun(tone_runs[0])


@pytest.fixture
def copied(tone_runs, tmp_path):
    """A run that a test may spoil."""
    return shutil.copytree(tone_runs[0], tmp_path / "run")


def test_the_samples_are_those_of_the_run(opened):
    for role in ("valid", "test"):
        assert {one.id for one in opened.samples(role)} == set(opened.predictions[role].ids)
    again = opened.with_train()
    assert list(again) == ["train", "valid", "test"]
    assert set(again["train"].ids) == set(opened.split.train)


def test_at_no_noise_stands_the_score_of_the_report(opened):
    made = measure_study([opened], noises=["white_noise"], strengths=(0, 1))
    report = opened.reports(opened.predictions)["test"]
    for score in report.scores:
        assert {one.clean for one in made.curves(0, metric=score.metric)} == {score.value}
    assert made.subsets[0].rows[0].scores["accuracy"] == report.scores[0].value
    assert [row.present for row in made.subsets[0].rows] == [("audio", "voice"), ("audio",), ("voice",)]


def test_a_folder_that_is_no_run_is_refused(tmp_path, copied):
    with pytest.raises(ConfigError, match="holds no run"):
        OpenedRun(tmp_path / "nothing")
    (copied / "split.json").write_text("{}")
    with pytest.raises(InputError, match=r"split\.json: damaged"):
        OpenedRun(copied)


def test_a_corpus_that_lacks_clips_is_another_one(copied):
    facts = json.loads((copied / "split.json").read_text())
    facts["train"].append("gone.wav")
    (copied / "split.json").write_text(json.dumps(facts))
    with pytest.raises(DatasetError, match=r"1 clips of the run are not there, 'gone\.wav'"):
        _ = OpenedRun(copied).corpus


def test_unknown_roles_are_refused(opened):
    with pytest.raises(ConfigError, match="found the role 'tset'"):
        opened.samples("tset")
    opened.prepared.roles["test"] = []
    with pytest.raises(
        ConfigError, match="no clip has the role test, found clips of the roles train, valid"
    ):
        opened.samples("test")


def test_usual_noises_work_on_each_modality_and_on_all(opened):
    found = [(one.name, one.modalities) for one in conditions(opened)]
    assert len(set(found)) == len(found)
    assert {
        ("white_noise", ("audio",)),
        ("white_noise", ("audio", "voice")),
        ("misalign", ("voice",)),
    } <= set(found)


def test_noises_and_modalities_can_be_named(opened):
    found = conditions(opened, noises=["random_drop", "misalign"], modalities=["voice"])
    assert [(one.name, one.modalities) for one in found] == [
        ("random_drop", ("voice",)),
        ("misalign", ("voice",)),
    ]
    (heard,) = conditions(opened, noises=["clip"])
    assert heard.modalities == ("audio", "voice")
    with pytest.raises(ConfigError, match="no modality named 'face'"):
        conditions(opened, modalities=["face"])
    with pytest.raises(UnknownNameError, match="white_noise"):
        conditions(opened, noises=["wite_noise"])
    with pytest.raises(ConfigError, match="works on video"):
        conditions(opened, noises=["blur"])


def test_ids_of_words_are_masked_or_taken_away_and_never_shifted(opened, monkeypatch):
    monkeypatch.setattr(
        "emofuse.scrutiny._holding_ids", lambda run, on: [one for one in on if one == "voice"]
    )
    usual = {(one.name, one.modalities) for one in conditions(opened)}
    assert ("missing_frames", ("voice",)) in usual and ("white_noise", ("audio",)) in usual
    assert not any("voice" in on for name, on in usual if name == "white_noise")
    assert [one.modalities for one in conditions(opened, noises=["white_noise"])] == [("audio",)]
    with pytest.raises(ConfigError, match="holds ids of words"):
        conditions(opened, noises=["white_noise"], modalities=["voice"])
    with pytest.raises(ConfigError, match="masks words"):
        conditions(opened, noises=["drop_words"], modalities=["audio"])


def test_another_run_is_a_baseline_measured_alike(tone_runs, opened):
    made = measure_study([opened], noises=["white_noise"], strengths=(0, 0.5, 1), against=str(tone_runs[0]))
    # Measured against itself nothing is left over.
    assert [row.effective for table in made.tables for row in table.rows] == pytest.approx([0, 0, 0])
    assert all(table.baseline == "tones, seed 0" for table in made.tables)


def test_several_runs_are_told_apart_and_a_baseline_among_them_is_measured_once(tone_runs):
    told = []
    made = measure_study(
        [OpenedRun(one) for one in tone_runs], noises=["random_drop"], modalities=["audio"], strengths=(0, 1),
        against=str(tone_runs[1]), progress=lambda stage, done: told.append((stage, done)),
    )  # fmt: skip
    names = ["tones, seed 0", "tones, seed 1"]
    assert [one.subject for one in made.measured] == names == [one.subject for one in made.subsets]
    assert [row.method for row in made.tables[0].rows] == names and made.tables[0].baseline == names[1]
    assert told.count(("noise: tones, seed 1", 1.0)) == 1


def test_a_run_may_be_measured_on_some_of_its_clips(tone_runs):
    few = OpenedRun(tone_runs[0], most=5)
    assert len(few.samples("test")) == 5 < len(OpenedRun(tone_runs[0]).samples("test"))
    made = measure_study([few], noises=["white_noise"], modalities=["audio"], strengths=(0, 1))
    assert made.measured[0].n == made.subsets[0].n == 5


def test_a_baseline_of_other_strengths_does_not_fit(opened):
    with pytest.raises(ConfigError, match="no baseline fits"):
        measure_study([opened], noises=["white_noise"], strengths=(0, 1), against="multibench-lf:mosi:text")
    with pytest.raises(UnknownNameError, match="multibench"):
        measure_study([opened], against="multibench")


def test_groups_are_the_speakers_and_those_of_a_table(opened, tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text("speaker,voice\nspeaker0,low\nspeaker1,low\nspeaker2,high\nspeaker3,high\nspeaker4,\n")
    found, notes = groupings(opened, table)
    assert not notes and set(found["speaker"]) == set(opened.predictions["test"].ids)
    assert {found["voice"].get(name) for name in found["speaker"]} <= {"low", "high", None}
    (tmp_path / "odd.csv").write_text("who,voice\na,b\n")
    with pytest.raises(InputError, match="wanted id or speaker"):
        groupings(opened, tmp_path / "odd.csv")


def test_what_the_corpus_says_of_its_clips_makes_groups(opened):
    genders = {name: "female" if name in "135" else "male" for name in "012345"}
    told = tuple(
        replace(
            clip, facts={"gender": genders[clip.id[0]]} | ({"mood": "odd"} if clip.id[0] == "1" else {})
        )
        for clip in opened.corpus.clips
    )
    opened.corpus = opened.corpus.with_clips(told)
    found, notes = groupings(opened)
    tested = opened.predictions["test"].ids
    assert not notes and found["gender"] == {name: genders[name[0]] for name in tested}
    assert set(found["mood"]) == {name for name in tested if name[0] == "1"}


def test_whole_files_make_groups_of_lengths(opened, tmp_path):
    tested = opened.predictions["test"].ids
    longer = tested[: len(tested) // 2]
    soundfile.write(tmp_path / "long.wav", np.zeros(16000), 16000)
    changed = dict.fromkeys(longer, tmp_path / "long.wav") | {opened.split.train[0]: tmp_path / "gone.wav"}
    opened.corpus = opened.corpus.with_clips(
        tuple(replace(clip, media=changed.get(clip.id, clip.media)) for clip in opened.corpus.clips)
    )
    found, notes = groupings(opened)
    # The training clip is not asked for.
    assert not notes and set(found["length"]) == set(tested)
    lengths = {found["length"][name] for name in longer}
    assert len(lengths) == 1 and not lengths & {found["length"][name] for name in tested[len(longer) :]}


def test_without_the_corpus_its_groups_are_left_out_with_a_note(copied):
    text = (copied / "config.toml").read_text()
    (copied / "config.toml").write_text(text.replace("clips.csv", "gone.csv"))
    found, notes = groupings(OpenedRun(copied))
    assert list(found) == ["speaker"] and "cannot be read" in notes[0]


def test_media_last_as_long_as_their_tracks(opened):
    seconds = media_seconds(opened, opened.samples("test"))
    assert seconds is not None
    np.testing.assert_allclose(seconds, 0.25, atol=0.03)
