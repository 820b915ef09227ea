import math
from dataclasses import replace

import pytest
import torch

from emofuse.models import MODELS
from emofuse.models.recipe import Total, make
from emofuse.models.zoo.mmim import Gaussian, Information, contrast, mixture_entropy, sides, unlikelihood
from emofuse.types import Output, TaskSpec

DIMS = {"text": 3, "audio": 2}
TASK = TaskSpec(ratings=("sentiment",))
TRACKS = {"text": 3, "audio": 2}


def test_the_likelihood_is_that_of_a_gaussian():
    bound = Gaussian(1, 1)
    with torch.no_grad():
        for parameter in bound.parameters():
            parameter.zero_()
        bound.mean[2].bias.fill_(1.0)
        bound.log_variance[2].bias.fill_(0.5)
    # tanh(0.5) is the log variance; the value 3 lies 2 from the mean.
    spread = math.tanh(0.5)
    by_hand = -(4 / math.exp(spread) + spread) / 2
    assert bound(torch.zeros(1, 1), torch.full((1, 1), 3.0)).item() == pytest.approx(by_hand)


def test_the_entropy_is_a_quarter_of_the_log_of_both_determinants():
    # Variances 2 and 8 about the groups' own means; the clip of no group does not take part.
    values = torch.tensor([[0.0], [2.0], [10.0], [14.0], [99.0]])
    groups = torch.tensor([0, 0, 1, 1, -1])
    assert mixture_entropy(values, groups, ridge=0.0).item() == pytest.approx(math.log(2 * 8) / 4)
    # Two dimensions: determinant 2 * 0.5.
    values = torch.tensor([[1.0, 0.5], [-1.0, 0.5], [1.0, -0.5], [-1.0, -0.5]])
    assert mixture_entropy(values, torch.zeros(4).long(), ridge=0.0).item() == pytest.approx(
        math.log(4 / 3 * 1 / 3) / 2
    )


@pytest.mark.parametrize("groups", [[-1, -1], [0, 1]])
def test_single_clips_have_no_entropy(groups):
    assert mixture_entropy(torch.rand(2, 3), torch.tensor(groups)) == 0.0


def test_fewer_clips_than_dimensions_are_dealt_with():
    values = torch.rand(3, 8, requires_grad=True)
    mixture_entropy(values, torch.zeros(3).long()).backward()
    assert values.grad.isfinite().all() and values.grad.abs().max() < 1e3


def test_the_contrast_of_two_clips():
    # Cosines 1 and 0: -log(e / (e + 1)).
    foretold, given = torch.tensor([[2.0, 0.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert contrast(foretold, given).item() == pytest.approx(math.log(1 + math.exp(-1)))
    assert contrast(foretold.flip(0), given).item() == pytest.approx(math.log(1 + math.exp(1)))


def test_sides_are_classes_or_signs(batch_of):
    batch = batch_of(DIMS, *[TRACKS] * 3)
    rated = replace(batch, ratings=torch.tensor([[0.5], [-2.0], [math.nan]]))
    assert sides(rated, 0.0).tolist() == [1, 0, -1]
    assert sides(rated, 1.0).tolist() == [0, 0, -1]
    shared = replace(batch, shares=torch.tensor([[0.0, 0.2, 0.8], [1.0, 0.0, 0.0], [math.nan] * 3]))
    assert sides(shared, 0.0).tolist() == [2, 0, -1]


def test_the_memory_goes_into_the_entropy_and_comes_back(batch_of):
    batch = replace(batch_of(DIMS, TRACKS, TRACKS), ratings=torch.tensor([[1.0], [1.0]]))
    given = torch.tensor([[0.0], [2.0]])
    parts = {
        "likelihood.audio": torch.tensor([-1.0, -3.0]),
        "given.audio": given,
        "foretold.audio": given + 1.0,
    }
    output = Output(torch.zeros(2, 0), torch.zeros(2, 1), given, parts=parts)
    losses = Information("text", contrasts=0.0, bounds=1.0, memory=3, middle=0.0)
    assert losses(output, batch).item() == pytest.approx(2 - math.log(2.0001) / 2, abs=1e-5)
    other = Information("text", contrasts=0.0, bounds=1.0, memory=3, middle=0.0)
    other.load_state_dict(losses.state_dict())
    # 0, 2, 0, 2: variance 4 / 3; of them 3 are remembered.
    for one in (losses, other):
        assert one(output, batch).item() == pytest.approx(2 - math.log(4 / 3 + 1e-4) / 2, abs=1e-5)
        assert len(one.kept["audio"]) == 3


def test_the_bound_has_a_pass_of_its_own(batch_of):
    torch.manual_seed(0)
    recipe = make(MODELS, {"name": "mmim", "main_out": 4, "hidden": 4, "fused": 8}, DIMS, TASK)
    first, last = recipe.phases
    assert first.trains == ("bounds.",) and last.objective is None
    names = [name for name, _ in recipe.model.named_parameters()]
    assert all(name.startswith(first.trains) != name.startswith(last.trains) for name in names)
    batch = replace(
        batch_of(DIMS, TRACKS, TRACKS, {"text": 1}, {"audio": 1}),
        ratings=torch.tensor([[1.0], [1.0], [1.0], [1.0]]),
    )
    output = recipe.model.train()(batch)
    by_hand = -output.parts["likelihood.audio"][:2].mean()
    torch.testing.assert_close(unlikelihood(output, batch), by_hand)
    total = Total(lambda output, batch: output.ratings.mean(), recipe)(output, batch)
    total.backward()
    assert recipe.model.encoders["audio"].network.weight_ih_l0.grad.abs().sum() > 0


def test_one_modality_has_no_bound():
    recipe = make(MODELS, {"name": "mmim"}, {"audio": 2}, TASK)
    assert [phase.objective for phase in recipe.phases] == [None]
