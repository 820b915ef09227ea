"""What every model keeps: any subset of its modalities, no padding read, and it learns what can be learnt."""

import copy
import tomllib
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError
from emofuse.models import MODELS
from emofuse.models.fusions import FUSIONS
from emofuse.models.recipe import Recipe, Total, make
from emofuse.training.engine import Engine
from emofuse.training.loop import fit
from emofuse.training.objectives.task import TaskLoss
from emofuse.training.phases import Schedule
from emofuse.training.prediction import predict
from emofuse.types import Batch, Metric, Output, Sample, TaskSpec, Track

DIMS = {"text": 5, "audio": 4, "video": 3}
TASK = TaskSpec(labels=("one", "two", "three"), ratings=("valence",))
# A file a model: `case` are options that make a small one of every design with its number of parameters at these
# widths, counted by hand as `why` says; `roomy` are options with which it learns a toy task; `published` is the
# number at the paper's sizes; `interaction` is false where the design cannot learn a product of two modalities.
CASES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "models").glob("*.toml"))
}
EACH = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name in CASES
    for number in range(len(CASES[name]["case"]))
]
SUBSETS = [row for row in product([True, False], repeat=3) if any(row)]


def recipe_of(name: str, number: int = 0, task: TaskSpec = TASK) -> Recipe:
    torch.manual_seed(0)
    return make(MODELS, {"name": name, **CASES[name]["case"][number]["options"]}, DIMS, task)


def built(name: str, number: int = 0, task: TaskSpec = TASK) -> torch.nn.Module:
    return recipe_of(name, number, task).model


def losses_of(recipe: Recipe, output: Output, batch: Batch) -> list[torch.Tensor]:
    """What the recipe adds to the task's loss, and the objectives of its phases."""
    own = (recipe.auxiliary, *(phase.objective for phase in recipe.phases))
    return [one(output, batch) for one in own if one is not None]


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
    found = sum(one.numel() for one in built(name, number).parameters())
    assert found == CASES[name]["case"][number]["parameters"]


@pytest.mark.parametrize("name", [name for name in CASES if "published" in CASES[name]])
def test_number_of_parameters_at_the_published_sizes(name):
    for stated in CASES[name]["published"]:
        task = TaskSpec(labels=tuple(stated.get("labels", ())), ratings=tuple(stated.get("ratings", ())))
        part = {"name": name, **stated.get("options", {})}
        model = make(MODELS, part, stated["dims"], task).model
        assert sum(one.numel() for one in model.parameters()) == stated["parameters"]
        # Where the paper's or the reference's number differs, the file says why.
        assert stated.get("reference", stated["parameters"]) == stated["parameters"] or stated["why"]


@pytest.mark.parametrize(("name", "number"), EACH)
def test_every_parameter_learns(name, number):
    recipe = recipe_of(name, number)
    model, batch = recipe.model.train(), collate(samples_of(SUBSETS * 3), DIMS)
    output = model(batch)
    drawn = torch.Generator().manual_seed(2)
    parts = [part * torch.randn(part.shape, generator=drawn) for part in (output.scores, output.ratings)]
    (sum(part.sum() for part in parts) + sum(losses_of(recipe, output, batch))).backward()
    held = {id(value) for value in (*model.parameters(), *model.buffers())}
    for module in model.modules():
        assert all(id(value) in held for value in vars(module).values() if isinstance(value, torch.Tensor))
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
    recipe = recipe_of(name, number)
    for row in (SUBSETS[0], SUBSETS[-1]):
        batch = collate(samples_of([row]), DIMS)
        output = recipe.model.train()(batch)
        loss = Total(TaskLoss(TASK), recipe)(output, batch) + sum(losses_of(recipe, output, batch))
        assert loss.isfinite()
        loss.backward()


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
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_finite(name, number, precision):
    try:
        with Engine.pick("cpu", precision).autocast():
            output = built(name, number)(collate(samples_of(), DIMS))
    except ConfigError as error:
        pytest.skip(str(error))
    assert output.scores.isfinite().all() and output.ratings.isfinite().all()


@pytest.mark.parametrize("task", [TaskSpec(labels=("a", "b")), TaskSpec(ratings=("valence", "arousal"))])
@pytest.mark.parametrize("name", CASES)
def test_a_task_of_labels_alone_or_of_ratings_alone(name, task):
    output = built(name, 0, task)(collate(samples_of(), DIMS))
    assert output.scores.shape == (7, len(task.labels)) and output.ratings.shape == (7, len(task.ratings))


ACCURACY = Metric("accuracy", "labels", lambda truth, found, classes: float((truth == found).mean()))


def trained(recipe, train, valid, dims, task, **plan):
    schedule = Schedule(
        **{"epochs": 40, "batch_size": 16, "learning_rate": 1e-2, "weight_decay": 0.0, **plan}
    )
    fitted = fit(
        recipe.model, Total(TaskLoss(task), recipe), train=[[one] for one in train], valid=valid,
        dims=dims, watch=ACCURACY, schedule=schedule, engine=Engine(torch.device("cpu")), phases=recipe.phases,
    )  # fmt: skip
    return fitted.model


def accuracy(model, samples, dims):
    scores, _ = predict(model, samples, dims=dims, engine=Engine(torch.device("cpu")))
    return float((scores.argmax(axis=1) == np.stack([one.shares for one in samples]).argmax(axis=1)).mean())


@pytest.mark.parametrize("name", CASES)
def test_thirty_two_clips_are_learnt_by_heart(name):
    samples = samples_of([SUBSETS[0]] * 32, seed=3)
    torch.manual_seed(0)
    recipe = make(MODELS, {"name": name, **CASES[name]["roomy"]}, DIMS, TASK)
    model = trained(recipe, samples, samples, DIMS, TASK, **{"epochs": 70, **CASES[name].get("plan", {})})
    assert accuracy(model, samples, DIMS) == 1.0


# A mean or a vote of what each modality says by itself has no product in it.
NO_INTERACTION = {"late", "late_product", "late_weighted", "late_learned", "expert_product"}
ROOMY_FUSIONS: dict[str, dict[str, Any]] = {
    "gated_softmax": {"width": 32},
    "bottleneck": {"width": 16, "layers": 2, "own_layers": 0},
    "cross_modal": {"width": 16, "layers": 1},
}
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


BINARY = TaskSpec(labels=("a", "b"))


def learnt_product(part: dict[str, Any], dims: dict[str, int], **plan: float) -> float:
    """Accuracy on new clips of a model that was trained on the product of two signs."""
    train, test = crossed(192, 1), crossed(400, 2)
    torch.manual_seed(0)
    recipe = make(MODELS, part, dims, BINARY)
    return accuracy(trained(recipe, train, train, dims, BINARY, **{"epochs": 25, **plan}), test, dims)


def encoded(names: dict[str, int], fusion: dict[str, Any]) -> dict[str, Any]:
    part = {"name": "mlp", "hidden": 8, "out_dim": 8, "dropout": 0.0}
    if getattr(FUSIONS.load(fusion["name"]), "over_time", False):
        part = {"name": "frames", "out_dim": 8, "dropout": 0.0}
    encoders = dict.fromkeys(names, part)
    return {"name": "composed", "encoders": encoders, "fusion": fusion, "hidden": 16, "dropout": 0.0}


@pytest.mark.parametrize("fusion", [name for name in FUSIONS if name not in NO_INTERACTION])
def test_the_interaction_of_two_modalities_is_learnt_by_a_fusion(fusion):
    assert learnt_product(encoded(TWO, {"name": fusion, **ROOMY_FUSIONS.get(fusion, {})}), TWO) >= 0.9


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].get("interaction", True)])
def test_the_interaction_of_two_modalities_is_learnt_by_a_model(name):
    case = CASES[name]
    options = case.get("crossed", case["roomy"])
    if name == "composed":
        options = {key: value for key, value in encoded(TWO, {"name": "concat"}).items() if key != "name"}
    assert learnt_product({"name": name, **options}, TWO, **case.get("plan", {})) >= 0.9


@pytest.mark.parametrize("name", list(TWO))
def test_one_modality_alone_stays_at_chance(name):
    alone = {name: 2}
    assert abs(learnt_product(encoded(alone, {"name": "concat"}), alone, epochs=15) - 0.5) < 0.1
