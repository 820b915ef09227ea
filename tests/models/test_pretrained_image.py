import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.encoders.pretrained_image import PretrainedImage


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    from transformers import ViTConfig, ViTModel

    folder = tmp_path_factory.mktemp("vit")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = ViTConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=8,
            patch_size=4,
        )  # fmt: skip
        ViTModel(config).save_pretrained(folder)
    return folder


def pictures(lengths, dim):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (*mask.shape, dim), generator=generator).float(), mask


@pytest.mark.parametrize("tokens", ["first", "mean"])
def test_it_is_the_network_on_scaled_colour_pictures(vit, tokens):
    encoder = PretrainedImage(3 * 64, source=str(vit), tokens=tokens).eval()
    values, mask = pictures([2, 1], 3 * 64)
    pixels = values[0].view(2, 8, 8, 3).permute(0, 3, 1, 2) / 127.5 - 1
    states = encoder.network(pixel_values=pixels).last_hidden_state
    wanted = (states[:, 0] if tokens == "first" else states[:, 1:].mean(dim=1)).mean(dim=0)
    torch.testing.assert_close(encoder(values, mask)[0], wanted, atol=1e-5, rtol=1e-5)


def test_a_grey_picture_is_the_colour_picture_of_equal_channels(vit):
    grey, mask = pictures([3], 64)
    colour = grey.unsqueeze(3).expand(1, 3, 64, 3).flatten(2)
    found = PretrainedImage(64, source=str(vit)).eval()(grey, mask)
    torch.testing.assert_close(found, PretrainedImage(192, source=str(vit)).eval()(colour, mask))


def test_pictures_of_another_size_are_resized(vit):
    encoder = PretrainedImage(256, source=str(vit)).eval()
    small, mask = pictures([1], 64)
    large = small.view(1, 1, 8, 1, 8, 1).expand(1, 1, 8, 2, 8, 2).reshape(1, 1, 256)
    wide = encoder(large, mask)
    assert wide.shape == (1, 16)
    flat = torch.full((1, 1, 64), 90.0)
    same = PretrainedImage(64, source=str(vit)).eval()(flat, mask)
    torch.testing.assert_close(encoder(torch.full((1, 1, 256), 90.0), mask), same, atol=1e-5, rtol=1e-5)


def test_many_pictures_are_looked_at_in_pieces(vit, monkeypatch):
    encoder = PretrainedImage(64, source=str(vit)).eval()
    given = pictures([5, 2], 64)
    whole = encoder(*given)
    monkeypatch.setattr("emofuse.models.encoders.pretrained_image.PIECE", 2)
    torch.testing.assert_close(encoder(*given), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_only_the_upper_layers_are_trained(vit, layers):
    encoder = PretrainedImage(64, source=str(vit), train_layers=layers)
    found = {name for name, one in encoder.named_parameters() if one.requires_grad}
    assert {name.split(".")[2] for name in found} == {str(2 - number) for number in range(1, layers + 1)}
    with pytest.raises(ConfigError, match="2 layers"):
        PretrainedImage(64, source=str(vit), train_layers=3)


def test_the_architecture_opens_without_weights_and_takes_them(vit, tmp_path):
    encoder = PretrainedImage(64, source=str(vit)).eval()
    encoder.network.config.save_pretrained(tmp_path)
    other = PretrainedImage(64, source=str(tmp_path)).eval()
    given = pictures([2, 1], 64)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(*given), encoder(*given))


@pytest.mark.parametrize("dim", [65, 200])
def test_frames_that_are_no_square_are_refused(vit, dim):
    with pytest.raises(ConfigError, match="square"):
        PretrainedImage(dim, source=str(vit))


def test_a_network_that_does_not_see_is_refused(tmp_path):
    from transformers import BertConfig

    BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, vocab_size=9).save_pretrained(
        tmp_path
    )
    with pytest.raises(ConfigError, match="ViT"):
        PretrainedImage(64, source=str(tmp_path))


def test_an_unknown_choice_of_tokens_is_refused(vit):
    with pytest.raises(ConfigError, match="tokens"):
        PretrainedImage(64, source=str(vit), tokens="last")
