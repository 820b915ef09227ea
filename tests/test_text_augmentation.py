"""Copies of training clips whose words are mistyped; validation and test read the words as they are."""

import numpy as np
import pytest

from emofuse.config import load_config, to_toml
from emofuse.datasets.splits import SPLITS
from emofuse.errors import ConfigError
from emofuse.features.cache import Cache
from emofuse.models.recipe import make
from emofuse.preparation import Prepared, load, make_extractors

CONFIG = """
name = "typed"
[[datasets]]
name = "listed"
path = "{corpus}"
[features.text]
name = "tokens"
vocabulary = "{vocabulary}"
[augmentation]
copies = 3
[[augmentation.words]]
name = "swap_letter"
[model]
name = "composed"
encoders.text.name = "mean"
"""


@pytest.fixture
def config(tmp_path):
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    letters = {letter: place for place, letter in enumerate("?abcdefghijklmnopqrstuvwxyz ")}
    tokenizer = Tokenizer(WordLevel(letters, unk_token="?"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.save(str(tmp_path / "letters.json"))
    rows = ["text,label,split"]
    for split in ("train", "valid", "test"):
        rows += [f"wonderful day {'a' * place},glad,{split}" for place in range(1, 3)]
        rows += [f"miserable day {'a' * place},sad,{split}" for place in range(1, 3)]
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = tmp_path / "typed.toml"
    given = {"corpus": tmp_path / "clips.csv", "vocabulary": tmp_path / "letters.json"}
    path.write_text(CONFIG.format(**{key: one.as_posix() for key, one in given.items()}), encoding="utf-8")
    return path


def prepared(path, *overrides):
    config = load_config(path, overrides)
    (corpus,) = load(config)
    split = make(SPLITS, config.split.part, corpus)
    return Prepared(config, corpus, split, make_extractors(config), Cache(None), lambda stage, done: None)


def ids(sample):
    return sample.tracks["text"].values[:, 0].tolist()


def test_copies_have_the_same_letters_in_another_order(config):
    made = prepared(config)
    assert [len(copies) for copies in made.train] == [4] * 4
    for clip, *copies in made.train:
        assert all(sorted(ids(one)) == sorted(ids(clip)) for one in copies)
        assert all(np.array_equal(one.shares, clip.shares) for one in copies)
        assert any(ids(one) != ids(clip) for one in copies)
    again = prepared(config)
    assert [[ids(one) for one in row] for row in made.train] == [
        [ids(one) for one in row] for row in again.train
    ]
    plain = prepared(config, "augmentation.copies=0")
    for role in ("valid", "test"):
        assert [ids(one) for one in made.roles[role]] == [ids(one) for one in plain.roles[role]]


def test_a_configuration_without_it_is_written_as_ever(config):
    text = config.read_text(encoding="utf-8").replace('[[augmentation.words]]\nname = "swap_letter"\n', "")
    config.write_text(text, encoding="utf-8")
    assert "words" not in to_toml(load_config(config))
    assert [len(copies) for copies in prepared(config).train] == [1] * 4


def test_a_noise_of_sound_does_not_work_on_words(config):
    with pytest.raises(ConfigError, match="noise works on signal, wanted one for words"):
        load_config(config, ['augmentation.words=[{name="noise"}]'])
