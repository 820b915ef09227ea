import pytest
import torch

from emofuse.errors import ConfigError, UnknownNameError
from emofuse.models.composed import composed
from emofuse.types import Batch, TaskSpec

DIMS = {"left": 3, "right": 2}
TASK = TaskSpec(labels=("a", "b"), ratings=("valence",))


def batch_of(lengths=((3, 2), (4, 0), (0, 5))):
    generator = torch.Generator().manual_seed(0)
    values, masks = {}, {}
    for place, (name, dim) in enumerate(DIMS.items()):
        counts = torch.tensor([row[place] for row in lengths])
        longest = int(counts.max())
        values[name] = torch.randn(len(lengths), longest, dim, generator=generator)
        masks[name] = torch.arange(longest) < counts[:, None]
    return Batch(
        ids=tuple(map(str, range(len(lengths)))), values=values, masks=masks,
        presence={name: mask.any(dim=1) for name, mask in masks.items()},
        shares=torch.full((len(lengths), 2), 0.5), ratings=torch.zeros(len(lengths), 1),
        weights=torch.ones(len(lengths)),
    )  # fmt: skip


def made(fusion, encoder="frames", task=TASK, **options):
    torch.manual_seed(0)
    parts = {name: {"name": encoder, "out_dim": 4, **options} for name in DIMS}
    return composed(DIMS, task, encoders=parts, fusion=fusion, dropout=0.0).model.eval()


def test_frames_reach_a_fusion_that_works_over_time():
    model, batch = made({"name": "early", "hidden": 4}), batch_of()
    frames = {name: model.encoders[name].project(batch.values[name]) for name in DIMS}
    fused = model.fusion(frames, batch.masks)
    output = model(batch)
    torch.testing.assert_close(output.fused, fused)
    torch.testing.assert_close(output.scores, model.head.scores(fused))
    assert output.weights is None


def test_a_modality_that_is_marked_absent_is_not_read_over_time():
    model, batch = made({"name": "co_attention", "width": 4, "heads": 1}), batch_of()
    without = batch_of(((3, 0), (4, 0), (0, 5)))
    marked = batch.presence | {"right": torch.tensor([False, False, True])}
    output = model(Batch(**{**vars(batch), "presence": marked}))
    torch.testing.assert_close(output.scores[0], model(without).scores[0], atol=1e-6, rtol=1e-5)


def test_a_fusion_of_decisions_has_a_head_for_each_modality():
    model, batch = made({"name": "late_product"}), batch_of()
    output = model(batch)
    alone = [
        model.heads[name](model.encoders[name](batch.values[name], batch.masks[name])) for name in DIMS
    ]
    product = torch.softmax(alone[0][0], dim=1) * torch.softmax(alone[1][0], dim=1)
    found = torch.softmax(output.scores, dim=1)
    torch.testing.assert_close(found[0], product[0] / product[0].sum())
    torch.testing.assert_close(found[1], torch.softmax(alone[0][0], dim=1)[1])
    torch.testing.assert_close(output.ratings[0], (alone[0][1] + alone[1][1])[0] / 2)
    torch.testing.assert_close(output.ratings[2], alone[1][1][2])


@pytest.mark.parametrize(
    "task", [TaskSpec(labels=("a", "b", "c")), TaskSpec(ratings=("valence", "arousal"))]
)
@pytest.mark.parametrize("name", ["late_product", "late_learned", "late_stacked", "expert_product"])
def test_decisions_on_labels_alone_or_ratings_alone(name, task):
    output = made({"name": name}, task=task)(batch_of())
    assert output.scores.shape == (3, len(task.labels)) and output.ratings.shape == (3, len(task.ratings))
    assert output.scores.isfinite().all() and output.ratings.isfinite().all()


@pytest.mark.parametrize(
    "name", ["gated", "gated_softmax", "gmu", "modality_attention", "late_weighted", "late_learned", "expert_product"]
)  # fmt: skip
def test_weights_of_the_modalities_come_out(name):
    weights = made({"name": name})(batch_of()).weights
    assert weights.shape == (3, 2)
    assert weights[1, 1] == 0 and weights[2, 0] == 0 and (weights[0] > 0).all()


@pytest.mark.parametrize("encoder", ["mlp", "mean", "cnn1d"])
def test_an_encoder_without_frames_is_refused_over_time(encoder):
    with pytest.raises(ConfigError, match="left"):
        made({"name": "early"}, encoder)


@pytest.mark.parametrize("pooling", ["attention", "statistics"])
def test_a_pooling_that_would_be_left_over_is_refused_over_time(pooling):
    with pytest.raises(ConfigError, match="over time"):
        made({"name": "early"}, "gru", pooling=pooling)


@pytest.mark.parametrize(
    "encoder", ["frames", "gru", "lstm", "gru_with_linear", "gru_attention", "transformer", "tcn"]
)
def test_every_weight_is_used_over_time(encoder):
    model = made({"name": "co_attention", "width": 4, "heads": 1}, encoder).train()
    output = model(batch_of(((3, 4), (4, 3))))
    (output.scores * torch.tensor([1.0, -2.0])).sum().backward()
    unused = [key for key, one in model.named_parameters() if one.grad is None]
    # The task's rating has no gradient here.
    assert all(key.startswith("head.ratings") for key in unused)


def test_an_unknown_fusion_and_one_without_a_name_are_refused():
    with pytest.raises(UnknownNameError, match="co_attention"):
        made({"name": "coattention"})
    with pytest.raises(ConfigError, match="name"):
        made({"width": 4})
