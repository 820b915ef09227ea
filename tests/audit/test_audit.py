"""One planted fault of each kind is found, with its evidence, and nothing on a clean corpus."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image

from emofuse.audit import CHECKS, audit, audit_split, verdict_line
from emofuse.datasets.packed import read_packed, write_store
from emofuse.datasets.splits import group_folds
from emofuse.errors import MissingExtraError, UnknownNameError
from emofuse.types import Clip, Corpus, Picture, Split, TaskSpec

TASK = TaskSpec(labels=("glad", "sad"), ratings=("valence",), rating_range=(-1.0, 1.0))
SPEAKERS, TAKES = 18, 12
ROLES = ("train",) * 12 + ("valid",) * 3 + ("test",) * 3


def vector(label: str, generator: np.random.Generator) -> np.ndarray:
    """Told by the label a little, alike in every split."""
    drawn = generator.normal(size=12)
    drawn[0] += 0.8 if label == "glad" else -0.8
    return drawn.astype(np.float32)


def clean(folder) -> Corpus:
    generator = np.random.default_rng(0)
    clips = []
    for speaker, role in enumerate(ROLES):
        for take in range(TAKES):
            label = ("glad", "sad")[take % 2]
            clips.append(
                Clip(
                    id=f"s{speaker}_{take}",
                    text=f"speaker {speaker} says the long sentence number {take} of the day",
                    label=label,
                    ratings={"valence": 0.5 if label == "glad" else -0.5},
                    speaker=f"s{speaker}",
                    dialogue=f"d{speaker}",
                    turn=take,
                    source=f"v{speaker}",
                    split=role,
                    start_s=2.0 * take,
                    end_s=2.0 * take + 1.5,
                    vectors={"video": vector(label, generator)},
                )
            )
    for number, clip in enumerate(clips[:6]):
        samples = 0.3 * np.sin(np.cumsum(generator.uniform(0.02, 0.4, 16000)))
        soundfile.write(folder / f"{number}.wav", samples.astype(np.float32), 16000)
        clips[number] = replace(clip, media=folder / f"{number}.wav", start_s=None, end_s=None)
    for number, clip in enumerate(clips[-6:]):
        pixels = generator.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((200, 200)).save(folder / f"{number}.png")
        clips[number - 6] = replace(clip, media=folder / f"{number}.png", start_s=None, end_s=None)
    return Corpus("toy", tuple(clips), TASK)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def change(corpus: Corpus, changes: dict[int, dict]) -> Corpus:
    clips = list(corpus.clips)
    for place, fields in changes.items():
        clips[place] = replace(clips[place], **fields)
    return corpus.with_clips(tuple(clips))


def wav(folder, samples, name="new.wav"):
    soundfile.write(folder / name, np.asarray(samples, dtype=np.float32), 16000)
    return folder / name


def broken(folder):
    (folder / "broken.wav").write_bytes(b"RIFF but nothing else")
    return folder / "broken.wav"


def brighter(folder, corpus):
    pixels = np.asarray(Image.open(corpus.clips[-6].media)).astype(int)
    Image.fromarray((pixels * 0.9 + 12).clip(0, 255).astype(np.uint8)).save(folder / "near.png")
    return folder / "near.png"


def louder(folder, corpus):
    samples, rate = soundfile.read(corpus.clips[0].media)
    soundfile.write(folder / "near.flac", (0.5 * samples).astype(np.float32), rate)
    return folder / "near.flac"


def fitted_vectors(corpus):
    """Train rows say their label outright, held-out ones do not."""
    generator = np.random.default_rng(1)
    changes = {}
    for place, clip in enumerate(corpus.clips):
        drawn = generator.normal(size=12).astype(np.float32)
        if clip.split == "train":
            drawn[1] = 3.0 if clip.label == "glad" else -3.0
        changes[place] = {"vectors": {"video": drawn}}
    return change(corpus, changes)


def constant_column(corpus):
    changes = {}
    for place, clip in enumerate(corpus.clips):
        values = clip.vectors["video"].copy()
        values[3] = 7.0
        changes[place] = {"vectors": {"video": values}}
    return change(corpus, changes)


LAST = SPEAKERS * TAKES - 1
PLANTED = {
    "speaker": lambda c, f: (change(c, {LAST: {"speaker": "s0"}}), "shared speaker", "leak", "s0"),
    "dialogue": lambda c, f: (
        change(c, {LAST: {"dialogue": "d1", "turn": 90, "start_s": None}}), "shared dialogue", "leak", "d1",
    ),
    "source": lambda c, f: (change(c, {LAST: {"source": "v2"}}), "shared source", "leak", "v2"),
    "text": lambda c, f: (
        change(c, {LAST: {"text": c.clips[0].text.upper() + "!"}}), "shared text", "warning", "s0_0",
    ),
    "id": lambda c, f: (change(c, {1: {"id": "s0_0"}}), "ids", "fault", "s0_0"),
    "label": lambda c, f: (change(c, {9: {"label": "cross"}}), "labels", "fault", "s0_9"),
    "rating": lambda c, f: (change(c, {9: {"ratings": {"valence": 3.0}}}), "labels", "fault", "s0_9"),
    "shares": lambda c, f: (change(c, {9: {"shares": {"glad": 0.4}}}), "labels", "fault", "s0_9"),
    "no length": lambda c, f: (change(c, {9: {"end_s": 18.0}}), "times", "fault", "s0_9"),
    "backwards": lambda c, f: (change(c, {9: {"end_s": 17.0}}), "times", "fault", "s0_9"),
    "long": lambda c, f: (change(c, {9: {"end_s": 99.0}}), "times", "warning", "s0_9"),
    "order": lambda c, f: (change(c, {9: {"start_s": 1.0, "end_s": 2.0}}), "times", "note", "s0_9"),
    "nan": lambda c, f: (
        change(c, {9: {"vectors": {"video": np.full(12, np.nan, np.float32)}}}), "vectors", "fault", "s0_9",
    ),
    "zeros": lambda c, f: (
        change(c, {9: {"vectors": {"video": np.zeros(12, np.float32)}}}), "vectors", "note", "s0_9",
    ),
    "constant": lambda c, f: (constant_column(c), "vectors", "warning", "3"),
    "fitted": lambda c, f: (fitted_vectors(c), "fitted features", "leak", "video"),
    "missing": lambda c, f: (change(c, {0: {"media": f / "gone.wav"}}), "media", "fault", "s0_0"),
    "broken": lambda c, f: (change(c, {0: {"media": broken(f)}}), "media", "fault", "s0_0"),
    "silent": lambda c, f: (change(c, {0: {"media": wav(f, np.zeros(16000))}}), "media", "fault", "s0_0"),
    "short": lambda c, f: (
        change(c, {0: {"media": wav(f, 0.3 * np.sin(np.arange(1600)))}}), "media", "warning", "s0_0",
    ),
    "past the end": lambda c, f: (change(c, {0: {"start_s": 0.0, "end_s": 4.0}}), "media", "fault", "s0_0"),
    "same sound, other split": lambda c, f: (
        change(c, {LAST - 7: {"media": c.clips[0].media, "start_s": None, "end_s": None}}), "shared media", "leak",
        "s0_0",
    ),
    "same picture, other label": lambda c, f: (
        change(c, {LAST: {"media": c.clips[-2].media}}), "conflicting labels", "fault", c.clips[-2].id,
    ),
    "near picture": lambda c, f: (
        change(c, {LAST: {"media": brighter(f, c)}}), "near duplicates", "note", c.clips[-6].id,
    ),
    "near sound": lambda c, f: (change(c, {1: {"media": louder(f, c)}}), "near duplicates", "note", "s0_0"),
}  # fmt: skip


def test_nothing_is_found_on_a_clean_corpus(folder):
    report = audit(clean(folder))
    assert report.findings == () and not report.failed and report.skipped == {}
    assert set(report.checked) == set(CHECKS) - {"faces"}
    assert verdict_line(report).startswith("audit: nothing found by groups")


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_fault_is_found(kind, folder):
    corpus, check, severity, named = PLANTED[kind](clean(folder), folder)
    report = audit(corpus)
    found = [one for one in report.findings if one.check == check]
    assert [one.severity for one in found] == [severity], report.findings
    assert named in found[0].message or named in json.dumps(found[0].evidence)
    # What else is said is a consequence of the same change, never another leak or fault.
    others = [one for one in report.findings if one.check != check and one.severity in ("leak", "fault")]
    assert not others, others
    assert report.failed == (severity in ("leak", "fault"))
    assert json.loads(json.dumps(report.to_dict()))["failed"] == report.failed


def test_a_split_of_ones_own_is_judged(folder):
    corpus = clean(folder)
    clean_split = group_folds(corpus, by="speaker")
    assert audit_split(corpus, clean_split).findings == ()
    ids = [clip.id for clip in corpus.clips]
    mixed = Split(tuple(ids[::2]), (), tuple(ids[1::2]), "every other clip")
    report = audit_split(corpus, mixed)
    assert {one.check for one in report.findings if one.severity == "leak"} == {
        "shared speaker", "shared dialogue", "shared source",
    }  # fmt: skip
    assert "18 of 18 speakers" in verdict_line(report)


def test_a_split_of_fifty_thousand_clips_is_judged_at_once():
    import time

    clips = tuple(
        Clip(id=str(n), text=f"this is what clip number {n} has to say", label="glad", speaker=f"s{n % 500}",
             split=("train", "test")[n % 2])
        for n in range(50_000)
    )  # fmt: skip
    start = time.perf_counter()
    report = audit_split(Corpus("many", clips, TASK), Split((), (), (), "none"))
    assert time.perf_counter() - start < 3.0
    assert not report.failed


def test_probe_is_quiet_where_features_are_honest_but_strong(folder):
    generator = np.random.default_rng(3)
    corpus = clean(folder)
    changes = {}
    for place, clip in enumerate(corpus.clips):
        drawn = generator.normal(size=12).astype(np.float32)
        drawn[0] += 4.0 if clip.label == "glad" else -4.0
        changes[place] = {"vectors": {"video": drawn}}
    assert audit(change(corpus, changes), checks=["fitted"]).findings == ()


def test_sentences_said_by_all_are_noted_once():
    clips = tuple(
        Clip(id=f"{s}{n}", text=("kids talk by the door now", "dogs sit by the door now")[n % 2], speaker=f"s{s}",
             split=("train", "test")[s % 2])
        for s in range(6) for n in range(8)
    )  # fmt: skip
    (found,) = audit(Corpus("script", clips, TaskSpec(labels=("glad",))), checks=["texts"]).findings
    assert found.severity == "warning" and "2 sentences, 2 of them said by all 6 speakers" in found.message


def test_missing_faces_are_looked_for_on_demand(folder):
    corpus = clean(folder)
    pictures = corpus.with_clips(corpus.clips[-6:])
    (found,) = audit(pictures, checks=["faces"]).findings
    assert found.count == 6 and found.severity == "warning"


def test_an_unknown_check_is_refused(folder):
    with pytest.raises(UnknownNameError, match="texts"):
        audit(clean(folder), checks=["text"])


@pytest.mark.parametrize("pictures", [False, True])
def test_what_cannot_be_read_is_a_fault_and_not_passed_over(folder, pictures):
    drawn = np.random.default_rng(0).integers(0, 255, (6, 5, 4), dtype=np.uint8)
    clips = tuple(
        Clip(id=str(n), label="glad", media=Picture(one))
        if pictures
        else Clip(id=str(n), vectors={"a": one})
        for n, one in enumerate(drawn)
    )
    write_store(Corpus("toy", clips, TASK), folder / "store")
    corpus = read_packed(folder / "store")
    (folder / "store" / "shard-00000.safetensors").write_bytes(b"")
    report = audit(corpus)
    faults = [one.message for one in report.findings if one.severity == "fault"]
    assert report.failed and any("shard-00000.safetensors" in told for told in faults)
    lacking = {"vectors", "fitted"} if pictures else {"media", "duplicates"}
    assert set(report.skipped) == lacking, "nothing to check is no fault"


def test_a_package_that_is_not_there_is_named_as_a_reason(folder, monkeypatch):
    def without(given):
        raise MissingExtraError('install "emofuse[x]"')

    monkeypatch.setattr("emofuse.audit.times.time_faults", without)
    report = audit(clean(folder), checks=["times", "groups"])
    assert report.skipped == {"times": 'install "emofuse[x]"'} and report.checked == ("groups",)
    assert not report.failed
