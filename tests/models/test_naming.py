import pytest

from emofuse.errors import ConfigError
from emofuse.models.naming import by_name, leading, two


def test_the_main_one_comes_first_and_the_others_keep_their_order():
    assert leading(["a", "b", "c"]) == ("a", "b", "c")
    assert leading(["a", "b", "c"], "b") == ("b", "a", "c")
    with pytest.raises(ConfigError, match="text"):
        leading(["a", "b"], "text")


def test_others_are_told_by_name():
    assert by_name(["a", "b"], 4) == {"a": 4, "b": 4}
    assert by_name(["a", "b"], 4, {"b": 2}) == {"a": 4, "b": 2}
    with pytest.raises(ConfigError, match="c, d"):
        by_name(["a", "b"], 4, {"d": 1, "c": 2})


def test_two_are_two():
    assert two("gates", [3, 4]) == (3, 4)
    with pytest.raises(ConfigError, match=r"gates takes two numbers; got \[3\]"):
        two("gates", [3])
