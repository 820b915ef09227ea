"""What predictions tell beside their scores, on predictions whose answers are known."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emofuse.datasets.packed import read_packed, write_store
from emofuse.errors import InputError
from emofuse.evaluation import METRICS
from emofuse.evaluation.diagnosis import diagnose, one_label
from emofuse.evaluation.groupings import clip_seconds, even_edges, number_groups, speakers, table_groups
from emofuse.types import Clip, Corpus, Picture, Predictions, TaskSpec, Track


def made(n=400, *, seed=0, sure=0.8, labels=("a", "b", "c"), ratings=()):
    """Answers that are right in ``sure`` of the cases, and say so."""
    generator = np.random.default_rng(seed)
    classes = len(labels)
    truth = generator.integers(0, classes, n) if classes else np.zeros(n, int)
    right = generator.random(n) < sure
    said = np.where(right, truth, (truth + 1) % max(classes, 1))
    probabilities = np.full((n, classes), (1 - sure) / (classes - 1)) if classes else np.zeros((n, 0))
    if classes:
        probabilities[np.arange(n), said] = sure
    rated = generator.uniform(-3, 3, (n, len(ratings)))
    return Predictions(
        ids=tuple(f"c{k}" for k in range(n)), task=TaskSpec(labels, ratings), scores=np.log(probabilities + 1e-9),
        probabilities=probabilities, truth=np.eye(classes)[truth] if classes else np.zeros((n, 0)),
        ratings=rated * 0.9, rating_truth=rated, groups=tuple(f"s{k % 10}" for k in range(n)),
    )  # fmt: skip


def judged(predictions, metric="accuracy", **groupings):
    return diagnose(
        predictions,
        METRICS.load(metric),
        groupings=groupings,
        generator=np.random.default_rng(0),
        resamples=50,
    )


def test_a_calibrated_model_is_called_calibrated():
    found = judged({"valid": made(seed=1), "test": made(seed=2)})
    assert found.calibration is not None and found.calibration.n == 400
    assert found.calibration.error < found.calibration.by_chance
    off = made(seed=2)
    hot = Predictions(**{**vars(off), "probabilities": np.where(off.probabilities > 0.5, 0.98, 0.01)})
    worse = judged({"valid": made(seed=1), "test": hot}).calibration
    assert worse is not None and worse.error > worse.by_chance


def test_sets_cover_what_they_promise():
    found = judged({"valid": made(2000, seed=1), "test": made(2000, seed=2)})
    assert [row.kind for row in found.sets] == ["one for all", "by class"]
    assert all(row.quality.coverage >= 0.88 for row in found.sets)
    assert found.splits is not None and len(found.splits.coverage) == 100


def test_without_test_clips_validation_is_told_and_there_are_no_sets():
    found = judged({"valid": made()})
    assert found.sets == () and found.calibration is not None


def test_few_or_nameless_speakers_have_no_spread():
    given = made()
    for groups in (tuple("s1" for _ in given.ids), tuple("" for _ in given.ids)):
        assert judged({"valid": Predictions(**{**vars(given), "groups": groups})}).splits is None


def test_groups_are_scored_where_there_are_two_or_more():
    given = made()
    halves = {name: ("odd" if int(name[1:]) % 2 else "even") for name in given.ids}
    found = judged(
        {"valid": given}, half=halves, one=dict.fromkeys(given.ids, "all"), many={n: n for n in given.ids}
    )
    assert list(found.groups) == ["half"]
    assert [row.n for row in found.groups["half"].rows] == [200, 200]
    assert set(speakers(given).values()) == {f"s{k}" for k in range(10)}


def test_of_many_groups_the_large_ones_are_shown():
    given = made()
    groups = {name: f"g{min(int(name[1:]), 70) if int(name[1:]) > 40 else 0}" for name in given.ids}
    (found,) = judged({"valid": given}, many=groups).groups.values()
    assert [row.group for row in found.rows] == ["g0", "g70"]
    assert found.notes == ("29 small groups left out",)


def test_ratings_have_the_matrices_of_sentiment():
    given = made(labels=(), ratings=("sentiment",))
    found = judged({"valid": given}, metric="mae")
    assert found.calibration is None and found.risk is None and not one_label(given).any()
    seven, first, second = found.counts.values()
    assert seven[1].shape == (7, 7) and seven[1].sum() == 400
    # Nothing changes sides when all is made smaller.
    assert np.array_equal(first[1], np.diag(np.diag(first[1]))) and first[1].sum() == second[1].sum() == 400


def test_edges_cut_into_bins_of_alike_many():
    assert even_edges({str(n): float(n) for n in range(1, 9)}) == (2.75, 4.5, 6.25)
    assert even_edges({"a": 1.0, "b": 1.0}) == ()
    assert even_edges({"a": float("nan")}) == ()


def test_clips_are_grouped_by_length_words_and_intensity():
    clips = [
        Clip(str(n), text="word " * n, start_s=0.0, end_s=float(n), ratings={"valence": (-1) ** n * n / 10})
        for n in range(1, 9)
    ]
    found = number_groups(clips)
    assert set(found) == {"length", "length of the text", "intensity of valence"}
    assert found["length"]["1"] == "below 2.75 s" and found["length"]["8"] == "6.25 s and above"
    assert found["intensity of valence"]["7"] == found["intensity of valence"]["8"]
    assert number_groups([Clip("a"), Clip("b")]) == {}


@pytest.fixture
def sounds(tmp_path):
    """Files of 1 to 4 s."""
    paths = [tmp_path / f"{n}.wav" for n in range(1, 5)]
    for n, path in enumerate(paths, 1):
        soundfile.write(path, np.zeros(n * 800), 800)
    return paths


def test_clips_last_as_long_as_their_times_or_else_their_files_say(sounds, tmp_path):
    (tmp_path / "odd.wav").write_bytes(b"no sound")
    clips = [
        Clip("whole", sounds[3]),
        Clip("cut", sounds[3], start_s=0.5, end_s=2.0),
        Clip("from", sounds[3], start_s=1.0),
        Clip("to", sounds[3], end_s=3.0),
        Clip("odd", tmp_path / "odd.wav"),
        Clip("gone", tmp_path / "gone.wav", start_s=1.0, end_s=2.5),
        Clip("text", text="no media"),
        Clip("picture", Picture(np.zeros((2, 2), np.uint8))),
    ]
    told = []
    found, notes = clip_seconds(clips, progress=lambda stage, done: told.append(done))
    assert found == {"whole": 4.0, "cut": 1.5, "from": 3.0, "to": 3.0, "gone": 1.5}
    assert len(notes) == 1 and "1 of 8 clips" in notes[0] and told == [1.0]
    assert clip_seconds([Clip("text", text="no media")]) == ({}, [])


def test_whole_files_are_grouped_by_length_also_out_of_a_store(sounds, tmp_path):
    corpus = Corpus("toy", tuple(Clip(path.stem, path, label="a") for path in sounds), TaskSpec(("a", "b")))
    write_store(corpus, tmp_path / "store", copy_media=True)
    for clips in (corpus.clips, read_packed(tmp_path / "store").clips):
        seconds, notes = clip_seconds(clips)
        assert not notes and number_groups(clips, seconds=seconds) == {
            "length": {
                "1": "below 1.75 s",
                "2": "1.75 to 2.5 s",
                "3": "2.5 to 3.25 s",
                "4": "3.25 s and above",
            }
        }
        assert "length" not in number_groups(clips)


@pytest.mark.parametrize(
    ("times", "length"),
    [
        (np.arange(100) * 0.02 + 0.01, 2.0),
        (np.arange(100.0), None),
        (np.array([0.2, 0.3, 1.7, 2.1]), None),
        (np.array([0.4]), None),
    ],
    ids=["frames", "positions", "words", "one"],
)
@pytest.mark.parametrize("media", [None, Path("moved.wav")])
def test_tracks_of_a_store_tell_the_length_where_their_files_do_not(tmp_path, times, length, media):
    if media is not None:
        media = tmp_path / media
        soundfile.write(media, np.zeros(100), 800)
    clip, track = Clip("c", media, label="a"), Track(np.zeros((len(times), 2), np.float32), times)
    write_store(Corpus("toy", (clip,), TaskSpec(("a", "b"))), tmp_path / "store", tracks=[{"track": track}])
    if media is not None:
        media.unlink()
    found, notes = clip_seconds(read_packed(tmp_path / "store").clips)
    assert found == ({} if length is None else {"c": pytest.approx(length)})
    assert len(notes) == (length is None and media is not None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "found the columns none"),
        ("id\nc1\n", "wanted id or speaker"),
        ("name,sex\nc1,f\n", "wanted id or speaker"),
        ("id,sex\nzz,f\n", "no id there is in the predictions"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, content, words):
    path = tmp_path / "groups.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        table_groups(path, made())


def test_a_table_groups_by_clip_or_by_speaker(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("id,set\nc1,one\nc2,two\n", encoding="utf-8")
    assert table_groups(path, made())["set"] == {"c1": "one", "c2": "two"}
    path.write_text("speaker,age,sex\ns1,old,f\ns2,,m\n", encoding="utf-8")
    found = table_groups(path, made())
    assert set(found["age"].values()) == {"old"} and set(found["sex"].values()) == {"f", "m"}
    with pytest.raises(InputError, match="cannot be read"):
        table_groups(tmp_path / "none.csv", made())
