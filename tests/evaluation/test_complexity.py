"""What a model costs: counts worked out by hand, times and memory that are what they say, growth, figures."""

import json
import time

import numpy as np
import pytest
import torch
from torch import nn

from emofuse.errors import ConfigError, InputError, OutputError
from emofuse.evaluation.complexity import (
    Plan,
    count_multiply_adds,
    count_parameters,
    disk_mb,
    measure_complexity,
    weights_mb,
)
from emofuse.evaluation.complexity_plots import cost_plot, growth_plot, throughput_plot
from emofuse.evaluation.complexity_table import complexity_markdown
from emofuse.evaluation.energy import Energy, Rapl, counters, measure_energy
from emofuse.evaluation.memory import measure_memory, process_peak_mb
from emofuse.evaluation.scaling import fit_exponent, scaling_by_clips, scaling_by_length
from emofuse.evaluation.timing import epoch_of_run, measure_epoch, time_calls
from emofuse.evaluation.workload import Workload, forward, synthetic_samples
from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.training.engine import Engine
from emofuse.training.objectives.task import TaskLoss
from emofuse.types import Output, TaskSpec

TASK = TaskSpec(labels=("a", "b", "c"))
DIMS = {"voice": 8, "face": 4}
CPU = torch.device("cpu")


class Reader(nn.Module):
    """A recurrent layer over the voice and one layer on its last state."""

    def __init__(self, kind=nn.GRU, hidden=16):
        super().__init__()
        self.recurrent, self.head = kind(8, hidden, batch_first=True), nn.Linear(hidden, 3)

    def forward(self, batch):
        states, _ = self.recurrent(batch.values["voice"])
        scores = self.head(states[:, -1])
        return Output(scores, scores[:, :0])


def composed(**encoder):
    part = encoder or {"name": "mean", "out_dim": 8}
    return make(
        MODELS, {"name": "composed", "encoders": {name: dict(part) for name in DIMS}}, DIMS, TASK
    ).model


@pytest.mark.parametrize(("kind", "gates"), [(nn.GRU, 3), (nn.LSTM, 4)])
def test_recurrent_layers_are_counted_as_by_hand(kind, gates):
    # A step multiplies its input (8) and its state (16) by gates * 16 columns; 10 steps, 2 clips; then 16 x 3.
    samples = synthetic_samples(DIMS, lengths=10, clips=2)
    expected = 2 * (10 * gates * 16 * (8 + 16) + 16 * 3)
    assert count_multiply_adds(Reader(kind), samples, dims=DIMS) == expected
    assert count_multiply_adds(Reader(kind), samples[:1], dims=DIMS) == expected // 2


def test_attention_is_counted_as_by_hand():
    class Attends(nn.Module):
        def forward(self, batch):
            value = batch.values["voice"].unsqueeze(1)
            found = nn.functional.scaled_dot_product_attention(value, value, value)
            return Output(found[:, 0, 0, :3], found[:, 0, 0, :0])

    samples = synthetic_samples(DIMS, lengths=10, clips=1)
    assert count_multiply_adds(Attends(), samples, dims=DIMS) == 2 * 10 * 10 * 8


def test_convolutions_are_counted_as_by_hand():
    class Convolves(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv1d(8, 3, 5, padding=2)

        def forward(self, batch):
            found = self.layer(batch.values["voice"].transpose(1, 2)).mean(dim=2)
            return Output(found, found[:, :0])

    assert (
        count_multiply_adds(Convolves(), synthetic_samples(DIMS, lengths=10, clips=1), dims=DIMS)
        == 10 * 5 * 8 * 3
    )


@pytest.mark.parametrize("name", ["lf_dnn", "tfn", "mfn", "gru_attention_fusion"])
def test_published_models_can_be_counted(name):
    model = make(MODELS, {"name": name}, DIMS, TASK).model.eval()
    assert count_multiply_adds(model, synthetic_samples(DIMS, lengths=6, clips=1), dims=DIMS) > 100


def test_parameters_and_sizes():
    model = Reader()
    recurrent, head = 3 * 16 * (8 + 16 + 2), 16 * 3 + 3
    model.recurrent.requires_grad_(False)
    assert count_parameters(model) == (recurrent + head, head)
    assert weights_mb(model) == pytest.approx(4 * (recurrent + head) / 1e6)


def test_size_on_disk(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "inner" / "b").write_bytes(b"x" * 500)
    assert disk_mb(tmp_path) == pytest.approx(0.0015)
    assert disk_mb(tmp_path / "a") == pytest.approx(0.001)
    with pytest.raises(InputError, match="no file or folder"):
        disk_mb(tmp_path / "c")


class TestSynthetic:
    def test_lengths_and_targets(self):
        samples = synthetic_samples(DIMS, lengths={"voice": 7, "face": 3}, clips=4, task=TASK)
        assert [len(samples[0].tracks[name]) for name in DIMS] == [7, 3]
        assert all(sample.shares.sum() == 1 and sample.shares.shape == (3,) for sample in samples)
        again = synthetic_samples(DIMS, lengths={"voice": 7, "face": 3}, clips=4, task=TASK)
        assert (samples[3].tracks["voice"].values == again[3].tracks["voice"].values).all()

    def test_words_are_ids_of_the_table(self):
        class Looks(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoders = nn.ModuleDict({"words": nn.Embedding(30, 4)})

        values = (
            synthetic_samples({"words": 1}, lengths=200, clips=1, model=Looks())[0].tracks["words"].values
        )
        assert values.min() >= 0 and values.max() == 29 and (values == values.round()).all()

    def test_a_length_is_needed_for_each(self):
        with pytest.raises(ConfigError, match="face"):
            synthetic_samples(DIMS, lengths={"voice": 5})
        with pytest.raises(ConfigError, match="no clip"):
            Workload([])
        with pytest.raises(ConfigError, match="length of each of 2"):
            Workload(synthetic_samples(DIMS, clips=2), media_s=[1.0])


def test_time_is_that_of_the_calls():
    found = time_calls(lambda place: time.sleep(0.02 if place == 3 else 0.005), runs=10, media_s=[0.5, 1.5])
    assert found.runs == 10
    assert 0.004 < found.p50_s < found.p95_s <= found.p99_s < 0.2
    assert found.p99_s > 0.015
    assert found.per_media_s == pytest.approx(found.mean_s, rel=1e-6)
    assert time_calls(lambda place: None, runs=1).per_media_s is None
    with pytest.raises(ConfigError, match="1 run"):
        time_calls(lambda place: None, runs=0)


class TestMemory:
    def test_what_is_alive_at_once_counts(self):
        def work():
            first = torch.zeros(250_000)  # 1 MB
            second = first + 1
            del first
            return (second * 2).view(500, 500)

        assert measure_memory(work, device=CPU).tensors_mb == pytest.approx(2.0)

    def test_what_was_there_and_what_changes_in_place_does_not(self):
        given = torch.zeros(250_000)
        assert measure_memory(lambda: given.add_(1).view(-1), device=CPU).tensors_mb == 0

    def test_the_process_holds_at_least_this(self):
        held = np.ones(int(40e6) // 8)
        assert process_peak_mb() > 40 and held.sum() > 0
        assert measure_memory(lambda: None, device=CPU).device_mb is None


class TestEnergy:
    def rapl(self, root, *, micro, wraps=10_000_000):
        folder = root / "intel-rapl:0"
        folder.mkdir(parents=True)
        (folder / "name").write_text("package-0\n")
        (folder / "energy_uj").write_text(f"{micro}\n")
        (folder / "max_energy_range_uj").write_text(f"{wraps}\n")
        (root / "intel-rapl:0:0").mkdir()
        return folder

    def test_no_counter_is_told_why(self, tmp_path):
        meters, reason = counters(root=tmp_path)
        assert meters == () and str(tmp_path) in reason
        found = measure_energy(lambda: None, runs=1, meters=meters, reason=reason)
        assert found == Energy(None, reason=reason)

    def test_joules_of_a_call_over_the_turn_of_the_counter(self, tmp_path):
        folder = self.rapl(tmp_path, micro=9_000_000)
        shows = iter([1_000_000, 3_000_000])
        (meter,), reason = counters(root=tmp_path)
        found = measure_energy(
            lambda: (folder / "energy_uj").write_text(str(next(shows))),
            runs=2,
            meters=[meter],
            reason=reason,
        )
        # From 9 J over the turn at 10 J to 3 J are 4 J, in two calls.
        assert found.joules == pytest.approx(2.0)
        assert found.source == "RAPL package-0"

    def test_a_counter_that_cannot_be_read_is_told(self, tmp_path):
        folder = self.rapl(tmp_path, micro=0)
        (folder / "energy_uj").write_text("secret")
        meters, reason = counters(root=tmp_path)
        assert meters == () and "cannot be read" in reason
        with pytest.raises(ValueError):
            Rapl(folder).read_j()

    def test_a_gpu_without_its_library_is_told(self, tmp_path):
        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
        assert "NVML" in counters(gpu=0, root=tmp_path)[1]


class TestExponent:
    def test_a_power_law_is_found(self):
        sizes = np.array([1, 2, 4, 8, 16])
        found = fit_exponent(sizes, 3 * sizes**1.5)
        assert (found.value, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))
        assert found.r2 == pytest.approx(1) and found.last == pytest.approx(1.5)

    def test_the_interval_is_scipys(self):
        from scipy.stats import linregress, t

        draws = np.random.default_rng(0)
        sizes = np.array([10, 20, 50, 100, 300, 700])
        values = sizes**0.8 * np.exp(0.2 * draws.standard_normal(6))
        expected = linregress(np.log(sizes), np.log(values))
        found = fit_exponent(sizes, values)
        assert found.value == pytest.approx(expected.slope)
        assert found.high - found.value == pytest.approx(t.ppf(0.975, 4) * expected.stderr)
        assert found.r2 == pytest.approx(expected.rvalue**2)

    def test_two_sizes_have_no_interval_and_one_no_exponent(self):
        found = fit_exponent([1, 10], [1, 100])
        assert found.value == pytest.approx(2) and np.isnan(found.low)
        for sizes, values in (([1, 1], [2, 3]), ([1, 2], [0, 1]), ([1], [1])):
            with pytest.raises(ValueError):
                fit_exponent(sizes, values)


def test_memory_grows_with_the_square_of_attention():
    class Attends(nn.Module):
        def forward(self, batch):
            value = batch.values["voice"]
            found = torch.softmax(value @ value.transpose(1, 2), dim=2) @ value
            return Output(found[:, 0], found[:, 0, :0])

    _, memory = scaling_by_length(Attends(), DIMS, lengths=(128, 256, 512, 1024), clips=1, repeats=1)
    assert memory.exponent.value == pytest.approx(2, abs=0.1)
    assert memory.quantity == "memory_mb" and memory.sizes == (128, 256, 512, 1024)


def test_memory_does_not_grow_with_clips_that_stream_by():
    _, memory = scaling_by_clips(composed(), DIMS, counts=(32, 64, 128), lengths=600, repeats=1)
    assert abs(memory.exponent.value) < 0.1


class TestEpoch:
    def test_from_a_few_steps_on_a_copy(self):
        model = composed()
        before = [value.clone() for value in model.state_dict().values()]
        samples = synthetic_samples(DIMS, lengths=5, clips=8, task=TASK)
        found = measure_epoch(
            model, DIMS, samples=samples, objective=TaskLoss(TASK), clips=100, batch_size=16, steps=2
        )
        assert found.seconds > 0 and "7 batches" in found.source
        assert all((a == b).all() for a, b in zip(before, model.state_dict().values(), strict=True))

    def test_from_a_run(self, tmp_path):
        assert epoch_of_run(tmp_path).seconds is None
        (tmp_path / "cost.json").write_text(json.dumps({"epoch_s": 0.5}))
        assert epoch_of_run(tmp_path).seconds == 0.5
        (tmp_path / "cost.json").write_text(json.dumps({"epoch_s": None}))
        assert "one epoch" in epoch_of_run(tmp_path).source
        (tmp_path / "cost.json").write_text("[")
        assert "cannot be read" in epoch_of_run(tmp_path).source


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "cost.json").write_text(json.dumps({"epoch_s": 1.25}))
    plan = Plan(runs=5, warm_up=1, batch_sizes=(1, 4), lengths=(8, 16, 32), counts=(4, 8), energy_s=0.05)
    load = Workload(synthetic_samples(DIMS, lengths=12, clips=6), media_s=2.0)
    found = measure_complexity(composed(), DIMS, load=load, plan=plan)
    return found.named("toy", folder=folder)


def test_everything_together(measured):
    assert measured.lengths == {"voice": 12, "face": 12} and measured.media_s == 2.0
    assert measured.latency.per_media_s == pytest.approx(measured.latency.mean_s / 2)
    assert [one.batch_size for one in measured.throughput] == [1, 4]
    assert [(one.quantity, one.varied) for one in measured.scaling] == [
        ("time_s", "frames"), ("memory_mb", "frames"), ("time_s", "clips"), ("memory_mb", "clips"),
    ]  # fmt: skip
    assert measured.epoch.seconds == 1.25 and measured.disk_mb > 0
    assert measured.energy.joules is not None or measured.energy.reason
    plain = json.loads(json.dumps(measured.to_dict(), allow_nan=False))
    assert plain["parameters"] == measured.parameters and plain["scaling"][2]["exponent"]["low"] is None


def test_real_clips_of_any_subset_can_be_measured():
    samples = synthetic_samples(DIMS, lengths=5, clips=2)
    from dataclasses import replace

    alone = replace(samples[0], tracks={"voice": samples[0].tracks["voice"]})
    plan = Plan(runs=2, warm_up=0, batch_sizes=(1,), lengths=(), counts=(), energy_s=0.0)
    found = measure_complexity(composed(), DIMS, load=Workload([alone]), plan=plan)
    assert found.lengths == {"voice": 5, "face": 0} and found.scaling == () and found.media_s is None
    assert forward(composed(), [alone], dims=DIMS, engine=Engine.pick("cpu")).scores.shape == (1, 3)


def test_the_table_has_a_cell_for_everything_and_says_what_is_missing(measured):
    lines = complexity_markdown([measured, measured]).splitlines()
    rows = [line.count("|") for line in lines if line.startswith("|")]
    assert rows == [15] * 4 + [7] * (2 + 2 * 4)
    assert lines[2].startswith("| toy | ") and f"{measured.parameters:,}" in lines[2]
    assert lines[2].split(" | ")[11:] == ["1.25", f"{measured.weights_mb:.3g}", f"{measured.disk_mb:.3g} |"]
    assert (
        lines[-1].startswith("- toy: on cpu")
        and (measured.energy.source or measured.energy.reason) in lines[-1]
    )


@pytest.mark.parametrize("draw", [cost_plot, growth_plot, throughput_plot])
def test_pictures_repeat_byte_for_byte(draw, measured):
    assert draw([measured]).startswith(b"\x89PNG")
    assert draw([measured], kind="svg") == draw([measured], kind="svg")
    with pytest.raises(ValueError, match="no model"):
        draw([])
    with pytest.raises(OutputError, match="gif"):
        draw([measured], kind="gif")
