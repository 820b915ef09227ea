import pytest
import torch

from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.misa import misa_losses, moment_gap, overlap
from emofuse.types import Batch, Output, TaskSpec


def batch_with(presence):
    flags = {name: torch.tensor(rows) for name, rows in presence.items()}
    count = len(next(iter(flags.values())))
    return Batch(
        tuple(map(str, range(count))), {}, {}, flags,
        shares=torch.zeros(count, 0), ratings=torch.zeros(count, 0), weights=torch.ones(count),
    )  # fmt: skip


def test_moments_are_compared_one_by_one():
    # Means 0.5 and 0.25; second central moments 0.25 and 0.0625; third 0; fourth 0.0625 and 0.00390625.
    left, right = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [0.5]])
    assert moment_gap(left, right, moments=1).item() == pytest.approx(0.25)
    assert moment_gap(left, right, moments=2).item() == pytest.approx(0.25 + 0.1875)
    assert moment_gap(left, right).item() == pytest.approx(0.25 + 0.1875 + 0.05859375)
    assert moment_gap(left, left).item() == 0.0


def test_the_overlap_of_centred_unit_rows():
    # Centred: +-(1, 0) and +-(0, 2), of length 1: left' right = [[0, 2], [0, 0]], its mean square 1.
    left = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    right = torch.tensor([[5.0, 4.0], [5.0, 0.0]])
    assert overlap(left, right).item() == pytest.approx(1.0)
    # Columns of centred rows that never move together.
    left = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    right = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, -1.0], [0.0, -1.0]])
    assert overlap(left, right).item() == pytest.approx(0.0)


def test_losses_are_of_rows_that_have_the_modalities():
    one, other = torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([[0.0], [0.5], [9.0]])
    parts = {}
    for name, shared in (("text", one), ("audio", other)):
        parts |= {
            f"shared.{name}": shared, f"private.{name}": shared,
            f"given.{name}": shared, f"rebuilt.{name}": shared + 2.0,
        }  # fmt: skip
    output = Output(torch.zeros(3, 0), torch.zeros(3, 0), parts=parts)
    lost = misa_losses(output, batch_with({"text": [True] * 3, "audio": [True, True, False]}))
    assert lost["similar"].item() == pytest.approx(0.25 + 0.1875 + 0.05859375)
    assert lost["rebuilt"].item() == pytest.approx(4.0)
    # One dimension, centred and of length 1: three rows of text overlap with themselves 9, two of audio 4, the
    # two of both 4.
    assert lost["different"].item() == pytest.approx(9 + 4 + 4)


def test_nothing_present_costs_nothing():
    parts = {f"{kind}.text": torch.ones(2, 3) for kind in ("shared", "private", "given", "rebuilt")}
    lost = misa_losses(
        Output(torch.zeros(2, 0), torch.zeros(2, 0), parts=parts), batch_with({"text": [False, False]})
    )
    assert all(value.item() == 0.0 for value in lost.values())


def test_a_single_row_gives_finite_gradients():
    values = torch.rand(1, 3, requires_grad=True)
    (moment_gap(values, values.detach()) + overlap(values, values.detach())).backward()
    assert values.grad.isfinite().all()


def test_with_and_without_gradients_the_answers_are_the_same(batch_of):
    torch.manual_seed(0)
    dims = {"text": 3, "audio": 2}
    recipe = make(
        MODELS, {"name": "misa", "hidden": 8, "feedforward": 8}, dims, TaskSpec(labels=("a", "b"))
    )
    model = recipe.model.eval()
    batch = batch_of(dims, {"text": 4, "audio": 2}, {"audio": 3}, {})
    with torch.no_grad():
        quick = model(batch).scores
    torch.testing.assert_close(quick, model(batch).scores)
    assert quick.isfinite().all()
