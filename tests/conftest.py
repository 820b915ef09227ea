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
