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
    "low_rank_unit": {"out_dim": 5, "rank": 3},
    "tensor": {"width": 2},
    "multiplicative": {"out_dim": 5},
    "gated": {"hidden": 4, "width": 5},
    "gated_softmax": {"hidden": 4, "width": 5},
    "gmu": {"out_dim": 5},
    "modality_attention": {"width": 8, "heads": 2},
    "late_product": {"classes": 2},
    "late_weighted": {"classes": 2, "weights": {"text": 2.0}},
    "late_learned": {"classes": 2},
    "late_stacked": {"classes": 2, "hidden": 8},
    "expert_product": {"classes": 2},
    "early": {"hidden": 4, "out_dim": 5},
    "hybrid": {"hidden": 4, "early_dim": 5, "late_dim": 3},
    "co_attention": {"width": 8, "heads": 2},
    "cross_modal": {"width": 8, "heads": 2, "layers": 1},
    "bottleneck": {"width": 8, "heads": 2, "tokens": 2},
}
DIMS = {"text": 4, "audio": 3, "video": 2}
# What every modality decides on: two classes and a rating.
DECISIONS = 3
LONGEST = 4
# Every subset of three modalities but the empty one, and then the empty one.
SUBSETS = [*(row for row in product([True, False], repeat=3) if any(row)), (False, False, False)]


def dims_of(name, dims=DIMS):
    return dict.fromkeys(dims, DECISIONS) if getattr(FUSIONS.load(name), "over_decisions", False) else dims


def made(name, dims=DIMS):
    torch.manual_seed(0)
    return FUSIONS.load(name)(dims_of(name, dims), **CASES[name])


def given(name, dims=DIMS, rows=None):
    """Embeddings or decisions and presence; frames of various lengths and masks where it works over time."""
    generator = torch.Generator().manual_seed(1)
    rows = SUBSETS if rows is None else rows
    present = dict(zip(dims, torch.tensor(rows)[:, : len(dims)].unbind(dim=1), strict=True))
    wide = dims_of(name, dims)
    if not getattr(FUSIONS.load(name), "over_time", False):
        return {key: torch.randn(len(rows), dim, generator=generator) for key, dim in wide.items()}, present
    frames, masks = {}, {}
    for place, (key, dim) in enumerate(wide.items()):
        frames[key] = torch.randn(len(rows), LONGEST + place, dim, generator=generator)
        number = torch.arange(len(rows))
        lengths = (number + number // len(SUBSETS) + place) % LONGEST + 1
        masks[key] = (torch.arange(LONGEST + place) < lengths[:, None]) & present[key][:, None]
    return frames, masks


def there(flags, like):
    """A mask or a presence flag in the shape of what it stands for."""
    return flags.unsqueeze(-1).expand_as(like)


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
    if not list(fusion.parameters()):
        return
    output = fusion(*given(name, rows=SUBSETS * 4))
    (output * torch.randn(output.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for key, parameter in fusion.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_number_of_modalities_and_any_subset(name, count):
    dims = dict(list(DIMS.items())[:count])
    fusion = made(name, dims)
    for mode in (True, False):
        output = fusion.train(mode)(*given(name, dims))
        assert output.shape == (len(SUBSETS), fusion.out_dim)
        assert output.isfinite().all()
        assert fusion(*given(name, dims, [SUBSETS[0]])).isfinite().all()


@pytest.mark.parametrize("name", CASES)
def test_what_stands_in_an_absent_modality_is_not_read(name):
    fusion = made(name).eval()
    embeddings, presence = given(name)
    wanted = fusion(embeddings, presence)
    other = {
        key: torch.where(there(presence[key], value), value, value + 9) for key, value in embeddings.items()
    }
    torch.testing.assert_close(fusion(other, presence), wanted)


@pytest.mark.parametrize("name", CASES)
def test_what_is_present_is_read(name):
    fusion = made(name).eval()
    embeddings, presence = given(name, rows=SUBSETS[:1] * 2)
    wanted = fusion(embeddings, presence)
    for key in DIMS:
        assert not torch.allclose(
            fusion({**embeddings, key: embeddings[key] + 1}, presence), wanted, atol=1e-6
        )
        without = {**presence, key: torch.zeros_like(presence[key])}
        assert not torch.allclose(fusion(embeddings, without), wanted, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_row_does_not_depend_on_the_others(name):
    fusion = made(name).eval()
    embeddings, presence = given(name)
    wanted = fusion(embeddings, presence)
    for rows in (torch.tensor([4, 0, 7, 2]), torch.tensor([5])):
        part = fusion(
            {k: v[rows] for k, v in embeddings.items()}, {k: v[rows] for k, v in presence.items()}
        )
        torch.testing.assert_close(part, wanted[rows], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_eval_repeats_itself_and_weights_come_back(name):
    fusion = made(name).eval()
    wanted = fusion(*given(name))
    assert torch.equal(fusion(*given(name)), wanted)
    other = copy.deepcopy(fusion)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(fusion.state_dict())
    assert torch.equal(other(*given(name)), wanted)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precision_is_finite(name, precision):
    with torch.autocast("cpu", dtype=precision):
        assert made(name)(*given(name)).isfinite().all()


@pytest.mark.parametrize("name", [name for name in CASES if hasattr(FUSIONS.load(name), "over_time")])
def test_more_padding_gives_the_same(name):
    fusion = made(name).eval()
    frames, masks = given(name)
    pad = torch.nn.functional.pad
    longer = {key: pad(value, (0, 0, 0, 5), value=7.0) for key, value in frames.items()}
    found = fusion(longer, {key: pad(mask, (0, 5)) for key, mask in masks.items()})
    torch.testing.assert_close(found, fusion(frames, masks), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", [name for name in CASES if hasattr(FUSIONS.load(name), "weigh")])
def test_weights_are_shares_of_what_is_present(name, count):
    dims = dict(list(DIMS.items())[:count])
    fusion = made(name, dims).eval()
    embeddings, presence = given(name, dims)
    fused, weights = fusion.weigh(embeddings, presence)
    assert torch.equal(fused, fusion(embeddings, presence))
    present = torch.stack([presence[key] for key in dims], dim=1)
    assert weights.shape == present.shape and (weights >= 0).all() and (weights <= 1 + 1e-6).all()
    assert not weights[~present].any() and (weights[present] > 0).all()
