"""`emofuse audit`: what it prints, what it exits with."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from emofuse.apps.cli import app

HEADER = "id,text,label,speaker,split\n"
CLEAN = HEADER + "".join(
    f"{n},what speaker {n % 4} says is long enough in clip {n},{'glad' if n % 3 else 'sad'},s{n % 4},"
    f"{'train' if n % 4 < 2 else 'test'}\n"
    for n in range(24)
)


def run(*arguments):
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_text(CLEAN, encoding="utf-8")
    return path


def test_clean_is_zero_and_leaks_are_one(table, tmp_path):
    made = run("listed", table, "--json", tmp_path / "audit.json")
    assert made.exit_code == 0 and "nothing found" in made.stdout
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["failed"] is False
    table.write_text(CLEAN.replace(",s1,train", ",s2,train", 1), encoding="utf-8")
    made = run("listed", table)
    assert made.exit_code == 1
    assert "leak     shared speaker: 1 of 4 speakers" in made.stdout
    assert run("listed", table, "--quiet").stdout.count("\n") == 1


def test_a_store_is_audited_as_its_corpus_is(table, tmp_path):
    from emofuse.datasets import import_corpus

    import_corpus("listed", table, tmp_path / "store")
    assert run(tmp_path / "store").exit_code == 0


def test_another_split_is_judged_where_it_is_named(table):
    made = run("listed", table, "--split", "random_split")
    assert made.exit_code == 1 and "shared speaker" in made.stdout


def test_a_split_is_made_with_its_keywords(tmp_path):
    """Whole dialogues are kept apart where that is asked for; their speakers are then shared."""
    path = tmp_path / "clips.csv"
    rows = (f"{n},words of clip {n},{'glad' if n % 3 else 'sad'},s{n % 2},d{n // 2}\n" for n in range(24))
    path.write_text("id,text,label,speaker,dialogue\n" + "".join(rows), encoding="utf-8")
    folds = ("listed", path, "--split", "group_folds", "--split-option", "folds=4")
    by_dialogue = run(*folds, "--split-option", "by=dialogue")
    assert by_dialogue.exit_code == 1
    assert "shared speaker" in by_dialogue.stdout and "shared dialogue" not in by_dialogue.stdout
    # Two speakers are too few for four folds of them.
    assert run(*folds, "--split-option", "by=speaker").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--split-option", "by=source"], "--split names"),
        (["--split", "group_folds", "--split-option", "bye=source"], "no option 'bye'; did you mean 'by'?"),
        (["--split", "group_folds", "--split-option", "by"], "--split-option 'by': wanted key=value"),
        (["--split", "group_folds", "--split-option", "by=colour"], "by is 'colour'"),
        (["--split", "group_folds", "--split-option", "folds=many"], "folds"),
        (["--split", "official", "--split-option", "corpus=1"], "no option 'corpus'"),
        (["--split", "official", "--split-option", "name=random_split"], "no option 'name'"),
    ],
)
def test_bad_keywords_of_a_split_are_one_line_and_two(table, arguments, words):
    made = run("listed", table, *arguments)
    assert made.exit_code == 2 and words in made.output and made.output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "nothing is there"),
        (["lisst", "x"], "did you mean"),
        (["listed", "x", "y"], "3 arguments"),
        (["listed", "/nowhere"], "nothing is there"),
    ],
)
def test_bad_arguments_are_one_line_and_two(arguments, words):
    made = run(*arguments)
    assert made.exit_code == 2 and words in made.output and made.output.count("\n") == 1


@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_store_is_no_clean_one(table, tmp_path, cut):
    from emofuse.datasets import import_corpus

    np.save(tmp_path / "v.npy", np.ones((2, 3), np.float32))
    lines = CLEAN.splitlines()
    table.write_text("\n".join([f"{lines[0]},vector.audio", *(f"{one},v.npy" for one in lines[1:])]))
    import_corpus("listed", table, tmp_path / "store")
    shard = tmp_path / "store" / "shard-00000.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content[:-4] if cut else content)
    made = run(tmp_path / "store", "-q")
    assert made.exit_code == 2 and "shard-00000.safetensors: sha256 is" in made.output


@pytest.mark.parametrize("key", ["name", "path", "store", "copy_media", "labelz"])
def test_no_keyword_of_a_command_passes_for_one_of_a_reader(table, tmp_path, key):
    for arguments in (["audit", "listed", table], ["import", "listed", table, tmp_path / "out"]):
        made = CliRunner().invoke(app, [*map(str, arguments), "--option", f"{key}=3"])
        assert made.exit_code == 2 and f"option {key!r}" in made.output and made.output.count("\n") == 1
    assert not (tmp_path / "out").exists()
