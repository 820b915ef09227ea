"""Two processes under torchrun train what one does."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from emofuse.training.engine import Engine

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import torch
from conftest import draw, model, train
from emofuse.training.engine import Engine

engine = Engine.joined("cpu")
given = model(dropout=0.0)
fitted = train(samples=draw(21, 1), given=given, engine=engine, epochs=3, optimiser="sgd")
sampled = train(samples=draw(21, 1)[:15], given=model(dropout=0.0), engine=engine, epochs=3, sampling=1.0)
if engine.rank == 0:
    torch.save({{"weights": fitted.model.state_dict(), "world": engine.world,
                "sampled": sampled.model.state_dict(), "loss": [row["train_loss"] for row in fitted.history]}}, {out!r})
"""


def ran(command, tmp_path, name):
    script, out = tmp_path / f"{name}.py", tmp_path / f"{name}.pt"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), out=str(out)))
    done = subprocess.run(
        [sys.executable, *command, str(script)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return torch.load(out, weights_only=True)


def test_two_processes_give_the_weights_of_one(tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    two, one = ran(torchrun, tmp_path, "two"), ran([], tmp_path, "one")
    assert (two["world"], one["world"]) == (2, 1)
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
    for kind in ("weights", "sampled"):
        for name, value in one[kind].items():
            torch.testing.assert_close(two[kind][name], value, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_each_row_is_weighed_once(count):
    engines = [Engine(torch.device("cpu"), rank=rank, world=3) for rank in range(3)]
    weight = torch.zeros(count)
    for rows, part in (engine.rows(count) for engine in engines):
        weight[rows] += part / len(weight[rows])
    torch.testing.assert_close(weight, torch.full((count,), 1 / count))
