"""A sound archive in which any one part is exchanged for something odd ends in a corpus or a typed error."""

import copy
import pickle

import numpy as np
import pytest

from emofuse.datasets import load_corpus
from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Corpus

ODD = [
    *(
        None,
        0,
        -1,
        1.5,
        "x",
        b"x",
        [],
        {},
        (),
        [None],
        [[]],
        {"a": 1},
        ["a", "b"],
        [1, 2],
        [[1], [2, 3]],
        {1, 2},
    ),
    *(
        np.array(5.0),
        np.zeros(0),
        np.zeros((2, 0)),
        np.zeros((2, 0, 3)),
        np.zeros((2, 3, 0)),
        np.zeros((0, 3, 4)),
    ),
    *(
        np.full((2, 3, 4), np.nan),
        np.full(2, np.nan),
        np.full(2, -np.inf),
        np.full(2, 1e300),
        np.array([2**62, -5]),
    ),
    *(np.ones((2, 3, 4, 5)), np.ones((2, 3, 4), complex), np.array(["a", "b"]), np.array([b"a", b"\xff"])),
    *(
        np.array([None, {}], dtype=object),
        np.array([[1, "x"], [None, 2]], dtype=object),
        np.ones((2, 3, 4), bool),
    ),
    *(np.array(["2020", "2021"], "M8[Y]"), [np.ones(3), np.ones(4)], [np.ones((2, 2)), "x"]),
]


def _block(*shape):
    return np.ones(shape, np.float32)


def _mmsa():
    parts = {
        "id": ["a$_$1", "b$_$1"],
        "raw_text": ["x", "y"],
        "text": _block(2, 4, 3),
        "text_bert": _block(2, 3, 4),
        "audio": _block(2, 6, 2),
        "vision": _block(2, 5, 2),
        "audio_lengths": [2, 3],
        "vision_lengths": [5, 5],
        "annotations": ["Positive", "Negative"],
        "classification_labels": [2, 0],
        "regression_labels": np.array([1.0, -1.0]),
        "regression_labels_T": [0.5, 0.1],
    }
    return {"train": parts, "config": {"audio": {"tool": "x"}}}


def _mult():
    parts = {"vision": _block(2, 4, 3), "audio": _block(2, 4, 2), "text": _block(2, 4, 5)}
    return {
        "train": parts
        | {"labels": _block(2, 1, 1), "id": np.array([[b"v", b"0", b"1"], [b"v", b"1", b"2"]])}
    }


def _dialogues():
    def each(value):
        return {"Ses01F_impro01": [value, value], "Ses05F_impro01": [value]}

    vectors = [each(np.ones(3)) for _ in range(3)]
    return [each("u"), each("F"), each(1), *vectors, each("Line"), ["Ses01F_impro01"], ["Ses05F_impro01"]]


def _places(content, depth):
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    for key in keys:
        yield (key,)
        if depth and isinstance(content[key], dict | list):
            yield from ((key, *rest) for rest in _places(content[key], depth - 1))


def _exchanged(content, place, value):
    changed = copy.deepcopy(content)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("name", "content", "depth"),
    [("mmsa", _mmsa(), 1), ("mult", _mult(), 1), ("erc_pickle", _dialogues(), 2)],
    ids=["mmsa", "mult", "erc_pickle"],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_any_part_may_be_odd(name, content, depth, tmp_path):
    path = tmp_path / "a.pkl"
    read = refused = 0
    for place in _places(content, depth):
        for value in ODD:
            path.write_bytes(pickle.dumps(_exchanged(content, place, value)))
            try:
                corpus = load_corpus(name, path)
            except (DatasetError, ConfigError) as error:
                assert "a.pkl" in str(error)
                refused += 1
            else:
                assert isinstance(corpus, Corpus)
                assert all(
                    np.isfinite(vector).all() for clip in corpus.clips for vector in clip.vectors.values()
                )
                read += 1
    assert read and refused
