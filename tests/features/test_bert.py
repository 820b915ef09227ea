import shutil

import numpy as np
import pytest

from emofuse.errors import ConfigError, MissingModalityError
from emofuse.features import load_extractor
from emofuse.features.bert import Bert

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "am", "happy", "sad", "!"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=10, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


def test_tokens_are_the_hidden_states_of_the_model(encoder):
    import torch
    from transformers import AutoModel

    bert = Bert(encoder=encoder)
    track = bert("i am happy !")
    assert bert.dim == 32 and track.values.shape == (6, 32) and track.times.tolist() == [0, 1, 2, 3, 4, 5]
    with torch.inference_mode():
        model = AutoModel.from_pretrained(encoder).eval()
        wanted = model(torch.tensor([[2, 5, 6, 7, 9, 3]])).last_hidden_state[0].numpy()
    np.testing.assert_allclose(track.values, wanted, atol=1e-5)


def test_words_change_with_their_context(encoder):
    bert = Bert(encoder=encoder)
    glad, sad = bert("i am happy").values, bert("i am sad").values
    assert np.abs(glad[1] - sad[1]).max() > 1e-4
    words = Bert(encoder=encoder, layer=0)
    np.testing.assert_allclose(words("i am happy").values[1], words("i am sad").values[1], atol=1e-6)


def test_pooled_by_first_token_or_mean(encoder):
    every = Bert(encoder=encoder)("i am sad").values
    first = Bert(encoder=encoder, pooling="cls")("i am sad")
    mean = Bert(encoder=encoder, pooling="mean")("i am sad")
    np.testing.assert_allclose(first.values, every[:1], atol=1e-6)
    np.testing.assert_allclose(mean.values[0], every.mean(axis=0), atol=1e-6)
    assert first.times.tolist() == mean.times.tolist() == [0]


def test_long_texts_are_cut(encoder):
    assert len(Bert(encoder=encoder, max_tokens=5)("happy " * 40)) == 5


def test_calls_are_counted_and_nothing_is_loaded_before(encoder):
    bert = Bert(encoder=encoder)
    assert bert.calls == 0 and bert.dim == 32 and "_loaded" not in vars(bert)
    bert("i am")
    bert("happy")
    assert bert.calls == 2


def test_settings_follow_the_content_of_the_folder(encoder, tmp_path):
    bert = Bert(encoder=encoder)
    assert bert.files == ("encoder",)
    moved = shutil.copytree(encoder, tmp_path / "moved")
    assert Bert(encoder=moved).settings == bert.settings
    assert load_extractor("bert", **bert.settings, encoder=moved).settings == bert.settings
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert Bert(encoder=moved).settings != bert.settings
    assert Bert(encoder="some/name").settings["encoder"] == "some/name"
    assert Bert(encoder="some/name").files == ()


def test_what_cannot_be_used_is_named(encoder, tmp_path):
    with pytest.raises(MissingModalityError):
        Bert(encoder=encoder)(" ")
    with pytest.raises(ConfigError, match="layer 7"):
        Bert(encoder=encoder, layer=7)("happy")
    with pytest.raises(ConfigError, match="transformer encoder"):
        Bert(encoder=tmp_path)("happy")
    for options in ({"pooling": "max"}, {"max_tokens": 2}):
        with pytest.raises(ValueError):
            Bert(encoder=encoder, **options)
