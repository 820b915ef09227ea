import numpy as np
import pytest

from emofuse.inference.bundle import Says
from emofuse.inference.circumplex import base_rates
from emofuse.inference.contents import Piece
from emofuse.inference.evidence import from_its_start, judge, met_pieces
from emofuse.types import TaskSpec, Track

TRACK = Track(np.zeros((1, 2), np.float32), np.zeros(1))
PIECE = (Piece(TRACK, 1.0),)


def asked(bundle, items, **quality):
    return judge(
        bundle.experts,
        bundle.pool,
        labels=bundle.labels,
        items=items,
        quality={name: np.array(values) for name, values in quality.items()},
    )


def test_rows_without_an_expert_get_the_base_rates_of_conversation(fakes):
    prior = (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
    bundle = fakes.bundle((fakes.expert("words", "joy", {"text": fakes.extractor("text")}),), prior=prior)
    said = asked(bundle, {"words": [{"text": PIECE}, {}]})
    assert said.judged.tolist() == [True, False]
    assert (
        said.probabilities[1] == pytest.approx(base_rates(bundle.labels)) and base_rates(["calm"]) is None
    )
    assert np.isnan(said.affect[1]).all()
    assert said.voices["text"].weights.tolist() == [1, 0]
    assert len(bundle.experts[0].asked[0]) == 1  # only what is there is asked about


def test_values_are_weighted_as_the_probabilities_are(fakes):
    bundle = fakes.three_experts()
    items = {"words": [{"text": PIECE}], "voice": [{}], "look": [{"video": PIECE}]}
    said = asked(bundle, items, video=[0.5])
    weights = {name: voice.weights[0] for name, voice in said.voices.items()}
    assert weights == pytest.approx({"text": 2 / 3, "audio": 0, "video": 1 / 3})
    derived = 0.76 * 0.6 + (-0.51 - 0.60 - 0.64 - 0.63 + 0.40) * 0.4 / 6
    assert said.affect[0, 0] == pytest.approx(2 / 3 * 0.5 + 1 / 3 * derived)


def test_ratings_of_another_range_are_brought_to_ours(fakes):
    task = TaskSpec(labels=fakes.labels, ratings=("arousal", "valence"), rating_range=(1.0, 5.0))
    expert = fakes.expert("words", "joy", {"text": fakes.extractor("text")}, task, rated=(2.0, 5.0))
    said = asked(fakes.bundle((expert,)), {"words": [{"text": PIECE}]})
    assert said.affect[0].tolist() == [1.0, -0.5]


def test_one_rating_alone_is_joined_by_a_derived_one(fakes):
    task = TaskSpec(labels=fakes.labels, ratings=("valence",))
    expert = fakes.expert("words", "neutral", {"text": fakes.extractor("text")}, task, rated=(0.9,))
    said = asked(fakes.bundle((expert,)), {"words": [{"text": PIECE}]})
    assert said.affect[0, 0] == pytest.approx(0.9)
    assert said.affect[0, 1] == pytest.approx((0.59 + 0.35 + 0.60 + 0.48 - 0.27 + 0.67) * 0.4 / 6)
    assert "valence by text regression" in said.voices["text"].origin


def test_two_experts_of_one_modality_speak_with_one_voice(fakes):
    experts = tuple(
        fakes.expert(name, says, {"text": fakes.extractor("text")})
        for name, says in (("a", "joy"), ("b", "fear"))
    )
    said = asked(
        fakes.bundle(experts), {"a": [{"text": PIECE}, {"text": PIECE}], "b": [{"text": PIECE}, {}]}
    )
    voice = said.voices["text"]
    assert voice.weights.tolist() == [1, 1]
    assert voice.probabilities.sum(axis=1) == pytest.approx([1, 1])
    joy, fear = fakes.labels.index("joy"), fakes.labels.index("fear")
    assert voice.probabilities[0, joy] == pytest.approx(voice.probabilities[0, fear])
    assert voice.probabilities[1, joy] == pytest.approx(0.6)


def numbered(number):
    return Track(np.full((1, 2), number, np.float32), np.zeros(1))


class Reader:
    """Says class 0 or 1 as its piece is numbered, and rates it by that number."""

    name, modalities, ratings = "reader", ("text",), ("valence", "arousal")

    def __init__(self, fakes):
        self.task = TaskSpec(labels=fakes.labels, ratings=self.ratings)

    def predict(self, items):
        numbers = [int(item["text"].values[0, 0]) for item in items]
        return Says(np.eye(7)[numbers], np.array([[number, -number] for number in numbers], float))


def test_pieces_answer_by_their_length(fakes):
    expert = Reader(fakes)
    pool = fakes.bundle((fakes.expert("reader", "joy", {}),)).pool
    items = [
        {"text": [Piece(numbered(1), 3.0), Piece(numbered(0), 1.0)]},
        {},
        {"text": [Piece(numbered(0), 9)]},
    ]
    said = judge((expert,), pool, labels=fakes.labels, items={"reader": items}, quality={})
    voice = said.voices["text"]
    assert voice.probabilities[0, :2].tolist() == [0.25, 0.75]
    assert voice.probabilities[2, 0] == 1
    assert voice.affect[0].tolist() == [0.75, -0.75] and np.isnan(voice.affect[1]).all()
    assert voice.present.tolist() == [True, False, True]


def test_pieces_of_two_modalities_are_met_in_order(fakes):
    expert = fakes.expert(
        "both", "fear", {"text": fakes.extractor("text"), "audio": fakes.extractor("audio")}
    )
    item = {
        "text": [Piece(numbered(number), 1.0) for number in (1, 2)],
        "audio": [Piece(numbered(number), 1.0) for number in (10, 20, 30, 40)],
    }
    asked(fakes.bundle((expert,)), {"both": [item]})
    together = [(one["text"].values[0, 0], one["audio"].values[0, 0]) for one in expert.asked[0]]
    assert together == [(1, 10), (1, 20), (2, 30), (2, 40)]
    assert [len(items) for items in expert.asked] == [4, 2, 4]


def test_sound_and_pictures_of_a_late_segment_share_a_clock():
    sound = Piece(Track(np.ones((4, 1), np.float32), np.arange(4) * 0.5 + 0.25), 2.0)
    seen = Piece(Track(np.ones((4, 1), np.float32), 10 + np.arange(4) * 0.5 + 0.25), 4, origin_s=10.0)
    ((pieces, share),) = list(met_pieces({"audio": [sound], "video": [seen]}))
    tracks = {name: from_its_start(piece) for name, piece in pieces.items()}
    assert tracks["audio"].times.tolist() == tracks["video"].times.tolist() and share == 1.0
