import pytest
import torch
from torch import nn

from emofuse.errors import ConfigError
from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.mag_bert import AdaptationGate
from emofuse.types import TaskSpec

TASK = TaskSpec(labels=("a", "b"))
HERE = torch.ones(1, dtype=torch.bool)


def gate_of_one(shift):
    gate = AdaptationGate(2, {"audio": 1}, shift=shift, dropout=0.0)
    with torch.no_grad():
        gate.gates["audio"].weight.copy_(torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, -9.0]]))
        gate.gates["audio"].bias.zero_()
        gate.moves["audio"].weight.copy_(torch.tensor([[2.0], [5.0]]))
        gate.moves["audio"].bias.zero_()
    gate.norm = nn.Identity()
    return gate


@pytest.mark.parametrize(("shift", "moved"), [(10.0, 16.0), (1.0, 5.0), (0.5, 2.5)])
def test_the_shift_is_gated_and_no_longer_than_the_token(shift, moved):
    # Token (3, 4) of length 5, audio 1: gate relu(3 + 1, 4 - 9) = (4, 0), move (2, 5): (8, 0), cut at 5 * shift.
    tokens, others = torch.tensor([[[3.0, 4.0]]]), {"audio": torch.tensor([[[1.0]]])}
    found = gate_of_one(shift)(tokens, others, {"audio": HERE})
    torch.testing.assert_close(found, torch.tensor([[[3.0 + min(moved, 8.0), 4.0]]]))
    torch.testing.assert_close(gate_of_one(shift)(tokens, others, {"audio": ~HERE}), tokens)


def test_the_gate_is_as_large_as_published():
    gate = AdaptationGate(768, {"audio": 74, "video": 47}, shift=1.0, dropout=0.5)
    assert sum(one.numel() for one in gate.parameters()) == 1_370_112


def test_a_clip_without_the_main_modality_is_read_from_the_others(batch_of):
    torch.manual_seed(0)
    dims = {"text": 3, "audio": 2}
    model = make(MODELS, {"name": "mag_bert", "width": 8, "heads": 2}, dims, TASK).model.eval()
    scores = model(batch_of(dims, {"audio": 4}, {"audio": 4}, {"text": 9})).scores
    assert not torch.allclose(scores[0], scores[1])


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("gated")
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=8,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return str(folder)


def test_without_a_shift_it_is_the_network(bert, batch_of):
    dims = {"text": 1, "audio": 2}
    model = make(MODELS, {"name": "mag_bert", "pretrained": bert}, dims, TASK).model.eval()
    batch = batch_of(dims, {"text": 5, "audio": 9}, {"text": 3})
    batch.values["text"].abs_().mul_(3)
    gate, model.gate.norm, model.gate.shift = model.gate.norm, nn.Identity(), 0.0
    ids = batch.values["text"][:, :, 0].long()
    wanted = model.backbone.network(input_ids=ids, attention_mask=batch.masks["text"].long()).pooler_output
    torch.testing.assert_close(model(batch).fused, wanted)
    model.gate.norm, model.gate.shift = gate, 1.0
    assert not torch.allclose(model(batch).fused[0], wanted[0])


def test_what_the_network_reads(bert, batch_of):
    dims = {"text": 1, "audio": 2}
    recipe = make(MODELS, {"name": "mag_bert", "pretrained": bert, "train_layers": 1}, dims, TASK)
    trained = {name for name, one in recipe.model.named_parameters() if one.requires_grad}
    assert any("layer.1." in name for name in trained) and not any("layer.0." in name for name in trained)
    # More tokens than positions, none at all, and nothing at all.
    batch = batch_of(dims, {"text": 12, "audio": 3}, {"audio": 3}, {})
    batch.values["text"].abs_().mul_(3)
    assert recipe.model.eval()(batch).scores.isfinite().all()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert recipe.model(batch).scores.isfinite().all()
    with pytest.raises(ConfigError, match="token ids"):
        make(MODELS, {"name": "mag_bert", "pretrained": bert}, {"text": 4}, TASK)
