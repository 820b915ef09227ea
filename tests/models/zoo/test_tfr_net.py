import pytest
import torch

from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.tfr_net import GatedStates, rebuilding_errors
from emofuse.types import Output, TaskSpec

DIMS = {"text": 1, "audio": 2}
TASK = TaskSpec(labels=("a", "b"))
SMALL = {"name": "tfr_net", "width": 8, "heads": 2, "layers": 1, "hidden": 4, "head": 8}


def test_errors_are_of_blanked_frames_alone(batch_of):
    batch = batch_of(DIMS, {"text": 3, "audio": 2}, {"text": 2})
    blanked = {name: torch.zeros_like(mask) for name, mask in batch.masks.items()}
    blanked["text"][0, :2] = True
    parts = {f"blanked.{name}": one for name, one in blanked.items()}
    parts |= {f"rebuilt.{name}": batch.values[name] + 99.0 for name in DIMS}
    parts["rebuilt.text"][0, 0], parts["rebuilt.text"][0, 1] = (
        batch.values["text"][0, 0] + 0.5,
        batch.values["text"][0, 1] - 3.0,
    )
    output = Output(torch.zeros(2, 2), torch.zeros(2, 0), parts=parts)
    # Smooth L1: 0.5^2 / 2 and 3 - 0.5.
    assert rebuilding_errors(2.0)(output, batch).item() == pytest.approx(2 * (0.125 + 2.5) / 2)


def test_frames_are_blanked_in_training_only(batch_of):
    torch.manual_seed(0)
    model = make(MODELS, {**SMALL, "missing": 0.5}, DIMS, TASK).model
    batch = batch_of(DIMS, *[{"text": 20, "audio": 30}] * 20, {"audio": 5})
    parts = model.train()(batch).parts
    for name in DIMS:
        blanked, mask = parts[f"blanked.{name}"], batch.masks[name]
        assert not (blanked & ~mask).any()
        assert 0.4 < blanked[mask].float().mean() < 0.6
    assert not model.eval()(batch).parts


def test_what_is_blanked_does_not_reach_what_is_rebuilt(batch_of):
    torch.manual_seed(0)
    model = make(MODELS, {**SMALL, "missing": 1.0}, DIMS, TASK).model.train()
    batch = batch_of(DIMS, {"text": 4, "audio": 3})
    for values in batch.values.values():
        values.requires_grad_()
    output = model(batch)
    (output.scores.sum() + output.parts["rebuilt.text"].sum()).backward()
    assert all(not values.grad.any() for values in batch.values.values())


def test_a_gate_multiplies_the_states_before_they_are_pooled():
    torch.manual_seed(0)
    part = GatedStates(2, hidden=1, kernel=1)
    with torch.no_grad():
        part.gate.weight.zero_()
        part.gate.bias.copy_(torch.tensor([100.0, 0.0]))
    values, mask = torch.rand(1, 3, 2), torch.tensor([[True, True, False]])
    states, _ = part.network(values[:, :2])
    torch.testing.assert_close(
        part(values, mask), torch.stack([states[0, :, 0].max(), torch.tensor(0.0)])[None]
    )


def test_rebuilding_learns(batch_of):
    torch.manual_seed(0)
    # The text is the first feature of the audio: it can be told from it where it is blanked.
    recipe = make(MODELS, {**SMALL, "missing": 0.3, "kernel": 1, "embed_dropout": 0.0}, DIMS, TASK)
    batch = batch_of(DIMS, *[{"text": 6, "audio": 6}] * 8)
    batch.values["text"].copy_(batch.values["audio"][..., :1])
    optimiser = torch.optim.Adam(recipe.model.parameters(), 2e-2)
    lost = []
    for _ in range(25):
        loss = recipe.auxiliary(recipe.model.train()(batch), batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        lost.append(loss.item())
    assert sum(lost[-8:]) < 0.8 * sum(lost[:8])
