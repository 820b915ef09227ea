import math

import pytest
import torch

from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.mfm import discrepancy, generation_errors
from emofuse.types import Output, TaskSpec

DIMS = {"text": 1, "audio": 2}
TASK = TaskSpec(labels=("a", "b"))


def test_discrepancy_by_hand():
    # One dimension: kernels of 0 and 2 among themselves (1 + e^-4) / 2, with 1 alone e^-1 each.
    left, right = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0]])
    by_hand = (1 + math.exp(-4)) / 2 + 1 - 2 * math.exp(-1)
    assert discrepancy(left, right).item() == pytest.approx(by_hand)
    assert discrepancy(left, left).item() == pytest.approx(0.0)
    # Two dimensions: the mean square distance 4 is halved once more.
    assert discrepancy(torch.zeros(1, 2), torch.full((1, 2), 2.0)).item() == pytest.approx(
        2 - 2 * math.exp(-2)
    )


def test_codes_that_are_standard_normal_cost_little():
    torch.manual_seed(0)
    near = discrepancy(torch.randn(256, 4), torch.randn(256, 4)).item()
    far = discrepancy(torch.randn(256, 4) + 3.0, torch.randn(256, 4)).item()
    assert near < 0.01 < 0.2 < far


def test_what_is_rebuilt_is_judged_on_real_frames(batch_of):
    batch = batch_of(DIMS, {"text": 3, "audio": 1}, {"text": 1})
    parts = {f"rebuilt.{name}": batch.values[name] + 2.0 for name in DIMS}
    parts["rebuilt.text"][1, 1:] = 99.0
    parts["rebuilt.audio"][1] = 99.0
    output = Output(torch.zeros(2, 2), torch.zeros(2, 0), parts=parts)
    assert generation_errors(rebuilt=0.5, normal=1.0)(output, batch).item() == pytest.approx(0.5 * 8)


def test_a_modality_comes_from_its_own_factor_and_the_label_s(batch_of):
    torch.manual_seed(0)
    recipe = make(MODELS, {"name": "mfm", "hidden": 8, "code": 8, "factor": 8}, DIMS, TASK)
    model, batch = recipe.model.train(), batch_of(DIMS, {"text": 3, "audio": 2}, {"text": 2, "audio": 4})
    output = model(batch)
    output.parts["rebuilt.audio"].sum().backward()
    moved = {
        name for name, one in model.named_parameters() if one.grad is not None and one.grad.abs().sum() > 0
    }
    assert any(name.startswith("label.") for name in moved)
    assert any(name.startswith("joint.") for name in moved)
    assert any(name.startswith("factors.audio") for name in moved)
    assert not any(name.startswith(("factors.text", "encoders.text", "decoders.text")) for name in moved)
    assert not model.eval()(batch).parts
