"""Were the networks behind published features fitted on the training rows? A linear probe tells.

Within train the probe is scored on groups (videos, speakers) that it was not fitted on, as it is on the
held-out splits. Honest features score alike on both. Features whose network learned the training labels
score far better within train, and a validation carved from those rows would be blind.
"""

from typing import Any, NamedTuple

import numpy as np

from emofuse.audit import Audited
from emofuse.audit.findings import Finding
from emofuse.audit.vectors import keys_of
from emofuse.types import Clip

# Our choices: the gap that weighs, the clips a score needs, the draws of its interval and of its control.
GAP = 0.05
_FEWEST, _DRAWS, _CONTROLS, _FOLDS = 30, 1000, 3, 5
_STRENGTH = 0.01


class _Scores(NamedTuple):
    """Correctness ``(n,)`` and groups ``(n,)`` of one part."""

    right: np.ndarray
    groups: np.ndarray


def fitted_on_train(given: Audited) -> list[Finding]:
    """One finding for each key whose probe does far better within train than on a held-out split."""
    findings = []
    for key in keys_of(given):
        parts = {role: _part(given, key, role) for role in ("train", "valid", "test")}
        if parts["train"] is None or all(parts[role] is None for role in ("valid", "test")):
            continue
        if (found := _probe(given, key, parts)) is not None:
            findings.append(found)
    return findings


def _part(given: Audited, key: str, role: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Features ``(n, dim)``, targets and groups of one role; None where they are too few."""
    rows = [
        (clip, target)
        for clip in given.corpus.clips
        if given.role(clip) == role and key in clip.vectors and (target := _target(given, clip)) is not None
    ]
    if len(rows) < _FEWEST or len({target for _, target in rows}) < 2:
        return None
    features = np.stack([np.atleast_2d(clip.vectors[key]).mean(axis=0) for clip, _ in rows]).astype(float)
    groups = np.array([clip.source or clip.dialogue or clip.speaker or clip.id for clip, _ in rows])
    return np.nan_to_num(features, posinf=0, neginf=0), np.array([target for _, target in rows]), groups


def _target(given: Audited, clip: Clip) -> str | None:
    """The label, or the sign of the first rating about the middle of its range."""
    if clip.label is not None:
        return clip.label
    task = given.corpus.task
    if not task.ratings or task.ratings[0] not in clip.ratings:
        return None
    away = clip.ratings[task.ratings[0]] - sum(task.rating_range) / 2
    return None if away == 0 else "high" if away > 0 else "low"


def _probe(
    given: Audited, key: str, parts: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray] | None]
) -> Finding | None:
    train = parts["train"]
    assert train is not None, "asked for by the caller"
    features, targets, groups = train
    if len(np.unique(groups)) < _FOLDS:
        return None
    within = _Scores(_cross_validated(features, targets, groups), groups)
    shuffled = [
        float(_cross_validated(features, given.generator.permutation(targets), groups).mean())
        for _ in range(_CONTROLS)
    ]
    probe = _model().fit(features, targets)
    held = {
        role: _Scores(probe.predict(part[0]) == part[1], part[2])
        for role in ("valid", "test")
        if (part := parts[role]) is not None
    }
    chance = max(float((targets == name).mean()) for name in np.unique(targets))
    scores = {"train, unseen groups": within, **held}
    gaps = {role: _gap(within, one, given.generator) for role, one in held.items()}
    far = [role for role, low in gaps.items() if low > GAP]
    # With labels at random nothing may be found: else the probe itself would be at fault.
    if not far or max(shuffled) > chance + GAP or within.right.mean() < chance + GAP:
        return None
    told = ", ".join(f"{name} {one.right.mean():.3f}" for name, one in scores.items())
    blind = [role for role in held if role not in far]
    message = (
        f"{key!r} was fitted on the training rows: a linear probe scores {told} "
        f"(majority {chance:.3f}, labels at random {np.mean(shuffled):.3f})"
        + (f"; {', '.join(blind)} is blind to it" if blind else "")
    )
    evidence = [
        {
            "key": key, "scores": {name: float(one.right.mean()) for name, one in scores.items()},
            "majority": chance, "permuted": shuffled, "gap_lower_end": gaps,
        }
    ]  # fmt: skip
    return Finding("fitted features", "leak", message, 1, evidence)


def _model() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=300))


def _cross_validated(features: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    from sklearn.model_selection import GroupKFold

    right = np.zeros(len(targets), dtype=bool)
    for fitted, held in GroupKFold(_FOLDS).split(features, targets, groups):
        if len(np.unique(targets[fitted])) > 1:
            right[held] = (
                _model().fit(features[fitted], targets[fitted]).predict(features[held]) == targets[held]
            )
    return right


def _gap(within: _Scores, held: _Scores, generator: np.random.Generator) -> float:
    """The lower end of the gap's one-sided 99.5 % interval, whole groups drawn."""
    draws = _means(within, generator) - _means(held, generator)
    return float(np.quantile(draws, 0.005))


def _means(scores: _Scores, generator: np.random.Generator) -> np.ndarray:
    _, codes = np.unique(scores.groups, return_inverse=True)
    sums, sizes = np.bincount(codes, weights=scores.right), np.bincount(codes)
    drawn = generator.integers(0, len(sizes), size=(_DRAWS, len(sizes)))
    return sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
