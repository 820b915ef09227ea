"""Clip -> Track: the extractors by name."""

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from emofuse.errors import ConfigError
from emofuse.registry import Table
from emofuse.types import Extractor

EXTRACTORS = Table(
    "feature",
    {
        "log_mel": ("emofuse.features.mel:LogMel", "log energy in mel bands, every 10 ms of audio"),
        "mfcc": ("emofuse.features.mfcc:Mfcc", "mel-frequency cepstral coefficients and their deltas"),
        "prosody": ("emofuse.features.prosody:Prosody", "pitch, level, voice quality and spectral tilt"),
        "speech_frames": (
            "emofuse.features.speech_frames:SpeechFrames",
            "mel bands, cepstra and prosody together, as mean and deviation of every 40 ms",
        ),
        "waveform": (
            "emofuse.features.waveform:Waveform",
            "raw samples, for encoders that read sound itself",
        ),
        "stored": ("emofuse.features.stored:Stored", "features that the corpus itself publishes"),
        "tokens": (
            "emofuse.features.tokens:Tokens",
            "word-piece ids of the text, to be embedded",
        ),
        "bert": ("emofuse.features.bert:Bert", "frozen contextual embeddings of a transformer encoder"),
        "face": ("emofuse.features.face:FaceCrops", "the main face, cropped and aligned, over time"),
        "picture": ("emofuse.features.face:WholePicture", "the whole picture, for tight face crops"),
    },
)


def load_extractor(name: str, **options: Any) -> Extractor:
    """Make the extractor ``name`` with its keyword ``options``.

    The ``settings`` of an extractor, together with the paths of its ``files``, are options that make
    it again; a version or a content hash among them is compared with what is there.

    Raises:
        UnknownNameError: no such extractor.
        ConfigError: an option is unknown, missing or out of range, or a file or version is another one.
    """
    kind = EXTRACTORS.load(name)
    stated = {key: options.pop(key) for key in list(options) if key.endswith("_sha256") or key == "version"}
    check_options(f"feature {name!r}", kind, options)
    try:
        extractor: Extractor = kind(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"feature {name!r}: {error}") from error
    for key, wanted in stated.items():
        if (found := extractor.settings.get(key)) != wanted:
            raise ConfigError(f"feature {name!r}: {key} is {found}, wanted {wanted}")
    return extractor


def check_options(place: str, kind: Callable[..., object], options: Mapping[str, object]) -> None:
    """Compare ``options`` with the keywords of the constructor ``kind``.

    Raises:
        ConfigError: a keyword is unknown (the message names the nearest) or one without default is missing.
    """
    keywords = inspect.signature(kind).parameters
    for option in options:
        if option not in keywords:
            near = get_close_matches(option, keywords, n=1) or sorted(keywords)
            raise ConfigError(f"{place} has no option {option!r}; did you mean {', '.join(near)}?")
    for keyword, parameter in keywords.items():
        if parameter.default is parameter.empty and keyword not in options:
            raise ConfigError(f"{place} needs the option {keyword!r}")
