"""Decision-level fusion of calibrated experts, for any subset of them that is present.

Product of experts under conditional independence (Kittler et al. 1998, IEEE TPAMI 20(3)); differs: each
expert's own class prior is divided out, and exponents say how far each is to be trusted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emofuse.errors import BundleError, MissingModalityError

Arrays = Mapping[str, np.ndarray]


class Pooled(NamedTuple):
    """``probabilities`` ``(n, classes)``, and by expert the share ``(n,)`` that it has in them: the
    shares of the present experts sum to 1, an absent one has 0.
    """

    probabilities: np.ndarray
    weights: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ExpertPool:
    """Weighted product of experts, each corrected for the class prior of the data it was calibrated on.

    ``log p(c) = log prior(c) + sum over m of a_m * log(p_m(c) / prior_m(c)) + const``, where the exponent
    is ``a_m = quality_m * w_m / max of w over the experts present in the row``. So one expert alone comes
    back as its own posterior under the common prior, whatever its weight; calibrated experts that are
    independent given the class make Bayes' rule with equal weights; and a smaller weight holds back the
    less reliable expert where another one is present. ``p_m(c)`` is floored at ``floor * prior_m(c)``: no
    expert argues against a class by more than that factor. A class that an expert has never seen
    (``prior_m(c)`` of 0) is neither raised nor lowered by it.

    ``weights`` are in (0, 1] (`information_weight`, `skill_weight`, or 1.0 each), ``priors`` by expert and
    ``prior`` have one number per class and sum to 1.
    """

    priors: Mapping[str, tuple[float, ...]]
    weights: Mapping[str, float]
    prior: tuple[float, ...]
    floor: float = 1e-3

    def __post_init__(self) -> None:
        if not self.weights or set(self.priors) != set(self.weights):
            raise ValueError(f"priors of {sorted(self.priors)}, but weights of {sorted(self.weights)}")
        for name, weight in self.weights.items():
            if not 0 < weight <= 1:
                raise ValueError(f"weight of {name} must lie in (0, 1], got {weight}")
        for name, prior in {**self.priors, "all": self.prior}.items():
            if len(prior) != len(self.prior) or min(prior) < 0 or abs(sum(prior) - 1) > 1e-3:
                wanted = f"{len(self.prior)} shares that sum to 1"
                raise ValueError(f"prior of {name} must be {wanted}, got {prior}")
        if not 0 < self.floor < 1:
            raise ValueError(f"floor must lie in (0, 1), got {self.floor}")

    def __call__(
        self, probabilities: Arrays, *, presence: Arrays | None = None, quality: Arrays | None = None
    ) -> Pooled:
        """Fuse the experts of each row.

        Args:
            probabilities: by expert ``(n, classes)``; experts may be left out, and what stands in the
                rows of an absent one is not read.
            presence: by expert ``(n,)`` bool; present everywhere where it is not given.
            quality: by expert ``(n,)`` in [0, 1], how good its input is in this row (the share of a
                segment in which a face is seen, for instance); 1 where it is not given.

        Raises:
            MissingModalityError: a row has no expert.
            ValueError: an unknown expert, shapes that do not fit, or a value out of range.
        """
        if unknown := set(probabilities) - set(self.weights):
            raise ValueError(f"no expert named {sorted(unknown)}; the pool has {sorted(self.weights)}")
        present = _presence(probabilities, presence)
        trust = np.stack([self.weights[name] * present[name] for name in probabilities])
        trust = trust / trust.max(axis=0)
        for row, name in enumerate(probabilities):
            trust[row] *= _quality(quality, name, like=present[name])
        with np.errstate(divide="ignore"):
            total = np.log(np.array(self.prior))
        for row, name in enumerate(probabilities):
            evidence = self._evidence(name, probabilities[name], present[name])
            total = total + trust[row][:, None] * evidence
        return Pooled(_normalised_exp(total), _shares(trust, present))

    def _evidence(self, name: str, given: np.ndarray, present: np.ndarray) -> np.ndarray:
        """``log(p / prior)`` ``(n, classes)`` of one expert, floored; 0 where it is absent."""
        prior = np.array(self.priors[name])
        if given.shape[1:] != prior.shape:
            raise ValueError(f"{name}: need (n, {len(prior)}) probabilities, got {given.shape}")
        _check_rows(name, given[present])
        seen = present[:, None] & (prior > 0)
        ratio = np.where(seen, given, 1.0) / np.where(prior > 0, prior, 1.0)
        return np.where(seen, np.log(np.maximum(ratio, self.floor)), 0.0)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "priors": {name: list(prior) for name, prior in self.priors.items()},
            "weights": dict(self.weights),
            "prior": list(self.prior),
            "floor": self.floor,
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, object]) -> "ExpertPool":
        """What `to_dict` wrote.

        Raises:
            BundleError: a value is absent or unusable.
        """
        try:
            return cls(
                priors={name: tuple(map(float, prior)) for name, prior in facts["priors"].items()},  # type: ignore[attr-defined]
                weights={name: float(weight) for name, weight in facts["weights"].items()},  # type: ignore[attr-defined]
                prior=tuple(map(float, facts["prior"])),  # type: ignore[call-overload]
                floor=float(facts["floor"]),  # type: ignore[arg-type]
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"expert pool: unusable value ({error})") from error


def information_weight(probabilities: np.ndarray, shares: np.ndarray) -> float:
    """Share of the label's information that an expert recovers: ``1 - NLL / H(labels)``, cut to [0.01, 1].

    Args:
        probabilities: ``(n, classes)`` calibrated, of clips that neither expert nor calibrator saw.
        shares: ``(n, classes)`` truth; NaN rows are left out.

    Raises:
        ValueError: no labelled clip, or only one class among them.
    """
    given, truth = _labelled(probabilities, shares)
    prior = truth.mean(axis=0)
    entropy = -float((prior[prior > 0] * np.log(prior[prior > 0])).sum())
    if entropy <= 0:
        raise ValueError("one class only: the labels carry no information")
    nll = -float((truth * np.log(np.maximum(given, 1e-12))).sum(axis=1).mean())
    return float(np.clip(1 - nll / entropy, 0.01, 1.0))


def skill_weight(probabilities: np.ndarray, shares: np.ndarray) -> float:
    """Recall above chance: ``(UAR - 1/k) / (1 - 1/k)`` over the ``k`` classes that occur, cut to [0.01, 1].

    Arguments and errors are those of `information_weight`.
    """
    given, truth = _labelled(probabilities, shares)
    labels, predicted = truth.argmax(axis=1), given.argmax(axis=1)
    occurring = np.unique(labels)
    if len(occurring) < 2:
        raise ValueError("one class only: there is no skill to measure")
    recalls = [float(np.mean(predicted[labels == label] == label)) for label in occurring]
    chance = 1 / len(occurring)
    return float(np.clip((np.mean(recalls) - chance) / (1 - chance), 0.01, 1.0))


def mean_pool(probabilities: Arrays, *, presence: Arrays | None = None) -> Pooled:
    """Baseline: the plain mean over the present experts; arguments and errors as for `ExpertPool`."""
    present = _presence(probabilities, presence)
    return _mixed(probabilities, np.stack([present[name].astype(float) for name in probabilities]), present)


def strongest_pool(
    probabilities: Arrays, *, weights: Mapping[str, float], presence: Arrays | None = None
) -> Pooled:
    """Baseline: the present expert of the highest weight; arguments and errors as for `ExpertPool`."""
    present = _presence(probabilities, presence)
    trust = np.stack([np.where(present[name], 1 + weights[name], 0.0) for name in probabilities])
    first = np.arange(len(trust))[:, None] == trust.argmax(axis=0)
    return _mixed(probabilities, first.astype(float), present)


def _mixed(probabilities: Arrays, trust: np.ndarray, present: Arrays) -> Pooled:
    weights = _shares(trust, present)
    parts = []
    for name, given in probabilities.items():
        _check_rows(name, given[present[name]])
        parts.append(np.where(present[name][:, None], given, 0.0) * weights[name][:, None])
    return Pooled(np.sum(parts, axis=0), weights)


def _presence(probabilities: Arrays, presence: Arrays | None) -> dict[str, np.ndarray]:
    """By expert ``(n,)`` bool; each row has at least one."""
    if not probabilities:
        raise MissingModalityError("no expert has an answer")
    n = len(next(iter(probabilities.values())))
    found = {}
    for name, given in probabilities.items():
        everywhere = np.ones(n, dtype=bool)
        found[name] = np.asarray((presence or {}).get(name, everywhere), dtype=bool)
        if len(given) != n or found[name].shape != (n,):
            raise ValueError(f"{name}: need {n} rows, got {given.shape} and presence {found[name].shape}")
    if len(empty := np.flatnonzero(~np.any(list(found.values()), axis=0))):
        raise MissingModalityError(f"{len(empty)} of {n} rows have no expert, the first is row {empty[0]}")
    return found


def _quality(quality: Arrays | None, name: str, *, like: np.ndarray) -> np.ndarray:
    given = (quality or {}).get(name)
    if given is None:
        return np.ones(len(like))
    given = np.where(like, np.asarray(given, dtype=np.float64), 0.0)
    if given.shape != like.shape or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"{name}: quality must be ({len(like)},) in [0, 1], got {given}")
    return given


def _shares(trust: np.ndarray, present: Arrays) -> dict[str, np.ndarray]:
    """Trust ``(experts, n)`` as shares that sum to 1; equal ones where no present expert has any."""
    among = np.stack(list(present.values())).astype(float)
    used = np.where(trust.sum(axis=0) > 0, trust, among)
    return dict(zip(present, used / used.sum(axis=0), strict=True))


def _check_rows(name: str, rows: np.ndarray) -> None:
    if not np.isfinite(rows).all() or (rows < 0).any() or (np.abs(rows.sum(axis=1) - 1) > 1e-3).any():
        raise ValueError(f"{name}: probabilities of present rows must be finite and sum to 1")


def _labelled(probabilities: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if probabilities.shape != shares.shape or shares.ndim != 2:
        raise ValueError(f"need two (n, classes) arrays, got {probabilities.shape} and {shares.shape}")
    rows = np.isfinite(shares).all(axis=1)
    if not rows.any():
        raise ValueError("no labelled clip")
    return probabilities[rows].astype(np.float64), shares[rows].astype(np.float64)


def _normalised_exp(logs: np.ndarray) -> np.ndarray:
    shifted = np.exp(logs - logs.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
