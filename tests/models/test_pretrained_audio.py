import json

import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.encoders.pretrained_audio import PretrainedAudio


@pytest.fixture(scope="module", params=["group", "layer"])
def wav2vec2(request, tmp_path_factory):
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    folder = tmp_path_factory.mktemp("wav2vec2")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Wav2Vec2Config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=(8, 8),
            conv_kernel=(6, 3), conv_stride=(4, 2), num_feat_extract_layers=2, num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2, feat_extract_norm=request.param,
            do_stable_layer_norm=request.param == "layer",
        )  # fmt: skip
        Wav2Vec2Model(config).save_pretrained(folder)
    return folder


def sound(lengths, dim=1):
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return torch.randn(len(lengths), max(lengths), dim, generator=generator) * mask.unsqueeze(2) + 0.1, mask


def test_it_is_the_network_on_the_standardised_samples(wav2vec2):
    encoder = PretrainedAudio(1, source=str(wav2vec2)).eval()
    values, mask = sound([70, 41])
    found = encoder(values, mask)
    for row, length in enumerate((70, 41)):
        samples = values[row, :length, 0]
        samples = (samples - samples.mean()) / samples.std(unbiased=False)
        wanted = encoder.network(input_values=samples[None]).last_hidden_state[0].mean(dim=0)
        torch.testing.assert_close(found[row], wanted, atol=1e-4, rtol=1e-4)


def test_many_samples_a_frame_are_the_same_samples(wav2vec2):
    encoder = PretrainedAudio(10, source=str(wav2vec2)).eval()
    values, mask = sound([7, 4], 10)
    flat = PretrainedAudio(1, source=str(wav2vec2)).eval()
    wanted = flat(values.reshape(2, 70, 1), mask.repeat_interleave(10, dim=1))
    torch.testing.assert_close(encoder(values, mask), wanted, atol=1e-6, rtol=1e-5)


def test_less_than_one_frame_of_the_network_is_heard_in_silence(wav2vec2):
    encoder = PretrainedAudio(1, source=str(wav2vec2), normalise=False).eval()
    assert encoder.least == 14
    values, mask = sound([5])
    longer = torch.nn.functional.pad(values, (0, 0, 0, 9))
    torch.testing.assert_close(encoder(values, mask), encoder(longer, torch.ones(1, 14, dtype=torch.bool)))


def test_nothing_random_is_left_but_dropout(wav2vec2):
    encoder = PretrainedAudio(1, source=str(wav2vec2), dropout=0.0)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for name in ("attention_dropout", "hidden_dropout", "activation_dropout", "dropout"):
        for module in encoder.network.modules():
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    given = sound([200])
    torch.testing.assert_close(encoder.train()(*given), encoder.eval()(*given))


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_only_the_upper_layers_are_trained(wav2vec2, layers):
    encoder = PretrainedAudio(1, source=str(wav2vec2), train_layers=layers)
    found = {name for name, one in encoder.named_parameters() if one.requires_grad}
    assert {name.split(".")[3] for name in found} == {str(2 - number) for number in range(1, layers + 1)}
    assert all(name.startswith("network.encoder.layers.") for name in found)


def test_the_architecture_opens_without_weights_and_takes_them(wav2vec2, tmp_path):
    encoder = PretrainedAudio(1, source=str(wav2vec2)).eval()
    encoder.network.config.save_pretrained(tmp_path)
    other = PretrainedAudio(1, source=str(tmp_path)).eval()
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    given = sound([60, 20])
    assert not torch.allclose(other(*given), encoder(*given), atol=1e-3)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(*given), encoder(*given))


def test_a_network_that_does_not_hear_is_refused(tmp_path):
    from transformers import BertConfig

    BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, vocab_size=9).save_pretrained(
        tmp_path
    )
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "bert"
    with pytest.raises(ConfigError, match="raw samples"):
        PretrainedAudio(1, source=str(tmp_path))


def test_an_empty_folder_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="no audio encoder"):
        PretrainedAudio(1, source=str(tmp_path))
