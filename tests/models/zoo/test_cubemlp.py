import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.zoo.cubemlp import AxisMix, Sequenced, cubemlp
from emofuse.types import TaskSpec

DIMS = {"a": 2, "b": 3}
TASK = TaskSpec(ratings=("valence",))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_mix_acts_along_its_axis_and_no_other(axis):
    torch.manual_seed(0)
    mix = AxisMix(axis, 4, 2, dropout=0.0, bias=False)
    cube = torch.randn(2, 4, 4, 4)
    found = mix(cube)
    assert found.shape[axis] == 2 and found.numel() == cube.numel() // 2
    # One line along the axis, by the formula.
    line = cube.movedim(axis, -1)[1, 2, 3]
    inner = torch.nn.functional.gelu(mix.layers[0].weight @ line)
    wanted = mix.norm(mix.layers[2].weight @ inner + mix.residual.weight @ line)
    torch.testing.assert_close(found.movedim(axis, -1)[1, 2, 3], wanted)


def test_both_directions_are_added():
    torch.manual_seed(0)
    encoder = Sequenced(3, 4)
    values = torch.randn(1, 5, 3)
    outputs = encoder.network(values)[0]
    wanted = torch.relu(encoder.norm(outputs[..., :4] + outputs[..., 4:]))
    torch.testing.assert_close(encoder(values, torch.ones(1, 5, dtype=torch.bool)), wanted)


def test_the_cube_is_frames_by_modalities_by_features(batch_of):
    torch.manual_seed(0)
    model = cubemlp(DIMS, TASK, width=4, frames=4, shapes=[(3, 2, 2)]).model.eval()
    seen = []
    model.blocks.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    batch = batch_of(DIMS, {"a": 2, "b": 4}, {"a": 4})
    model(batch)
    cube = seen[0]
    assert cube.shape == (2, 4, 2, 4)
    frames = model.linear(batch.values["a"])
    # Two frames over four are each held for two; four are kept; what is absent is zeros.
    torch.testing.assert_close(cube[0, :, 0], frames[0, [0, 0, 1, 1]])
    torch.testing.assert_close(cube[1, :, 0], frames[1])
    assert cube[0, :, 1].any() and not cube[1, :, 1].any()


def test_a_cube_without_three_axes_or_with_one_that_norms_away_is_refused():
    for shape in ((3, 2), (3, 1, 2)):
        with pytest.raises(ConfigError, match="three axes"):
            cubemlp(DIMS, TASK, shapes=[shape])
