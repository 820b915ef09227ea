"""A published network that reads raw sound, fine-tuned or frozen by a configuration, from clips to a bundle."""

import numpy as np
import pytest

from emofuse.errors import ConfigError
from emofuse.experiment import run
from emofuse.inference.predictor import Recognizer

CONFIG = """
name = "raw"
[[datasets]]
name = "listed"
path = "{corpus}"
[split]
name = "group_folds"
by = "speaker"
folds = 3
[features.audio]
name = "waveform"
[model]
name = "composed"
encoders.audio = {{ name = "pretrained_audio", source = "{source}" }}
[training]
epochs = 2
batch_size = 6
rates = {{ "encoders.audio" = 0.1 }}
[evaluation]
resamples = 20
"""


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory):
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    folder = tmp_path_factory.mktemp("wav2vec2")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Wav2Vec2Config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=(8, 8),
            conv_kernel=(10, 8), conv_stride=(8, 8), num_feat_extract_layers=2, num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
        )  # fmt: skip
        Wav2Vec2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def config(tmp_path, tones, wav2vec2):
    path = tmp_path / "raw.toml"
    path.write_text(CONFIG.format(corpus=tones.as_posix(), source=wav2vec2.as_posix()), encoding="utf-8")
    return path


def weights(folder, name="network.encoder.layers.{}.feed_forward.output_dense.weight"):
    from safetensors.numpy import load_file

    (path,) = folder.rglob("*.safetensors")
    found = load_file(path)
    prefix = "model.encoders.audio." if path.name == "weights.safetensors" else ""
    return [
        found[prefix + name.format(layer).removeprefix("" if prefix else "network.")] for layer in (0, 1)
    ]


@pytest.mark.parametrize(("layers", "moved"), [(-1, [True, True]), (1, [False, True]), (0, [False, False])])
def test_what_is_frozen_stands_still(config, tmp_path, wav2vec2, layers, moved):
    made = run(config, [f"model.encoders.audio.train_layers={layers}",
                        *(["training.rates={}"] if layers == 0 else [])], out=tmp_path / "run")  # fmt: skip
    changes = [
        not np.array_equal(old, new)
        for old, new in zip(weights(wav2vec2), weights(made.folder), strict=True)
    ]
    assert changes == moved


def test_the_run_recognises_a_file_without_the_network_it_began_with(config, tmp_path, tones):
    made = run(config, out=tmp_path / "run")
    (predicted,) = Recognizer(made.folder).predict(tones.parent / "0_0_glad.wav").segments
    assert set(predicted.probabilities) == {"glad", "sad"}


def test_pieces_of_a_wave_take_no_common_axis(config, tmp_path):
    with pytest.raises(ConfigError, match="no mean"):
        run(config, ["alignment.rate=10"], out=tmp_path / "run")


def test_a_run_without_resamples_has_scores_without_intervals(config, tmp_path):
    made = run(config, ["evaluation.resamples=0"], out=tmp_path / "run")
    for score in made.reports["test"].scores:
        assert 0 <= score.value <= 1 and np.isnan(score.low)
    assert "no interval" in made.reports["test"].interval
