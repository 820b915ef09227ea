"""Bad input is one line and exit code 2, with nothing written; odd input is a result with a stated warning.

With the default bundle, on small media that are made here.
"""

import errno
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image
from typer.testing import CliRunner

from emofuse.features.cache import Cache
from emofuse.inference.bundle import DEFAULT_BUNDLE
from emofuse.inference.predictor import Recognizer

DEMO = Path(__file__).parents[2] / "demo" / "clip.mp4"
RATE = 16000


@pytest.fixture(scope="module")
def speech():
    from emofuse.features.media import read_audio

    return read_audio(DEMO, end_s=4.0).samples


@pytest.fixture(scope="module")
def portrait():
    from skimage.data import astronaut

    return astronaut()


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(cache=Cache(None))


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Calls the command line as `main` does, in an empty working folder with an empty cache."""
    from emofuse.apps import cli

    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return lambda *args: CliRunner().invoke(cli.app, [str(one) for one in args])


def write_video(path, frames, *, steps_ms=(40,)):
    """H.264 whose frames last ``steps_ms`` in turn."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        time_ms = 0
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            time_ms += steps_ms[number % len(steps_ms)]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def copied_bundle(folder):
    shutil.copytree(DEFAULT_BUNDLE, folder)
    return folder


def flipped(folder):
    path = copied_bundle(folder) / "audio" / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def newer(folder):
    path = copied_bundle(folder) / "bundle.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("format = 1", "format = 2"), encoding="utf-8")


def incomplete(folder):
    (copied_bundle(folder) / "text" / "weights.safetensors").unlink()


def nan_recipe(folder):
    folder.mkdir()
    for number in range(6):
        samples = np.sin(np.arange(RATE // 2) / (5 + number)).astype(np.float32)
        if number == 3:
            samples[100] = np.nan
        soundfile.write(folder / f"{number}.wav", samples, RATE, subtype="FLOAT")
    rows = [
        f"{number}.wav,{'ab'[number % 2]},{('train', 'valid', 'test')[number // 2]}" for number in range(6)
    ]
    (folder / "clips.csv").write_text("media,label,split\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (folder / "run.toml").write_text(
        f'name = "nan"\n[[datasets]]\nname = "listed"\npath = "{(folder / "clips.csv").as_posix()}"\n'
        '[features.audio]\nname = "log_mel"\n[model]\nname = "composed"\nencoders.audio.name = "mean"\n',
        encoding="utf-8",
    )


BAD = {
    "missing file": (lambda f: None, ["recognize", "F/missing.mp4"], "missing.mp4"),
    "folder": (lambda f: f.mkdir(), ["recognize", "F"], "folder"),
    "pipe": (os.mkfifo, ["recognize", "F"], "pipe"),
    "empty file": (lambda f: f.write_bytes(b""), ["recognize", "F"], "empty"),
    "cut off": (lambda f: f.write_bytes(DEMO.read_bytes()[:200_000]), ["recognize", "F"], "cut off"),
    "text as mp4": (lambda f: f.with_suffix(".mp4").write_text("hello"), ["recognize", "F.mp4"], "media"),
    "broken picture": (
        lambda f: f.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 300), ["recognize", "F.jpg"], "F",
    ),
    "no such output folder": (lambda f: None, ["recognize", "SAID", "--json", "F/none/x.json"], "x.json"),
    "output is a folder": (lambda f: f.mkdir(), ["recognize", "SAID", "--json", "F"], "folder"),
    "output under a file": (lambda f: f.write_text("x"), ["recognize", "SAID", "--report", "F/x.html"], "x.html"),
    "output is the input": (lambda f: None, ["recognize", "SAID", "--json", "SAID"], "said.txt"),
    "two outputs in one": (lambda f: None, ["recognize", "SAID", "--json", "F", "--report", "F"], "F"),
    "text and transcript": (
        lambda f: f.write_text("so"), ["recognize", DEMO, "--transcript", "F", "--text", "so"], "transcript",
    ),
    "corrupted bundle": (flipped, ["recognize", "SAID", "--bundle", "F"], "damaged"),
    "newer bundle": (newer, ["recognize", "SAID", "--bundle", "F"], "newer"),
    "incomplete bundle": (incomplete, ["recognize", "SAID", "--bundle", "F"], "weights.safetensors"),
    "unknown key": (
        lambda f: f.write_text('name = "a"\n[training]\nepoch = 3\n'), ["train", "F"], "'epochs'",
    ),
    "NaN in features": (nan_recipe, ["train", "F/run.toml", "--out", "run"], "3"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_nothing_is_written(case, command, tmp_path):
    make, args, word = BAD[case]
    folder, said = tmp_path / "F", tmp_path / "said.txt"
    said.write_text("I won! I really did.", encoding="utf-8")
    make(folder)
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    done = command(
        *(
            str(one).replace("SAID", str(said)).replace("F", str(folder), 1) if one != DEMO else one
            for one in args
        )
    )
    assert done.exit_code == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert word.replace("F", "F") in lines[0]
    after = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    left = {
        path
        for path in after
        if path not in before and "cache" not in path.parts and "run" not in path.parts
    }
    assert not left
    assert all(after[path] == size for path, size in before.items())


def test_a_full_disk_is_one_line_and_leaves_nothing(command, tmp_path, monkeypatch):
    from emofuse import files

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    said = tmp_path / "said.txt"
    said.write_text("I won!", encoding="utf-8")
    monkeypatch.setattr(files.os, "fsync", full)
    done = command("recognize", said, "--json", tmp_path / "out.json")
    assert done.exit_code == 2
    assert "No space left" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["said.txt"]


def silent_video(folder, speech, portrait):
    return write_video(folder / "a.mp4", [portrait] * 25), {}


def silence(folder, speech, portrait):
    soundfile.write(folder / "a.wav", np.zeros(RATE), RATE)
    return folder / "a.wav", {}


def instant(folder, speech, portrait):
    soundfile.write(folder / "a.wav", speech[RATE : RATE + 800], RATE)
    return folder / "a.wav", {}


def faceless(folder, speech, portrait):
    noise = np.random.default_rng(0).integers(60, 120, (25, 240, 320, 3), dtype=np.uint8)
    return write_video(folder / "a.mp4", list(noise)), {}


def couple(folder, speech, portrait):
    return write_video(folder / "a.mp4", [np.concatenate([portrait, portrait[:, ::-1]], axis=1)] * 25), {}


def narrow(folder, speech, portrait):
    soundfile.write(folder / "a.wav", speech[::2], RATE // 2)
    return folder / "a.wav", {}


def six_channels(folder, speech, portrait):
    channels = np.zeros((len(speech) * 6, 6), np.float32)
    channels[:, 2] = np.repeat(speech, 6)
    soundfile.write(folder / "a.wav", channels, RATE * 6)
    return folder / "a.wav", {}


def variable(folder, speech, portrait):
    return write_video(folder / "a.mp4", [portrait] * 30, steps_ms=(20, 110)), {}


def latin(folder, speech, portrait):
    cue = "1\n00:00:00,400 --> 00:00:03,900\nI loved the café\n"
    (folder / "a.srt").write_bytes(cue.encode("cp1252"))
    return DEMO, {"transcript": folder / "a.srt"}


def beyond(folder, speech, portrait):
    cues = "1\n00:00:00,400 --> 00:00:03,900\nI won\n\n2\n00:01:00,000 --> 00:01:04,000\nToo late\n"
    (folder / "a.srt").write_text(cues, encoding="utf-8")
    return DEMO, {"transcript": folder / "a.srt"}


def small_face(folder, speech, portrait):
    Image.fromarray(portrait[60:200, 150:290]).resize((48, 48)).save(folder / "a.png")
    return folder / "a.png", {}


ODD = {
    silent_video: "no sound", silence: "silence", instant: "too short", faceless: "no face", couple: "2 faces",
    narrow: "narrow-band", six_channels: "6 channels", variable: "variable frame rate", latin: "not UTF-8",
    beyond: "after the end", small_face: "whole frame",
}  # fmt: skip


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_odd_input_gives_a_result_that_says_so(make, recognizer, speech, portrait, tmp_path):
    path, words = make(tmp_path, speech, portrait)
    result = recognizer.predict(path, **words)
    assert any(ODD[make] in warning for warning in result.warnings)
    assert sum(result.clip.probabilities.values()) == pytest.approx(1)
    assert result.clip.label == max(result.clip.probabilities, key=result.clip.probabilities.get)
    for segment in result.segments:
        assert 0 <= segment.start_s <= segment.end_s <= result.duration_s + 1e-6
        assert sum(segment.probabilities.values()) == pytest.approx(1)
        for evidence in segment.modalities.values():
            assert evidence.present or evidence.reason


def test_a_rotated_video_is_turned_and_says_so(recognizer, portrait, tmp_path, monkeypatch):
    from emofuse.inference import reading

    path = write_video(tmp_path / "a.mp4", [portrait] * 25)
    probe = reading.probe
    monkeypatch.setattr(reading, "probe", lambda media: probe(media)._replace(rotation_deg=90))
    assert any("rotat" in warning for warning in recognizer.predict(path).warnings)


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "L", "I;16"])
def test_pictures_of_every_mode(mode, recognizer, portrait, tmp_path):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture = (
        Image.fromarray(portrait[..., 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(portrait).convert(mode)
    )
    picture.save(path)
    result = recognizer.predict(path)
    assert result.segments[0].modalities["video"].present
    assert result.clip.label == "joy"


@pytest.mark.parametrize("name", ["a b.txt", "größe 表情.txt", "-dash.txt"])
def test_names_of_every_kind(name, command, tmp_path):
    Path(name).write_text("I won! I really did.", encoding="utf-8")
    done = command("recognize", "--json", "out.json", "--", name)
    assert done.exit_code == 0
    assert Path("out.json").is_file()


def test_several_paths_make_a_list(command):
    import json

    Path("a.txt").write_text("I won!", encoding="utf-8")
    Path("b.txt").write_text("He died.", encoding="utf-8")
    assert command("recognize", "a.txt", "b.txt", "--json", "out.json").exit_code == 0
    made = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert [one["source"] for one in made] == ["a.txt", "b.txt"]
    assert [one["clip"]["label"] for one in made] == ["joy", "sadness"]
