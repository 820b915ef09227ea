from importlib.metadata import EntryPoint

import pytest

from emofuse.errors import UnknownNameError
from emofuse.registry import Entry, Table

ENTRIES = {"square": ("math:pow", "a power"), "root": ("math:sqrt", "a root")}


def test_a_name_is_imported_on_first_use():
    import math

    table = Table("number", ENTRIES)
    assert table.load("root") is math.sqrt
    assert list(table) == ["square", "root"] and len(table) == 2
    assert table["root"] == Entry("math:sqrt", "a root")
    assert table["root"].about == "a root"


def test_a_module_that_is_not_there_matters_only_when_it_is_loaded():
    table = Table("number", {"gone": ("no_such_module:thing", "nothing")})
    assert "gone" in table
    with pytest.raises(ImportError):
        table.load("gone")


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(UnknownNameError, match=r"number.*'rot'.*root"):
        Table("number", ENTRIES).load("rot")
    with pytest.raises(UnknownNameError, match=r"root, square"):
        Table("number", ENTRIES).load("zzzzzz")


def test_a_missing_key():
    table = Table("number", ENTRIES)
    assert "cube" not in table and table.get("cube") is None
    with pytest.raises(KeyError):
        table["cube"]


def test_other_packages_add_names_but_replace_none(monkeypatch):
    asked = []

    def points(*, group):
        asked.append(group)
        return [EntryPoint("floor", "math:floor", group), EntryPoint("root", "math:exp", group)]

    monkeypatch.setattr("emofuse.registry.entry_points", points)
    import math

    table = Table("number", ENTRIES)
    assert table.load("floor") is math.floor and table.load("root") is math.sqrt
    assert "another package" in table["floor"].about
    assert set(table) == {"square", "root", "floor"}
    assert asked == ["emofuse.numbers"]
