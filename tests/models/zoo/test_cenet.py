import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.cenet import Enhancement, cenet
from emofuse.types import Batch, TaskSpec

TASK = TaskSpec(labels=("a", "b"))
DIMS = {"text": 4, "audio": 3}
SMALL = {"width": 4, "layers": 2, "heads": 2}


def test_the_enhancement_has_the_parameters_of_the_reference_but_for_biases_of_keys():
    found = Enhancement(768, {"audio": 5, "video": 20}, words=0)
    assert sum(one.numel() for one in found.parameters()) == 5_925_888 - 2 * 768


@pytest.mark.parametrize("words", [0, 2])
def test_tokens_move_by_what_they_find_in_the_others(words):
    torch.manual_seed(0)
    enhance = Enhancement(4, {"audio": 3, "video": 2}, words=words)
    tokens, audio, video = torch.randn(2, 3, 4), torch.randn(2, 5, 3), torch.randn(2, 6, 2)
    masks = {
        "audio": torch.tensor([[True] * 5, [False] * 5]),
        "video": torch.tensor([[True, True] + [False] * 4, [True] * 6]),
    }
    found = enhance(tokens, {"audio": audio, "video": video}, masks)

    def told(name, row, frames):
        source = enhance.transforms[name](frames.unsqueeze(0))[0]
        key, value = enhance.keys[name](source), enhance.values[name](source)
        return torch.softmax(enhance.queries[name](tokens[row]) @ key.T / 2, dim=1) @ value

    first = torch.cat([told("audio", 0, audio[0]), told("video", 0, video[0, :2])], dim=1)
    second = torch.cat([torch.zeros(3, 4), told("video", 1, video[1])], dim=1)
    torch.testing.assert_close(found[0], tokens[0] + enhance.connect(first))
    torch.testing.assert_close(found[1], tokens[1] + enhance.connect(second))


def test_a_frame_is_a_mixture_of_learned_words():
    torch.manual_seed(0)
    enhance = Enhancement(4, {"audio": 3}, words=2)
    choose, _, table = enhance.transforms["audio"]
    frame = torch.randn(3)
    shares = torch.softmax(choose(frame), dim=0)
    wanted = shares[0] * table.weight[:, 0] + shares[1] * table.weight[:, 1]
    torch.testing.assert_close(enhance.transforms["audio"](frame[None, None])[0, 0], wanted)


@pytest.mark.parametrize("injection", [0, 1])
def test_it_acts_before_the_layer_that_is_named(injection, batch_of):
    torch.manual_seed(0)
    model = cenet(DIMS, TASK, **SMALL, injection=injection).model.eval()
    batch = batch_of(DIMS, {"text": 3, "audio": 4}, {"text": 2}, {"audio": 2}, {})
    backbone = model.backbone
    for row in (0, 1):
        mask = batch.masks["text"][row : row + 1]
        hidden = backbone.tokens(batch.values["text"][row : row + 1])
        for number, layer in enumerate(backbone.layers):
            if number == injection:
                hidden = model.enhance(
                    hidden,
                    {"audio": batch.values["audio"][row : row + 1]},
                    {"audio": batch.masks["audio"][row : row + 1]},
                )
            hidden = layer(hidden, mask)
        fused = backbone.pool(backbone.norm(hidden), mask)
        torch.testing.assert_close(model(batch).fused[row : row + 1], fused)
    output = model(batch)
    assert output.scores.isfinite().all()
    assert not torch.allclose(output.scores[2], output.scores[3])


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="2 layers"):
        cenet(DIMS, TASK, **SMALL, injection=2)
    with pytest.raises(ConfigError, match="main"):
        cenet(DIMS, TASK, **SMALL, main="video")


def test_inside_a_pretrained_network(tmp_path):
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=6,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    model = cenet({"text": 1, "audio": 3}, TASK, pretrained=str(tmp_path), dropout=0.0).model.eval()
    ids, audio = torch.tensor([[2.0, 5, 6], [2, 7, 0], [0, 0, 0]]).unsqueeze(2), torch.randn(3, 4, 3)
    masks = {
        "text": torch.tensor([[True] * 3, [True, True, False], [False] * 3]),
        "audio": torch.tensor([[True] * 4, [False] * 4, [True] * 4]),
    }
    batch = Batch(
        ("0", "1", "2"), {"text": ids, "audio": audio}, masks,
        {name: mask.any(dim=1) for name, mask in masks.items()},
        shares=torch.zeros(3, 2), ratings=torch.zeros(3, 0), weights=torch.ones(3),
    )  # fmt: skip
    output = model(batch)
    assert output.scores.isfinite().all()
    # Without a sound only the constant of the connecting layer is added.
    with torch.no_grad():
        model.enhance.connect.bias.zero_()
    alone = model.backbone.network(input_ids=torch.tensor([[2, 7]])).pooler_output[0]
    torch.testing.assert_close(model(batch).fused[1], alone, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(model(batch).fused[0], model(batch).fused[1])
