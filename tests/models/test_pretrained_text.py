import json

import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.encoders.pretrained_text import PretrainedText


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    config = BertConfig(
        vocab_size=20, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=8,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


def ids(*rows):
    mask = torch.arange(max(map(len, rows)))[None] < torch.tensor([[len(row)] for row in rows])
    values = torch.zeros(*mask.shape, 1)
    for place, row in enumerate(rows):
        values[place, : len(row), 0] = torch.tensor(row, dtype=torch.float32)
    return values, mask


def test_it_is_the_encoder_with_pooling(bert):
    encoder = PretrainedText(1, source=str(bert), pooling="first").eval()
    assert encoder.out_dim == 32
    output = encoder(*ids([2, 5, 6], [2, 7]))
    alone = encoder.network(input_ids=torch.tensor([[2, 7]])).last_hidden_state[0, 0]
    torch.testing.assert_close(output[1], alone, atol=1e-5, rtol=1e-5)


def test_a_text_longer_than_the_positions_is_cut(bert):
    encoder = PretrainedText(1, source=str(bert)).eval()
    long = list(range(2, 14))
    torch.testing.assert_close(encoder(*ids(long)), encoder(*ids(long[:8])), atol=1e-6, rtol=1e-5)


def test_only_token_ids_are_read(bert):
    with pytest.raises(ConfigError, match="64"):
        PretrainedText(64, source=str(bert))


def trainable(encoder):
    return {
        name.removeprefix("network.") for name, value in encoder.named_parameters() if value.requires_grad
    }


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_only_the_upper_layers_are_trained(bert, layers):
    found = trainable(PretrainedText(1, source=str(bert), train_layers=layers))
    assert {name.split(".")[2] for name in found} == {str(2 - number) for number in range(1, layers + 1)}
    assert all(name.startswith("encoder.layer.") for name in found)


def test_all_is_trained_by_default_and_too_many_layers_are_refused(bert):
    assert any(name.startswith("embeddings") for name in trainable(PretrainedText(1, source=str(bert))))
    with pytest.raises(ConfigError, match="2 layers"):
        PretrainedText(1, source=str(bert), train_layers=3)


def test_frozen_layers_get_no_gradient(bert):
    encoder = PretrainedText(1, source=str(bert), train_layers=1)
    encoder(*ids([2, 5, 6])).sum().backward()
    assert all((value.grad is not None) == value.requires_grad for value in encoder.parameters())


def test_the_architecture_opens_without_weights_and_takes_them(bert, tmp_path):
    encoder = PretrainedText(1, source=str(bert)).eval()
    encoder.network.config.save_pretrained(tmp_path)
    torch.manual_seed(5)
    other = PretrainedText(1, source=str(tmp_path)).eval()
    given = ids([2, 5, 6])
    assert not torch.allclose(other(*given), encoder(*given), atol=1e-3)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(*given), encoder(*given))


def test_tokens_are_masked_in_training_only(bert):
    encoder = PretrainedText(1, source=str(bert), tokens_out=1.0, mask_id=4, dropout=0.0)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    given, masked = ids([2, 5, 6]), ids([4, 4, 4])
    torch.testing.assert_close(encoder.train()(*given), encoder.eval()(*masked))
    assert not torch.allclose(encoder.eval()(*given), encoder.eval()(*masked), atol=1e-4)


def test_pickled_weights_are_refused_not_ignored(bert, tmp_path):
    (tmp_path / "config.json").write_bytes((bert / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ConfigError, match="safetensors"):
        PretrainedText(1, source=str(tmp_path))


def test_code_beside_a_model_is_never_run(bert, tmp_path):
    config = json.loads((bert / "config.json").read_text())
    config |= {"model_type": "odd", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ConfigError):
        PretrainedText(1, source=str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_a_configuration_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="no text encoder"):
        PretrainedText(1, source=str(tmp_path))
