import shutil

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from emofuse.errors import ConfigError, MissingModalityError
from emofuse.features import load_extractor
from emofuse.features.tokens import Tokens

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "am", "happy", "un", "##happy", "!"]


@pytest.fixture
def vocabulary(tmp_path):
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding(length=16)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_ids_by_hand(vocabulary):
    track = Tokens(vocabulary=vocabulary)("I am unhappy!")
    assert track.values[:, 0].tolist() == [2, 5, 6, 8, 9, 10, 3]
    assert track.values.dtype == "float32" and track.times.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert Tokens(vocabulary=vocabulary)("zebra").values[:, 0].tolist() == [2, 1, 3]


def test_long_texts_are_cut_and_keep_their_end_marker(vocabulary):
    track = Tokens(vocabulary=vocabulary, max_tokens=5)("i am happy " * 50)
    assert track.values[:, 0].tolist() == [2, 5, 6, 7, 3]
    with pytest.raises(ValueError):
        Tokens(vocabulary=vocabulary, max_tokens=2)


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_an_empty_text_is_a_missing_modality(vocabulary, text):
    with pytest.raises(MissingModalityError):
        Tokens(vocabulary=vocabulary)(text)


def test_settings_follow_the_content_of_the_file_not_its_place(vocabulary, tmp_path):
    here = Tokens(vocabulary=vocabulary)
    moved = shutil.copy(vocabulary, tmp_path / "elsewhere.json")
    assert Tokens(vocabulary=moved).settings == here.settings
    other = tmp_path / "other.json"
    other.write_text(vocabulary.read_text().replace("happy", "sappy"))
    assert Tokens(vocabulary=other).settings != here.settings
    assert here.files == ("vocabulary",)
    # Settings and files make the same extractor again, and another file is refused.
    assert load_extractor("tokens", **here.settings, vocabulary=moved).settings == here.settings
    with pytest.raises(ConfigError, match="vocabulary_sha256"):
        load_extractor("tokens", **here.settings, vocabulary=other)


def test_size_and_mask(vocabulary):
    tokens = Tokens(vocabulary=str(vocabulary))
    assert (tokens.vocabulary_size, tokens.mask_id) == (11, 4)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe\x00"])
def test_a_bad_file_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        Tokens(vocabulary=path)


def test_a_long_text_is_divided_where_sentences_end(vocabulary):
    tokens = Tokens(vocabulary=vocabulary, max_tokens=6)  # four words and two markers
    assert tokens.pieces(" i am ") == ["i am"] and tokens.pieces(" \n") == []
    assert tokens.pieces("i am! happy! am i happy!") == ["i am!", "happy!", "am i happy!"]
    assert tokens.pieces("i! am! happy am i am") == ["i! am!", "happy am i am"]


def test_every_word_of_a_long_text_is_in_a_piece(vocabulary):
    tokens = Tokens(vocabulary=vocabulary, max_tokens=6)
    text = "i am happy " * 7 + "i! am unhappy am i am i! happy"
    pieces = tokens.pieces(text)
    assert " ".join(pieces).split() == text.split()
    assert all(len(tokens(piece)) <= 6 for piece in pieces)
    assert tokens.pieces("!" * 10) == ["!!", "!!!", "!!", "!!!"]  # one word of ten tokens, in halves


def test_a_text_without_a_known_word_is_told(vocabulary):
    tokens = Tokens(vocabulary=vocabulary)
    assert tokens.knows("zebra, i") and tokens.knows("!")
    assert not tokens.knows("zebra 😀") and not tokens.knows("\u200b")
