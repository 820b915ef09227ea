import math

import pytest
import torch
from torch import nn

from emofuse.errors import ConfigError
from emofuse.training.optimisers import OPTIMISERS, make_optimiser, make_schedule


def model():
    return nn.ModuleDict(
        {
            "encoder": nn.ModuleDict({"low": nn.Linear(2, 3), "high": nn.Linear(3, 3)}),
            "head": nn.Linear(3, 1),
        }
    )


def named(found):
    return dict(found.named_parameters())


def groups(found, one):
    names = {id(value): name for name, value in found.named_parameters()}
    return {
        names[id(value)]: (pytest.approx(group["lr"]), group["weight_decay"])
        for group in one.param_groups
        for value in group["params"]
    }


def test_rates_multiply_by_the_longest_prefix_and_vectors_are_not_decayed():
    found = model()
    rates = {"encoder": 0.1, "encoder.high": 0.5}
    one = make_optimiser(named(found), name="adamw", learning_rate=0.01, weight_decay=0.2, rates=rates)
    assert groups(found, one) == {
        "encoder.low.weight": (0.001, 0.2), "encoder.low.bias": (0.001, 0.0),
        "encoder.high.weight": (0.005, 0.2), "encoder.high.bias": (0.005, 0.0),
        "head.weight": (0.01, 0.2), "head.bias": (0.01, 0.0),
    }  # fmt: skip


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_optimiser_steps_downhill(name):
    weight = nn.Linear(1, 1, bias=False)
    nn.init.constant_(weight.weight, 1.0)
    one = make_optimiser(named(weight), name=name, learning_rate=0.01, weight_decay=0.0, rates={})
    for _ in range(5):
        one.zero_grad()
        weight.weight.square().sum().backward()
        one.step()
    assert 0 < weight.weight.item() < 1


def test_an_unknown_name_is_a_config_error():
    with pytest.raises(ConfigError, match="adagrad"):
        make_optimiser(named(model()), name="adagrad", learning_rate=0.1, weight_decay=0.0, rates={})


def factors(name, *, steps, warmup):
    weight = nn.Linear(1, 1)
    one = torch.optim.SGD(weight.parameters(), lr=1.0)
    schedule = make_schedule(one, name=name, steps=steps, warmup=warmup)
    found = []
    for _ in range(steps):
        found.append(one.param_groups[0]["lr"])
        one.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("name", "warmup", "wanted"),
    [
        ("constant", 0.0, [1, 1, 1, 1]),
        ("constant", 0.5, [0.5, 1, 1, 1]),
        ("linear", 0.0, [1, 0.75, 0.5, 0.25]),
        ("linear", 0.5, [0.5, 1, 1, 0.5]),
        ("plateau", 0.5, [0.5, 1, 1, 1]),
        ("one_cycle", 0.5, [0.52, 1, 1, 0.5 + 0.5 / 250_000]),
        ("cosine", 0.0, [1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)]),
    ],
)
def test_schedules_by_hand(name, warmup, wanted):
    assert factors(name, steps=4, warmup=warmup) == pytest.approx(wanted)


def test_a_schedule_ends_at_zero_and_stays_there():
    weight = nn.Linear(1, 1)
    one = torch.optim.SGD(weight.parameters(), lr=1.0)
    schedule = make_schedule(one, name="cosine", steps=3, warmup=0.0)
    for _ in range(5):
        one.step()
        schedule.step()
    assert one.param_groups[0]["lr"] == pytest.approx(0.0)


def test_an_unknown_schedule_is_a_config_error():
    with pytest.raises(ConfigError, match="step"):
        make_schedule(torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0), name="step", steps=1, warmup=0)
