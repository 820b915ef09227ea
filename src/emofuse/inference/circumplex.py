"""What is known of emotion classes beforehand: their valence and arousal, and how often they occur.

Paper: Russell & Mehrabian 1977, Evidence for a three-factor theory of emotions, Journal of Research in
Personality 11, 273-294: the mean ratings of pleasure and arousal of each term, already on [-1, 1].
Neutral is the origin by convention; it is not among their terms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CITATION = "Russell & Mehrabian 1977, J. Research in Personality 11, 273-294"

COORDINATES: dict[str, tuple[float, float]] = {
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "joy": (0.76, 0.48),
    "neutral": (0.0, 0.0),
    "sadness": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
}

# Names that corpora give to the same seven classes.
SYNONYMS: dict[str, str] = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "joy",
    "happy": "joy",
    "sad": "sadness",
    "surprised": "surprise",
}

# Turns of each class in the training split of MELD (Poria et al. 2019, ACL): how often they occur in talk.
CONVERSATION: dict[str, int] = {
    "anger": 1109, "disgust": 271, "fear": 268, "joy": 1743, "neutral": 4710, "sadness": 683, "surprise": 1205,
}  # fmt: skip


def base_rates(labels: Sequence[str]) -> np.ndarray | None:
    """Shares ``(classes,)`` of the labels in everyday conversation; None where one of them is not known."""
    names = [SYNONYMS.get(label.lower(), label.lower()) for label in labels]
    if set(names) != set(CONVERSATION) or len(names) != len(CONVERSATION):
        return None
    counts = np.array([CONVERSATION[name] for name in names], dtype=np.float64)
    return counts / counts.sum()


def class_coordinates(labels: Sequence[str]) -> np.ndarray | None:
    """``(classes, 2)`` valence and arousal of the labels; None where one of them has no coordinates."""
    names = [SYNONYMS.get(label.lower(), label.lower()) for label in labels]
    if not names or not all(name in COORDINATES for name in names):
        return None
    return np.array([COORDINATES[name] for name in names])


def expected_coordinates(probabilities: np.ndarray, *, labels: Sequence[str]) -> np.ndarray:
    """``(n, 2)`` expected valence and arousal of ``(n, classes)``; NaN where a label has no coordinates."""
    coordinates = class_coordinates(labels)
    if coordinates is None:
        return np.full((len(probabilities), 2), np.nan)
    return probabilities @ coordinates
