import json

import pytest

from emofuse.errors import InputError
from emofuse.inference.result import Result, results_json


def test_attributes_are_the_names_of_the_json(result):
    document = json.loads(result.to_json())
    assert document["clip"]["label"] == result.clip.label
    assert (
        document["segments"][0]["modalities"]["text"]["weight"]
        == result.segments[0].modalities["text"].weight
    )
    assert document["bundle"] == {"name": "fake", "version": "1", "digest": "d1"}
    assert document["labels"] == list(result.labels)


def test_a_result_survives_json(result):
    assert Result.from_dict(json.loads(result.to_json())) == result


def test_names_of_a_later_version_are_passed_over(result):
    document = result.to_dict() | {"mood": "fine"}
    document["clip"]["depth"] = 3
    assert Result.from_dict(document) == result


@pytest.mark.parametrize("document", [{}, {"labels": []}, {"labels": 3}, {"clip": None}])
def test_what_is_no_result_is_refused(document):
    with pytest.raises(InputError, match="no emofuse result"):
        Result.from_dict(document)


def test_one_result_is_an_object_and_several_are_a_list(result):
    assert json.loads(results_json([result]))["source"] == result.source
    assert [one["source"] for one in json.loads(results_json([result, result]))] == [result.source] * 2
