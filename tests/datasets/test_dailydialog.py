import json

import pytest

from emofuse.datasets.dailydialog import Cause, read_causes, read_dailydialog
from emofuse.errors import ConfigError, DatasetError


def turn(number=1, who="A", emotion="neutral", **other):
    return {"turn": number, "speaker": who, "utterance": "Hey , you !", "emotion": emotion, **other}


def reccon(root, *turns, name="tr_42"):
    for split in ("train", "valid", "test"):
        dialogues = {name: [list(turns)]} if split == "train" else {f"{split}_0": [[turn()]]}
        (root / f"dailydialog_{split}.json").write_text(json.dumps(dialogues), encoding="utf-8")
    return root


def release(root, line="Hi ! __eou__ So sad . __eou__ \n", codes="0 5 \n"):
    for folder in ("train", "validation", "test"):
        (root / folder).mkdir(parents=True)
        (root / folder / f"dialogues_{folder}.txt").write_text(line, encoding="utf-8")
        (root / folder / f"dialogues_emotion_{folder}.txt").write_text(codes, encoding="utf-8")
    return root


def test_turns_of_reccon(tmp_path):
    corpus = read_dailydialog(reccon(tmp_path, turn(1, "A"), turn(2, "B", "happiness")))
    second = corpus.clips[1]
    assert (second.id, second.dialogue, second.turn, second.speaker) == ("tr_42_2", "tr_42", 2, "tr_42_B")
    assert (second.label, second.text, second.split) == ("happiness", "Hey , you !", "train")
    assert any("found train 1, valid 1, test 1; published train 834" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("spelt", "label"), [("happines", "happiness"), ("Excited", "happiness"), (" sad ", "sadness")]
)
def test_misspelt_emotions_are_understood(tmp_path, spelt, label):
    assert read_dailydialog(reccon(tmp_path, turn(emotion=spelt))).clips[0].label == label


def test_causes_name_the_turn_and_the_words(tmp_path):
    caused = turn(3, "A", "anger", **{
        "expanded emotion cause evidence": [1, "b"],
        "expanded emotion cause span": ["Hey", "something unsaid"],
    })  # fmt: skip
    assert read_causes(reccon(tmp_path, turn(), caused)) == [
        Cause("tr_42_3", 1, "Hey"),
        Cause("tr_42_3", 0, "something unsaid"),
    ]


def test_the_first_release(tmp_path):
    corpus = read_dailydialog(release(tmp_path))
    first, second = corpus.clips[:2]
    assert (first.id, first.text, first.label, first.speaker) == (
        "train_1_1",
        "Hi !",
        "neutral",
        "train_1_A",
    )
    assert (second.label, second.speaker, second.turn) == ("sadness", "train_1_B", 2)
    assert [clip.split for clip in corpus.clips[::2]] == ["train", "valid", "test"]
    assert any("published train 11118" in note for note in corpus.notes)
    with pytest.raises(ConfigError, match="reccon"):
        read_causes(tmp_path)


@pytest.mark.parametrize(
    "fault", [{"codes": "0 \n"}, {"codes": "0 7 \n"}, {"codes": "0 12 \n"}, {"codes": "0 5 \n0 \n"}]
)
def test_emotions_that_do_not_fit_the_turns(tmp_path, fault):
    with pytest.raises(DatasetError, match="train"):
        read_dailydialog(release(tmp_path, **fault))


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"tr_1": []}', '{"tr_1": [[{"turn": 1}]]}', '{"tr_1": [[7]]}', "[" * 100_000,
     '{"tr_1": [[{"turn": 1, "speaker": "A", "utterance": "x", "emotion": "hangry"}]]}'],
)  # fmt: skip
def test_json_that_does_not_hold(tmp_path, content):
    (reccon(tmp_path, turn()) / "dailydialog_train.json").write_text(content)
    with pytest.raises(DatasetError, match=r"dailydialog_train\.json"):
        read_dailydialog(tmp_path)


def test_neither_layout(tmp_path):
    with pytest.raises(DatasetError, match=r"dailydialog_train\.json nor"):
        read_dailydialog(tmp_path)
