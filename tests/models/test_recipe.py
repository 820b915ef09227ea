import pytest
import torch

from emofuse.errors import ConfigError, UnknownNameError
from emofuse.models import MODELS
from emofuse.models.encoders import ENCODERS
from emofuse.models.fusions import FUSIONS
from emofuse.models.heads import Head
from emofuse.models.recipe import make
from emofuse.types import TaskSpec

TASK = TaskSpec(labels=("a", "b"), ratings=("valence",))
MEAN = {"name": "mean", "out_dim": 3}


def test_a_part_is_made_with_its_options():
    encoder = make(ENCODERS, {"name": "mlp", "hidden": 7, "out_dim": 3}, 5)
    assert encoder.layers[0].weight.shape == (7, 5) and encoder.out_dim == 3


@pytest.mark.parametrize(
    ("part", "error", "said"),
    [
        ({"out_dim": 3}, ConfigError, "name"),
        ({"name": "meen"}, UnknownNameError, "mean"),
        ({"name": "mean", "out_dims": 3}, UnknownNameError, "'out_dim'"),
        ({"name": "mean", "dim": 3}, UnknownNameError, "'dim'"),
        ({"name": "gru", "pooling": "median"}, ConfigError, "median"),
        ({"name": "transformer", "hidden": 10, "heads": 4}, ConfigError, "heads"),
        ({"name": "gru", "hidden": "many"}, ConfigError, "hidden: wanted a whole number, found 'many'"),
        ({"name": "gru", "hidden": 6.5}, ConfigError, "hidden: wanted a whole number"),
        ({"name": "gru", "layers": True}, ConfigError, "layers: wanted a whole number"),
        ({"name": "gru", "dropout": "0.1"}, ConfigError, "dropout: wanted a number"),
        ({"name": "gru", "bidirectional": 1}, ConfigError, "bidirectional: wanted true or false"),
        ({"name": "gru", "pooling": 3}, ConfigError, "pooling: wanted a text"),
        ({"name": "gru", "hidden": 0}, ConfigError, "hidden: wanted 1 or more, found 0"),
        ({"name": "mlp", "hidden": -2}, ConfigError, "hidden: wanted 1 or more, found -2"),
        ({"name": "mean", "out_dim": 0}, ConfigError, "out_dim: wanted 1 or more"),
        ({"name": "transformer", "heads": 0}, ConfigError, "heads: wanted 1 or more"),
    ],
)
def test_a_part_that_does_not_hold_says_so(part, error, said):
    with pytest.raises(error, match=said):
        make(ENCODERS, part, 5)


def test_a_size_of_nothing_is_refused_before_torch_warns_of_it(recwarn):
    sizes = [
        {"name": "tfn", "hidden": 0},
        {"name": "mult", "width": 0},
        {"name": "mmmla", "attention_dim": 0},
    ]
    for part in sizes:
        with pytest.raises(ConfigError, match="wanted 1 or more"):
            make(MODELS, part, {"audio": 4, "text": 3}, TASK)
    assert not recwarn
    # Where it stands for a layer that is left out, 0 is as good as ever.
    part = {"name": "composed", "encoders": {"audio": MEAN}, "hidden": 0}
    assert make(MODELS, part, {"audio": 4}, TASK).model.head.scores.in_features == 3


def test_a_number_may_be_whole_and_an_option_may_be_nothing():
    assert make(ENCODERS, {"name": "mean", "dropout": 0}, 5).out_dim == 64
    assert make(FUSIONS, {"name": "tensor", "width": None}, {"a": 2, "b": 3}).out_dim == 12
    with pytest.raises(ConfigError, match="width: wanted a whole number, found"):
        make(FUSIONS, {"name": "tensor", "width": "wide"}, {"a": 2, "b": 3})


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"name": "composed", "encoders": {"audio": MEAN, "video": MEAN}}, "video"),
        ({"name": "composed"}, "encoders"),
        ({"name": "composed", "encoders": {"audio": {"name": "mean", "widht": 3}}}, "widht"),
        ({"name": "composed", "encoders": {"audio": MEAN}, "fusion": {"name": "lowrank"}}, "low_rank"),
        ({"name": "gru_attention_fusion", "single_frame": ["text"]}, "text"),
        ({"name": "gru_attention_fusion", "fusion": "glue"}, "glue"),
        ({"name": "gru_attention_fusion", "fusion_options": {"rank": 0}}, "rank"),
    ],
)
def test_a_model_that_does_not_hold_says_so(part, said):
    with pytest.raises(ConfigError, match=said):
        make(MODELS, part, {"audio": 4}, TASK)


def test_modalities_may_have_any_name():
    recipe = make(
        MODELS,
        {"name": "composed", "encoders": {"gait": MEAN, "pulse": MEAN}},
        {"gait": 2, "pulse": 1},
        TASK,
    )
    assert recipe.auxiliary is None
    assert {key.split(".")[1] for key in recipe.model.state_dict() if key.startswith("encoders")} == {
        "gait",
        "pulse",
    }


@pytest.mark.parametrize("hidden", [0, 5])
def test_a_head_reads_scores_and_ratings(hidden):
    scores, ratings = Head(4, TASK, hidden=hidden)(torch.randn(3, 4))
    assert scores.shape == (3, 2) and ratings.shape == (3, 1)
    scores, ratings = Head(4, TaskSpec(labels=("a", "b")), hidden=hidden)(torch.randn(3, 4))
    assert ratings.shape == (3, 0)
