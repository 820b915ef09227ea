"""What several rooms are tested on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="session")
def tones(tmp_path_factory) -> Path:
    """A listed corpus of six speakers: high tones are glad, low ones sad."""
    folder = tmp_path_factory.mktemp("tones")
    rows = ["media,label,speaker"]
    times = np.arange(4000) / 16000
    for speaker in range(6):
        for take in range(3):
            for label, hertz in (("glad", 1500), ("sad", 200)):
                name = f"{speaker}_{take}_{label}.wav"
                wave = 0.3 * np.sin(2 * np.pi * (hertz + 20 * speaker + take) * times)
                soundfile.write(folder / name, wave.astype(np.float32), 16000)
                rows.append(f"{name},{label},speaker{speaker}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "clips.csv"


@pytest.fixture(scope="session")
def tone_runs(tones, tmp_path_factory) -> list[Path]:
    """Two finished runs on the tones that differ by their seed, with two modalities."""
    from emofuse.experiment import run

    folder = tmp_path_factory.mktemp("tone_runs")
    config = folder / "tones.toml"
    config.write_text(
        f"""
name = "tones"
about = "High and low tones."
[[datasets]]
name = "listed"
path = "{tones}"
[split]
name = "group_folds"
by = "speaker"
folds = 3
[features.audio]
name = "log_mel"
bands = 8
hop_s = 0.02
normalise = "train"
[features.voice]
name = "mfcc"
normalise = "train"
[model]
name = "composed"
encoders.audio.name = "mean"
encoders.audio.out_dim = 4
encoders.voice.name = "mean"
encoders.voice.out_dim = 4
[training]
epochs = 3
batch_size = 6
learning_rate = 0.02
device = "cpu"
[evaluation]
metrics = ["accuracy", "uar", "ece"]
resamples = 20
""",
        encoding="utf-8",
    )
    return [run(config, [f"seed={seed}"], out=folder / f"seed{seed}").folder for seed in (0, 1)]
