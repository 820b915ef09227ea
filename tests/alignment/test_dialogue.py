import numpy as np
import pytest

from emofuse.alignment.dialogue import Context, with_context
from emofuse.errors import DatasetError
from emofuse.types import Clip, Track

CLIPS = [
    Clip("b2", dialogue="b", turn=2), Clip("a3", dialogue="a", turn=30), Clip("a1", dialogue="a", turn=10),
    Clip("a2", source="x", dialogue="a", turn=20), Clip("c1", source="c", turn=1),
]  # fmt: skip
VALUES = {"a1": 1.0, "a2": 2.0, "a3": 3.0, "b2": 9.0}


def tracks():
    return [
        {"text": Track(np.array([[VALUES[c.id] - 1], [VALUES[c.id] + 1]], np.float32), np.arange(2.0))}
        if c.id in VALUES
        else {}
        for c in CLIPS
    ]


def shown(found):
    return {
        clip.id: (one["near"].values[:, 0].tolist(), one["near"].times.tolist()) if "near" in one else None
        for clip, one in zip(CLIPS, found, strict=True)
    }


def near(**options):
    given = [{**one, **({"near": one["text"]} if one else {})} for one in tracks()]
    return with_context(CLIPS, given, {"near": Context(**options)})


def test_neighbours_stand_in_the_order_of_turns_at_their_distance():
    assert shown(near(before=1, after=1)) == {
        "a1": ([2.0], [1.0]), "a2": ([1.0, 3.0], [-1.0, 1.0]), "a3": ([2.0], [-1.0]), "b2": None, "c1": None,
    }  # fmt: skip


def test_the_own_turn_may_end_the_sequence():
    assert shown(near(before=9, own=True)) == {
        "a1": ([1.0], [0.0]), "a2": ([1.0, 2.0], [-1.0, 0.0]), "a3": ([1.0, 2.0, 3.0], [-2.0, -1.0, 0.0]),
        "b2": ([9.0], [0.0]), "c1": None,
    }  # fmt: skip


def test_other_modalities_stay_and_nothing_given_is_changed():
    given = tracks()
    found = with_context(CLIPS, given, {"near": Context(before=1)})
    assert all(("text" in one) == ("text" in other) for one, other in zip(given, found, strict=True))
    assert with_context(CLIPS, given, {}) == given


@pytest.mark.parametrize(
    ("clip", "said"), [(Clip("x", turn=1), "dialogue"), (Clip("x", source="a"), "turn")]
)
def test_a_clip_without_a_place_is_an_error(clip, said):
    with pytest.raises(DatasetError, match=f"clip x has no {said}"):
        with_context([clip], [{}], {"text": Context(before=1)})
