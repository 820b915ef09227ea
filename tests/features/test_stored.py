import numpy as np
import pytest

from emofuse.errors import FeatureError
from emofuse.features.stored import Stored


def test_a_vector_is_one_frame_and_a_sequence_is_itself():
    stored = Stored("covarep", dim=3)
    one = stored({"covarep": np.array([1, 2, 3]), "other": np.zeros(2)})
    assert one.values.tolist() == [[1, 2, 3]] and one.times.tolist() == [0]
    assert one.values.dtype == np.float32
    many = stored({"covarep": np.arange(6.0).reshape(2, 3)})
    assert many.values.tolist() == [[0, 1, 2], [3, 4, 5]] and many.times.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"facet": np.zeros(3)}, "facet"),
        ({}, "covarep"),
        ({"covarep": np.zeros(4)}, r"\(4,\)"),
        ({"covarep": np.zeros((2, 4))}, r"\(2, 4\)"),
        ({"covarep": np.zeros((0, 3))}, r"\(0, 3\)"),
        ({"covarep": np.zeros((1, 2, 3))}, r"\(1, 2, 3\)"),
        ({"covarep": np.array([[0, 0, 0], [0, 0, np.nan]])}, "nan at frame 1, column 2"),
        ({"covarep": np.array([0, -np.inf, 0])}, "inf at frame 0, column 1"),
    ],
)
def test_what_cannot_be_used_is_named(given, said):
    with pytest.raises(FeatureError, match=said):
        Stored("covarep", dim=3)(given)


def test_key_and_width_decide():
    assert Stored("a", dim=3).settings == {"key": "a", "dim": 3}
    with pytest.raises(ValueError):
        Stored("a", dim=0)
