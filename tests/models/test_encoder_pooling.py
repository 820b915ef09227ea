import math

import pytest
import torch

from emofuse.models.encoders.pooling import POOLINGS, AttentionPool, LinearPool, Pool

VALUES = torch.tensor(
    [[[1.0, -4.0], [3.0, -2.0], [9.0, 9.0]], [[5.0, 6.0], [7.0, 8.0], [1.0, 0.0]], [[1.0, 1.0]] * 3]
)
MASK = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("last", [[3, -2], [1, 0], [0, 0]]),
        ("first", [[1, -4], [5, 6], [0, 0]]),
        ("mean", [[2, -3], [13 / 3, 14 / 3], [0, 0]]),
        ("max", [[3, -2], [7, 8], [0, 0]]),
    ],
)
def test_poolings_by_hand(how, wanted):
    torch.testing.assert_close(Pool(2, how)(VALUES, MASK), torch.tensor(wanted, dtype=torch.float32))


def test_statistics_by_hand():
    pool = Pool(2, "statistics")
    found = pool(VALUES, MASK)
    assert pool.out_dim == found.shape[1] == 4
    # Frames 1 and 3, and -4 and -2, lie 1 from their mean; the row without a frame is blank.
    torch.testing.assert_close(found[0], torch.tensor([2.0, -3.0, 1.0, 1.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[2], torch.zeros(4))


def test_attention_by_hand():
    pool = AttentionPool(2, attention_dim=1)
    with torch.no_grad():
        pool.project.weight.copy_(torch.tensor([[1.0, 0.0]]))
        pool.project.bias.zero_()
        pool.score.weight.fill_(2.0)
    energies = 2 * torch.tanh(torch.tensor([1.0, 3.0]))
    wanted = torch.softmax(energies, dim=0) @ VALUES[0, :2]
    found = pool(VALUES, MASK)
    torch.testing.assert_close(found[0], wanted)
    assert not found[2].any()


def test_weighted_by_hand():
    pool = Pool(2, "weighted")
    assert isinstance(pool.attention, LinearPool)
    assert [(name, tuple(one.shape)) for name, one in pool.named_parameters()] == [
        ("attention.score.weight", (1, 2))
    ]
    with torch.no_grad():
        pool.attention.score.weight.copy_(torch.tensor([[math.log(3) / 2, 0.0]]))
    found = pool(VALUES, MASK)
    # The first row's valid frames score log(3) / 2 and 3 log(3) / 2: 1 to 3, so that they weigh 1/4 and 3/4.
    torch.testing.assert_close(found[0], torch.tensor([0.25 * 1 + 0.75 * 3, 0.25 * -4 + 0.75 * -2]))
    # The second row's score 5, 7 and 1 halves of log(3): 9 to 27 to 1.
    torch.testing.assert_close(found[1], torch.tensor([9 * 5.0 + 27 * 7 + 1, 9 * 6.0 + 27 * 8 + 0]) / 37)
    assert not found[2].any()
    torch.testing.assert_close(pool.attention.weights(VALUES, MASK)[0], torch.tensor([0.25, 0.75, 0.0]))
    assert pool.frame_dim(2) is None


def test_an_unknown_pooling_is_refused():
    assert set(POOLINGS) == {"last", "first", "mean", "max", "weighted", "attention", "statistics"}
    with pytest.raises(ValueError, match="median"):
        Pool(2, "median")


def test_attention_is_the_context_based_attention_of_the_two_level_model():
    # Aguilar et al. 2019 as the course code has it: 256 states, 64 units, one context vector.
    torch.manual_seed(0)
    pool = AttentionPool(256, attention_dim=64)
    assert sum(one.numel() for one in pool.parameters()) == 256 * 64 + 64 + 64 == 16_512
    states, context = torch.randn(2, 5, 256), pool.score.weight.T
    energies = torch.tanh(states @ pool.project.weight.T + pool.project.bias) @ context
    wanted = (torch.softmax(energies, dim=1) * states).sum(dim=1)
    torch.testing.assert_close(pool(states, torch.ones(2, 5, dtype=torch.bool)), wanted)
    assert Pool(256, "attention").attention.project.out_features == 64
