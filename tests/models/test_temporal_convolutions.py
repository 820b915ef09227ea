import pytest
import torch
from torch.nn import functional

from emofuse.models.encoders.spectrogram_cnn import Cnn1d, Cnn2d, _standard
from emofuse.models.encoders.tcn import Tcn

WHOLE = torch.ones(1, 8, dtype=torch.bool)


def test_a_block_of_the_temporal_network_by_hand():
    torch.manual_seed(0)
    encoder = Tcn(2, widths=(3,), pooling="mean", out_dim=4, dropout=0.0)
    block, values = encoder.blocks[0], torch.randn(1, 8, 2)
    hidden = values
    for convolve, norm in zip(block.convolutions, block.norms, strict=True):
        wide = functional.conv1d(hidden.transpose(1, 2), convolve.weight, convolve.bias, padding=1)
        hidden = torch.relu(norm(wide.transpose(1, 2)))
    hidden = torch.relu(hidden + block.shortcut(values))
    wanted = encoder.project(hidden.mean(dim=1))
    torch.testing.assert_close(encoder(values, WHOLE), wanted)


def test_dilation_doubles_so_that_three_blocks_see_far():
    torch.manual_seed(0)
    encoder = Tcn(1, widths=(4, 4, 4), kernel=3, out_dim=2, dropout=0.0).eval()
    assert [block.convolutions[0].dilation for block in encoder.blocks] == [(1,), (2,), (4,)]
    values, mask = torch.randn(1, 40, 1), torch.ones(1, 40, dtype=torch.bool)
    moved = values.clone()
    moved[0, 20] += 5
    changed = (encoder.frames(moved, mask) != encoder.frames(values, mask)).any(dim=2)[0].nonzero()
    # Two convolutions a block reach 2 * (1 + 2 + 4) frames to either side.
    assert changed.min() >= 20 - 14 and changed.max() <= 20 + 14 and len(changed) > 15


@pytest.mark.parametrize("options", [{"widths": ()}, {"kernel": 4}])
def test_a_temporal_network_without_blocks_or_with_an_even_kernel_is_refused(options):
    with pytest.raises(ValueError, match="odd"):
        Tcn(3, **options)


def test_each_clip_is_standardised_over_its_own_frames():
    values = torch.tensor([[[1.0, 10.0], [3.0, 10.0], [99.0, -99.0]]])
    mask = torch.tensor([[True, True, False]])
    wanted = torch.tensor([[[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]])
    torch.testing.assert_close(_standard(values, mask, axis=1), wanted, atol=1e-4, rtol=0)
    whole = _standard(values, mask, axis=(1, 2))
    assert whole[0, :2].mean().abs() < 1e-6 and whole[0, :2].var(unbiased=False).item() == pytest.approx(
        1, abs=1e-3
    )


def test_the_one_dimensional_network_by_hand():
    torch.manual_seed(0)
    encoder = Cnn1d(2, widen=2, kernels=(3, 4), out_dim=3).eval()
    values = torch.randn(1, 8, 2)
    hidden = functional.instance_norm(values.transpose(1, 2))
    first, second = encoder.convolutions
    hidden = torch.relu(functional.max_pool1d(first(functional.pad(hidden, (1, 1))), 2))
    hidden = torch.relu(functional.max_pool1d(second(functional.pad(hidden, (1, 2))), 2))
    wanted = encoder.project(hidden.transpose(1, 2)).mean(dim=1)
    torch.testing.assert_close(encoder(values, WHOLE), wanted, atol=1e-5, rtol=1e-4)


def test_the_two_dimensional_network_by_hand():
    torch.manual_seed(0)
    encoder = Cnn2d(5, channels=2, out_dim=3).eval()
    values = torch.randn(1, 8, 5)
    maps = functional.instance_norm(values.unsqueeze(1))
    for convolve in encoder.convolutions:
        maps = torch.relu(functional.max_pool2d(convolve(maps), 2))
    wanted = encoder.project(maps.transpose(1, 2).flatten(2)).mean(dim=1)
    torch.testing.assert_close(encoder(values, WHOLE), wanted, atol=1e-5, rtol=1e-4)


def test_the_loudness_of_a_recording_does_not_matter():
    torch.manual_seed(0)
    for encoder in (Cnn1d(4, widen=1, kernels=(3,)).eval(), Cnn2d(4, channels=2).eval()):
        values = torch.randn(1, 8, 4) * 10 - 40
        torch.testing.assert_close(
            encoder(values * 2 + 6, WHOLE), encoder(values, WHOLE), atol=1e-4, rtol=1e-4
        )


def test_too_few_bands_are_refused():
    with pytest.raises(ValueError, match="4 bands"):
        Cnn2d(3)
