import numpy as np
import pytest

from emofuse.perturbations.text import (
    NEIGHBOURS,
    Omission,
    QwertyTypo,
    RandomMid,
    StickyKeys,
    SwapLetter,
    TextNoise,
    omission,
    qwerty_typo,
    random_mid,
    sticky_keys,
    swap_letter,
)


def outcomes(mistake, word: str) -> set[str]:
    last = max(place for place, letter in enumerate(word) if letter.isalnum())
    return {mistake(word, last, np.random.default_rng(seed)) for seed in range(300)}


def test_swaps_stay_inside_the_word():
    assert outcomes(swap_letter, "abcde") == {"acbde", "abdce"}


def test_the_middle_is_shuffled():
    found = outcomes(random_mid, "abcde")
    assert found == {"abcde", "abdce", "acbde", "acdbe", "adbce", "adcbe"}


def test_one_letter_becomes_a_neighbour_on_the_keyboard():
    assert outcomes(qwerty_typo, "12345q") == {"12345w"}
    assert outcomes(qwerty_typo, "pP123") == {"oP123", "pO123"}
    assert outcomes(qwerty_typo, "12345") == {"12345"}


def test_one_character_is_doubled():
    assert outcomes(sticky_keys, "abcde") == {"aabcde", "abbcde", "abccde", "abcdde", "abcdee"}


def test_one_character_of_the_inside_is_left_out():
    assert outcomes(omission, "abcde") == {"acde", "abde", "abce"}


def test_the_keyboard_has_26_letters_and_is_not_symmetric():
    assert len(NEIGHBOURS) == 26 and "".join(sorted(NEIGHBOURS)) == "abcdefghijklmnopqrstuvwxyz"
    assert "q" in NEIGHBOURS["a"] and "a" not in NEIGHBOURS["q"]
    assert sum(map(len, NEIGHBOURS.values())) == 91


def test_short_words_space_and_punctuation_stay():
    text = "We  are\there: 1234 ...!! (yes)"
    assert TextNoise(level=1.0)(text, np.random.default_rng(0)) == text
    for seed in range(50):
        typed = TextNoise(level=1.0)("wonder,\n wonder!", np.random.default_rng(seed))
        first, second = typed.split("\n ")
        assert first.endswith(",") and second.endswith("!")


@pytest.mark.parametrize(("strength", "level"), [(1.0, 0.3), (0.5, 0.6)])
def test_so_many_words_are_hit(strength, level):
    words = ["abcdefghij"] * 4000
    typed = TextNoise(strength=strength, level=level)(" ".join(words), np.random.default_rng(0)).split(" ")
    share = np.mean([word != "abcdefghij" for word in typed])
    assert share == pytest.approx(0.3, abs=0.03)


def test_a_level_that_cannot_be_is_refused():
    with pytest.raises(ValueError):
        TextNoise(level=1.2)


@pytest.mark.parametrize(
    ("kind", "mistake"),
    [
        (SwapLetter, swap_letter), (RandomMid, random_mid), (QwertyTypo, qwerty_typo),
        (StickyKeys, sticky_keys), (Omission, omission),
    ],
)  # fmt: skip
def test_a_single_operation_makes_its_own_mistake_only(kind, mistake):
    found = {kind()("abcde", np.random.default_rng(seed)) for seed in range(300)}
    assert found == outcomes(mistake, "abcde")
    words = kind(strength=0.4)(" ".join(["abcdefghij"] * 4000), np.random.default_rng(0)).split(" ")
    assert np.mean([word != "abcdefghij" for word in words]) == pytest.approx(0.4, abs=0.03)
    with pytest.raises(ValueError):
        kind(level=-0.1)
