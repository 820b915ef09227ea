import numpy as np
import pytest

from emofuse.inference.circumplex import COORDINATES, class_coordinates, expected_coordinates


def test_certainty_gives_the_coordinates_of_the_class():
    labels = tuple(COORDINATES)
    found = expected_coordinates(np.eye(len(labels)), labels=labels)
    assert found.tolist() == [list(COORDINATES[label]) for label in labels]


def test_the_expectation_by_hand():
    found = expected_coordinates(np.array([[0.25, 0.75]]), labels=("joy", "sadness"))
    assert found[0] == pytest.approx([0.25 * 0.76 - 0.75 * 0.63, 0.25 * 0.48 - 0.75 * 0.27])


def test_names_of_the_same_class_are_known_and_others_are_not():
    assert class_coordinates(("Happy", "sad")) == pytest.approx(class_coordinates(("joy", "sadness")))
    assert class_coordinates(("joy", "boredom")) is None
    assert class_coordinates(()) is None
    assert np.isnan(expected_coordinates(np.ones((2, 1)), labels=("boredom",))).all()


def test_all_lie_in_the_unit_square():
    assert np.abs(list(COORDINATES.values())).max() <= 1
