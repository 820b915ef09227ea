import pytest
import torch
from torch import nn

from emofuse.errors import ConfigError
from emofuse.models.recipe import Phase, Recipe, Total
from emofuse.training.objectives.task import TaskLoss
from emofuse.types import Metric


def moved(before, after):
    """Top-level parts whose weights differ."""
    return {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}


def weights(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def test_a_phase_steps_its_own_parameters_alone(toy):
    model = toy.model()
    before = weights(model)
    toy.train(given=model, options={"phases": (Phase(trains=("head",)),)})
    assert moved(before, model.state_dict()) == {"head"}
    assert all(value.requires_grad for value in model.parameters())


def test_phases_that_are_open_together_pass_one_after_the_other(toy):
    seen = []

    def watching(name):
        def objective(output, batch):
            seen.append(name)
            return TaskLoss(toy.task)(output, batch)

        return objective

    phases = (
        Phase("first", objective=watching("a"), stop=0.5),
        Phase("second", objective=watching("b"), start=0.25),
    )
    toy.train(samples=toy.draw(4, 1), epochs=4, batch_size=4, options={"phases": phases})
    assert seen == ["a", "a", "b", "b", "b"]


def test_epochs_before_the_last_phase_choose_nothing(toy):
    told = iter([0.9, 0.8, 0.3, 0.5])
    watch = Metric("told", "labels", lambda *given: next(told))
    phases = (Phase("before", stop=0.5), Phase("after", start=0.5))
    assert toy.train(watch=watch, options={"phases": phases}).best_epoch == 3


def test_what_is_frozen_moves_when_its_share_of_epochs_is_over(toy):
    for share, wanted in ((1.0, False), (0.5, True)):
        model, told = toy.model(), iter([0.1, 0.2])
        before = weights(model)
        watch = Metric("told", "labels", lambda *given, told=told: next(told))
        toy.train(given=model, watch=watch, epochs=2, frozen={"encoders": share})
        after = moved(before, model.state_dict())
        assert ("encoders" in after) is wanted and "head" in after


@pytest.mark.parametrize("plan", [{"rates": {"hed": 2.0}}, {"frozen": {"hed": 0.5}}])
def test_prefixes_that_name_nothing_are_config_errors(toy, plan):
    with pytest.raises(ConfigError, match="hed"):
        toy.train(**plan)


def test_a_phase_without_parameters_is_a_config_error(toy):
    with pytest.raises(ConfigError, match="nothing"):
        toy.train(options={"phases": (Phase("nothing", trains=("hed",)),)})


def test_accumulated_batches_make_the_step_of_their_union(toy):
    samples, plan = (
        toy.draw(12, 1),
        {"epochs": 2, "optimiser": "sgd", "schedule": "constant", "warmup": 0.0},
    )
    given = [toy.model(dropout=0.0) for _ in range(2)]
    toy.train(samples=samples, given=given[0], batch_size=12, **plan)
    toy.train(samples=samples, given=given[1], batch_size=3, accumulate=4, **plan)
    for one, other in zip(given[0].parameters(), given[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_a_plateau_halves_the_rate(toy):
    told = iter([0.5, 0.4, 0.3, 0.2, 0.1, 0.1])
    watch = Metric("told", "labels", lambda *given: next(told))
    rates = []

    original = torch.optim.SGD.step

    def step(self, *given):
        rates.append(self.param_groups[0]["lr"])
        return original(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", step)
        toy.train(
            watch=watch, epochs=6, batch_size=32, optimiser="sgd", schedule="plateau", warmup=0.0,
            plateau_patience=1, learning_rate=1.0,
        )  # fmt: skip
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


class Counting(nn.Module):
    """An objective with a memory: how many clips it has seen."""

    def __init__(self, task):
        super().__init__()
        self.task = TaskLoss(task)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, output, batch):
        self.seen += len(batch)
        return self.task(output, batch) * (1 + self.seen / 100)


def test_an_objective_with_a_memory_resumes_with_it(toy, tmp_path):
    whole = toy.train(options={"phases": (Phase(objective=Counting(toy.task)),)})

    class Cut(Exception):
        pass

    def stop(row):
        if row["epoch"] == 1:
            raise Cut

    options = {"state_path": tmp_path / "state.pt"}
    with pytest.raises(Cut):
        phases = (Phase(objective=Counting(toy.task)),)
        toy.train(options={**options, "phases": phases, "progress": stop})
    again = toy.train(options={**options, "phases": (Phase(objective=Counting(toy.task)),)})
    assert again.history == whole.history


def test_the_total_is_the_sum():
    recipe = Recipe(
        nn.Identity(), auxiliary=lambda *given: torch.tensor(3.0), judged=lambda output: [2.0, 4.0]
    )
    assert Total(lambda output, batch: torch.tensor(output), recipe)(1.0, None) == 6
    assert Total(lambda output, batch: torch.tensor(output))(1.0, None) == 1
