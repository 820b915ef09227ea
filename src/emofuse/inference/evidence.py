"""What each expert says of each segment, and what they say together.

An expert of one modality is pooled with the others by the bundle's pool. An expert of several modalities is
asked once with all that is present, and once with each alone, so that every modality's own answer is on
record; its weight is then shared equally by its modalities that are present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emofuse.inference.bundle import Expert, Says
from emofuse.inference.circumplex import CITATION, base_rates, class_coordinates, expected_coordinates
from emofuse.inference.contents import Piece
from emofuse.types import Track

if TYPE_CHECKING:
    from emofuse.models.pooling import ExpertPool

# By segment, the modalities that it has, each in the pieces that an expert takes in one after the other.
Items = Sequence[Mapping[str, Sequence[Piece]]]
AFFECT = ("valence", "arousal")


@dataclass(frozen=True, eq=False)
class Voice:
    """One modality over all segments.

    ``present`` and ``weights`` are ``(n,)``, ``probabilities`` ``(n, classes)``, ``affect`` ``(n, 2)``
    valence and arousal, NaN where unknown; ``origin`` says where those two come from.
    """

    present: np.ndarray
    weights: np.ndarray
    probabilities: np.ndarray
    affect: np.ndarray
    origin: str


@dataclass(frozen=True, eq=False)
class Judgement:
    """All segments: ``probabilities`` ``(n, classes)``, ``affect`` ``(n, 2)``, ``judged`` ``(n,)`` True
    where there was anything to judge by, and each modality's `Voice`.
    """

    probabilities: np.ndarray
    affect: np.ndarray
    judged: np.ndarray
    voices: Mapping[str, Voice]


def judge(
    experts: Sequence[Expert],
    pool: ExpertPool,
    *,
    labels: Sequence[str],
    items: Mapping[str, Items],
    quality: Mapping[str, np.ndarray],
) -> Judgement:
    """Ask every expert in one batch and pool the answers.

    Args:
        experts: of the bundle.
        pool: of the bundle.
        labels: the classes in the order of the probabilities.
        items: by expert name, one mapping per segment from modality to its pieces; absent ones are left out.
        quality: by modality ``(n,)`` in [0, 1], how far its material can be trusted.
    """
    answers = {expert.name: _ask(expert, items[expert.name], len(labels)) for expert in experts}
    presence = {name: np.array([bool(item) for item in items[name]], dtype=bool) for name in answers}
    trust = {expert.name: _trust(expert, items[expert.name], quality) for expert in experts}
    usual = base_rates(labels)
    otherwise = np.asarray(pool.prior, np.float64) if usual is None else usual
    probabilities, weights, judged = _pooled(pool, answers, presence, trust, otherwise=otherwise)

    spoken: dict[str, list[Voice]] = {}
    for expert in experts:
        for modality in expert.modalities:
            voice = _voice(
                expert, modality, items[expert.name], answers[expert.name], weights[expert.name], labels
            )
            spoken.setdefault(modality, []).append(voice)
    voices = {modality: _joined(several) for modality, several in spoken.items()}
    return Judgement(probabilities, _mean_affect(list(voices.values())), judged, voices)


def _ask(expert: Expert, items: Items, classes: int) -> Says:
    """The expert on the items that hold anything; uniform, with NaN ratings, for the others.

    Of an item in several pieces it is the mean of the answers, by the pieces' lengths.
    """
    probabilities = np.full((len(items), classes), 1 / classes)
    ratings = np.full((len(items), len(expert.ratings)), np.nan)
    rounds = [(place, *one) for place, item in enumerate(items) for one in met_pieces(item)]
    if not rounds:
        return Says(probabilities, ratings)
    answer = expert.predict(
        [{name: from_its_start(piece) for name, piece in pieces.items()} for _, pieces, _ in rounds]
    )
    given = np.asarray(answer.probabilities, np.float64)
    given = given / given.sum(axis=1, keepdims=True)
    present, starts = np.unique([place for place, _, _ in rounds], return_index=True)
    lengths = np.array([length for _, _, length in rounds])[:, None]
    total = np.add.reduceat(lengths, starts)
    probabilities[present] = np.add.reduceat(lengths * given, starts) / total
    if expert.ratings:
        ratings[present] = np.add.reduceat(lengths * answer.ratings, starts) / total
    return Says(probabilities, ratings)


def met_pieces(item: Mapping[str, Sequence[Piece]]) -> Iterator[tuple[dict[str, Piece], float]]:
    """What the expert takes in at once, with its share of the item; fewer pieces of one modality are met
    again, so that the first meets the first and the last the last.
    """
    count = max((len(pieces) for pieces in item.values()), default=0)
    for number in range(count):
        met = {name: pieces[number * len(pieces) // count] for name, pieces in item.items()}
        shares = [piece.length / sum(one.length for one in item[name]) for name, piece in met.items()]
        yield met, float(np.mean(shares))


def from_its_start(piece: Piece) -> Track:
    """The track on a clock that begins with the piece, which sound and pictures then share."""
    if not piece.origin_s:
        return piece.track
    return Track(piece.track.values, piece.track.times - piece.origin_s)


def _trust(expert: Expert, items: Items, quality: Mapping[str, np.ndarray]) -> np.ndarray:
    """An expert's quality: the mean over its modalities that are present, 1 where there is none."""
    trust = np.ones(len(items))
    for place, item in enumerate(items):
        if item:
            trust[place] = float(
                np.mean([quality[name][place] if name in quality else 1.0 for name in item])
            )
    return trust


def _pooled(
    pool: ExpertPool,
    answers: Mapping[str, Says],
    presence: Mapping[str, np.ndarray],
    trust: Mapping[str, np.ndarray],
    *,
    otherwise: np.ndarray,
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Probabilities, weights by expert, and which rows had an expert at all; the others get ``otherwise``."""
    judged = np.any(np.stack(list(presence.values())), axis=0)
    probabilities = np.tile(otherwise, (len(judged), 1))
    weights = {name: np.zeros(len(judged)) for name in answers}
    if judged.any():
        pooled = pool(
            {name: answer.probabilities[judged] for name, answer in answers.items()},
            presence={name: flags[judged] for name, flags in presence.items()},
            quality={name: values[judged] for name, values in trust.items()},
        )
        probabilities[judged] = pooled.probabilities
        for name in weights:
            weights[name][judged] = pooled.weights[name]
    return probabilities / probabilities.sum(axis=1, keepdims=True), weights, judged


def _voice(
    expert: Expert, modality: str, items: Items, answer: Says, weights: np.ndarray, labels: Sequence[str]
) -> Voice:
    present = np.array([modality in item for item in items], dtype=bool)
    if len(expert.modalities) > 1:
        alone = [{modality: item[modality]} if modality in item else {} for item in items]
        answer = _ask(expert, alone, len(labels))
        weights = weights / np.maximum([len(item) for item in items], 1)
    affect = expected_coordinates(answer.probabilities, labels=labels)
    regressed = [name for name in AFFECT if name in expert.ratings]
    low, high = expert.task.rating_range
    for name in regressed:
        given = answer.ratings[:, expert.ratings.index(name)]
        affect[:, AFFECT.index(name)] = np.clip(2 * (given - low) / (high - low) - 1, -1, 1)
    affect[~present] = np.nan
    origin = _origin(modality, regressed, labels)
    return Voice(present, np.where(present, weights, 0.0), answer.probabilities, affect, origin)


def _origin(modality: str, regressed: Sequence[str], labels: Sequence[str]) -> str:
    if len(regressed) == len(AFFECT):
        return f"{modality} regression"
    if class_coordinates(labels) is None:
        return "unknown: a class of this bundle has no published coordinates"
    derived = f"derived from class probabilities: {CITATION}"
    return f"{regressed[0]} by {modality} regression, the other {derived}" if regressed else derived


def _joined(several: Sequence[Voice]) -> Voice:
    """One voice of all experts that hear the same modality, each by its weight."""
    if len(several) == 1:
        return several[0]
    present = np.any([voice.present for voice in several], axis=0)
    weights = np.sum([voice.weights for voice in several], axis=0)
    shares = np.stack([np.where(voice.present, np.maximum(voice.weights, 1e-12), 0.0) for voice in several])
    shares = shares / np.maximum(shares.sum(axis=0), 1e-12)
    probabilities = sum(
        share[:, None] * voice.probabilities for share, voice in zip(shares, several, strict=True)
    )
    origin = "; ".join(dict.fromkeys(voice.origin for voice in several))
    return Voice(present, weights, np.asarray(probabilities), _mean_affect(several), origin)


def _mean_affect(voices: Sequence[Voice]) -> np.ndarray:
    """``(n, 2)`` mean of the voices that know a value, by their weights; NaN where none does."""
    affect = np.stack([voice.affect for voice in voices])
    known = np.isfinite(affect)
    weights = np.stack([np.where(voice.present, np.maximum(voice.weights, 1e-12), 0.0) for voice in voices])
    weights = weights[:, :, None] * known
    total = weights.sum(axis=0)
    summed = (weights * np.where(known, affect, 0.0)).sum(axis=0)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)
