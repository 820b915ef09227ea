"""From a configuration to a run folder, on tones that are high where they are glad and low where sad."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emofuse.config import load_config
from emofuse.errors import (
    BundleError,
    ConfigError,
    DatasetError,
    FeatureError,
    OutputError,
    UnknownNameError,
)
from emofuse.experiment import evaluate_run, extract, load, run
from emofuse.inference.bundle import Bundle
from emofuse.inference.runs import read_predictions
from emofuse.types import Clip, Corpus, TaskSpec

RATE = 16000
FILES = {
    "config.toml", "environment.json", "data.json", "split.json", "history.csv", "bundle.toml", "metrics.json",
    "predictions_valid.csv", "predictions_test.csv", "confusion.png", "losses.png", "reliability.png", "card.md",
}  # fmt: skip
RECIPE = """
name = "tones"
about = "High and low tones."
[[datasets]]
name = "listed"
path = "{path}"
[features.audio]
name = "log_mel"
bands = 8
hop_s = 0.02
normalise = "train"
[model]
name = "composed"
encoders.audio.name = "mean"
encoders.audio.out_dim = 4
[training]
epochs = 2
batch_size = 6
learning_rate = 0.05
device = "cpu"
[evaluation]
resamples = 20
"""


def tone(path: Path, *, high: bool, seed: int) -> None:
    import soundfile

    generator = np.random.default_rng(seed)
    hertz = (1500 if high else 200) * generator.uniform(0.9, 1.1)
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(RATE // 4) / RATE) + 0.01 * generator.normal(
        size=RATE // 4
    )
    soundfile.write(path, samples.astype(np.float32), RATE)


def corpus_rows(folder: Path) -> list[dict[str, str]]:
    """Three clips a label and speaker, two speakers a split; the files are made beside."""
    rows = []
    for place, split in enumerate(("train", "valid", "test")):
        for speaker in range(2):
            for take in range(3):
                for label in ("glad", "sad"):
                    name = f"{split}_{speaker}_{take}_{label}.wav"
                    tone(folder / name, high=label == "glad", seed=100 * place + 10 * speaker + take)
                    valence = f"{(0.5 if label == 'glad' else -0.5) + 0.1 * take:.1f}"
                    rows.append(
                        {
                            "media": name,
                            "label": label,
                            "speaker": f"{split}{speaker}",
                            "split": split,
                            "valence": valence,
                        }
                    )
    return rows


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_recipe(folder: Path, table: Path) -> Path:
    path = folder / "tones.toml"
    path.write_text(RECIPE.format(path=table.as_posix()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the clips, their table of labels and a recipe."""
    folder = tmp_path_factory.mktemp("tones")
    rows = [{key: value for key, value in row.items() if key != "valence"} for row in corpus_rows(folder)]
    write_recipe(folder, write_rows(folder / "clips.csv", rows))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("EMOFUSE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOFUSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        return run(place / "tones.toml", out=place / "run")


def weights_of(folder: Path) -> str:
    return hashlib.sha256((folder / "audio/weights.safetensors").read_bytes()).hexdigest()


def history_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_folder_holds_everything(finished):
    found = {path.name for path in finished.folder.iterdir()}
    assert found == FILES | {"audio"}
    for name in ("confusion.png", "losses.png", "reliability.png"):
        assert (finished.folder / name).read_bytes().startswith(b"\x89PNG")


def test_its_numbers_are_those_of_the_run(finished):
    assert set(finished.reports) == {"valid", "test"}
    assert {score.metric for score in finished.reports["test"].scores} == {
        "uar",
        "accuracy",
        "weighted_f1",
        "macro_f1",
    }
    assert finished.reports["test"].n == 12 and finished.reports["test"].groups == 2
    assert finished.reports["test"].scores[0].value > 0.9
    summary = json.loads((finished.folder / "metrics.json").read_text())
    assert summary["best_epoch"] == finished.best_epoch and summary["protocol"] == "official"
    for role, report in finished.reports.items():
        assert summary[role]["n"] == report.n
        assert summary[role]["scores"]["uar"]["value"] == report.scores[0].value
    history = history_of(finished.folder)
    assert [row["epoch"] for row in history] == ["0.0", "1.0"]
    assert float(history[finished.best_epoch]["valid_uar"]) == pytest.approx(
        finished.reports["valid"].scores[0].value
    )


def test_what_went_in_is_written_down(finished, place):
    split = json.loads((finished.folder / "split.json").read_text())
    assert [len(split[role]) for role in ("train", "valid", "test")] == [12, 12, 12]
    assert all(name.startswith("test_") for name in split["test"])
    environment = json.loads((finished.folder / "environment.json").read_text())
    assert environment["seed"] == 0 and environment["libraries"]["torch"]
    data = json.loads((finished.folder / "data.json").read_text())
    assert data["clips"] == 36 and len(data["sha256"]) == 64
    assert load_config(finished.folder / "config.toml") == load_config(place / "tones.toml")
    card = (finished.folder / "card.md").read_text()
    assert "High and low tones" in card and "uar" in card.lower()


def test_predictions_are_kept_clip_by_clip(finished):
    made = read_predictions(finished.folder)["test"]
    assert len(made.ids) == 12 and made.task.labels == ("glad", "sad")
    assert made.probabilities.sum(axis=1) == pytest.approx(np.ones(12))
    assert made.truth[made.ids.index("test_0_0_glad")].tolist() == [1, 0]
    assert set(made.groups) == {"test0", "test1"}
    hits = (made.probabilities.argmax(axis=1) == made.truth.argmax(axis=1)).mean()
    assert hits == pytest.approx(
        next(s.value for s in finished.reports["test"].scores if s.metric == "accuracy")
    )


def test_scoring_anew_gives_the_same_scores(finished):
    again = evaluate_run(finished.folder)
    for role, report in finished.reports.items():
        assert again[role].interval == report.interval and np.array_equal(
            again[role].confusion, report.confusion
        )
        for one, other in zip(again[role].scores, report.scores, strict=True):
            assert one.metric == other.metric
            assert (one.value, one.low, one.high) == pytest.approx(
                (other.value, other.low, other.high), nan_ok=True
            )


def test_the_run_is_a_bundle_that_works_from_raw_features(finished, place):
    from emofuse.features.media import read_audio

    expert = Bundle.load(finished.folder).experts[0]
    signal = read_audio(place / "test_0_0_glad.wav", rate=RATE)
    said = expert.predict([{"audio": expert.extractors["audio"](signal)}])
    stored = read_predictions(finished.folder)["test"]
    assert said.probabilities[0] == pytest.approx(
        stored.probabilities[stored.ids.index("test_0_0_glad")], abs=1e-5
    )


def test_test_labels_do_not_touch_the_model(finished, place, tmp_path):
    with (place / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    turn = {"glad": "sad", "sad": "glad"}
    garbled = [{**row, "label": turn[row["label"]]} if row["split"] == "test" else row for row in rows]
    table = write_rows(place / "garbled.csv", garbled)
    other = run(write_recipe(tmp_path, table), out=tmp_path / "run")
    assert weights_of(other.folder) == weights_of(finished.folder)
    assert (other.folder / "history.csv").read_bytes() == (finished.folder / "history.csv").read_bytes()
    assert other.reports["test"].scores[0].value < 0.1
    manifests = [(one.folder / "bundle.toml").read_text().split("[files]")[0] for one in (other, finished)]
    assert manifests[0] == manifests[1]


def test_the_same_recipe_gives_the_same_weights_and_another_seed_does_not(finished, place, tmp_path):
    again = run(load_config(place / "tones.toml"), out=tmp_path / "again")
    assert weights_of(again.folder) == weights_of(finished.folder)
    other = run(place / "tones.toml", ["seed=1"], out=tmp_path / "other")
    assert weights_of(other.folder) != weights_of(finished.folder)


def test_a_run_that_was_cut_off_ends_as_an_undisturbed_one(finished, place, tmp_path):
    def break_off(stage, done):
        if stage.startswith("epoch 1"):
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(place / "tones.toml", out=out, progress=break_off)
    assert (out / "state.pt").is_file()
    with pytest.raises(ConfigError, match="unfinished"):
        evaluate_run(out)
    stages = []
    run(place / "tones.toml", out=out, progress=lambda stage, done: stages.append(stage))
    assert not [stage for stage in stages if stage.startswith("epoch 1")]
    assert weights_of(out) == weights_of(finished.folder)
    assert (out / "history.csv").read_bytes() == (finished.folder / "history.csv").read_bytes()
    assert {path.name for path in out.iterdir()} == FILES | {"audio"}


def test_a_run_does_not_go_on_with_other_data(place, tmp_path):
    rows = [{key: value for key, value in row.items() if key != "valence"} for row in corpus_rows(tmp_path)]
    path = write_recipe(tmp_path, write_rows(tmp_path / "clips.csv", rows))

    def break_off(stage, done):
        if stage.startswith("epoch 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(path, out=tmp_path / "run", progress=break_off)
    tone(tmp_path / rows[0]["media"], high=False, seed=999)
    with pytest.raises(ConfigError, match="data"):
        run(path, out=tmp_path / "run")
    (tmp_path / "run" / ".state.pt.abc").write_bytes(b"a write that was cut off")
    done = run(path, out=tmp_path / "run", fresh=True)
    assert not list(done.folder.glob("*state*"))


KILLED = """
import os, signal, sys
from pathlib import Path
from emofuse.experiment import run

def die(stage, done):
    if stage.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

run(sys.argv[1], out=Path(sys.argv[2]), progress=die)
"""


@pytest.mark.parametrize("stage", ["features", "epoch 1"])
def test_a_run_that_was_killed_ends_as_an_undisturbed_one(finished, place, tmp_path, stage):
    out = tmp_path / "run"
    given = [sys.executable, "-c", KILLED, str(place / "tones.toml"), str(out), stage]
    environment = os.environ | {"EMOFUSE_CACHE": str(tmp_path / "cache")}
    assert subprocess.run(given, timeout=120, check=False, env=environment).returncode == -signal.SIGKILL
    run(place / "tones.toml", out=out)
    assert weights_of(out) == weights_of(finished.folder)


def test_a_second_run_calls_no_extractor(finished, place, tmp_path, monkeypatch):
    monkeypatch.setattr("emofuse.features.mel.LogMel.__call__", lambda *given: pytest.fail("extracted"))
    run(place / "tones.toml", out=tmp_path / "run")


def test_a_folder_of_another_configuration_is_refused(finished, place):
    before = weights_of(finished.folder)
    with pytest.raises(ConfigError, match="another configuration"):
        run(place / "tones.toml", ["training.epochs=3"], out=finished.folder)
    assert weights_of(finished.folder) == before


def test_beginning_afresh_replaces_a_run_and_nothing_else(place, tmp_path):
    out = tmp_path / "run"
    run(place / "tones.toml", ["training.epochs=1"], out=out)
    assert len(history_of(run(place / "tones.toml", out=out, fresh=True).folder)) == 2
    (out / "thesis.docx").write_text("years of work")
    with pytest.raises(ConfigError, match="thesis"):
        run(place / "tones.toml", out=out, fresh=True)
    assert (out / "thesis.docx").is_file() and (out / "bundle.toml").is_file()


def test_a_folder_that_is_no_run_is_left_alone(place, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        run(place / "tones.toml", out=tmp_path)
    with pytest.raises(ConfigError, match="no run"):
        evaluate_run(tmp_path)
    with pytest.raises((OutputError, ConfigError)):
        run(place / "tones.toml", out=tmp_path / "notes.txt" / "run")


def test_ratings_alone_go_all_the_way(place, tmp_path):
    from dataclasses import replace

    rows = [{k: v for k, v in row.items() if k != "label"} for row in corpus_rows(tmp_path)]
    path = write_recipe(tmp_path, write_rows(tmp_path / "rated.csv", rows))
    done = run(path, out=tmp_path / "run")
    assert {score.metric for score in done.reports["test"].scores} == {
        "ccc/valence",
        "pearson/valence",
        "mae/valence",
    }
    assert {"confusion.png", "reliability.png"} & {one.name for one in done.folder.iterdir()} == set()
    again = evaluate_run(done.folder)
    assert [score.metric for score in again["test"].scores] == [
        score.metric for score in done.reports["test"].scores
    ]
    bundle = Bundle.load(done.folder)
    assert bundle.pool is None and bundle.labels == ()
    stored = read_predictions(done.folder)["test"]
    assert stored.ratings.shape == (12, 1) and stored.probabilities.shape == (12, 0)
    assert replace(stored.task, metrics=()) == TaskSpec(ratings=("valence",), metrics=())
    with pytest.raises(ConfigError, match="uar"):
        run(path, ["training.watch=uar"], out=tmp_path / "other")


def test_labels_and_ratings_together(tmp_path):
    path = write_recipe(tmp_path, write_rows(tmp_path / "both.csv", corpus_rows(tmp_path)))
    done = run(path, out=tmp_path / "run")
    assert {"uar", "ccc/valence"} <= {score.metric for score in done.reports["test"].scores}


def test_perturbed_copies_are_trained_on_where_there_is_sound(place, tmp_path):
    rows = [
        {k: v for k, v in row.items() if k != "valence"} | {"text": "hm"} for row in corpus_rows(tmp_path)
    ]
    rows[0]["media"] = ""
    path = write_recipe(tmp_path, write_rows(tmp_path / "mixed.csv", rows))
    words = tmp_path / "words.json"
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"[UNK]": 0, "hm": 1}, unk_token="[UNK]")).save(str(words))
    overrides = [
        'augmentation={copies=1, signal=[{name="gain"}], batch=[{name="drop_modality"}]}',
        f'features.text={{name="tokens", vocabulary="{words.as_posix()}"}}',
        'model.encoders.text={name="mean"}',
    ]
    done = run(path, overrides, out=tmp_path / "run")
    assert (done.folder / "audio+text" / "text" / "words.json").is_file()
    assert done.reports["test"].n == 12


def test_copies_cannot_be_normalised_by_speaker(place, tmp_path):
    speaker = "features.audio.normalise=speaker"
    assert run(place / "tones.toml", [speaker], out=tmp_path / "one").reports["test"].n == 12
    with pytest.raises(ConfigError, match=r"features\.audio"):
        run(
            place / "tones.toml",
            [speaker, 'augmentation={copies=1, signal=[{name="gain"}]}'],
            out=tmp_path / "two",
        )


def published(*, spoil: bool) -> Corpus:
    clips = []
    for number in range(12):
        label, split = ("glad", "sad")[number % 2], ("train", "valid", "test")[number // 4]
        vector = np.full((3, 2), number % 2, np.float32)
        if spoil and number == 7:
            vector[1, 1] = np.nan
        clips.append(Clip(f"clip{number}", label=label, split=split, speaker=split, vectors={"x": vector}))
    return Corpus("published", tuple(clips), TaskSpec(labels=("glad", "sad")))


STORED = ['features.audio={name="stored", key="x", dim=2}']


def test_published_features_need_no_media(place, tmp_path, monkeypatch):
    monkeypatch.setattr("emofuse.preparation.load_corpus", lambda *given, **options: published(spoil=False))
    done = run(place / "tones.toml", STORED, out=tmp_path / "run")
    assert done.reports["test"].n == 4


def test_a_feature_that_is_not_finite_names_its_clip(place, tmp_path, monkeypatch):
    monkeypatch.setattr("emofuse.preparation.load_corpus", lambda *given, **options: published(spoil=True))
    with pytest.raises(FeatureError, match="clip7"):
        run(place / "tones.toml", STORED, out=tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_one_seed_gives_one_checkpoint_whatever_the_test_labels_are(place, tmp_path, monkeypatch):
    def corpus(wrong):
        made = published(spoil=False)
        turned = {"glad": "sad", "sad": "glad"}
        return made.with_clips(
            tuple(
                replace(clip, label=turned[clip.label]) if wrong and clip.split == "test" else clip
                for clip in made.clips
            )
        )

    found = []
    for number, wrong in enumerate([False, False, True]):
        monkeypatch.setattr(
            "emofuse.preparation.load_corpus", lambda *given, wrong=wrong, **options: corpus(wrong)
        )
        folder = tmp_path / str(number)
        run(place / "tones.toml", STORED, out=folder)
        found.append(weights_of(folder))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "wrong",
    [
        "objective.class_weights=[1.0]",
        "training.watch=mae",
        "training.rates={hed=1.0}",
        'model.encoders={voice={name="mean"}}',
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(place, tmp_path, wrong):
    with pytest.raises(ConfigError):
        run(place / "tones.toml", [wrong], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_part_of_a_corpus(place):
    whole, part = (
        load(load_config(place / "tones.toml", [f"datasets.0.share={share}"]))[0] for share in (1.0, 0.5)
    )
    assert len(whole.clips) == 36 and len(part.clips) == 18
    assert {clip.split for clip in part.clips} == {"train", "valid", "test"}


def test_a_corpus_without_targets_is_refused(tmp_path):
    path = write_recipe(tmp_path, write_rows(tmp_path / "bare.csv", [{"text": "hm", "split": "train"}]))
    with pytest.raises(DatasetError, match="label"):
        run(path, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("override", "error"),
    [
        ("training.epochs=0", ConfigError),
        ("model.name=compost", UnknownNameError),
        ("training.watch=ccc", ConfigError),
        ("training.rates={hed=2.0}", ConfigError),
        ("training.device=toaster", ConfigError),
        ("datasets.0.path=nowhere.csv", DatasetError),
        ('model.encoders={video={name="mean"}}', ConfigError),
        ("split.valid_share=0", ConfigError),
        ('features.video={name="stored", key="x", dim=2, normalise="train"}', (FeatureError, ConfigError)),
    ],
)
def test_what_does_not_hold_is_a_typed_error(place, tmp_path, override, error):
    with pytest.raises(error):
        run(place / "tones.toml", [override], out=tmp_path / "run")


def test_features_are_extracted_ahead(place):
    assert extract(place / "tones.toml") == {"audio": 36}


def test_a_finished_run_is_read_back_and_not_trained_again(finished, place):
    folder, first = finished.folder, history_of(finished.folder)
    stamps = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = run(place / "tones.toml", out=folder)
    assert again.best_epoch == finished.best_epoch
    assert again.reports["test"].scores[0].value == pytest.approx(finished.reports["test"].scores[0].value)
    assert stamps == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert history_of(folder) == first


def test_overrides_need_a_file(place, tmp_path):
    with pytest.raises(ConfigError, match="overrides"):
        run(load_config(place / "tones.toml"), ["seed=3"], out=tmp_path / "run")


def test_a_model_of_normalised_speakers_does_not_recognise_one_file(place, tmp_path):
    from emofuse.inference.predictor import Recognizer

    folder = tmp_path / "run"
    run(place / "tones.toml", ["features.audio.normalise=speaker", "training.epochs=1"], out=folder)
    clip = next(place.rglob("*.wav"))
    assert Bundle.load(folder).experts[0].per_speaker == ("audio",)
    with pytest.raises(BundleError, match="one speaker"):
        Recognizer(folder).predict(clip)


def test_tracks_are_brought_to_the_common_axis_in_training_and_after(place, tmp_path):
    folder = tmp_path / "run"
    run(place / "tones.toml", ["alignment.rate=10", "training.epochs=1"], out=folder)
    (expert,) = Bundle.load(folder).experts
    assert expert.axis_rate == 10


def test_data_that_cannot_be_read_leave_no_folder_behind(place, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(DatasetError):
        run(place / "tones.toml", ["datasets.0.path=/nowhere/clips.csv"], out=folder)
    with pytest.raises(ConfigError):
        run(place / "tones.toml", ["split.valid_share='much'"], out=folder)
    assert not folder.exists()


def test_a_track_without_a_clock_has_no_place_on_a_common_axis(place, tmp_path):
    overrides = ["alignment.rate=5", "features.audio={name='stored', key='x', dim=2}"]
    with pytest.raises(ConfigError, match="clock"):
        run(place / "tones.toml", overrides, out=tmp_path / "run")


def test_a_class_that_validation_lacks_stays_possible(finished):
    pool = Bundle.load(finished.folder).pool
    assert min(pool.prior) > 0
