import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.self_mm import GeneratedLabels
from emofuse.models.zoo.tetfn import Enhanced, tetfn
from emofuse.types import TaskSpec

TASK = TaskSpec(ratings=("sentiment",), rating_range=(-3.0, 3.0))
DIMS = {"text": 4, "audio": 3, "video": 2}
SMALL = {"width": 4, "heads": 2, "layers": 1, "hidden": 2, "fused": 5, "own": 3}


def built(**options):
    torch.manual_seed(0)
    return tetfn(DIMS, TASK, **SMALL, **options)


def test_pairs_without_the_main_modality_go_through_it():
    pairs = built().model.pairs
    kinds = {
        (name, other): isinstance(stack, Enhanced)
        for name, found in pairs.items()
        for other, stack in found.items()
    }
    assert {pair for pair, enhanced in kinds.items() if enhanced} == {
        ("audio", "video"),
        ("video", "audio"),
    }
    assert len(kinds) == 6


def test_the_other_asks_the_main_modality_and_the_told_one_asks_the_answer(batch_of):
    model = built(causal=False).model.eval()
    batch = batch_of(DIMS, {"text": 3, "audio": 4, "video": 5})
    frames = {name: part(batch.values[name], batch.masks[name])[0] for name, part in model.inputs.items()}
    stack, masks = model.pairs["audio"]["video"], batch.masks
    answer = stack.lower(frames["video"], masks["video"], frames["text"], masks["text"])
    wanted = stack.upper(frames["audio"], masks["audio"], answer, masks["video"])
    torch.testing.assert_close(stack(("audio", "video", "text"), frames, masks), wanted)
    assert wanted.shape == (1, 4, 4)


def test_a_head_of_one_modality_reads_the_largest_of_its_frames(batch_of):
    model = built().model.eval()
    batch = batch_of(DIMS, {"text": 3, "audio": 2, "video": 1}, {"text": 1, "audio": 2, "video": 1})
    output = model(batch)
    for row, length in ((0, 3), (1, 1)):
        convolved = batch.values["text"][row, :length] @ model.inputs["text"].convolve.weight[:, :, 0].T
        _, ratings = model.heads["text"](convolved.amax(dim=0, keepdim=True))
        torch.testing.assert_close(output.parts["ratings.text"][row], ratings[0])


def test_the_heads_learn_labels_that_the_model_generates():
    labels = built(own_weight=0.5).auxiliary
    assert isinstance(labels, GeneratedLabels)
    assert (labels.names, labels.middle, labels.limit) == (("text", "audio", "video"), 0.0, 3.0)
    assert labels.weight == 0.5


def test_an_encoder_of_the_main_modality_has_to_give_frames(batch_of):
    model = built(main_encoder={"name": "gru", "hidden": 3, "out_dim": 6}).model.eval()
    assert model(batch_of(DIMS, {"text": 2, "audio": 3, "video": 1}, {})).ratings.isfinite().all()
    with pytest.raises(ConfigError, match="frames"):
        built(main_encoder={"name": "mean", "out_dim": 6})
    with pytest.raises(ConfigError, match="heads"):
        tetfn(DIMS, TASK, width=5, heads=2)


def test_one_modality_alone_attends_to_itself(batch_of):
    torch.manual_seed(0)
    model = tetfn({"audio": 3}, TASK, **SMALL).model.eval()
    assert model(batch_of({"audio": 3}, {"audio": 4}, {})).ratings.isfinite().all()
