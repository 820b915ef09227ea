"""Integrated gradients and occlusion: exact on what is linear, in the right place, through a table of words."""

import numpy as np
import pytest
import torch
from torch import nn

from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation.attention import attention_over_time
from emofuse.evaluation.attribution import Target
from emofuse.evaluation.faithfulness import measure_faithfulness
from emofuse.evaluation.frame_attribution import integrated_gradients, occlusion, windows
from emofuse.evaluation.passes import Subject
from emofuse.models import MODELS
from emofuse.models.encoders.gru_attention import SelfAttention
from emofuse.models.encoders.pooling import FramePool
from emofuse.models.recipe import make
from emofuse.training.objectives.task import TaskLoss
from emofuse.types import Output, Sample, TaskSpec, Track

TASK = TaskSpec(labels=("low", "high"), ratings=("valence",))
DIMS = {"voice": 2, "face": 1}
CUE = 3.0


def sample(voice, face=None, name="one", label=1):
    tracks = {"voice": Track(np.array(voice, np.float32), np.arange(len(voice)) / 10)}
    if face is not None:
        tracks["face"] = Track(np.array(face, np.float32)[:, None], np.arange(len(face)) / 5)
    return Sample(name, tracks, np.eye(2, dtype=np.float32)[label], np.zeros(1, np.float32))


class Sums(nn.Module):
    """The score of "high" is ``2 v0 - v1`` summed over the voice plus the face's sum."""

    def forward(self, batch):
        voice = (batch.values["voice"] * torch.tensor([2.0, -1.0]) * batch.masks["voice"][:, :, None]).sum(
            dim=(1, 2)
        )
        face = (batch.values["face"] * batch.masks["face"][:, :, None]).sum(dim=(1, 2))
        score = voice + face
        return Output(torch.stack([torch.zeros_like(score), score], dim=1), score[:, None])


SUMS = Subject("sums", Sums(), DIMS, TASK)
CLIP = sample([[1, 0], [0, 1], [2, 2]], [5, -1])


def test_gradients_of_a_sum_are_its_terms():
    found = integrated_gradients(SUMS, CLIP, target=Target("score", column=1), nodes=4)
    assert found.values["voice"] == pytest.approx([2, -1, 2])
    assert found.values["face"] == pytest.approx([5, -1])
    assert (found.output, found.base) == (pytest.approx(7), 0)
    assert found.gap == pytest.approx(0, abs=1e-6)
    assert found.times["face"].tolist() == [0, 0.2]


def test_a_baseline_is_subtracted():
    start = {"voice": np.array([1.0, 0.0])}
    found = integrated_gradients(SUMS, CLIP, target=Target("rating"), baselines=start, nodes=4)
    assert found.values["voice"] == pytest.approx([0, -3, 0])
    assert found.base == pytest.approx(6)


def test_occlusion_of_a_sum_is_its_terms_and_windows_share_theirs():
    found = occlusion(SUMS, CLIP, target=Target("score", column=1))
    assert found.values["voice"] == pytest.approx([2, -1, 2])
    wide = occlusion(SUMS, CLIP, target=Target("score", column=1), window={"voice": 0.2})
    assert wide.values["voice"] == pytest.approx([0.5, 0.5, 2])
    assert wide.values["face"] == pytest.approx([5, -1])
    mean = occlusion(SUMS, CLIP, target=Target("score", column=1), fill="mean")
    assert mean.values["voice"] == pytest.approx([1, -2, 1])


def test_an_absent_modality_has_no_values():
    found = occlusion(SUMS, sample([[1, 0]]), target=Target("score", column=1))
    assert list(found.values) == ["voice"] and found.values["voice"] == pytest.approx([2])
    found = integrated_gradients(SUMS, sample([[1, 0]]), target=Target("score", column=1))
    assert list(found.values) == ["voice"] and found.values["voice"] == pytest.approx([2])


def test_windows_cover_every_frame_once():
    found = list(windows(CLIP, 0.15))
    for name, track in CLIP.tracks.items():
        places = np.concatenate([frames for other, frames in found if other == name])
        assert sorted(places) == list(range(len(track)))


@pytest.mark.parametrize("kind", ["score", "probability", "log_odds", "rating"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_gradients_add_up_on_networks(kind, encoder):
    torch.manual_seed(0)
    parts = {name: {"name": encoder, "hidden": 8, "out_dim": 8} for name in DIMS}
    model = make(MODELS, {"name": "composed", "encoders": parts}, DIMS, TASK).model
    subject = Subject("network", model, DIMS, TASK)
    found = integrated_gradients(subject, CLIP, target=Target(kind))
    assert found.output != found.base
    assert abs(found.gap) < 1e-4
    total = sum(values.sum() for values in found.values.values())
    assert total + found.gap == pytest.approx(found.output - found.base)


class Looked(nn.Module):
    """Word 3 speaks for "high" by 2, word 1 against it by 1."""

    def __init__(self):
        super().__init__()
        table = nn.Embedding(5, 2)
        table.weight.data = torch.tensor([[0.0, 0], [-1, 0], [0, 9], [2, 0], [0, 0]])
        self.encoders = nn.ModuleDict({"words": table})

    def forward(self, batch):
        found = self.encoders["words"](batch.values["words"][:, :, 0].long())
        score = (found[:, :, 0] * batch.masks["words"]).sum(dim=1)
        return Output(torch.stack([torch.zeros_like(score), score], dim=1), score[:, None])


def test_ids_are_explained_through_their_embeddings():
    subject = Subject("looked", Looked(), {"words": 1}, TASK)
    text = Sample(
        "text", {"words": Track(np.array([[3], [2], [1]], np.float32), np.arange(3.0))},
        np.array([0, 1], np.float32), np.zeros(1, np.float32),
    )  # fmt: skip
    found = integrated_gradients(subject, text, target=Target("score", column=1), nodes=2)
    assert found.values["words"] == pytest.approx([2, 0, -1])
    assert not subject.model.encoders["words"]._forward_hooks


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ConfigError, match="torch module"):
        integrated_gradients(Subject("plain", lambda batch: SUMS.model(batch), DIMS, TASK), CLIP)
    with pytest.raises(ConfigError, match="fill is one of"):
        occlusion(SUMS, CLIP, fill="noise")
    with pytest.raises(ConfigError, match="column 7"):
        occlusion(SUMS, CLIP, target=Target("score", column=7))


def network(**encoder):
    torch.manual_seed(0)
    parts = {"voice": encoder, "face": {"name": "mean", "out_dim": 8}}
    return make(MODELS, {"name": "composed", "encoders": parts}, DIMS, TASK).model


class TestAttention:
    @pytest.mark.parametrize("pooling", ["attention", "weighted"])
    def test_the_pool_s_weights_are_read(self, pooling):
        subject = Subject("pool", network(name="gru", hidden=4, pooling=pooling), DIMS, TASK)
        found = attention_over_time(subject, CLIP)
        assert list(found.values) == ["voice"] and found.times["voice"] is CLIP.tracks["voice"].times
        assert found.values["voice"].shape == (3,) and found.values["voice"].sum() == pytest.approx(1)
        layer = next(one for one in subject.model.modules() if isinstance(one, FramePool))
        assert not layer._forward_hooks
        # A layer that scores all frames alike attends to all alike.
        layer.score.weight.data.zero_()
        assert attention_over_time(subject, CLIP).values["voice"] == pytest.approx([1 / 3] * 3)

    @pytest.mark.parametrize("name", ["mmmla", "blstm"])
    def test_a_model_that_tells_its_attention_is_asked(self, name):
        model = make(MODELS, {"name": name, "hidden": 4}, DIMS, TASK).model
        found = attention_over_time(Subject(name, model, DIMS, TASK), CLIP)
        assert set(found.values) == set(CLIP.tracks)
        for modality, values in found.values.items():
            assert len(values) == len(CLIP.tracks[modality]) and values.sum() == pytest.approx(1)

    def test_self_attention_is_what_each_frame_gets(self):
        subject = Subject("self", network(name="gru_attention", hidden=4), DIMS, TASK)
        layer = next(one for one in subject.model.modules() if isinstance(one, SelfAttention))
        assert attention_over_time(subject, CLIP).values["voice"].sum() == pytest.approx(1)
        layer.key.weight.data.zero_()
        assert attention_over_time(subject, CLIP).values["voice"] == pytest.approx([1 / 3] * 3)

    def test_steps_over_several_frames_are_shared(self):
        dims = {"voice": 16}
        torch.manual_seed(0)
        encoders = {"voice": {"name": "mel_cnn", "widths": [2, 2], "out_dim": 4}}
        model = make(MODELS, {"name": "composed", "encoders": encoders}, dims, TASK).model
        voice = Track(
            np.random.default_rng(0).normal(size=(10, 16)).astype(np.float32), np.arange(10) / 100
        )
        clip = Sample("mel", {"voice": voice}, np.array([0, 1], np.float32), np.zeros(1, np.float32))
        found = attention_over_time(Subject("mel", model, dims, TASK), clip).values["voice"]
        assert found.shape == (10,) and found.sum() == pytest.approx(1)
        # Two halvings: four frames a step, of which the last has but two.
        assert (
            len(np.unique(found.round(9))) == 3 and (found[:4] == found[0]).all() and found[8] == found[9]
        )

    def test_a_model_without_attention_is_told(self):
        with pytest.raises(ConfigError, match="no attention over the time of voice, face"):
            attention_over_time(Subject("mean", network(name="mean"), DIMS, TASK), CLIP)
        with pytest.raises(ConfigError, match="torch module"):
            attention_over_time(Subject("plain", lambda batch: SUMS.model(batch), DIMS, TASK), CLIP)


@pytest.fixture(scope="module")
def trained():
    """Ten frames of noise; one frame of the voice at a random place tells the label."""
    torch.manual_seed(0)
    parts = {"voice": {"name": "gru", "hidden": 12, "out_dim": 8}, "face": {"name": "mean", "out_dim": 4}}
    network = make(MODELS, {"name": "composed", "encoders": parts}, DIMS, TASK).model
    from emofuse.alignment.collate import collate

    batch, loss = collate(cued(200), DIMS), TaskLoss(TASK, rating_weight=0.0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        loss(network(batch), batch).backward()
        optimiser.step()
    return Subject("trained", network.eval(), DIMS, TASK)


def cued(count, seed=0):
    draws = np.random.default_rng(seed)
    made = []
    for number in range(count):
        voice = 0.3 * draws.standard_normal((10, 2))
        voice[draws.integers(10), 0] += CUE * (2 * (number % 2) - 1)
        made.append(sample(voice, 0.3 * draws.standard_normal(4), name=f"clip{number}", label=number % 2))
    return made


@pytest.mark.parametrize("method", [occlusion, integrated_gradients])
def test_the_cue_is_found_and_deletion_beats_random_order(trained, method):
    clips = cued(30, seed=9)
    options = {"nodes": 16} if method is integrated_gradients else {}
    found = [method(trained, clip, target=Target("log_odds"), **options) for clip in clips]
    hits = [
        one.values["voice"].argmax() == np.abs(clip.tracks["voice"].values[:, 0]).argmax()
        for one, clip in zip(found, clips, strict=True)
    ]
    assert np.mean(hits) > 0.8
    faithful = measure_faithfulness(trained, clips, found, orders=3)
    assert faithful.deletion_gain.low > 0
    assert faithful.insertion_gain.low > 0
    assert faithful.deletion_area < faithful.insertion_area
    assert faithful.deletion[0] == pytest.approx(faithful.insertion[-1], abs=1e-6)
    assert faithful.deletion[-1] == pytest.approx(faithful.insertion[0], abs=1e-6)


def test_faithfulness_by_hand():
    # Frames are worth 4, 1, 1: by attribution 6, 2, 1, 0 remain and 0, 4, 5, 6 come.
    clip = sample([[2, 0], [0.5, 0], [0.5, 0]])
    found = [occlusion(SUMS, clip, target=Target("score", column=1))]
    faithful = measure_faithfulness(SUMS, [clip], found, target=Target("score"), points=4, orders=6)
    assert faithful.deletion == pytest.approx([6, 2, 1, 0])
    assert faithful.insertion == pytest.approx([0, 4, 5, 6])
    assert faithful.deletion_area == pytest.approx((6 / 2 + 2 + 1) / 3)
    assert faithful.insertion_area == pytest.approx((4 + 5 + 6 / 2) / 3)
    assert np.isnan(faithful.deletion_gain.low)


def test_faithfulness_needs_its_own_attributions():
    found = [occlusion(SUMS, CLIP)]
    with pytest.raises(ConfigError, match="one attribution for each clip"):
        measure_faithfulness(SUMS, [sample([[1, 0]], name="other")], found)
    with pytest.raises(ConfigError, match="2 points"):
        measure_faithfulness(SUMS, [CLIP], found, points=1)
    with pytest.raises(DatasetError, match="no clip"):
        measure_faithfulness(SUMS, [], [])
