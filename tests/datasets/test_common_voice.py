import shutil
import tarfile

import pytest

from emofuse.datasets import load_corpus
from emofuse.datasets.common_voice import read_common_voice
from emofuse.datasets.packed import read_packed, write_store
from emofuse.errors import ConfigError, DatasetError

HEADER = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent"


def locale(root, *names, tables=("train", "dev", "test"), clips=True):
    for table in tables:
        rows = [f"who{number}\t{name}\tSo it is.\t2\t0\t\t\t" for number, name in enumerate(names)]
        rows = [row.replace("clip", table, 1) for row in rows]
        (root / "clips").mkdir(parents=True, exist_ok=True)
        (root / f"{table}.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
        if clips:
            for name in names:
                (root / "clips" / name.replace("clip", table, 1)).with_suffix(".mp3").touch()
    return root


def test_sentences_have_their_split_and_no_label(tmp_path):
    corpus = read_common_voice(locale(tmp_path / "en", "clip_1.mp3"))
    assert [(clip.id, clip.split, clip.speaker) for clip in corpus.clips] == [
        *(("train_1", "train", "who0"), ("dev_1", "valid", "who0"), ("test_1", "test", "who0"))
    ]
    assert {(clip.text, clip.label, clip.media.parent.name) for clip in corpus.clips} == {
        ("So it is.", None, "clips")
    }
    assert (corpus.task.labels, corpus.task.ratings) == ((), ())


def test_early_releases_leave_the_ending_out(tmp_path):
    clips = read_common_voice(locale(tmp_path, "clip_1")).clips
    assert clips[0].media == tmp_path / "clips" / "train_1.mp3"


def test_validated_has_no_split(tmp_path):
    corpus = read_common_voice(locale(tmp_path, "clip.mp3", tables=("validated",)), parts="validated")
    assert [clip.split for clip in corpus.clips] == [None]
    with pytest.raises(ConfigError, match="splits, validated"):
        read_common_voice(tmp_path, parts="other")


def test_several_languages_have_to_be_chosen_from(tmp_path):
    for name in ("en", "de"):
        locale(tmp_path / "cv-corpus-17.0" / name, f"clip_{name}.mp3")
    with pytest.raises(ConfigError, match="holds de, en"):
        read_common_voice(tmp_path)
    with pytest.raises(ConfigError, match="wanted one of de, en"):
        read_common_voice(tmp_path, locale="fr")
    assert read_common_voice(tmp_path, locale="de").clips[0].id == "train_de"
    assert read_common_voice(tmp_path / "cv-corpus-17.0" / "en").clips[0].id == "train_en"


def test_sentences_without_a_file_are_text(tmp_path):
    corpus = read_common_voice(locale(tmp_path, "clip.mp3", clips=False))
    assert [clip.media for clip in corpus.clips] == [None] * 3
    assert "3 sentences have no file in clips: text only" in corpus.notes


@pytest.mark.parametrize("name", ["../clip.mp3", "a/clip.mp3", ""])
def test_a_path_that_is_no_name_is_refused(tmp_path, name):
    locale(tmp_path, "clip.mp3")
    (tmp_path / "dev.tsv").write_text(f"{HEADER}\nwho\t{name}\tNo.\t2\t0\t\t\t\n")
    with pytest.raises(DatasetError, match=r"dev\.tsv:2"):
        read_common_voice(tmp_path)


def test_an_empty_table_and_an_absent_one(tmp_path):
    locale(tmp_path)
    with pytest.raises(DatasetError, match="no row"):
        read_common_voice(tmp_path)
    (tmp_path / "test.tsv").unlink()
    with pytest.raises(DatasetError, match=r"test\.tsv"):
        read_common_voice(tmp_path)


def test_a_corpus_without_labels_goes_through_a_store(tmp_path):
    corpus = load_corpus("common_voice", locale(tmp_path / "en", "clip.mp3"))
    write_store(corpus, tmp_path / "store")
    again = read_packed(tmp_path / "store")
    assert [(clip.id, clip.text, clip.media) for clip in again.clips] == [
        (clip.id, clip.text, clip.media) for clip in corpus.clips
    ]


def tarred(root, target):
    """The folder ``root`` as an uncompressed tar; the folder itself is taken away."""
    with tarfile.open(target, "w") as archive:
        archive.add(root, arcname=root.name)
    shutil.rmtree(root)
    return target


def test_clips_in_a_tar_beside_the_tables(tmp_path):
    locale(tmp_path, "clip_1.mp3", "clip_2")
    loose = [clip.media.name for clip in read_common_voice(tmp_path).clips]
    tarred(tmp_path / "clips", tmp_path / "clips.tar")
    media = [clip.media for clip in read_common_voice(tmp_path).clips]
    assert [(file.name, file.read()) for file in media] == [(f"clips/{name}", b"") for name in loose]
