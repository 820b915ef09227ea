"""What every fusion keeps: any non-empty subset of modalities in each row, and no unregistered weight."""

import copy
from itertools import product

import pytest
import torch

from emofuse.models.fusions import FUSIONS

CASES = {
    "concat": {},
    "stack": {"width": 8, "heads": 2},
    "low_rank": {"out_dim": 5, "rank": 3},
    "stack_low_rank": {"width": 8, "heads": 2, "out_dim": 5, "rank": 3},
    "late": {"out_dim": 5},
}
DIMS = {"text": 4, "audio": 3, "video": 2}
# Every subset of three modalities but the empty one, and then the empty one.
SUBSETS = [*(row for row in product([True, False], repeat=3) if any(row)), (False, False, False)]


def made(name, dims=DIMS):
    torch.manual_seed(0)
    return FUSIONS.load(name)(dims, **CASES[name])


def given(dims=DIMS, rows=None):
    generator = torch.Generator().manual_seed(1)
    rows = SUBSETS if rows is None else rows
    embeddings = {name: torch.randn(len(rows), dim, generator=generator) for name, dim in dims.items()}
    flags = torch.tensor(rows)[:, : len(dims)]
    return embeddings, dict(zip(dims, flags.unbind(dim=1), strict=True))


def test_every_name_has_a_case_and_a_line():
    built_in = {name for name in FUSIONS if FUSIONS[name].place.startswith("emofuse.")}
    assert built_in == set(CASES)
    assert all(FUSIONS[name].about for name in FUSIONS)


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_is_registered_and_every_parameter_learns(name):
    fusion = made(name).train()
    held = {id(value) for value in (*fusion.parameters(), *fusion.buffers())}
    for module in fusion.modules():
        assert all(id(value) in held for value in vars(module).values() if isinstance(value, torch.Tensor))
    output = fusion(*given(rows=SUBSETS * 4))
    (output * torch.randn(output.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for key, parameter in fusion.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_number_of_modalities_and_any_subset(name, count):
    dims = dict(list(DIMS.items())[:count])
    fusion = made(name, dims)
    for mode in (True, False):
        output = fusion.train(mode)(*given(dims))
        assert output.shape == (len(SUBSETS), fusion.out_dim)
        assert output.isfinite().all()
        assert fusion(*given(dims, [SUBSETS[0]])).isfinite().all()


@pytest.mark.parametrize("name", CASES)
def test_what_stands_in_an_absent_modality_is_not_read(name):
    fusion = made(name).eval()
    embeddings, presence = given()
    wanted = fusion(embeddings, presence)
    other = {
        key: torch.where(presence[key][:, None], value, value + 9) for key, value in embeddings.items()
    }
    torch.testing.assert_close(fusion(other, presence), wanted)


@pytest.mark.parametrize("name", CASES)
def test_what_is_present_is_read(name):
    fusion = made(name).eval()
    embeddings, presence = given(rows=SUBSETS[:1] * 2)
    wanted = fusion(embeddings, presence)
    for key in DIMS:
        assert not torch.allclose(
            fusion({**embeddings, key: embeddings[key] + 1}, presence), wanted, atol=1e-6
        )
        without = {**presence, key: torch.zeros(2, dtype=torch.bool)}
        assert not torch.allclose(fusion(embeddings, without), wanted, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_row_does_not_depend_on_the_others(name):
    fusion = made(name).eval()
    embeddings, presence = given()
    wanted = fusion(embeddings, presence)
    for rows in (torch.tensor([4, 0, 7, 2]), torch.tensor([5])):
        part = fusion(
            {k: v[rows] for k, v in embeddings.items()}, {k: v[rows] for k, v in presence.items()}
        )
        torch.testing.assert_close(part, wanted[rows], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_eval_repeats_itself_and_weights_come_back(name):
    fusion = made(name).eval()
    wanted = fusion(*given())
    assert torch.equal(fusion(*given()), wanted)
    other = copy.deepcopy(fusion)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(fusion.state_dict())
    assert torch.equal(other(*given()), wanted)


@pytest.mark.parametrize("name", CASES)
def test_half_precision_is_finite(name):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert made(name)(*given()).isfinite().all()
