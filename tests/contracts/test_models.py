"""What every model keeps: any subset of its modalities, no padding read, and it learns what can be learnt."""

import copy
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from emofuse.alignment.collate import collate
from emofuse.models import MODELS
from emofuse.models.fusions import FUSIONS
from emofuse.models.recipe import make
from emofuse.training.engine import Engine
from emofuse.training.loop import fit
from emofuse.training.objectives.task import TaskLoss
from emofuse.training.phases import Schedule
from emofuse.training.prediction import predict
from emofuse.types import Metric, Sample, TaskSpec, Track


class Case(NamedTuple):
    """Options that make a small one of every design, and its number of parameters."""

    options: dict[str, Any]
    parameters: int


def gru(inputs: int, hidden: int) -> int:
    return 3 * hidden * (inputs + hidden) + 6 * hidden


def gru_attention(dim: int, hidden: int, out_dim: int) -> int:
    attention, norm = 3 * (hidden * hidden + hidden), 2 * hidden
    return gru(dim, hidden) + attention + norm + gru(hidden, hidden) + out_dim * (hidden + 1)


DIMS = {"text": 5, "audio": 4, "video": 3}
TASK = TaskSpec(labels=("one", "two", "three"), ratings=("valence",))
SMALL = {"hidden": 6, "embedding": 4, "head": 8}
ENCODED = sum(gru_attention(dim, 6, 4) for dim in DIMS.values())
COMPOSED = {"encoders": {name: {"name": "mean", "out_dim": 4} for name in DIMS}}


def head(dim: int, hidden: int) -> int:
    """Hidden layer, three classes, one rating."""
    return hidden * (dim + 1) + 4 * (hidden + 1)


# A layer of the stack: norms, projections of attention in and out, and a feed-forward block four times as wide.
STACK = sum(8 * (4 + 1) + 8 for _ in DIMS) + 4 * 8 + (24 * 9) + 8 * 9 + 32 * 9 + 8 * 33
LOW_RANK = sum(3 * (4 + 1) * 5 for _ in DIMS) + 3 + 5
CASES = {
    "composed": [
        Case({**COMPOSED, "hidden": 8}, sum(4 * (dim + 1) for dim in DIMS.values()) + 12 + head(12, 8)),
        Case(
            {**COMPOSED, "fusion": {"name": "late", "out_dim": 6}},
            sum(4 * (dim + 1) for dim in DIMS.values()) + 3 * (6 * 5 + 6 * 7) + 4 * 7,
        ),
    ],
    "gru_attention_fusion": [
        Case({**SMALL, "fusion_options": {"out_dim": 5, "rank": 3}}, ENCODED + LOW_RANK + head(5, 8)),
        Case({**SMALL, "fusion": "stack", "fusion_options": {"width": 8, "heads": 2}}, ENCODED + STACK + head(24, 8)),
        Case(
            {**SMALL, "fusion": "stack_low_rank", "pooling": "attention",
             "fusion_options": {"width": 8, "heads": 2, "out_dim": 5, "rank": 3}},
            ENCODED + 3 * (64 * 7 + 64) + STACK + LOW_RANK + head(29, 8),
        ),
        Case(
            {**SMALL, "fusion": "concat", "single_frame": ["video"], "bidirectional": True},
            sum(
                2 * gru(dim, 6) + 3 * (12 * 13) + 24 + 2 * gru(12, 6) + 4 * 13 for dim in (5, 4)
            ) + 12 * 4 + 4 * 13 + 12 + head(12, 8),
        ),
    ],
}  # fmt: skip
EACH = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name in CASES
    for number in range(len(CASES[name]))
]
SUBSETS = [row for row in product([True, False], repeat=3) if any(row)]


def built(name: str, number: int = 0, task: TaskSpec = TASK) -> torch.nn.Module:
    torch.manual_seed(0)
    return make(MODELS, {"name": name, **CASES[name][number].options}, DIMS, task).model


def samples_of(subsets=SUBSETS, seed=1) -> list[Sample]:
    generator = np.random.default_rng(seed)
    samples = []
    for number, row in enumerate(subsets):
        tracks = {}
        for here, (name, dim) in zip(row, DIMS.items(), strict=True):
            frames = int(generator.integers(1, 6))
            values = generator.normal(size=(frames, dim)).astype(np.float32)
            if here:
                tracks[name] = Track(values, np.arange(frames) / 10)
        shares = np.eye(3, dtype=np.float32)[number % 3]
        samples.append(
            Sample(str(number), tracks, shares, np.array([generator.uniform(-1, 1)], np.float32))
        )
    return samples


def test_every_name_has_a_case_and_a_line():
    built_in = {name for name in MODELS if MODELS[name].place.startswith("emofuse.")}
    assert built_in == set(CASES)
    assert all(MODELS[name].about for name in MODELS)


@pytest.mark.parametrize(("name", "number"), EACH)
def test_number_of_parameters_is_the_one_counted_by_hand(name, number):
    assert sum(one.numel() for one in built(name, number).parameters()) == CASES[name][number].parameters


@pytest.mark.parametrize(("name", "number"), EACH)
def test_every_parameter_learns(name, number):
    model = built(name, number).train()
    output = model(collate(samples_of(SUBSETS * 3), DIMS))
    drawn = torch.Generator().manual_seed(2)
    parts = [part * torch.randn(part.shape, generator=drawn) for part in (output.scores, output.ratings)]
    sum(part.sum() for part in parts).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize(("name", "number"), EACH)
def test_rows_may_differ_in_what_is_present(name, number):
    model = built(name, number)
    for mode in (True, False):
        output = model.train(mode)(collate(samples_of([*SUBSETS, (False, False, False)]), DIMS))
        assert output.scores.shape == (8, 3) and output.ratings.shape == (8, 1)
        assert output.scores.isfinite().all() and output.ratings.isfinite().all()
        assert output.fused is not None and output.fused.shape[0] == 8


@pytest.mark.parametrize(("name", "number"), EACH)
def test_neither_padding_nor_the_other_rows_matter(name, number):
    model = built(name, number).eval()
    samples = samples_of()
    together = model(collate(samples, DIMS)).scores
    for row, one in enumerate(samples):
        torch.testing.assert_close(
            model(collate([one], DIMS)).scores[0], together[row], atol=1e-5, rtol=1e-5
        )
    long = samples_of([SUBSETS[0]], seed=9)[0]
    wide = replace(
        long,
        tracks={k: Track(np.tile(t.values, (9, 1)), np.arange(9 * len(t))) for k, t in long.tracks.items()},
    )
    padded = model(collate([*samples, wide], DIMS)).scores[:-1]
    torch.testing.assert_close(padded, together, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "number"), EACH)
def test_one_clip_trains(name, number):
    model = built(name, number).train()
    batch = collate(samples_of([SUBSETS[0]]), DIMS)
    TaskLoss(TASK)(model(batch), batch).backward()


@pytest.mark.parametrize(("name", "number"), EACH)
def test_eval_repeats_itself_and_weights_come_back(name, number, tmp_path):
    from safetensors.torch import load_file, save_file

    model, batch = built(name, number).eval(), collate(samples_of(), DIMS)
    wanted = model(batch).scores
    assert torch.equal(model(batch).scores, wanted)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(other(batch).scores, wanted)


@pytest.mark.parametrize(("name", "number"), EACH)
def test_half_precision_is_finite(name, number):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = built(name, number)(collate(samples_of(), DIMS))
    assert output.scores.isfinite().all() and output.ratings.isfinite().all()


@pytest.mark.parametrize("task", [TaskSpec(labels=("a", "b")), TaskSpec(ratings=("valence", "arousal"))])
@pytest.mark.parametrize("name", CASES)
def test_a_task_of_labels_alone_or_of_ratings_alone(name, task):
    output = built(name, 0, task)(collate(samples_of(), DIMS))
    assert output.scores.shape == (7, len(task.labels)) and output.ratings.shape == (7, len(task.ratings))


ACCURACY = Metric("accuracy", "labels", lambda truth, found, classes: float((truth == found).mean()))


def trained(model, train, valid, dims, **plan):
    schedule = Schedule(
        **{"epochs": 40, "batch_size": 16, "learning_rate": 1e-2, "weight_decay": 0.0, **plan}
    )
    task = TaskSpec(labels=tuple("abc")[: len(train[0].shares)])
    fitted = fit(
        model, TaskLoss(task), train=[[one] for one in train], valid=valid, dims=dims, watch=ACCURACY,
        schedule=schedule, engine=Engine(torch.device("cpu")),
    )  # fmt: skip
    return fitted.model


def accuracy(model, samples, dims):
    scores, _ = predict(model, samples, dims=dims, engine=Engine(torch.device("cpu")))
    return float((scores.argmax(axis=1) == np.stack([one.shares for one in samples]).argmax(axis=1)).mean())


ROOMY = {
    "composed": {
        "encoders": {name: {"name": "mlp", "hidden": 32, "out_dim": 16, "dropout": 0.0} for name in DIMS},
        "hidden": 32,
        "dropout": 0.0,
    },
    "gru_attention_fusion": {"hidden": 16, "embedding": 16, "head": 32, "dropout": 0.0},
}


@pytest.mark.parametrize("name", CASES)
def test_thirty_two_clips_are_learnt_by_heart(name):
    samples = samples_of([SUBSETS[0]] * 32, seed=3)
    torch.manual_seed(0)
    model = make(MODELS, {"name": name, **ROOMY[name]}, DIMS, TASK).model
    model = trained(model, samples, samples, DIMS, epochs=70)
    assert accuracy(model, samples, DIMS) == 1.0


TWO = {"text": 2, "audio": 2}


def crossed(count: int, seed: int) -> list[Sample]:
    """Clips whose label is the product of two signs, one in either modality: neither says anything alone."""
    generator = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        signs = generator.choice([-1.0, 1.0], size=2)
        tracks = {}
        for name, sign in zip(TWO, signs, strict=True):
            values = generator.normal(size=(int(generator.integers(2, 5)), 2)) * 0.3
            values[:, 0] += sign
            tracks[name] = Track(values.astype(np.float32), np.arange(len(values)) / 10)
        samples.append(
            Sample(str(number), tracks, np.eye(2, dtype=np.float32)[int(signs.prod() > 0)], np.zeros(0))
        )
    return samples


def interaction_model(fusion: str, names: list[str]) -> torch.nn.Module:
    torch.manual_seed(0)
    encoders = {name: {"name": "mlp", "hidden": 8, "out_dim": 8, "dropout": 0.0} for name in names}
    part = {
        "name": "composed",
        "encoders": encoders,
        "fusion": {"name": fusion},
        "hidden": 16,
        "dropout": 0.0,
    }
    return make(MODELS, part, {name: 2 for name in names}, TaskSpec(labels=("a", "b"))).model


@pytest.mark.parametrize("fusion", ["concat", "stack", "low_rank", "stack_low_rank"])
def test_the_interaction_of_two_modalities_is_learnt(fusion):
    assert fusion in FUSIONS
    train, test = crossed(192, 1), crossed(200, 2)
    model = trained(interaction_model(fusion, list(TWO)), train, train, TWO, epochs=25)
    assert accuracy(model, test, TWO) >= 0.9


@pytest.mark.parametrize("name", list(TWO))
def test_one_modality_alone_stays_at_chance(name):
    train, test = crossed(192, 1), crossed(400, 2)
    model = trained(interaction_model("concat", [name]), train, train, {name: 2}, epochs=15)
    assert abs(accuracy(model, test, {name: 2}) - 0.5) < 0.1
