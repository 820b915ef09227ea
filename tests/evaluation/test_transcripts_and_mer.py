"""Error rates of transcripts and the score of the MER challenges, by hand and against a slow definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.evaluation.metrics.mer_score import mer_score
from emofuse.evaluation.metrics.transcripts import (
    character_error_rate,
    edit_distance,
    phoneme_error_rate,
    word_error_rate,
)


def slow_distance(first, second):
    table = {(row, 0): row for row in range(len(first) + 1)} | {
        (0, column): column for column in range(len(second) + 1)
    }
    for row, one in enumerate(first, 1):
        for column, other in enumerate(second, 1):
            table[row, column] = min(
                table[row - 1, column] + 1,
                table[row, column - 1] + 1,
                table[row - 1, column - 1] + (one != other),
            )
    return table[len(first), len(second)]


@settings(deadline=None)
@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_distance_is_the_textbook_one_and_symmetric(first, second):
    assert edit_distance(first, second) == slow_distance(first, second) == edit_distance(second, first)


def test_rates_by_hand():
    # One word changed, one dropped, one added, of 4 and 2.
    references, hypotheses = ["the cat sat down", "oh  no "], ["the bat sat", "oh no no"]
    assert word_error_rate(references, hypotheses) == 3 / 6
    assert character_error_rate(["kitten"], [" sitting"]) == 3 / 6
    assert phoneme_error_rate([["K", "AE", "T"]], [["B", "AE", "T", "S"]]) == 2 / 3
    assert word_error_rate(["one"], ["two three four"]) == 3.0


def test_rates_sum_before_they_divide():
    assert word_error_rate(["a b c d", "e"], ["a b c d", "f"]) == 1 / 5


def test_nothing_said_has_no_rate():
    assert np.isnan(word_error_rate([" "], ["something"]))
    assert np.isnan(character_error_rate([], []))


def test_bad_transcripts_are_refused():
    with pytest.raises(ValueError, match="as many"):
        word_error_rate(["a"], [])
    with pytest.raises(ValueError, match="symbols"):
        phoneme_error_rate(["cat"], [["K"]])


def test_mer_score_by_hand():
    # Weighted F1 of one miss in three is (2 * 2/3 + 1 * 2/3) / 3; the squared errors are 1, 0 and 4.
    found = mer_score(
        np.array([0, 0, 1]),
        np.array([0, 1, 1]),
        2,
        valence_truth=np.array([1.0, 2.0, 0.0]),
        valence_predicted=np.array([2.0, 2.0, 2.0]),
    )
    assert found == pytest.approx(2 / 3 - 0.25 * 5 / 3)
