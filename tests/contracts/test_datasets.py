"""What every entry of DATASETS must hold, on a tiny copy in the published layout."""

import io
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from emofuse.datasets import DATASETS, load_corpus, terms
from emofuse.datasets.exports import export_corpus
from emofuse.datasets.packed import write_store
from emofuse.errors import ConfigError, DatasetError, UnknownNameError
from emofuse.types import ArchiveMember, Clip, Corpus, TaskSpec


def _sound(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(1600, dtype=np.float32), 16000)


def _lines(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _jpeg(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (48, 48), shade).save(buffer, "JPEG")
    return buffer.getvalue()


def _ravdess(root: Path) -> Path:
    _sound(root / "Actor_01" / "03-01-05-02-01-01-01.wav")
    _sound(root / "Actor_02" / "03-01-01-01-02-01-02.flac")
    return root


def _emodb(root: Path) -> Path:
    _sound(root / "wav" / "03a01Fa.wav")
    _sound(root / "wav" / "08b10Wc.flac")
    return root


def _fer2013(root: Path) -> Path:
    with tarfile.open(root / "fer2013.tar", "w") as archive:
        for shade, name in enumerate(("train/happy/Training_1.jpg", "validation/sad/PublicTest_2.jpg")):
            content = _jpeg(40 * shade)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return root


def _goemotions(root: Path) -> Path:
    _lines(root / "ekman" / "labels.txt", "anger", "joy")
    for name in ("train", "dev", "test"):
        _lines(root / "ekman" / f"{name}.tsv", f'a "quoted comment\t0,1\t{name}1', f"another\t1\t{name}2")
    return root


def _emobank(root: Path) -> Path:
    rows = ('a_1,train,3.0,5,1,"So, what?"', "a_2,dev,2,3,3,Well.", "b_1,test,4,3,3,Yes.")
    _lines(root / "emobank.csv", "id,split,V,A,D,text", *rows)
    return root


def _meld(root: Path) -> Path:
    header = (
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
        "StartTime,EndTime"
    )
    for name in ("train", "dev", "test"):
        row = '1,"Oh, no.",Ross,sadness,negative,0,0,4,7,"00:01:00,500","00:01:02,000"'
        _lines(root / f"{name}_sent_emo.csv", header, row)
    return root


def _listed(root: Path) -> Path:
    _sound(root / "one.wav")
    _lines(root / "clips.csv", "media,text,label", "one.wav,I am glad,joy", ",so sad,sadness")
    return root / "clips.csv"


def _mmsa(root: Path) -> Path:
    splits = {}
    for count, split in ((3, "train"), (2, "valid"), (2, "test")):
        splits[split] = {
            "id": [f"{split}vid$_${index}" for index in range(count)],
            "raw_text": ["SO GOOD"] * count,
            "text": np.ones((count, 4, 3), np.float32),
            "audio": np.ones((count, 6, 2), np.float32),
            "vision": np.ones((count, 5, 2), np.float32),
            "audio_lengths": [6] * count,
            "vision_lengths": [5] * count,
            "annotations": ["Positive"] * count,
            "regression_labels": np.full(count, 1.5),
        }
    (root / "unaligned_50.pkl").write_bytes(pickle.dumps(splits))
    return root


def _mult(root: Path) -> Path:
    splits = {
        split: {
            "vision": np.ones((2, 4, 3), np.float32),
            "audio": np.ones((2, 4, 2), np.float32),
            "text": np.ones((2, 4, 5), np.float32),
            "labels": np.full((2, 1, 1), -1.5),
            "id": np.array(
                [[f"{split}vid".encode(), b"0.5", b"2.0"], [f"{split}vid".encode(), b"2.0", b"3.5"]]
            ),
        }
        for split in ("train", "valid", "test")
    }
    (root / "mosi_data.pkl").write_bytes(pickle.dumps(splits))
    return root


def _erc_pickle(root: Path) -> Path:
    dialogues = ("Ses01F_impro01", "Ses05F_impro01")

    def each(value):
        return {name: [value(name, turn) for turn in range(2)] for name in dialogues}

    vectors = [each(lambda *_: np.ones(4, np.float32)) for _ in range(3)]
    content = (
        each(lambda name, turn: f"{name}_F00{turn}"),
        each(lambda *_: "F"),
        each(lambda *_: 2),
        *vectors,
        each(lambda *_: "Excuse me."),
        [dialogues[0]],
        [dialogues[1]],
    )
    (root / "IEMOCAP_features.pkl").write_bytes(pickle.dumps(content, 2))
    return root


def _data_processed(root: Path) -> Path:
    frame = pd.DataFrame(
        {
            "emotion": ["neu", "ang"],
            "path": [f"Session1/Ses01F_impro01/Ses01F_impro01_F00{turn}.wav" for turn in range(2)],
            "spk": ["F1", "F1"],
            "trans_words": [["<s>", "Excuse", "me", "</s>"], ["<s>", "++LAUGHTER++", "no", "</s>"]],
            "features": [np.ones((5, 65), np.float32), np.ones((7, 65), np.float32)],
        }
    )
    frame.to_pickle(root / "data_processed.pkl")
    return root


def _merbench(root: Path) -> Path:
    corpora = {
        f"{split}_corpus": {f"sample_{split}": {"emo": 1, "val": -2.5}}
        for split in ("train", "val", "test")
    }
    np.savez(root / "label-6way.npz", **corpora)
    _lines(
        root / "transcription-engchi-polish.csv",
        "name,english",
        *(f"sample_{s},no" for s in ("train", "val", "test")),
    )
    return root


def _csd(root: Path) -> Path:
    segments = np.array([[0.0, 1.0], [1.0, 2.0]])
    for name, features in (
        ("CMU_MOSI_Opinion_Labels", np.array([[1.2], [-2.0]])),
        ("CMU_MOSI_COVAREP", np.ones((2, 3), np.float32)),
    ):
        with h5py.File(root / f"{name}.csd", "w") as file:
            file[f"{name}/data/abc/features"] = features
            file[f"{name}/data/abc/intervals"] = segments
    return root


def _openface_csv(root: Path) -> Path:
    header = "frame, face_id, timestamp, confidence, success, gaze_0_x, AU01_r, AU01_c"
    for label in ("joy", "anger"):
        _lines(
            root / label / "one.csv",
            header,
            "1, 0, 0.0, 0.98, 1, 0.1, 1.5, 1",
            "2, 0, 0.04, 0.2, 0, 0, 0, 0",
        )
    return root


def _opensmile(root: Path) -> Path:
    attributes = (
        "@relation emotion",
        "@attribute name string",
        "@attribute F0 numeric",
        "@attribute class {a,b}",
    )
    _lines(root / "features.arff", *attributes, "@data", "'one.wav',1.5,a", "'two.wav',2.5,b")
    return root


def _mosi(root: Path) -> Path:
    count = 6
    np.savez(
        root / "mosi_utterances.npz",
        id=np.array([f"v{n // 2}_{n}" for n in range(count)]),
        video=np.array([f"v{n // 2}" for n in range(count)]),
        turn=np.arange(count),
        split=np.array(["train"] * 4 + ["test"] * 2),
        standard_split=np.array(["train", "train", "valid", "valid", "test", "test"]),
        transcript=np.array(["SO GOOD"] * count),
        text=np.ones((count, 4), np.float32),
        audio=np.ones((count, 3), np.float32),
        video_features=np.ones((count, 5), np.float32),
        sentiment=np.linspace(-3, 3, count).astype(np.float32),
    )
    return root


def _mosei(root: Path) -> Path:
    for split in ("train", "valid", "test"):
        row = f"{split}vid\t1.5\t3.25\t0.6666\t4\tSo it is."
        _lines(root / f"{split}.tsv", "vid\tstart\tstop\tlabel\tcid\ttext", row)
    return root


def _ch_sims(root: Path) -> Path:
    rows = (
        f"video_0001_000{n},{split},{n / 10},so,thus" for n, split in enumerate(("train", "valid", "test"))
    )
    _lines(root / "ch_sims.csv", "id,split,label,chinese,english", *rows)
    return root


def _mmsa_folder(root: Path) -> Path:
    header = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode"
    _lines(
        root / "label.csv",
        header,
        "v1,0001,hello,0.4,0.2,,-1.0,Positive,train",
        "v1,0002,no,-0.6,,,,Negative,test",
    )
    _sound(root / "Raw" / "v1" / "0001.wav")
    return root


def _iemocap(root: Path) -> Path:
    name = "Ses01F_impro01"
    session = root / "IEMOCAP_full_release" / "Session1"
    _lines(
        session / "dialog" / "EmoEvaluation" / f"{name}.txt",
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]",
        "",
        f"[6.2901 - 8.2357]\t{name}_F000\tneu\t[2.5000, 2.5000, 2.5000]",
        "C-E2:\tNeutral;\t()",
        "A-E3:\tval 3; act 2; dom  2;\t()",
        "",
        f"[10.0100 - 11.3925]\t{name}_M000\texc\t[4.0000, 3.5000, 3.0000]",
        "C-E2:\tExcited; Happiness;\t()",
        "",
    )
    _lines(
        session / "dialog" / "transcriptions" / f"{name}.txt",
        f"{name}_F000 [006.2901-008.2357]: Excuse me.",
        "M: breathing",
        f"{name}_M000 [010.0100-011.3925]: Yeah.",
    )
    for turn in ("F000", "M000"):
        _sound(session / "sentences" / "wav" / name / f"{name}_{turn}.wav")
    return root


def _emorynlp(root: Path) -> Path:
    header = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time"
    for name in ("train", "dev", "test"):
        row = "\"Yeah, right!\",['Joey Tribbiani'],Neutral,1,2,1,2,00:00:04.504,00:00:07.548"
        _lines(root / f"emorynlp_{name}_final.csv", header, row)
    return root


def _dailydialog(root: Path) -> Path:
    import json

    for split in ("train", "valid", "test"):
        turns = [
            {"turn": 1, "speaker": "A", "utterance": "Hey !", "emotion": "happiness",
             "expanded emotion cause evidence": [1], "expanded emotion cause span": ["Hey"]},
            {"turn": 2, "speaker": "B", "utterance": "Yes .", "emotion": "neutral"},
        ]  # fmt: skip
        (root / f"dailydialog_{split}.json").write_text(
            json.dumps({f"{split}_1": [turns]}), encoding="utf-8"
        )
    return root


def _crema_d(root: Path) -> Path:
    _sound(root / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    _sound(root / "AudioWAV" / "1002_IEO_HAP_HI.wav")
    return root


def _savee(root: Path) -> Path:
    _sound(root / "AudioData" / "DC" / "a01.wav")
    _sound(root / "AudioData" / "KL" / "su15.wav")
    return root


def _tess(root: Path) -> Path:
    _sound(root / "OAF_angry" / "OAF_back_angry.wav")
    _sound(root / "YAF_pleasant_surprised" / "YAF_back_ps.wav")
    return root


def _ck_plus(root: Path) -> Path:
    for label, name in (("anger", "S010_004_00000017"), ("happy", "S011_006_00000013")):
        (root / label).mkdir(parents=True)
        Image.new("L", (48, 48)).save(root / label / f"{name}.png")
    return root


def _affectnet(root: Path) -> Path:
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    for split in ("training", "validation"):
        (root / "Manually_Annotated_Images" / "1").mkdir(parents=True, exist_ok=True)
        (root / "Manually_Annotated_Images" / "1" / f"{split}.jpg").write_bytes(_jpeg(9))
        row = f"1/{split}.jpg,0,0,9,9,1;2,1,0.5,-0.25"
        _lines(root / f"{split}.csv", header, row, f"1/none_{split}.jpg,0,0,9,9,1;2,8,-2,-2")
    return root


def _emoreact(root: Path) -> Path:
    for name, folder in (("train", "Train"), ("val", "Validation"), ("test", "Test")):
        (root / "Data" / folder).mkdir(parents=True)
        for number in (1, 2):
            (root / "Data" / folder / f"KIMCHI{number}_2.mp4").touch()
        _lines(root / "Labels" / f"{name}_names.txt", "'KIMCHI1_2.mp4'", "'KIMCHI2_2.mp4'")
        _lines(root / "Labels" / f"{name}_labels.text", "1,0,0,1,0,0,0,0,5.33", "0,0,0,0,0,0,0,0,4")
    return root


def _common_voice(root: Path) -> Path:
    folder = root / "cv-corpus-17.0-2024-03-15" / "en"
    header = "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents"
    header += " variant locale segment"
    for split in ("train", "dev", "test"):
        name = f"common_voice_en_{split}.mp3"
        row = (
            "f00d",
            name,
            "5a",
            'He said "no.',
            "",
            "2",
            "0",
            "twenties",
            "female_feminine",
            "",
            "",
            "en",
            "",
        )
        _lines(folder / f"{split}.tsv", "\t".join(header.split()), "\t".join(row))
        (folder / "clips").mkdir(exist_ok=True)
        (folder / "clips" / name).touch()
    return root


def _toy() -> Corpus:
    clips = (
        Clip(id="a", text="I am glad", label="joy", ratings={"valence": 0.5}, split="train"),
        Clip(id="b", text="so sad", label="sadness", split="test"),
    )
    notes = ("consent: none is needed",)
    return Corpus("packed", clips, TaskSpec(("joy", "sadness"), ("valence",)), "Who", "free", notes)


def _packed(root: Path) -> Path:
    write_store(_toy(), root / "store")
    return root / "store"


def _huggingface(root: Path) -> Path:
    # The folder keeps the name of its corpus.
    export_corpus(replace(_toy(), name="huggingface"), "huggingface", root / "out")
    return root / "out"


# Corpora that are published without labels.
UNLABELLED = {"common_voice"}
FIXTURES = {
    "emoreact": _emoreact,
    "common_voice": _common_voice,
    "mosi": _mosi,
    "mosei": _mosei,
    "ch_sims": _ch_sims,
    "mmsa_folder": _mmsa_folder,
    "iemocap": _iemocap,
    "emorynlp": _emorynlp,
    "dailydialog": _dailydialog,
    "crema_d": _crema_d,
    "savee": _savee,
    "tess": _tess,
    "ck_plus": _ck_plus,
    "affectnet": _affectnet,
    "packed": _packed,
    "huggingface": _huggingface,
    "ravdess": _ravdess,
    "emodb": _emodb,
    "fer2013": _fer2013,
    "goemotions": _goemotions,
    "emobank": _emobank,
    "meld": _meld,
    "mmsa": _mmsa,
    "mult": _mult,
    "erc_pickle": _erc_pickle,
    "data_processed": _data_processed,
    "merbench": _merbench,
    "csd": _csd,
    "openface_csv": _openface_csv,
    "opensmile": _opensmile,
    "listed": _listed,
}
OPTIONS = {
    "ravdess": "chanel",
    "fer2013": "duplicate",
    "goemotions": "label",
    "meld": "tasks",
}


def test_every_dataset_has_a_fixture_and_a_description():
    own = {name for name, entry in DATASETS.items() if entry.place.startswith("emofuse.")}
    assert own == set(FIXTURES)
    assert all(DATASETS[name].about for name in own)


@pytest.mark.parametrize("name", FIXTURES)
def test_terms_are_stated_without_reading_anything(name):
    stated = terms(name)
    assert all(stated)
    assert name == "packed" or stated.consent.startswith("consent")


@pytest.mark.parametrize("name", FIXTURES)
def test_published_layout_loads(name, tmp_path):
    corpus = load_corpus(name, FIXTURES[name](tmp_path))
    assert corpus.name == name
    assert len(corpus.clips) >= 2
    assert len({clip.id for clip in corpus.clips}) == len(corpus.clips)
    assert corpus.citation and corpus.licence
    assert any(note.startswith("consent") for note in corpus.notes)
    assert corpus.task.metrics


@pytest.mark.parametrize("name", FIXTURES)
def test_targets_are_of_the_task(name, tmp_path):
    corpus = load_corpus(name, str(FIXTURES[name](tmp_path)))
    labels, ratings = set(corpus.task.labels), set(corpus.task.ratings)
    assert bool(labels or ratings) == (name not in UNLABELLED)
    low, high = corpus.task.rating_range
    for clip in corpus.clips:
        assert clip.label is None or clip.label in labels
        assert set(clip.shares) <= labels
        assert not clip.shares or sum(clip.shares.values()) == pytest.approx(1)
        assert set(clip.ratings) <= ratings
        assert all(low <= value <= high for value in clip.ratings.values())
        assert clip.label or clip.shares or clip.ratings or name in UNLABELLED
        assert clip.split in (None, "train", "valid", "test")


@pytest.mark.parametrize("name", FIXTURES)
def test_media_is_there_to_read(name, tmp_path):
    for clip in load_corpus(name, FIXTURES[name](tmp_path)).clips:
        assert clip.media is not None or clip.text or clip.vectors
        if isinstance(clip.media, Path):
            assert clip.media.is_file()
        if isinstance(clip.media, ArchiveMember):
            assert Image.open(io.BytesIO(clip.media.read())).size == (48, 48)


@pytest.mark.parametrize("name", FIXTURES)
def test_reading_twice_gives_the_same_order(name, tmp_path):
    path = FIXTURES[name](tmp_path)
    once, again = load_corpus(name, path), load_corpus(name, path)
    assert [clip.id for clip in once.clips] == [clip.id for clip in again.clips]


@pytest.mark.parametrize("name", FIXTURES)
def test_absent_path_is_a_dataset_error(name, tmp_path):
    with pytest.raises(DatasetError, match="nowhere"):
        load_corpus(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", FIXTURES)
def test_empty_folder_is_a_dataset_error(name, tmp_path):
    with pytest.raises(DatasetError, match=str(tmp_path)):
        load_corpus(name, tmp_path)


@pytest.mark.parametrize("name", FIXTURES)
def test_unknown_option_is_a_config_error(name, tmp_path):
    with pytest.raises(ConfigError, match="no option 'zzz'"):
        load_corpus(name, FIXTURES[name](tmp_path), zzz=1)


@pytest.mark.parametrize(("name", "wrong"), OPTIONS.items())
def test_unknown_option_names_the_nearest(name, wrong, tmp_path):
    with pytest.raises(ConfigError, match=r"did you mean '\w+'"):
        load_corpus(name, FIXTURES[name](tmp_path), **{wrong: "x"})


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("ravdess", "channel"),
        ("ravdess", "modality"),
        ("fer2013", "duplicates"),
        ("goemotions", "labels"),
        ("meld", "task"),
        ("meld", "variant"),
        ("common_voice", "parts"),
        ("crema_d", "target"),
        ("iemocap", "media"),
    ],
)
def test_option_with_an_unknown_value_names_the_known_ones(name, option, tmp_path):
    with pytest.raises(ConfigError, match=f"{option} is 7, wanted one of"):
        load_corpus(name, FIXTURES[name](tmp_path), **{option: 7})


def test_unknown_dataset_names_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="goemotions"):
        load_corpus("goemotion", tmp_path)


def test_repeated_id_is_a_dataset_error(tmp_path):
    _emobank(tmp_path)
    with (tmp_path / "emobank.csv").open("a") as file:
        file.write("a_1,train,3,3,3,again\n")
    with pytest.raises(DatasetError, match="a_1"):
        load_corpus("emobank", tmp_path)


@pytest.mark.parametrize("name", FIXTURES)
def test_file_of_another_kind_is_a_dataset_error(name, tmp_path):
    path = tmp_path / "face.jpg"
    path.write_bytes(_jpeg(9))
    with pytest.raises(DatasetError, match=r"face\.jpg"):
        load_corpus(name, path)
