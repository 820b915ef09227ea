import pytest

from emofuse.datasets.emobank import read_emobank
from emofuse.errors import DatasetError


def _write(root, *rows):
    (root / "emobank.csv").write_text("\n".join(["id,split,V,A,D,text", *rows]) + "\n", encoding="utf-8")
    return root


def test_ratings_come_to_plus_and_minus_one(tmp_path):
    clip = read_emobank(_write(tmp_path, 'a_1,dev,1,5,3.5,"He said ""no"", twice."')).clips[0]
    assert clip.ratings == {"valence": -1.0, "arousal": 1.0, "dominance": 0.25}
    assert (clip.text, clip.split, clip.label) == ('He said "no", twice.', "valid", None)


def test_document_is_the_source_where_it_is_known(tmp_path):
    _write(tmp_path, "a_1,train,3,3,3,One.", "b_1,train,3,3,3,Two.")
    assert [clip.source for clip in read_emobank(tmp_path).clips] == [None, None]
    (tmp_path / "meta.tsv").write_text("id\tdocument\tcategory\tsubcategory\na_1\tletter\tletters\t \n")
    assert [clip.source for clip in read_emobank(tmp_path).clips] == ["letter", None]
    assert [clip.source for clip in read_emobank(tmp_path / "emobank.csv").clips] == ["letter", None]


def test_task_is_three_ratings_without_labels(tmp_path):
    task = read_emobank(_write(tmp_path, "a_1,train,3,3,3,One.")).task
    assert task.ratings == ("valence", "arousal", "dominance")
    assert task.labels == ()
    assert task.rating_range == (-1.0, 1.0)


@pytest.mark.parametrize("row", ["a,train,0.9,3,3,x", "a,test,3,5.1,3,x", "a,dev,3,3,,x", "a,odd,3,3,3,x"])
def test_row_out_of_range_names_its_line(tmp_path, row):
    with pytest.raises(DatasetError, match=r"emobank\.csv:3"):
        read_emobank(_write(tmp_path, "b,train,3,3,3,x", row))
