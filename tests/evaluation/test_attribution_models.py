"""Every model of the table can be explained and measured: sums hold, gradients flow, operations are counted."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from emofuse.evaluation.attribution import Target, attribute_modalities
from emofuse.evaluation.complexity import count_multiply_adds, count_parameters
from emofuse.evaluation.frame_attribution import integrated_gradients, occlusion
from emofuse.evaluation.passes import Subject
from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.types import Sample, TaskSpec, Track

DIMS = {"text": 5, "audio": 4, "video": 3}
TASK = TaskSpec(labels=("one", "two", "three"), ratings=("valence",))
UNIFORM = (1 / 3, 1 / 3, 1 / 3)
CASES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["case"][0]["options"]
    for path in sorted((Path(__file__).parents[1] / "contracts" / "models").glob("*.toml"))
}

STANDARDISING = {"cubemlp"}


def sample(name, *names, seed=0):
    draws = np.random.default_rng(seed)
    tracks = {
        one: Track(draws.normal(size=(4, dim)).astype(np.float32), np.arange(4) / 10)
        for one, dim in DIMS.items()
        if one in names
    }
    return Sample(name, tracks, np.array([1, 0, 0], np.float32), np.zeros(1, np.float32))


@pytest.fixture(params=sorted(CASES))
def subject(request):
    torch.manual_seed(0)
    model = make(MODELS, {"name": request.param, **CASES[request.param]}, DIMS, TASK).model
    return Subject(request.param, model.eval(), DIMS, TASK)


def test_modalities_add_up(subject):
    clips = [sample("all", *DIMS), sample("two", "text", "video", seed=1), sample("one", "audio", seed=2)]
    found = attribute_modalities(subject, clips, target=Target("log_odds", column=0), prior=UNIFORM)
    assert found.values.sum(axis=1) == pytest.approx(found.outputs - found.bases, abs=1e-6)
    assert (np.abs(found.values[~found.present]) < 1e-6).all()
    assert found.bases == pytest.approx(np.log(0.5))
    # A clip of one modality: all that is said comes from it.
    assert found.values[2, 1] == pytest.approx(found.outputs[2] - found.bases[2], abs=1e-6)


def test_frames_are_explained_by_occlusion(subject):
    found = occlusion(subject, sample("all", *DIMS), target=Target("score", column=0))
    assert {name: len(values) for name, values in found.values.items()} == dict.fromkeys(DIMS, 4)
    assert all(np.isfinite(values).all() for values in found.values.values())
    assert any(np.abs(values).max() > 0 for values in found.values.values())


def test_frames_are_explained_by_gradients(subject):
    clip = sample("all", *DIMS)
    # A model that standardises each clip jumps where the path begins at zeros: it gets another beginning.
    start = {name: track.values[::-1].mean(axis=0) + 0.5 for name, track in clip.tracks.items()}
    baselines = start if subject.name in STANDARDISING else None
    found = integrated_gradients(
        subject, clip, target=Target("score", column=0), baselines=baselines, nodes=40
    )
    total = sum(float(values.sum()) for values in found.values.values())
    assert total + found.gap == pytest.approx(found.output - found.base, abs=1e-9)
    # What has corners is followed less well by smooth steps.
    assert abs(found.gap) < 0.1 * max(1.0, abs(found.output - found.base))
    assert all(values.shape == (4,) and np.isfinite(values).all() for values in found.values.values())


def test_costs_are_counted(subject):
    total, trained = count_parameters(subject.model)
    assert 0 < trained <= total
    single, both = (
        count_multiply_adds(subject.model, [sample("all", *DIMS)] * count, dims=DIMS) for count in (1, 2)
    )
    assert single > 0 and both >= single
