"""What every extractor keeps: its width, times inside the clip, finite values, settings that follow."""

import inspect
import json
from typing import Any, NamedTuple

import numpy as np
import pytest

from emofuse.errors import (
    ClipTooShortError,
    ConfigError,
    FeatureError,
    MissingModalityError,
    UnknownNameError,
)
from emofuse.features import EXTRACTORS, load_extractor
from emofuse.types import Frame, Signal

RATE = 16000
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "what", "a", "lovely", "day"]


class Case(NamedTuple):
    """Options that make an extractor, and others that must change its settings."""

    options: dict[str, Any] = {}
    others: tuple[dict[str, Any], ...] = ()


CASES = {
    "log_mel": Case(
        {}, ({"bands": 40}, {"hop_s": 0.02}, {"preemphasis": 0.0}, {"scale": "htk"}, {"centre": True})
    ),
    "mfcc": Case({"deltas": 1}, ({"deltas": 2}, {"coefficients": 20}, {"lifter": 22}, {"bands": 26})),
    "prosody": Case({}, ({"hop_s": 0.02},)),
    "speech_frames": Case({}, ({"hop_s": 0.1}, {"bands": 20}, {"deltas": 0}, {"coefficients": 10})),
    "waveform": Case({}, ({"samples": 160}, {"longest_s": 0.5}, {"rate": 8000})),
    "stored": Case(
        {"key": "covarep", "dim": 3}, ({"key": "facet", "dim": 3}, {"key": "covarep", "dim": 4})
    ),
    "tokens": Case({"max_tokens": 8}, ({"max_tokens": 4},)),
    "bert": Case({}, ({"layer": 0}, {"pooling": "mean"}, {"max_tokens": 5})),
    "face": Case({}, ({"side_px": 32},)),
    "picture": Case({}, ({"side_px": 32},)),
}


@pytest.fixture(scope="module")
def text_files(tmp_path_factory):
    """Paths of a tiny tokenizer and a tiny encoder, by the option that wants them."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "alone.json"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(
            BertConfig(
                vocab_size=9,
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
            )
        ).save_pretrained(folder)
    return {"vocabulary": folder / "alone.json", "encoder": folder}


@pytest.fixture
def make(request):
    """Make an extractor by name, with the files that it needs."""

    def made(name: str, options: dict[str, Any]):
        wanted = set(inspect.signature(EXTRACTORS.load(name)).parameters) & {"vocabulary", "encoder"}
        files = request.getfixturevalue("text_files") if wanted else {}
        return load_extractor(name, **{option: files[option] for option in wanted}, **options)

    return made


def given_to(extractor) -> list[tuple[Any, float]]:
    """What an extractor of that source may meet, with the end of the clip in seconds (or frames)."""
    if extractor.source == "audio":
        return sounds()
    if extractor.source == "text":
        return [("what a lovely day", 8), ("day", 3), ("zebra " * 100, 300)]
    if extractor.source == "vectors":
        width = extractor.dim
        return [({extractor.key: np.zeros(width)}, 1), ({extractor.key: np.ones((7, width))}, 7)]
    return pictures(with_a_face=extractor.name == "face")


def sounds() -> list[tuple[Signal, float]]:
    tone = np.sin(2 * np.pi * 220 * np.arange(44100) / 44100).astype(np.float32)
    return [
        (Signal(np.zeros(RATE, np.float32), RATE), 1.0),
        (Signal(0.5 * tone, 44100), 1.0),
        (Signal(np.ones(RATE, np.float32), RATE), 1.0),
        (Signal(0.5 * tone[: round(0.05 * 44100)], 44100), 0.05),
        (Signal(0.5 * tone[:400], RATE), 0.025),
    ]


def pictures(*, with_a_face: bool) -> list[tuple[list[Frame], float]]:
    if with_a_face:
        data = pytest.importorskip("skimage.data", reason="scikit-image has the portrait that this needs")
        picture = data.astronaut()
    else:
        picture = np.linspace(0, 255, 90 * 120 * 3).reshape(90, 120, 3).astype(np.uint8)
    return [
        ([Frame(0.0, picture)], 0.04),
        ([Frame(place / 25, picture) for place in range(5)], 0.2),
    ]


@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_name_has_a_case_and_a_line(name):
    assert name in CASES
    assert EXTRACTORS[name].about


def test_no_case_is_left_over():
    assert set(CASES) <= set(EXTRACTORS)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_width_and_times(name, make):
    extractor = make(name, CASES[name].options)
    for given, end in given_to(extractor):
        track = extractor(given)
        assert track.values.ndim == 2 and track.values.shape[1] == extractor.dim
        assert track.values.dtype in (np.float32, np.uint8)
        assert len(track.times) == len(track.values) >= 1
        assert np.isfinite(track.values).all()
        assert (np.diff(track.times) > 0).all()
        assert track.times[0] >= 0 and track.times[-1] <= end + 1e-6
        again = extractor(given)
        np.testing.assert_array_equal(again.values, track.values)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_attributes_of_an_extractor(name, make):
    extractor = make(name, CASES[name].options)
    assert extractor.name == name
    assert extractor.source in ("audio", "video", "text", "vectors")
    assert set(extractor.files) <= set(inspect.signature(EXTRACTORS.load(name)).parameters)
    for value in extractor.settings.values():
        assert isinstance(value, str | int | float | bool)
    assert json.loads(json.dumps(dict(extractor.settings))) == extractor.settings


@pytest.mark.parametrize("name", EXTRACTORS)
def test_settings_follow_the_arguments(name, make):
    case = CASES[name]
    first = make(name, case.options)
    assert make(name, case.options).settings == first.settings
    kinds = [make(name, {**case.options, **other}).settings for other in case.others]
    assert case.others
    for place, settings in enumerate(kinds):
        assert settings != first.settings
        assert settings not in kinds[:place]


@pytest.mark.parametrize("name", EXTRACTORS)
def test_settings_and_files_make_it_again(name, make):
    for options in (CASES[name].options, CASES[name].others[0]):
        extractor = make(name, options)
        files = {option: getattr(extractor, option) for option in extractor.files}
        again = load_extractor(name, **{**extractor.settings, **files})
        assert again.settings == extractor.settings and again.dim == extractor.dim


@pytest.mark.parametrize("name", EXTRACTORS)
def test_nothing_to_work_on_is_a_typed_error(name, make):
    extractor = make(name, CASES[name].options)
    nothing, error = {
        "audio": (Signal(np.zeros(100, np.float32), RATE), ClipTooShortError),
        "text": (" ", MissingModalityError),
        "vectors": ({}, FeatureError),
        "video": ([], MissingModalityError),
    }[extractor.source]
    with pytest.raises(error):
        extractor(nothing)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_an_unknown_option_is_refused(name):
    with pytest.raises(ConfigError, match="no option 'colour_of_hair'"):
        load_extractor(name, colour_of_hair="red")


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownNameError, match="mfcc"):
        load_extractor("mfc")
