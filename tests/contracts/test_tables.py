"""What every table keeps: each name imports, has one line on what it is, and is told apart from others."""

import inspect

import pytest

from emofuse.datasets import DATASETS
from emofuse.datasets.splits import SPLITS
from emofuse.evaluation import METRICS
from emofuse.features import EXTRACTORS
from emofuse.models import MODELS
from emofuse.models.encoders import ENCODERS
from emofuse.models.fusions import FUSIONS
from emofuse.perturbations import PERTURBATIONS
from emofuse.training.objectives import OBJECTIVES
from emofuse.types import Metric

TABLES = (DATASETS, SPLITS, EXTRACTORS, PERTURBATIONS, ENCODERS, FUSIONS, MODELS, OBJECTIVES, METRICS)
EACH = [pytest.param(table, name, id=f"{table.kind}-{name}") for table in TABLES for name in table]


def test_kinds_differ():
    assert len({table.kind for table in TABLES}) == len(TABLES)


@pytest.mark.parametrize(("table", "name"), EACH)
def test_each_name_imports_and_says_what_it_is(table, name):
    made = table.load(name)
    assert isinstance(made, Metric) or callable(made)
    about = table[name].about
    assert 10 < len(about) <= 120 and "\n" not in about
    assert name == name.lower() and name.isidentifier()


@pytest.mark.parametrize(("table", "name"), [one for one in EACH if one.values[0] is not METRICS])
def test_options_are_keywords_with_defaults_or_names_that_must_be_given(table, name):
    given = {"dataset": 1, "split": 1, "encoder": 1, "fusion": 1, "objective": 1, "model": 2}.get(
        table.kind, 0
    )
    options = list(inspect.signature(table.load(name)).parameters.values())[given:]
    assert all(option.kind in (option.KEYWORD_ONLY, option.POSITIONAL_OR_KEYWORD) for option in options)
    assert all(option.annotation is not option.empty for option in options)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.kind)
def test_no_two_names_share_a_place_or_a_line(table):
    assert len({table[name].place for name in table}) == len(table)
    assert len({table[name].about for name in table}) == len(table)
