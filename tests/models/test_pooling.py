"""Pooling experts: Bayes' rule where it holds, one expert alone unchanged, any subset, no dictator."""

import json

import numpy as np
import pytest

from emofuse.errors import BundleError, MissingModalityError
from emofuse.models.calibrators import ExpertPool, Temperature, soft_nll
from emofuse.models.pooling import information_weight, mean_pool, skill_weight, strongest_pool

UNIFORM = (0.25,) * 4
SKEWED = (0.7, 0.1, 0.1, 0.1)


def pool_of(weights=None, *, priors=None, prior=UNIFORM, **more):
    weights = weights or {"audio": 1.0, "text": 1.0}
    return ExpertPool(priors or dict.fromkeys(weights, UNIFORM), weights, prior, **more)


def posterior(likelihood, prior):
    joint = likelihood * np.array(prior)
    return joint / joint.sum(axis=1, keepdims=True)


def likelihoods(n=50, *, seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(0.05, 1, (n, 4)), generator.uniform(0.05, 1, (n, 4))


def test_independent_experts_make_bayes_rule_whatever_their_priors():
    audio, text = likelihoods()
    pool = pool_of(priors={"audio": SKEWED, "text": UNIFORM}, prior=(0.4, 0.3, 0.2, 0.1))
    given = {"audio": posterior(audio, SKEWED), "text": posterior(text, UNIFORM)}
    expected = posterior(audio * text, (0.4, 0.3, 0.2, 0.1))
    assert pool(given).probabilities == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_one_expert_alone_is_its_own_prior_corrected_posterior(weight):
    audio, _ = likelihoods()
    pool = pool_of({"audio": weight, "text": 1.0}, priors={"audio": SKEWED, "text": UNIFORM})
    alone = pool({"audio": posterior(audio, SKEWED)})
    assert alone.probabilities == pytest.approx(posterior(audio, UNIFORM), abs=1e-12)
    assert alone.weights["audio"] == pytest.approx(np.ones(50))
    absent = pool(
        {"audio": posterior(audio, SKEWED), "text": np.full((50, 4), np.nan)},
        presence={"text": np.zeros(50, dtype=bool)},
    )
    assert absent.probabilities == pytest.approx(alone.probabilities)
    assert absent.weights["text"].tolist() == [0.0] * 50


def test_presence_row_by_row():
    audio, text = (posterior(one, UNIFORM) for one in likelihoods(3))
    presence = {"audio": np.array([True, True, False]), "text": np.array([True, False, True])}
    found = pool_of()({"audio": audio, "text": text}, presence=presence)
    assert found.probabilities[0] == pytest.approx(posterior(audio * text, UNIFORM)[0])
    assert found.probabilities[1] == pytest.approx(audio[1])
    assert found.probabilities[2] == pytest.approx(text[2])
    assert found.weights["audio"] == pytest.approx([0.5, 1.0, 0.0])


def test_weight_holds_back_the_less_reliable_expert():
    audio, text = np.array([[0.7, 0.1, 0.1, 0.1]]), np.array([[0.1, 0.7, 0.1, 0.1]])
    found = pool_of({"audio": 0.8, "text": 0.2})({"audio": audio, "text": text})
    # Exponents 1 and 1/4: 7 against 7 ** (1/4).
    assert found.probabilities[0, 0] / found.probabilities[0, 1] == pytest.approx(7**0.75)
    assert found.weights["audio"][0] == pytest.approx(0.8)
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_quality_runs_from_not_there_to_fully_there():
    audio, text = (posterior(one, UNIFORM) for one in likelihoods(2))
    pool = pool_of()
    quality = {"text": np.array([0.0, 1.0])}
    found = pool({"audio": audio, "text": text}, quality=quality)
    assert found.probabilities[0] == pytest.approx(audio[0])
    assert found.probabilities[1] == pytest.approx(pool({"audio": audio, "text": text}).probabilities[1])
    assert found.weights["text"] == pytest.approx([0.0, 0.5])
    nothing = pool({"audio": audio}, quality={"audio": np.zeros(2)})
    assert nothing.probabilities == pytest.approx(np.full((2, 4), 0.25))
    assert nothing.weights["audio"] == pytest.approx([1.0, 1.0])


def test_zero_does_not_win_for_ever():
    sure = np.array([[1.0, 0.0, 0.0, 0.0]])
    other = np.array([[1e-9, 1 - 1e-9, 0.0, 0.0]])
    found = pool_of({"audio": 1.0, "text": 1.0, "video": 1.0})(
        {"audio": sure, "text": other, "video": other}
    )
    assert np.isfinite(found.probabilities).all()
    assert found.probabilities[0].argmax() == 1


def test_class_that_an_expert_never_saw_is_left_to_the_others():
    pool = pool_of(priors={"audio": (0.5, 0.5, 0.0, 0.0), "text": UNIFORM})
    audio, text = np.array([[0.5, 0.5, 0.0, 0.0]]), np.array([[0.1, 0.1, 0.7, 0.1]])
    assert pool({"audio": audio, "text": text}).probabilities == pytest.approx(text)


def test_class_outside_the_common_prior_stays_out():
    pool = pool_of(prior=(0.5, 0.5, 0.0, 0.0))
    found = pool({"audio": np.array([[0.1, 0.2, 0.3, 0.4]])}).probabilities
    assert found[0] == pytest.approx([1 / 3, 2 / 3, 0.0, 0.0])


def drawn_experts(n, *, seed):
    """Labels, and two calibrated experts that see them through independent noise of different size."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, n)
    experts = {}
    for name, noise in (("audio", 0.9), ("text", 1.6)):
        seen = np.eye(4)[labels] + noise * generator.normal(size=(n, 4))
        # Gaussian noise of one variance: the log-likelihood is linear in what is seen.
        experts[name] = posterior(np.exp(seen / noise**2), UNIFORM)
    return labels, experts


def test_pooled_experts_are_calibrated_and_beat_each_and_the_mean():
    labels, experts = drawn_experts(6000, seed=1)
    truth = np.eye(4)[labels]
    pooled = pool_of()(experts).probabilities
    others = [*experts.values(), mean_pool(experts).probabilities]
    assert all(soft_nll(pooled, truth) < soft_nll(one, truth) - 0.01 for one in others)
    assert (pooled.argmax(axis=1) == labels).mean() > max(
        (one.argmax(axis=1) == labels).mean() for one in experts.values()
    )
    assert Temperature.fit(np.log(pooled), truth).temperature == pytest.approx(1.0, abs=0.06)
    confidence, right = pooled.max(axis=1), pooled.argmax(axis=1) == labels
    for low in (0.3, 0.5, 0.7, 0.9):
        inside = (confidence > low) & (confidence <= low + 0.2)
        assert right[inside].mean() == pytest.approx(confidence[inside].mean(), abs=0.04)


def test_reliability_orders_experts():
    labels, experts = drawn_experts(4000, seed=2)
    truth = np.eye(4)[labels]
    for measure in (information_weight, skill_weight):
        assert 0 < measure(experts["text"], truth) < measure(experts["audio"], truth) < 1
        assert measure(truth, truth) == pytest.approx(1.0)
        assert measure(np.full((4000, 4), 0.25), truth) <= 0.011
        with pytest.raises(ValueError):
            measure(experts["text"], np.eye(4)[np.zeros(4000, dtype=int)])
        with pytest.raises(ValueError):
            measure(experts["text"], np.full((4000, 4), np.nan))


def test_information_weight_by_hand():
    given, truth = np.array([[0.8, 0.2], [0.4, 0.6]]), np.eye(2)
    expected = 1 + (np.log(0.8) + np.log(0.6)) / 2 / np.log(2)
    assert information_weight(given, truth) == pytest.approx(expected)


def test_baselines():
    audio, text = np.array([[0.6, 0.4], [0.5, 0.5]]), np.array([[0.2, 0.8], [0.1, 0.9]])
    given, presence = {"audio": audio, "text": text}, {"audio": np.array([True, False])}
    assert mean_pool(given, presence=presence).probabilities == pytest.approx(
        np.array([[0.4, 0.6], [0.1, 0.9]])
    )
    strongest = strongest_pool(given, weights={"audio": 0.9, "text": 0.3}, presence=presence)
    assert strongest.probabilities == pytest.approx(np.array([[0.6, 0.4], [0.1, 0.9]]))
    assert strongest.weights["audio"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("pool", [pool_of(), mean_pool])
def test_row_without_any_expert(pool):
    given = {"audio": np.full((2, 4), 0.25)}
    with pytest.raises(MissingModalityError, match="row 1"):
        pool(given, presence={"audio": np.array([True, False])})
    with pytest.raises(MissingModalityError):
        pool({})


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({"smell": np.full((2, 4), 0.25)}, {}),
        ({"audio": np.full((2, 3), 1 / 3)}, {}),
        ({"audio": np.full((2, 4), np.nan)}, {}),
        ({"audio": np.full((2, 4), 0.5)}, {}),
        ({"audio": np.full((2, 4), 0.25), "text": np.full((3, 4), 0.25)}, {}),
        ({"audio": np.full((2, 4), 0.25)}, {"quality": {"audio": np.array([0.5, 1.5])}}),
        ({"audio": np.full((2, 4), 0.25)}, {"presence": {"audio": np.array([True])}}),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given, more):
    with pytest.raises(ValueError):
        pool_of()(given, **more)


def test_written_and_read_back():
    pool = pool_of({"audio": 0.4, "text": 0.9}, priors={"audio": SKEWED, "text": UNIFORM}, floor=0.01)
    assert ExpertPool.from_dict(json.loads(json.dumps(pool.to_dict()))) == pool


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"audio": 0.0, "text": 1.0}},
        {"weights": {"audio": 1.0}},
        {"weights": None},
        {"prior": [0.5, 0.5, 0.5, 0.5]},
        {"prior": [0.5, 0.5]},
        {"priors": {"audio": ["a"], "text": UNIFORM}},
        {"floor": 0.0},
        {"floor": None},
    ],
)
def test_damaged_facts_are_refused(change):
    with pytest.raises(BundleError):
        ExpertPool.from_dict(pool_of().to_dict() | change)
    kept = {key: value for key, value in pool_of().to_dict().items() if key not in change}
    with pytest.raises(BundleError):
        ExpertPool.from_dict(kept)
