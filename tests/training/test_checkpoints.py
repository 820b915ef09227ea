import os
import pickle

import pytest
import torch

from emofuse.errors import ConfigError, InputError, OutputError
from emofuse.training.checkpoints import load_state, save_state
from emofuse.training.engine import Engine


def test_tensors_and_plain_values_come_back(tmp_path):
    path = tmp_path / "state.pt"
    state = {
        "model": {"w": torch.randn(3)},
        "history": [{"epoch": 0.0, "loss": 1.5}],
        "averaged": None,
        "best": -1,
    }
    assert load_state(path) is None
    save_state(path, state)
    found = load_state(path)
    assert torch.equal(found["model"]["w"], state["model"]["w"])
    assert {key: found[key] for key in ("history", "averaged", "best")} == {
        key: state[key] for key in ("history", "averaged", "best")
    }
    assert [one.name for one in tmp_path.iterdir()] == ["state.pt"]


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("plain", [True, False])
def test_a_pickle_that_runs_code_is_refused(tmp_path, plain):
    path, ran = tmp_path / "state.pt", tmp_path / "ran"
    if plain:
        path.write_bytes(pickle.dumps(Trap(ran)))
    else:
        torch.save({"model": Trap(ran)}, path)
    with pytest.raises(InputError, match=r"state\.pt"):
        load_state(path)
    assert not ran.exists()


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file_is_an_input_error(tmp_path, keep):
    path = tmp_path / "state.pt"
    save_state(path, {"model": torch.randn(50)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"state\.pt"):
        load_state(path)


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path):
    with pytest.raises(OutputError):
        save_state(tmp_path / "nowhere" / "state.pt", {})


def test_an_engine_is_picked_by_name():
    assert Engine.pick("cpu").device == torch.device("cpu")
    assert isinstance(Engine.pick().device, torch.device)
    with Engine.pick("cpu", "bfloat16").autocast():
        assert (torch.randn(2, 2) @ torch.randn(2, 2)).dtype == torch.bfloat16
    with Engine.pick("cpu").autocast():
        assert (torch.randn(2, 2) @ torch.randn(2, 2)).dtype == torch.float32


def test_a_layer_without_a_float16_form_is_a_config_error():
    half = Engine.pick("cpu", "float16")
    with half.autocast():
        assert (torch.randn(2, 2) @ torch.randn(2, 2)).dtype == torch.float16
    with pytest.raises(ConfigError, match=r"float16.*bfloat16"), half.autocast():
        raise RuntimeError("could not create a primitive descriptor for the LSTM\nand more")
    with pytest.raises(ConfigError, match=r"training\.precision"), half.autocast():
        raise RuntimeError("\"kernel\" not implemented for 'Half'")
    with pytest.raises(RuntimeError, match="out of memory"), half.autocast():
        raise RuntimeError("out of memory")
    assert half.scaler().is_enabled() and not Engine.pick("cpu").scaler().is_enabled()


@pytest.mark.parametrize(
    ("device", "precision"), [("cpu", "float8"), ("toaster", "float32"), ("cuda:77", "float32")]
)
def test_a_device_or_precision_that_is_not_there_is_a_config_error(device, precision):
    with pytest.raises(ConfigError):
        Engine.pick(device, precision)
