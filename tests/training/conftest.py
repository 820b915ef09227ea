"""A small task that is learnt in a few epochs, and `fit` with short words for it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from emofuse.evaluation import METRICS
from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.training.engine import Engine
from emofuse.training.loop import fit
from emofuse.training.objectives.task import TaskLoss
from emofuse.training.phases import Schedule
from emofuse.types import Sample, TaskSpec, Track

DIMS = {"audio": 3}
TASK = TaskSpec(labels=("a", "b"), ratings=("valence",))
CPU = Engine(torch.device("cpu"))


def draw(count: int, seed: int, *, noise: float = 1.0) -> list[Sample]:
    generator = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        label = number % 2
        values = generator.normal(size=(int(generator.integers(1, 5)), 3)) * noise
        values[:, 0] += 2 * label - 1
        track = Track(values.astype(np.float32), np.arange(len(values)) / 10)
        shares, ratings = np.eye(2, dtype=np.float32)[label], np.array([label - 0.5], np.float32)
        samples.append(Sample(f"{seed}-{number}", {"audio": track}, shares, ratings, group=str(number % 4)))
    return samples


def model(*, dropout: float = 0.2) -> torch.nn.Module:
    torch.manual_seed(0)
    part = {
        "name": "composed",
        "encoders": {"audio": {"name": "gru", "hidden": 4, "out_dim": 4, "dropout": dropout}},
    }
    return make(MODELS, part, DIMS, TASK).model


def train(
    samples=None, valid=None, *, given=None, watch="accuracy", copies=None, options=None, engine=CPU, **plan
):
    samples = draw(21, 1) if samples is None else samples
    return fit(
        model() if given is None else given,
        TaskLoss(TASK),
        train=[[one] for one in samples] if copies is None else copies,
        valid=draw(12, 2) if valid is None else valid,
        dims=DIMS,
        watch=METRICS.load(watch) if isinstance(watch, str) else watch,
        schedule=Schedule(**{"epochs": 4, "batch_size": 5, "learning_rate": 0.02, **plan}),
        engine=engine,
        **(options or {}),
    )


@pytest.fixture
def toy():
    return SimpleNamespace(draw=draw, model=model, train=train, task=TASK, dims=DIMS, cpu=CPU)
