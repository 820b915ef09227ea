from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.datasets.splits import SPLITS, check_disjoint, group_folds, merge, official, random_split
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, Split, TaskSpec

ROLES = ("train", "valid", "test")


def _actors(count=20, clips=3, name="acted"):
    made = tuple(
        Clip(f"{actor:02d}-{turn}", label=("joy", "anger")[turn % 2], speaker=f"actor_{actor:02d}")
        for actor in range(1, count + 1)
        for turn in range(clips)
    )
    return Corpus(name, made, TaskSpec(labels=("anger", "joy")), citation="cite", licence="free")


def _published(counts, name="published"):
    clips = tuple(
        Clip(
            f"{role}{number}", label=("joy", "anger")[number % 2], split=role, source=f"{role}{number // 5}"
        )
        for role, count in counts.items()
        for number in range(count)
    )
    return Corpus(name, clips, TaskSpec(labels=("anger", "joy")))


def _speakers(split, corpus, role):
    known = {clip.id: clip.speaker for clip in corpus.clips}
    return sorted({known[name] for name in getattr(split, role)})


def _all(split):
    return [name for role in ROLES for name in getattr(split, role)]


def test_official_is_the_publishers():
    split = official(_published({"train": 4, "valid": 2, "test": 3}))
    assert split.train == ("train0", "train1", "train2", "train3")
    assert (len(split.valid), len(split.test), split.protocol) == (2, 3, "official")


def test_valid_is_carved_from_train_within_each_label():
    corpus = _published({"train": 40, "test": 4})
    split = official(corpus, valid_share=0.2)
    labels = {clip.id: clip.label for clip in corpus.clips}
    assert Counter(labels[name] for name in split.valid) == {"joy": 4, "anger": 4}
    assert len(split.train) == 32
    assert "valid 20% of train by label" in split.protocol


def test_without_test_the_official_valid_is_tested_on():
    split = official(_published({"train": 40, "valid": 10}))
    assert split.test == tuple(f"valid{number}" for number in range(10))
    assert len(split.valid) == 4
    assert all(name.startswith("train") for name in split.valid)
    assert "test is the official valid" in split.protocol


def test_valid_by_group_takes_whole_groups():
    corpus = _published({"train": 50, "test": 5})
    split = official(corpus, by="source")
    assert len(split.valid) == 5
    check_disjoint(split, corpus, by="source")


def test_seed_decides_what_is_carved():
    corpus = _published({"train": 100, "test": 4})
    assert official(corpus, seed=3) == official(corpus, seed=3)
    assert set(official(corpus, seed=3).valid) != set(official(corpus, seed=4).valid)


def test_official_needs_an_official_split():
    with pytest.raises(DatasetError, match="split by group"):
        official(_actors())
    with pytest.raises(DatasetError, match="neither valid nor test"):
        official(_published({"train": 5}))
    with pytest.raises(DatasetError, match="too few"):
        official(_published({"train": 2, "test": 2}))
    with pytest.raises(ConfigError, match="valid_share"):
        official(_published({"train": 9, "test": 2}), valid_share=1.0)


def test_folds_cover_every_speaker_once():
    corpus = _actors()
    tested = [_speakers(group_folds(corpus, fold=fold), corpus, "test") for fold in range(5)]
    assert sorted(name for fold in tested for name in fold) == sorted({c.speaker for c in corpus.clips})
    assert [len(fold) for fold in tested] == [4] * 5


@pytest.mark.parametrize(("count", "folds"), [(20, 5), (20, 4), (24, 5), (24, 6)])
def test_folds_mix_odd_and_even_actors(count, folds):
    corpus = _actors(count)
    for fold in range(folds):
        names = _speakers(group_folds(corpus, folds=folds, fold=fold), corpus, "test")
        odd = sum(int(name[-2:]) % 2 for name in names)
        assert abs(odd - (len(names) - odd)) <= 1
        assert abs(len(names) - count / folds) < 1


def test_valid_is_the_next_fold_or_a_part_of_it():
    corpus = _actors()
    first, second = group_folds(corpus, fold=0), group_folds(corpus, fold=1)
    assert first.valid == second.test
    small = group_folds(corpus, fold=0, valid_groups=2)
    assert len(_speakers(small, corpus, "valid")) == 2
    assert set(small.valid) < set(first.valid)
    assert small.test == first.test
    assert len(small.train) == 3 * 14


def test_folds_have_alike_numbers_of_clips():
    sizes = [60, 50, 9, 8, 7, 7, 6, 5, 5, 3]
    clips = tuple(
        Clip(f"{group}-{number}", speaker=f"s{group}")
        for group, n in enumerate(sizes)
        for number in range(n)
    )
    corpus = Corpus("uneven", clips, TaskSpec())
    tested = [len(group_folds(corpus, folds=3, fold=fold).test) for fold in range(3)]
    assert sum(tested) == sum(sizes)
    assert max(tested) <= 2 * 60


def test_seed_moves_speakers_and_zero_keeps_the_order():
    corpus = _actors()
    assert group_folds(corpus, seed=7) == group_folds(corpus, seed=7)
    others = {group_folds(corpus, seed=seed).test for seed in range(1, 6)}
    assert len(others) > 1
    assert _speakers(group_folds(corpus), corpus, "test") == [
        *("actor_01", "actor_02", "actor_11", "actor_12")
    ]


def test_fold_arguments_that_do_not_fit():
    with pytest.raises(ConfigError, match="fold is 5"):
        group_folds(_actors(), fold=5)
    with pytest.raises(ConfigError, match="2 folds"):
        group_folds(_actors(), folds=2)
    with pytest.raises(ConfigError, match="valid_groups is 16"):
        group_folds(_actors(), valid_groups=16)
    with pytest.raises(ConfigError, match="speaker, dialogue, source"):
        group_folds(_actors(), by="label")
    with pytest.raises(DatasetError, match="too few"):
        group_folds(_actors(count=4))
    with pytest.raises(DatasetError, match="no dialogue"):
        group_folds(_actors(), by="dialogue")


def test_random_split_says_what_it_shares():
    corpus = _actors(count=10, clips=10)
    split = random_split(corpus, valid_share=0.1, test_share=0.2, seed=1)
    assert split.protocol == "random (speakers shared)"
    assert (len(split.train), len(split.valid), len(split.test)) == (70, 10, 20)
    with pytest.raises(DatasetError, match="share"):
        check_disjoint(split, corpus)
    with pytest.raises(ConfigError, match="shares"):
        random_split(corpus, valid_share=0.5, test_share=0.5)


def test_shared_groups_are_named():
    corpus = _actors(count=3)
    split = Split(train=("01-0", "02-0"), valid=("03-0",), test=("01-1",), protocol="by hand")
    with pytest.raises(DatasetError, match=r"train and test share 1 .*actor_01"):
        check_disjoint(split, corpus)
    check_disjoint(split, corpus, by="dialogue")


def test_merge_keeps_the_corpora_apart():
    one, two = _actors(3, name="one"), _actors(2, name="two")
    merged = merge([one, two])
    assert merged.name == "one+two"
    assert len(merged.clips) == 15
    assert merged.clips[0].id == "one/01-0"
    assert {clip.speaker for clip in merged.clips if clip.id.startswith("two/")} == {
        "two/actor_01",
        "two/actor_02",
    }
    assert merged.clips[0].dialogue is None
    assert "one: cite" in merged.citation and "two: free" in merged.licence


def test_merge_unites_labels_and_ratings():
    words = Corpus(
        "words", (Clip("a", ratings={"valence": 0.0}),), TaskSpec(ratings=("valence",), metrics=("ccc",))
    )
    task = merge([_actors(), words]).task
    assert (task.labels, task.ratings) == (("anger", "joy"), ("valence",))
    assert task.metrics[0] == "uar" and task.metrics[-1] == "ccc"


def test_merge_refuses_what_does_not_fit():
    other = Corpus("other", (), TaskSpec(labels=("joy", "anger")))
    with pytest.raises(DatasetError, match="labels"):
        merge([_actors(), other])
    with pytest.raises(DatasetError, match="different names"):
        merge([_actors(), _actors()])
    with pytest.raises(DatasetError, match="two or more"):
        merge([_actors()])
    wide = Corpus("wide", (), TaskSpec(ratings=("valence",), rating_range=(1, 5)))
    narrow = Corpus("narrow", (), TaskSpec(ratings=("valence",)))
    with pytest.raises(DatasetError, match="rating_range"):
        merge([wide, narrow])


def test_each_fold_holds_clips_of_each_merged_corpus():
    merged = merge([_actors(20, name="many"), _actors(5, clips=9, name="few")])
    for fold in range(5):
        split = group_folds(merged, fold=fold)
        for role in ROLES:
            counts = Counter(name.partition("/")[0] for name in getattr(split, role))
            assert set(counts) == {"many", "few"}
        check_disjoint(split, merged)
        assert len([name for name in split.test if name.startswith("few/")]) == 9


def test_official_of_merged_corpora_is_carved_part_by_part():
    merged = merge(
        [_published({"train": 40, "valid": 8}, "a"), _published({"train": 4, "valid": 2, "test": 2}, "b")]
    )
    split = official(merged)
    assert Counter(name.partition("/")[0] for name in split.valid) == {"a": 4, "b": 2}
    assert Counter(name.partition("/")[0] for name in split.test) == {"a": 8, "b": 2}


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=6, max_size=25),
    folds=st.integers(3, 6),
    seed=st.integers(0, 3),
)
def test_any_folds_are_disjoint_and_lose_nothing(sizes, folds, seed):
    clips = tuple(
        Clip(f"{group}-{number}", speaker=f"s{group}", label="x")
        for group, n in enumerate(sizes)
        for number in range(n)
    )
    corpus = Corpus("any", clips, TaskSpec(labels=("x",)))
    tested = []
    for fold in range(folds):
        split = group_folds(corpus, folds=folds, fold=fold, seed=seed)
        assert sorted(_all(split)) == sorted(clip.id for clip in clips)
        check_disjoint(split, corpus)
        tested += split.test
    assert sorted(tested) == sorted(clip.id for clip in clips)


@pytest.mark.parametrize("name", SPLITS)
def test_table_entries_split_a_corpus(name):
    # Five sessions of two speakers and four dialogues, and one of the dialogues that COSMIC chose with.
    clips = tuple(
        Clip(
            f"{session}-{number}",
            label="joy",
            speaker=f"{session}{'FM'[number % 2]}",
            dialogue="Ses02F_impro07"
            if (session, number // 5) == (2, 1)
            else f"Ses0{session}F_{number // 5}",
            source=f"Ses0{session}",
            split={4: "valid", 5: "test"}.get(session, "train"),
        )
        for session in range(1, 6)
        for number in range(20)
    )
    corpus = Corpus("sessions", clips, TaskSpec(labels=("joy",)))
    options = {"folds": 2} if name == "rotated_test" else {}
    split = SPLITS.load(name)(corpus, **options)
    assert sorted(_all(split)) == sorted(clip.id for clip in clips)
    assert split.train and split.valid and split.test
    assert split.protocol
    assert SPLITS[name].about
