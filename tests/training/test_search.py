"""The search: better than chance, resumable, never above its number of trials."""

import math

import pytest

from emofuse.errors import ConfigError, InputError
from emofuse.training.sweep import GivenUpError, Space, best_of, sweep

SPACES = {
    "x": Space(low=-1.0, high=1.0),
    "n": Space(low=1, high=4, whole=True),
    "kind": Space(choices=("a", [1, 2])),
}


def parabola(number, values, tell):
    return -((values["x"] - 0.3) ** 2) - (values["kind"] == "a")


def test_it_finds_the_top_of_a_parabola(tmp_path):
    tried = sweep(parabola, SPACES, database=tmp_path / "a.db", name="s", trials=30)
    assert len(tried) == 30
    best = best_of(tried)
    assert abs(best.values["x"] - 0.3) < 0.2 and best.values["kind"] == [1, 2]
    assert all(one.values["n"] in (1, 2, 3, 4) for one in tried)
    assert sweep(parabola, SPACES, database=tmp_path / "b.db", name="s", trials=30) == tried


def test_a_study_goes_on_and_what_was_cut_off_is_tried_again(tmp_path):
    seen = []

    def cut(number, values, tell):
        seen.append(values)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return parabola(number, values, tell)

    where = {"database": tmp_path / "deep" / "a.db", "name": "s", "trials": 5}
    with pytest.raises(KeyboardInterrupt):
        sweep(cut, SPACES, **where)
    tried = sweep(cut, SPACES, **where)
    assert len(tried) == 5 and seen[3] == seen[2] and len(seen) == 6
    assert sweep(cut, SPACES, **where) == tried and len(seen) == 6


def test_a_hopeless_trial_is_given_up(tmp_path):
    epochs = []

    def trial(number, values, tell):
        for epoch in range(1, 9):
            if tell(epoch, 1.0 if number < 8 else 0.0):
                epochs.append(epoch)
                raise GivenUpError
        return 1.0 if number < 8 else 0.0

    tried = sweep(trial, {"x": SPACES["x"]}, database=tmp_path / "a.db", name="s", trials=10)
    assert [one.state for one in tried] == ["complete"] * 8 + ["pruned"] * 2
    assert all(epoch < 8 for epoch in epochs)
    assert best_of(tried).number == 0


def test_a_trial_without_a_score_is_no_result(tmp_path):
    def trial(number, values, tell):
        return math.nan if number == 0 else 0.5

    tried = sweep(trial, {"x": SPACES["x"]}, database=tmp_path / "a.db", name="s", trials=2)
    assert [one.state for one in tried] == ["pruned", "complete"] and best_of(tried).number == 1
    with pytest.raises(ConfigError, match="0 trials"):
        best_of([])


@pytest.mark.parametrize(
    "space", [Space(), Space(low=1, high=1), Space(low=0, high=1, log=True), Space(low=2, high=1)]
)
def test_spaces_that_do_not_hold(tmp_path, space):
    with pytest.raises(ConfigError, match=r"space\.x"):
        sweep(parabola, {"x": space}, database=tmp_path / "a.db", name="s", trials=1)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "a.db").write_text("not a database, but long enough to be looked at as one" * 40)
    with pytest.raises(InputError, match=r"a\.db"):
        sweep(parabola, SPACES, database=tmp_path / "a.db", name="s", trials=1)


def test_trials_of_another_search_are_not_taken_for_its_own(tmp_path):
    where = {"database": tmp_path / "a.db", "name": "s"}
    sweep(parabola, SPACES, **where, trials=2, described="one")
    sweep(parabola, SPACES, **where, trials=3, described="one")
    with pytest.raises(ConfigError, match="another search"):
        sweep(parabola, SPACES, **where, trials=4, described="two")
    with pytest.raises(ConfigError, match="another search"):
        sweep(parabola, {**SPACES, "kind": Space(choices=(7, 8))}, **where, trials=4, described="one")
