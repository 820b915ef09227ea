from types import SimpleNamespace

import numpy as np
import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models import MODELS
from emofuse.models.recipe import make
from emofuse.models.zoo.committee import Committee, each_member, functionals
from emofuse.types import TaskSpec

TASK = TaskSpec(labels=("a", "b"), ratings=("valence",))


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7])
def test_functionals_are_numpys_and_read_no_padding(length):
    generator = np.random.default_rng(length)
    frames = generator.normal(size=(length, 2)).astype(np.float32)
    padded = np.concatenate([frames, np.full((3, 2), 77, np.float32)])
    mask = torch.arange(length + 3)[None] < length
    found = functionals(torch.from_numpy(padded)[None], mask)[0].view(11, 2).numpy()
    steps = np.abs(np.diff(frames, axis=0))
    thirds = [
        frames[i * length // 3 : max((i + 1) * length // 3, i * length // 3 + 1)].mean(axis=0)
        for i in range(3)
    ]
    wanted = [
        frames.mean(axis=0), np.sqrt(frames.var(axis=0) + 1e-6),
        *np.quantile(frames, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0),
        steps.mean(axis=0) if length > 1 else np.zeros(2), *thirds,
    ]  # fmt: skip
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-5)


def test_functionals_of_nothing_are_zero():
    found = functionals(torch.ones(2, 3, 4), torch.zeros(2, 3, dtype=torch.bool))
    assert found.shape == (2, 44) and not found.any()


class Says(torch.nn.Module):
    def __init__(self, name, probabilities, rating):
        super().__init__()
        self.name = name
        self.said = torch.tensor([probabilities]).log() + 5, torch.tensor([[rating]]), torch.zeros(1, 2)

    def forward(self, batch):
        return self.said


def test_a_committee_shares_the_answer_and_adds_up_the_lone_members_that_are_present():
    joint = [Says("", [0.9, 0.1], 1.0), Says("", [0.3, 0.7], -0.5)]
    lone = [Says("x", [0.5, 0.5], 0.5), Says("y", [0.2, 0.8], -0.75), Says("x", [0.7, 0.3], 1.0)]
    for there, product, rating in (
        (
            (True, True),
            [0.6 ** (2 / 3) * (0.6 * 0.2) ** (1 / 3), 0.4 ** (2 / 3) * (0.4 * 0.8) ** (1 / 3)],
            0.25 * 2 / 3 + (0.75 - 0.75) / 3,
        ),
        ((True, False), [0.6, 0.4], 0.25 * 2 / 3 + 0.75 / 3),
        ((False, False), [0.6 ** (2 / 3), 0.4 ** (2 / 3)], 0.25 * 2 / 3),
    ):
        batch = SimpleNamespace(
            presence=dict(zip("xy", map(torch.tensor, [[one] for one in there]), strict=True))
        )
        output = Committee(joint, lone, lone_share=1 / 3)(batch)
        wanted = torch.tensor([product]) / sum(product)
        torch.testing.assert_close(output.scores.softmax(dim=1), wanted)
        assert output.ratings.item() == pytest.approx(rating) and output.fused.shape == (1, 4)
    first, *_, last = each_member(output)
    assert first.ratings.item() == 1.0 and last.scores.argmax() == 0


def test_one_kind_of_members_has_the_whole_answer():
    batch = SimpleNamespace(presence={"x": torch.tensor([True])})
    for members in (([Says("", [0.9, 0.1], 1.0)], []), ([], [Says("x", [0.9, 0.1], 1.0)])):
        output = Committee(*members, lone_share=0.25)(batch)
        torch.testing.assert_close(output.scores.softmax(dim=1), torch.tensor([[0.9, 0.1]]))
        assert output.ratings.item() == 1.0


def test_modalities_are_read_as_they_are_named():
    options = {"single_frame": ["face", "words"], "binned": ["face"]}
    recipe = make(MODELS, {"name": "committee", **options}, {"voice": 3, "face": 4, "words": 5}, TASK)
    kinds = {name: type(encoder).__name__ for name, encoder in recipe.model.joint[0].encoders.items()}
    assert kinds == {"voice": "GruAttention", "face": "SoftBins", "words": "Mlp"}
    assert type(recipe.model.joint[1].encoders["voice"]).__name__ == "Functionals"
    assert [member.name for member in recipe.model.lone] == ["voice", "face", "words"] * 3
    alone = [type(member.encoder).__name__ for member in recipe.model.lone]
    assert alone == ["GruAttention", "SoftBins", "Mlp"] * 3


@pytest.mark.parametrize(("options", "share"), [({}, 2 / 3), ({"lone_share": 0.25}, 0.25)])
def test_the_share_of_lone_members_reaches_the_model(options, share):
    recipe = make(MODELS, {"name": "committee", **options}, {"voice": 3}, TASK)
    assert recipe.model.lone_share == pytest.approx(share)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recurrent": 0, "functional": 0, "lone": 0}, "0 lone is none"),
        ({"lone": -1}, "-1 lone is none"),
        ({"single_frame": ["text"]}, "single_frame names text; the features are audio"),
        ({"binned": ["audio"]}, "binned names audio, wanted names of single_frame"),
        ({"lone_share": 1.5}, r"in \[0, 1\], got 1.5"),
        ({"lone_share": -0.1}, r"in \[0, 1\], got -0.1"),
    ],
)
def test_a_committee_that_does_not_hold(options, message):
    with pytest.raises(ConfigError, match=message):
        make(MODELS, {"name": "committee", **options}, {"audio": 3}, TASK)
