"""Clips of rare classes drawn or repeated more often: in training only, and only where it is asked for."""

import numpy as np
import pytest

import emofuse.preparation
from emofuse.config import load_config, to_toml
from emofuse.datasets.splits import SPLITS
from emofuse.errors import ConfigError, UnknownNameError
from emofuse.features.cache import Cache
from emofuse.models.recipe import make
from emofuse.preparation import Prepared, build, fit_prepared, load, make_extractors
from emofuse.training.engine import Engine
from emofuse.types import TaskSpec

CONFIG = """
name = "rare"
[[datasets]]
name = "listed"
path = "{corpus}"
[features.text]
name = "tokens"
vocabulary = "{vocabulary}"
[model]
name = "composed"
encoders.text.name = "mean"
[training]
epochs = 2
device = "cpu"
"""


@pytest.fixture
def config(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"?": 0, "day": 1}, unk_token="?")).save(str(tmp_path / "words.json"))
    rows = ["text,label,split"]
    for split in ("train", "valid", "test"):
        rows += [f"day,glad,{split}"] * 8 + [f"day,afraid,{split}"] * 2
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = tmp_path / "rare.toml"
    given = {"corpus": tmp_path / "clips.csv", "vocabulary": tmp_path / "words.json"}
    path.write_text(CONFIG.format(**{key: one.as_posix() for key, one in given.items()}), encoding="utf-8")
    return path


def trained(path, monkeypatch, *overrides):
    """What `fit` is handed, and the samples by role."""
    config = load_config(path, overrides)
    (corpus,) = load(config)
    extractors = make_extractors(config)
    split = make(SPLITS, config.split.part, corpus)
    data = Prepared(config, corpus, split, extractors, Cache(None), lambda stage, done: None)
    built = build(config, corpus.task, data.dims)
    handed = {}
    monkeypatch.setattr(emofuse.preparation, "fit", lambda *parts, **named: handed.update(named))
    fit_prepared(config, built, data, engine=Engine.pick("cpu"))
    return handed, data


def counts(samples):
    return np.sum([one.shares for one in samples], axis=0).tolist()


def test_clips_of_a_named_label_are_repeated_in_training_alone(config, monkeypatch):
    handed, data = trained(config, monkeypatch, "training.oversample.afraid=0.5")
    afraid = data.task.labels.index("afraid")
    found = counts([copies[0] for copies in handed["train"]])
    assert (found[afraid], sum(found)) == (4, 12)
    ids = [copies[0].id for copies in handed["train"]]
    assert ids[:10] == [one.id for one in data.roles["train"]] and len(set(ids[10:])) == 2
    assert handed["valid"] is data.roles["valid"]
    assert {role: len(samples) for role, samples in data.roles.items()} == dict.fromkeys(data.roles, 10)
    again, _ = trained(config, monkeypatch, "training.oversample.afraid=0.5")
    assert ids == [copies[0].id for copies in again["train"]]


def test_without_them_the_clips_come_as_they_are_and_nothing_is_written(config, monkeypatch):
    handed, data = trained(config, monkeypatch)
    assert handed["train"] == data.train and handed["schedule"].sampling is None
    text = to_toml(load_config(config))
    assert "sampling" not in text and "oversample" not in text


def test_what_is_asked_for_is_written_and_read_back(config, tmp_path, monkeypatch):
    told = ["training.sampling=0.5", "training.oversample={ afraid = 460 }"]
    resolved = load_config(config, told)
    (tmp_path / "again.toml").write_text(to_toml(resolved), encoding="utf-8")
    assert load_config(tmp_path / "again.toml") == resolved
    handed, _ = trained(config, monkeypatch, *told)
    assert handed["schedule"].sampling == 0.5 and len(handed["train"]) == 8 + 460


@pytest.mark.parametrize(
    ("override", "error", "words"),
    [
        ("training.oversample.angry=0.5", UnknownNameError, "angry.*glad"),
        ("training.oversample.afraid=0", ConfigError, "oversample.afraid"),
        ("training.sampling=2", ConfigError, "training.sampling"),
        ("training.sampling=-0.1", ConfigError, "training.sampling"),
    ],
)
def test_what_cannot_be_is_refused(config, monkeypatch, override, error, words):
    with pytest.raises(error, match=words):
        trained(config, monkeypatch, override)


def test_clips_without_labels_are_not_drawn_by_them(config):
    with pytest.raises(ConfigError, match="sampling"):
        build(load_config(config, ["training.sampling=1"]), TaskSpec(ratings=("valence",)), {"text": 1})
