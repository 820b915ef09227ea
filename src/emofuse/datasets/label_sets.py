"""Label sets of the field, and what a name in a corpus comes to in each of them.

The GoEmotions names follow the Ekman grouping of Demszky et al. 2020. The points in valence, arousal and dominance
are means of Russell & Mehrabian 1977, https://doi.org/10.1016/0092-6566(77)90037-X; neutral is the middle. What has
a feeling on one side (the sentiments) is ours, and leaves out what can be either.
"""

from collections.abc import Mapping

BASIC = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
SENTIMENTS = ("negative", "neutral", "positive")
QUADRANTS = ("anger", "joy", "neutral", "sadness")
VAD = ("valence", "arousal", "dominance")

SETS: Mapping[str, tuple[str, ...]] = {
    "quadrant4": QUADRANTS,
    "basic5": ("anger", "joy", "neutral", "sadness", "surprise"),
    "basic6": ("anger", "disgust", "fear", "joy", "neutral", "sadness"),
    "ekman6": ("anger", "disgust", "fear", "joy", "sadness", "surprise"),
    "iemocap6": ("anger", "excitement", "frustration", "joy", "neutral", "sadness"),
    "basic7": BASIC,
    "basic8": (*BASIC, "contempt"),
    "calm8": (*BASIC, "calm"),
    "sentiment2": ("negative", "positive"),
    "sentiment3": SENTIMENTS,
}
"""The sets that labels can be brought to, by name: the number is how many classes there are."""

# Emotions beside the seven, and the one of the seven that they are taken for where a set does not have them.
_FINER = {
    "boredom": None,
    "calm": "neutral",
    "contempt": None,
    "excitement": "joy",
    "frustration": None,
    "other": None,
    "peaceful": None,
    "powerful": None,
    "uncertainty": None,
}
_SPELLINGS = {
    "anger": ("angry", "ang", "mad", "annoyance", "disapproval"),
    "disgust": ("disgusted", "dis"),
    "fear": ("fearful", "fea", "scared", "worried", "nervousness"),
    "joy": (
        *("happy", "happiness", "hap", "joyful", "admiration", "amusement", "approval", "caring", "desire"),
        *("gratitude", "love", "optimism", "pride", "relief"),
    ),
    "neutral": ("neu",),
    "sadness": ("sad", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprised", "sur", "confusion", "curiosity", "realization"),
    "excitement": ("excited", "exc"),
    "frustration": ("frustrated", "fru"),
    "other": ("oth",),
}
_ONE_NAME = {name: name for name in (*BASIC, *_FINER)} | {
    other: name for name, others in _SPELLINGS.items() for other in others
}
_FEELING = {
    **dict.fromkeys(
        ("anger", "disgust", "fear", "sadness", "boredom", "contempt", "frustration"), "negative"
    ),
    **dict.fromkeys(("joy", "excitement", "peaceful", "powerful"), "positive"),
    **dict.fromkeys(("neutral", "calm"), "neutral"),
}

POINTS: Mapping[str, tuple[float, float, float]] = {
    "anger": (-0.51, 0.59, 0.25),
    "boredom": (-0.65, -0.62, -0.33),
    "disgust": (-0.60, 0.35, 0.11),
    "fear": (-0.64, 0.60, -0.43),
    "joy": (0.76, 0.48, 0.35),
    "neutral": (0.0, 0.0, 0.0),
    "sadness": (-0.63, -0.27, -0.33),
    "surprise": (0.40, 0.67, -0.13),
}
"""Where an emotion lies in valence, arousal and dominance, each from -1 to 1."""


def images(to: str) -> Mapping[str, str | None]:
    """Every known name with its label in the set ``to`` of `SETS`; None where it has none and its clips are lost."""
    kept = SETS[to]
    if to.startswith("sentiment"):
        felt = {name: _FEELING.get(one) for name, one in _ONE_NAME.items()} | {
            name: name for name in SENTIMENTS
        }
        return {name: feeling if feeling in kept else None for name, feeling in felt.items()}
    return {
        name: one if one in kept else _FINER.get(one) if _FINER.get(one) in kept else None
        for name, one in _ONE_NAME.items()
    }


def points() -> Mapping[str, tuple[float, float, float] | None]:
    """Every known name with its point in valence, arousal and dominance, or None."""
    found = {name: POINTS.get(one) or POINTS.get(_FINER.get(one) or "") for name, one in _ONE_NAME.items()}
    return found | dict.fromkeys(("negative", "positive"))
