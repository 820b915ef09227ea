import numpy as np
import pytest

from emofuse.inference.evidence import judge
from emofuse.types import TaskSpec, Track

TRACK = Track(np.zeros((1, 2), np.float32), np.zeros(1))


def asked(bundle, tracks, **quality):
    return judge(
        bundle.experts,
        bundle.pool,
        labels=bundle.labels,
        tracks=tracks,
        quality={name: np.array(values) for name, values in quality.items()},
    )


def test_rows_without_an_expert_get_the_prior(fakes):
    prior = (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
    bundle = fakes.bundle((fakes.expert("words", "joy", {"text": fakes.extractor("text")}),), prior=prior)
    said = asked(bundle, {"words": [{"text": TRACK}, {}]})
    assert said.judged.tolist() == [True, False]
    assert said.probabilities[1] == pytest.approx(prior)
    assert np.isnan(said.affect[1]).all()
    assert said.voices["text"].weights.tolist() == [1, 0]
    assert len(bundle.experts[0].asked[0]) == 1  # only what is there is asked about


def test_values_are_weighted_as_the_probabilities_are(fakes):
    bundle = fakes.three_experts()
    tracks = {"words": [{"text": TRACK}], "voice": [{}], "look": [{"video": TRACK}]}
    said = asked(bundle, tracks, video=[0.5])
    weights = {name: voice.weights[0] for name, voice in said.voices.items()}
    assert weights == pytest.approx({"text": 2 / 3, "audio": 0, "video": 1 / 3})
    derived = 0.76 * 0.6 + (-0.51 - 0.60 - 0.64 - 0.63 + 0.40) * 0.4 / 6
    assert said.affect[0, 0] == pytest.approx(2 / 3 * 0.5 + 1 / 3 * derived)


def test_ratings_of_another_range_are_brought_to_ours(fakes):
    task = TaskSpec(labels=fakes.labels, ratings=("arousal", "valence"), rating_range=(1.0, 5.0))
    expert = fakes.expert("words", "joy", {"text": fakes.extractor("text")}, task, rated=(2.0, 5.0))
    said = asked(fakes.bundle((expert,)), {"words": [{"text": TRACK}]})
    assert said.affect[0].tolist() == [1.0, -0.5]


def test_one_rating_alone_is_joined_by_a_derived_one(fakes):
    task = TaskSpec(labels=fakes.labels, ratings=("valence",))
    expert = fakes.expert("words", "neutral", {"text": fakes.extractor("text")}, task, rated=(0.9,))
    said = asked(fakes.bundle((expert,)), {"words": [{"text": TRACK}]})
    assert said.affect[0, 0] == pytest.approx(0.9)
    assert said.affect[0, 1] == pytest.approx((0.59 + 0.35 + 0.60 + 0.48 - 0.27 + 0.67) * 0.4 / 6)
    assert "valence by text regression" in said.voices["text"].origin


def test_two_experts_of_one_modality_speak_with_one_voice(fakes):
    experts = tuple(
        fakes.expert(name, says, {"text": fakes.extractor("text")})
        for name, says in (("a", "joy"), ("b", "fear"))
    )
    said = asked(
        fakes.bundle(experts), {"a": [{"text": TRACK}, {"text": TRACK}], "b": [{"text": TRACK}, {}]}
    )
    voice = said.voices["text"]
    assert voice.weights.tolist() == [1, 1]
    assert voice.probabilities.sum(axis=1) == pytest.approx([1, 1])
    joy, fear = fakes.labels.index("joy"), fakes.labels.index("fear")
    assert voice.probabilities[0, joy] == pytest.approx(voice.probabilities[0, fear])
    assert voice.probabilities[1, joy] == pytest.approx(0.6)
