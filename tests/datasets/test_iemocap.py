"""IEMOCAP on a toy release: the grammar of its evaluation files, the label sets, votes, media and order."""

import pytest

from emofuse.datasets.iemocap import read_iemocap
from emofuse.errors import ConfigError, DatasetError

CODES = ("ang", "hap", "exc", "sad", "neu", "fru", "fea", "sur", "dis", "oth", "xxx")
HEAD = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"


def block(turn, code, *raters, start=6.2901, vad="2.5000, 3.5000, 4.0000"):
    return [f"[{start:.4f} - {start + 2:.4f}]\t{turn}\t{code}\t[{vad}]", *raters, ""]


def dialogue(root, name, *blocks, said=()):
    session = root / f"Session{name[4]}"
    lines = [HEAD, "", *(line for one in blocks for line in one)]
    for folder, content in (("EmoEvaluation", lines), ("transcriptions", said)):
        (session / "dialog" / folder).mkdir(parents=True, exist_ok=True)
        (session / "dialog" / folder / f"{name}.txt").write_text(
            "\n".join(content) + "\n", encoding="utf-8"
        )
    return root


def every_code(root):
    """Eleven turns of one dialogue, one for each code."""
    name = "Ses01F_impro01"
    turns = [block(f"{name}_F{n:03d}", code, start=10.0 * n + 1) for n, code in enumerate(CODES)]
    return dialogue(root, name, *turns)


@pytest.mark.parametrize(("labels", "kept"), [("4", 5), ("6", 6), ("all", 11), (4, 5)])
def test_the_sets_keep_their_codes(tmp_path, labels, kept):
    corpus = read_iemocap(every_code(tmp_path), labels=labels)
    assert len(corpus.clips) == kept
    assert {clip.label for clip in corpus.clips} - {None} == set(corpus.task.labels)
    wanted = {"4": 5531, "6": 7380, "all": 10039}[str(labels)]
    assert any(f"found turns {kept}; published turns {wanted}" in note for note in corpus.notes)


def test_excitement_is_happiness_among_four_only(tmp_path):
    every_code(tmp_path)
    four = {clip.id[-4:]: clip.label for clip in read_iemocap(tmp_path, labels="4").clips}
    six = {clip.id[-4:]: clip.label for clip in read_iemocap(tmp_path, labels="6").clips}
    assert (four["F001"], four["F002"]) == ("happiness", "happiness")
    assert (six["F001"], six["F002"], six["F005"]) == ("happiness", "excitement", "frustration")


def test_what_the_release_counts_is_no_difference(tmp_path):
    """The whole release in one dialogue: 7,380 turns of six emotions, not the 7,433 of processed dialogues."""
    name, counts = "Ses01F_impro01", (1103, 595, 1041, 1084, 1708, 1849, 40, 107, 2, 3, 2507)
    codes = [code for code, count in zip(CODES, counts, strict=True) for _ in range(count)]
    turns = [block(f"{name}_F{number:05d}", code, start=number) for number, code in enumerate(codes)]
    dialogue(tmp_path, name, *turns)
    for labels, wanted in (("4", 5531), ("6", 7380), ("all", 10039)):
        corpus = read_iemocap(tmp_path, labels=labels, media="none")
        assert len(corpus.clips) == wanted
        assert not any("counts differ" in note for note in corpus.notes)
    codes[0] = "hap"
    dialogue(
        tmp_path,
        name,
        *(block(f"{name}_F{number:05d}", code, start=number) for number, code in enumerate(codes)),
    )
    (note,) = (note for note in read_iemocap(tmp_path, labels="6").notes if "counts differ" in note)
    assert "found happiness 596, anger 1102; published happiness 595, anger 1103" in note


def test_turns_without_a_majority_are_kept_by_all_alone(tmp_path):
    clip = read_iemocap(every_code(tmp_path), labels="all").clips[-1]
    assert (clip.label, dict(clip.shares), clip.ratings["arousal"]) == (None, {}, 3.5)


def test_a_turn_has_its_words_times_ratings_and_people(tmp_path):
    name = "Ses03M_script01_2"
    said = (
        f"{name}_F000 [006.2901-008.2901]: Excuse me.",
        "M: [BREATHING]",
        f"{name}_MXX0 [009.0000-009.5000]: Mm-hm.",
        f"{name}_M000 [010.0000-012.0000]: Where? [LAUGHTER] No: here.",
    )
    later, earlier = block(f"{name}_M000", "neu", start=10.0), block(f"{name}_F000", "sad")
    first, second = read_iemocap(dialogue(tmp_path, name, later, earlier, said=said), media="none").clips
    assert (first.id, first.text, first.turn) == (f"{name}_F000", "Excuse me.", 0)
    assert (second.text, second.turn, second.start_s, second.end_s) == (
        "Where? [LAUGHTER] No: here.",
        1,
        10.0,
        12.0,
    )
    assert (first.speaker, second.speaker, first.source, first.dialogue) == (
        "Ses03F",
        "Ses03M",
        "Session3",
        name,
    )
    assert first.ratings == {"valence": 2.5, "arousal": 3.5, "dominance": 4.0}


def test_votes_are_those_of_the_evaluators(tmp_path):
    name = "Ses01F_impro01"
    raters = (
        "C-E1:\tNeutral;\t()",
        "C-E2:\tExcited; Happiness;\t(both)",
        "C-E3:\tFrustration;\t()",
        "C-F1:\tAnger;\t(what the actor says of herself)",
        "A-E3:\tval 3; act 2; dom  2;\t()",
        "A-F1:\tval ; act ; dom  ;\t()",
    )
    root = dialogue(tmp_path, name, block(f"{name}_F000", "xxx", *raters))
    (four,) = read_iemocap(root, target="votes").clips
    assert (four.label, four.shares) == (None, {"neutral": 1 / 3, "happiness": 2 / 3})
    (six,) = read_iemocap(root, target="votes", labels="6").clips
    assert six.shares == dict.fromkeys(("neutral", "excitement", "happiness", "frustration"), 0.25)


def test_votes_outside_the_set_leave_no_clip(tmp_path):
    name = "Ses01F_impro01"
    root = dialogue(
        tmp_path,
        name,
        block(f"{name}_F000", "fru", "C-E1:\tFrustration;\t()"),
        block(f"{name}_F001", "fru", "C-E1:\tAnger;\t()", start=20),
    )
    assert [clip.shares for clip in read_iemocap(root, target="votes").clips] == [{"anger": 1.0}]


def test_sound_of_the_turn_or_picture_of_the_dialogue(tmp_path):
    name = "Ses01F_impro01"
    root = dialogue(tmp_path, name, block(f"{name}_F000", "neu"), block(f"{name}_M000", "neu", start=9.0))
    session = root / "Session1"
    for file in (f"sentences/wav/{name}/{name}_F000.wav", f"dialog/avi/DivX/{name}.avi"):
        (session / file).parent.mkdir(parents=True)
        (session / file).touch()
    sound, bare = read_iemocap(root).clips
    assert (sound.media.name, sound.start_s, bare.media, bare.start_s) == (
        f"{name}_F000.wav",
        None,
        None,
        9.0,
    )
    assert "1 turns have no wav" in read_iemocap(root).notes
    assert {(clip.media.name, clip.start_s) for clip in read_iemocap(root, media="avi").clips} == {
        (f"{name}.avi", 6.2901),
        (f"{name}.avi", 9.0),
    }


def test_sessions_may_lie_one_folder_down_and_hidden_files_are_passed_over(tmp_path):
    root = every_code(tmp_path / "IEMOCAP_full_release")
    (root / "Session1" / "dialog" / "EmoEvaluation" / "._Ses01F_impro01.txt").write_bytes(b"\x00\x05")
    assert len(read_iemocap(tmp_path).clips) == 5


@pytest.mark.parametrize(
    "line",
    [
        "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu",
        "[a - b]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 2.5]",
        "[6.2901 - 8.2357]\tsomebody\tneu\t[2.5, 2.5, 2.5]",
    ],
)
def test_a_summary_that_does_not_hold_names_its_line(tmp_path, line):
    with pytest.raises(DatasetError, match=r"Ses01F_impro01\.txt:3"):
        read_iemocap(dialogue(tmp_path, "Ses01F_impro01", [line]))


def test_a_rating_that_nobody_gave_is_left_out(tmp_path):
    name = "Ses01F_impro01"
    root = dialogue(tmp_path, name, block(f"{name}_F000", "neu", vad="0.0000, 3.0000, 5.0000"))
    assert read_iemocap(root).clips[0].ratings == {"arousal": 3.0, "dominance": 5.0}


def test_absent_sessions_and_unknown_options(tmp_path):
    with pytest.raises(DatasetError, match="Session1 to Session5"):
        read_iemocap(tmp_path)
    every_code(tmp_path)
    for wrong in ({"labels": "5"}, {"media": "mp4"}, {"target": "mean"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            read_iemocap(tmp_path, **wrong)
    name = "Ses02F_impro01"
    with pytest.raises(DatasetError, match="no turn with a label of set '4'"):
        read_iemocap(dialogue(tmp_path / "other", name, block(f"{name}_F000", "xxx")))
