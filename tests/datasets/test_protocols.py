"""Named protocols: who trains, chooses and tests, worked out by hand on toys."""

from collections import Counter
from dataclasses import replace

import pytest

from emofuse.datasets.protocols import (
    COSMIC_VALID,
    compat_random_80_20,
    iemocap_conversations,
    leave_one_session_out,
    leave_one_speaker_out,
    rotated_test,
)
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, TaskSpec


def corpus(clips):
    return Corpus("toy", tuple(clips), TaskSpec(labels=("joy",)))


def videos(train=2, held_out=6, clips=3):
    """Whole videos: the first train, the others are an official valid or test."""
    return corpus(
        Clip(
            f"v{video}_{number}",
            source=f"v{video}",
            split="train" if video < train else ("valid", "test")[video % 2],
        )
        for video in range(train + held_out)
        for number in range(clips)
    )


def sessions(count=5):
    """A woman and a man in each session, in two dialogues."""
    return corpus(
        Clip(
            f"Ses{n:02d}{sex}_{turn}",
            speaker=f"Ses{n:02d}{sex}",
            source=f"Session{n}",
            dialogue=f"Ses{n:02d}F_impro0{turn}",
        )
        for n in range(1, count + 1)
        for sex in "FM"
        for turn in (1, 2)
    )


def test_rotation_trains_on_the_official_train_and_tests_each_other_clip_twice():
    given = videos()
    splits = [rotated_test(given, fold=fold) for fold in range(3)]
    assert {split.train for split in splits} == {tuple(clip.id for clip in given.clips[:6])}
    tested = Counter(name for split in splits for name in split.test)
    assert set(tested.values()) == {2}
    assert len(tested) == 18
    chosen = [name for split in splits for name in split.valid]
    assert sorted(chosen) == sorted(tested)
    for split in splits:
        assert (len(split.valid), len(split.test)) == (6, 12)
        assert not {name[:2] for name in split.valid} & {name[:2] for name in split.test}


def test_rotation_does_not_depend_on_the_order_of_the_clips():
    given = videos()
    turned = given.with_clips(tuple(reversed(given.clips)))
    assert set(rotated_test(given, fold=1).valid) == set(rotated_test(turned, fold=1).valid)


@pytest.mark.parametrize("wrong", [{"fold": 3}, {"fold": -1}, {"folds": 1}, {"by": "label"}])
def test_rotation_with_options_that_do_not_hold(wrong):
    with pytest.raises(ConfigError):
        rotated_test(videos(), **wrong)


def test_rotation_needs_groups_to_rotate():
    with pytest.raises(DatasetError, match="2 other groups of source"):
        rotated_test(videos(held_out=2))
    with pytest.raises(DatasetError, match="0 training clips"):
        rotated_test(videos(train=0))
    nameless = videos()
    with pytest.raises(DatasetError, match="v7_2 has no source"):
        rotated_test(nameless.with_clips((*nameless.clips[:-1], replace(nameless.clips[-1], source=None))))


def test_one_speaker_is_left_out_and_the_partner_chooses():
    split = leave_one_speaker_out(sessions(), fold=3)
    assert split.test == ("Ses02M_1", "Ses02M_2")
    assert split.valid == ("Ses02F_1", "Ses02F_2")
    assert len(split.train) == 16
    assert not any(name.startswith("Ses02") for name in split.train)
    assert "Ses02M" in split.protocol
    everyone = {name for fold in range(10) for name in leave_one_speaker_out(sessions(), fold=fold).test}
    assert len(everyone) == 20
    with pytest.raises(ConfigError, match="10 speakers"):
        leave_one_speaker_out(sessions(), fold=10)


def test_a_speaker_alone_in_a_session_cannot_be_left_out():
    given = sessions()
    alone = given.with_clips(tuple(clip for clip in given.clips if clip.speaker != "Ses02F"))
    with pytest.raises(DatasetError, match="nobody else is in the session of Ses02M"):
        leave_one_speaker_out(alone, fold=2)
    with pytest.raises(DatasetError, match="no other session"):
        leave_one_speaker_out(sessions(1), fold=0)


def test_one_session_is_left_out_and_the_next_chooses():
    split = leave_one_session_out(sessions(), fold=4)
    assert {name[:5] for name in split.test} == {"Ses05"}
    assert {name[:5] for name in split.valid} == {"Ses01"}
    assert {name[:5] for name in split.train} == {"Ses02", "Ses03", "Ses04"}
    assert split.protocol == "leave one session out: Session5 tests, Session1 chooses"
    with pytest.raises(ConfigError, match="5 sessions"):
        leave_one_session_out(sessions(), fold=5)
    with pytest.raises(DatasetError, match="too few"):
        leave_one_session_out(sessions(2))


def test_conversations_of_iemocap():
    names = ("Ses01F_impro01", *COSMIC_VALID, "Ses05M_impro01", "Ses04F_script02_2")
    split = iemocap_conversations(corpus(Clip(f"{name}_F000", dialogue=name) for name in names))
    assert split.train == ("Ses01F_impro01_F000", "Ses04F_script02_2_F000")
    assert split.valid == tuple(f"{name}_F000" for name in COSMIC_VALID)
    assert split.test == ("Ses05M_impro01_F000",)
    assert len(set(COSMIC_VALID)) == 12
    with pytest.raises(DatasetError, match="left for valid"):
        iemocap_conversations(
            corpus(Clip(name, dialogue=name) for name in ("Ses01F_impro01", "Ses05F_impro01"))
        )


def test_the_random_split_of_the_notebook_is_its_own():
    given = corpus(Clip(str(number)) for number in range(5520))
    split = compat_random_80_20(given)
    assert (len(split.train), len(split.valid), len(split.test)) == (3975, 441, 1104)
    # What random.sample(range(5520), 4416) gives after random.seed(42).
    assert split.valid[:6] == ("5238", "912", "204", "2253", "2006", "1828")
    assert set(split.train) | set(split.valid) | set(split.test) == set(map(str, range(5520)))
    assert split.test == tuple(sorted(split.test, key=int))
    assert compat_random_80_20(given, seed=43).valid != split.valid
    assert "leaks" in split.protocol
    with pytest.raises(DatasetError, match="too few"):
        compat_random_80_20(corpus([Clip("a"), Clip("b")]))
