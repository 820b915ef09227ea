"""The models of the student project on MELD."""

import pytest
import torch
from torch.nn import functional

from emofuse.errors import ConfigError, FeatureError
from emofuse.models.zoo.upc_dialogue import upc_dialogue
from emofuse.models.zoo.upc_mlp import upc_mlp
from emofuse.models.zoo.upc_multimodal import upc_multimodal
from emofuse.models.zoo.upc_rnn import upc_rnn
from emofuse.models.zoo.upc_speech_cnn import upc_speech_cnn
from emofuse.models.zoo.upc_transformer import upc_transformer
from emofuse.models.zoo.upc_words import Words
from emofuse.types import Batch, TaskSpec

TASK = TaskSpec(labels=("a", "b"))
TEXT = {"text": 1}


def ids_of(*rows: list[int]) -> Batch:
    longest = max(map(len, rows))
    values = torch.tensor([row + [0] * (longest - len(row)) for row in rows]).float().unsqueeze(2)
    mask = torch.tensor([[place < len(row) for place in range(longest)] for row in rows])
    return Batch(
        tuple(map(str, range(len(rows)))), {"text": values}, {"text": mask}, {"text": mask.any(dim=1)},
        shares=torch.zeros(len(rows), 2), ratings=torch.zeros(len(rows), 0), weights=torch.ones(len(rows)),
    )  # fmt: skip


def test_the_perceptron_by_hand():
    torch.manual_seed(0)
    model = upc_mlp(TEXT, TASK, vocabulary={"text": 9}, embedding=3, hidden=4).model.eval()
    encoder, head = model.encoders["text"], model.heads["text"].scores
    table, layer = encoder.words.table.weight, encoder.layers[1]
    output = model(ids_of([3, 5, 8], [7]))
    for row, ids in ((0, [3, 5, 8]), (1, [7])):
        hidden = functional.leaky_relu(layer.weight @ table[ids].mean(dim=0) + layer.bias, 0.01)
        torch.testing.assert_close(output.scores[row], head.weight @ hidden + head.bias)


def test_an_id_is_a_row_of_the_table_and_a_hot_number_a_column_of_the_layer():
    table, layer = Words(1, width=3, vocabulary=4), Words(4, width=3, vocabulary=None)
    with torch.no_grad():
        layer.table.weight.copy_(table.table.weight.T)
    ids = torch.tensor([[1.0, 3.0]])
    hot = functional.one_hot(ids.long(), 4).float()
    torch.testing.assert_close(table(ids.unsqueeze(2)), layer(hot))


@pytest.mark.parametrize("builder", [upc_mlp, upc_rnn, upc_transformer])
def test_ids_have_to_be_in_the_vocabulary(builder):
    model = builder(TEXT, TASK, vocabulary={"text": 9}).model
    assert model(ids_of([8, 1], [2])).scores.isfinite().all()
    for wrong in (9, -1):
        with pytest.raises(FeatureError, match="0 to 8"):
            model(ids_of([1, wrong]))
    with pytest.raises(ConfigError, match="one id a frame"):
        builder({"text": 5}, TASK, vocabulary={"text": 9})
    with pytest.raises(ConfigError, match="audio"):
        builder(TEXT, TASK, vocabulary={"audio": 9})


def test_ids_without_word_vectors_are_refused():
    with pytest.raises(ConfigError, match="embedding"):
        upc_rnn(TEXT, TASK, vocabulary={"text": 9}, embedding=0)


def test_convolutions_have_one_or_two_directions():
    with pytest.raises(ConfigError, match="directions"):
        upc_speech_cnn({"audio": 40}, TASK, directions=3)


def test_the_turns_so_far_say_what_the_whole_conversation_says_at_that_turn(batch_of):
    torch.manual_seed(0)
    model = upc_dialogue({"text": 4}, TASK).model.eval()
    conversation = batch_of({"text": 4}, {"text": 6}).values["text"]
    context, head = model.encoders["text"], model.heads["text"].scores
    whole = head(context.network(conversation)[0])[0]
    for turn in range(6):
        mask = torch.ones(1, turn + 1, dtype=torch.bool)
        found = head(context(conversation[:, : turn + 1], mask))[0]
        torch.testing.assert_close(found, whole[turn])


def test_the_joint_lstm_reads_both_dialogue_lstms_turn_by_turn(batch_of):
    torch.manual_seed(0)
    dims = {"text": 3, "audio": 2}
    model = upc_multimodal(dims, TASK).model.eval()
    batch = batch_of(dims, {"text": 4, "audio": 4})
    states = [model.contexts[name].network(batch.values[name])[0] for name in dims]
    last = model.fusion.network(torch.cat(states, dim=2))[0][:, -1]
    torch.testing.assert_close(model(batch).scores, model.head.scores(last))


def trained_in(training, phase):
    recipe = upc_multimodal({"text": 3, "audio": 2}, TASK, training=training)
    named = dict(recipe.model.named_parameters())
    part = next(one for one in recipe.phases if one.name == phase)
    return {key.split(".")[0] for key in named if key.startswith(part.trains)}, part


@pytest.mark.parametrize("training", ["stages", "alternating"])
def test_single_modalities_and_what_fuses_them_are_trained_apart(training):
    single, first = trained_in(training, "single")
    fused, second = trained_in(training, "fused")
    assert (single, fused) == ({"contexts", "heads"}, {"fusion", "head"})
    assert first.objective is not None and second.objective is None
    assert (first.stop, second.start) == ((0.5, 0.5) if training == "stages" else (1.0, 0.0))


def test_trained_together_there_is_one_phase_and_no_head_of_one_modality():
    recipe = upc_multimodal({"text": 3}, TASK, training="together")
    assert [phase.name for phase in recipe.phases] == ["all"]
    assert not recipe.model.heads
    with pytest.raises(ConfigError, match="training"):
        upc_multimodal({"text": 3}, TASK, training="both")
    with pytest.raises(ValueError, match="pretraining"):
        upc_multimodal({"text": 3}, TASK, pretraining=0.0)
