"""Stand-ins for trained bundles, and small media, for the tests of recognition."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emofuse.errors import ClipTooShortError
from emofuse.models.pooling import ExpertPool
from emofuse.types import TaskSpec, Track

LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
UNIFORM = (1 / 7,) * 7


@dataclass
class FakeExtractor:
    source: str
    name: str = "fake"
    dim: int = 2
    files: tuple[str, ...] = ()
    calls: list = field(default_factory=list)
    value: float = 0.5

    @property
    def settings(self):
        return {}

    def __call__(self, given):
        self.calls.append(given)
        if self.source == "audio" and given.duration_s < 0.025:
            raise ClipTooShortError("too short")
        return Track(np.full((3, self.dim), self.value, np.float32), np.arange(3.0))


@dataclass
class FakeExpert:
    """Gives `says` 0.6 in every item, and the other classes the same share each."""

    name: str
    says: str
    extractors: dict
    task: TaskSpec = field(default_factory=lambda: TaskSpec(labels=LABELS))
    rated: tuple[float, ...] = ()
    asked: list = field(default_factory=list)

    @property
    def modalities(self):
        return tuple(self.extractors)

    @property
    def ratings(self):
        return self.task.ratings

    def predict(self, items):
        from emofuse.inference.bundle import Says

        self.asked.append(list(items))
        row = np.full(7, 0.4 / 6)
        row[LABELS.index(self.says)] = 0.6
        return Says(
            np.tile(row, (len(items), 1)), np.tile(self.rated, (len(items), 1)).reshape(len(items), -1)
        )


@dataclass
class FakeBundle:
    experts: tuple
    name: str = "fake"
    version: str = "1"
    labels: tuple = LABELS
    digest: str = "d1"
    prior: tuple = UNIFORM

    @property
    def pool(self):
        names = [expert.name for expert in self.experts]
        return ExpertPool(dict.fromkeys(names, UNIFORM), dict.fromkeys(names, 1.0), self.prior)


def three_experts(**prior):
    text = FakeExpert(
        "words",
        "joy",
        {"text": FakeExtractor("text")},
        TaskSpec(labels=LABELS, ratings=("valence", "arousal")),
        rated=(0.5, -0.25),
    )
    audio = FakeExpert("voice", "anger", {"audio": FakeExtractor("audio")})
    video = FakeExpert("look", "joy", {"video": FakeExtractor("video", name="face", dim=2304)})
    return FakeBundle((text, audio, video), **prior)


def write_wav(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    import soundfile

    soundfile.write(path, samples, rate)
    return path


def write_video(
    path: Path, *, seconds: float = 1.0, samples: np.ndarray | None = None, rate: int = 16000
) -> Path:
    """Grey frames, 320 x 240 at 10 Hz, with sound where ``samples`` are given."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        audio = container.add_stream("aac", rate=rate) if samples is not None else None
        for number in range(round(seconds * 10)):
            pixels = np.full((240, 320, 3), 60 + number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(
                samples[None].astype(np.float32), format="flt", layout="mono"
            )
            frame.sample_rate = rate
            container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return path


def make_faces(times, *, side_px: float = 100.0):
    """A `FaceTrack` that is in sight at ``times``."""
    from emofuse.features.face import FaceTrack

    count = len(times)
    return FaceTrack(
        Track(np.zeros((count, 2304), np.uint8), np.asarray(times, float)),
        np.tile(np.array([0, 0, side_px, side_px], np.float32), (count, 1)),
        np.ones(count, np.float32),
        np.zeros((8, 8, 3), np.uint8),
    )


@pytest.fixture
def fakes():
    return SimpleNamespace(
        labels=LABELS,
        bundle=FakeBundle,
        expert=FakeExpert,
        extractor=FakeExtractor,
        three_experts=three_experts,
        wav=write_wav,
        video=write_video,
        faces=make_faces,
    )


@pytest.fixture
def hears(monkeypatch):
    """Makes voice activity find what it is told to find."""

    def tell(*regions):
        monkeypatch.setattr("emofuse.inference.reading.speech_regions", lambda signal: list(regions))

    return tell


@pytest.fixture
def sees(monkeypatch):
    """Makes the face finder go through the frames and find the tracks it is told to find."""

    def tell(*tracks, warnings=()):
        def find(frames, *, min_side_px=24):
            assert all(frame.pixels.ndim == 3 for frame in frames)
            return tuple(tracks), tuple(warnings)

        monkeypatch.setattr("emofuse.features.face.find_faces", find)

    return tell


@pytest.fixture
def result(fakes, tmp_path):
    """A result of two sentences."""
    from emofuse.features.cache import Cache
    from emofuse.inference.predictor import Recognizer

    path = tmp_path / "said.srt"
    path.write_text(
        "1\n00:00:00,000 --> 00:00:02,000\nAda: I won!\n\n2\n00:00:02,000 --> 00:00:03,000\nBen: <Oh>.\n"
    )
    return Recognizer.from_bundle(fakes.three_experts(), cache=Cache(None)).predict(path)
