import pytest

from emofuse.datasets.rows import Row, choose, count_note, read_rows
from emofuse.errors import ConfigError, DatasetError


def _file(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_rows_carry_cells_and_the_line_they_end_on(tmp_path):
    path = _file(tmp_path, b'a, b \n1,"two\nlines"\n\n3, 4\n')
    rows = list(read_rows(path, ("a", "b")))
    assert [row.cells for row in rows] == [{"a": "1", "b": "two\nlines"}, {"a": "3", "b": "4"}]
    assert [row.place for row in rows] == [f"{path}:3", f"{path}:5"]


def test_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = _file(tmp_path, b"\xef\xbb\xbfa\n1\n")
    assert next(read_rows(path, ("a",))).cells == {"a": "1"}


def test_tabs_keep_quotes(tmp_path):
    path = _file(tmp_path, b'a\tb\n"open\t2\n')
    assert next(read_rows(path, ("a",), tabs=True)).cells == {"a": '"open', "b": "2"}


def test_absent_column_names_what_was_found(tmp_path):
    path = _file(tmp_path, b"a,b\n1,2\n")
    with pytest.raises(DatasetError, match=r"table.csv:1: no column c; found a, b"):
        list(read_rows(path, ("a", "c")))


@pytest.mark.parametrize("row", [b"1\n", b"1,2,3\n"])
def test_row_of_another_width_names_its_line(tmp_path, row):
    path = _file(tmp_path, b"a,b\n1,2\n" + row)
    with pytest.raises(DatasetError, match=r"table.csv:3"):
        list(read_rows(path, ("a",)))


def test_other_encodings_and_absent_files_are_dataset_errors(tmp_path):
    with pytest.raises(DatasetError, match="UTF-8"):
        list(read_rows(_file(tmp_path, b"a\n\xff\xfe\n"), ("a",)))
    with pytest.raises(DatasetError, match="cannot be read"):
        list(read_rows(tmp_path / "absent.csv", ("a",)))


def test_numbers_are_finite_and_in_range():
    row = Row("t.csv:4", {"x": "2.5", "nan": "nan", "word": "two", "n": "12", "minus": "-1"})
    assert row.number("x") == 2.5
    assert row.number("x", 2.5, 3) == 2.5
    assert row.whole("n") == 12
    for column in ("nan", "word"):
        with pytest.raises(DatasetError, match=r"t\.csv:4"):
            row.number(column)
    with pytest.raises(DatasetError, match="from 0 to 1"):
        row.number("x", 0, 1)
    for column in ("x", "minus", "word"):
        with pytest.raises(DatasetError, match="whole number"):
            row.whole(column)


def test_one_of_ignores_case():
    row = Row("t.csv:2", {"split": "Train", "odd": "mid"})
    assert row.one_of("split", ("train", "test")) == "train"
    with pytest.raises(DatasetError, match=r"t.csv:2: odd is 'mid', wanted one of train, test"):
        row.one_of("odd", ("train", "test"))


def test_choose_accepts_only_what_is_known():
    assert choose("task", "a", ("a", "b")) == "a"
    with pytest.raises(ConfigError, match="task"):
        choose("task", ["a"], ("a", "b"))


def test_counts_are_noted_only_where_they_differ():
    assert count_note({"train": 2}, {"train": 2}) == ()
    assert count_note({"train": 1}, {"train": 2}) == (
        "counts differ from the published ones: found train 1; published train 2",
    )


def test_exact_rows_keep_their_blanks_and_line_ends(tmp_path):
    path = _file(tmp_path, b'a, b \n" so ","x\ry"\n')
    assert next(read_rows(path, ("a",), exact=True)).cells == {"a": " so ", " b ": "x\ry"}
    assert next(read_rows(path, ("a",))).cells == {"a": "so", "b": "x\ry"}


def test_whole_numbers_beside_a_gap_are_whole():
    row = Row("t.csv:2", {"n": "3.0", "half": "3.5", "bare": ".0"})
    assert row.whole("n") == 3
    for column in ("half", "bare"):
        with pytest.raises(DatasetError, match=r"t\.csv:2"):
            row.whole(column)
