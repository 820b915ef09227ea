"""Smooth thresholds: where they stand, what they tell that a plain vector does not, and what is refused."""

import numpy as np
import pytest
import torch

from emofuse.models.encoders.soft_bins import SoftBins


def test_a_feature_is_read_through_its_thresholds():
    encoder = SoftBins(2, bins=2, hidden=6, out_dim=6, dropout=0.0)
    with torch.no_grad():
        encoder.thresholds.copy_(torch.tensor([[0.0, 1.0], [-1.0, 2.0]]))
        encoder.scales.copy_(torch.tensor([[1.0, 2.0], [1.0, 0.5]]))
        for layer in (encoder.layers[0], encoder.layers[3]):
            layer.weight.copy_(torch.eye(6))
            layer.bias.fill_(2.0)
    # Two valid frames whose mean is (1, 0), and a frame of padding.
    values = torch.tensor([[[0.5, -1.0], [1.5, 1.0], [9.0, 9.0]]])
    found = encoder(values, torch.tensor([[True, True, False]]))[0] - 4
    by_hand = [1.0, 0.0, np.tanh(1.0), 0.0, np.tanh(1.0), np.tanh(-1.0)]
    np.testing.assert_allclose(found.detach().numpy(), by_hand, atol=1e-6)


def test_thresholds_start_evenly_spread():
    encoder = SoftBins(3, bins=4)
    np.testing.assert_allclose(encoder.thresholds[2].detach().numpy(), [-1, 0, 1, 2], atol=1e-6)
    assert sum(one.numel() for one in encoder.parameters()) == 24 + 128 * (15 + 1) + 64 * 129


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="1 or more, got 0"):
        SoftBins(3, bins=0)
