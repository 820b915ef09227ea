"""Bad input is one line and exit code 2, with nothing written; odd input is a result with a stated warning.

With the default bundle, on small media that are made here.
"""

import errno
import io
import os
import shutil
import time
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


def write_video(path, frames, *, steps_ms=(40,), rotation_deg=0):
    """H.264 whose frames last ``steps_ms`` in turn, stored turned by a display matrix."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
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


def picture_bytes():
    made = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (120, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(made, "JPEG")
    return made.getvalue()


def clean_recipe(folder):
    write_recipe(folder)


def nan_recipe(folder):
    write_recipe(folder, broken=3)


def write_recipe(folder, *, broken=None):
    """A configuration and six clips, of which one may hold a NaN."""
    folder.mkdir()
    for number in range(6):
        samples = np.sin(np.arange(RATE // 2) / (5 + number)).astype(np.float32)
        if number == broken:
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
    "missing file": (lambda f: None, ["recognize", "{it}/missing.mp4"], "missing.mp4"),
    "folder": (lambda f: f.mkdir(), ["recognize", "{it}"], "folder"),
    "pipe": (os.mkfifo, ["recognize", "{it}"], "pipe"),
    "empty file": (lambda f: f.write_bytes(b""), ["recognize", "{it}"], "empty"),
    "cut off": (lambda f: f.write_bytes(DEMO.read_bytes()[:200_000]), ["recognize", "{it}"], "cut off"),
    "text as mp4": (lambda f: f.with_suffix(".mp4").write_text("hello"), ["recognize", "{it}.mp4"], "media"),
    "broken picture": (
        lambda f: f.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 300), ["recognize", "{it}.jpg"],
        "it.jpg",
    ),
    "no such output folder": (lambda f: None, ["recognize", "{said}", "--json", "{it}/none/x.json"], "x.json"),
    "output is a folder": (lambda f: f.mkdir(), ["recognize", "{said}", "--json", "{it}"], "folder"),
    "output under a file": (
        lambda f: f.write_text("x"), ["recognize", "{said}", "--report", "{it}/x.html"], "x.html",
    ),
    "output is the input": (lambda f: None, ["recognize", "{said}", "--json", "{said}"], "said.txt"),
    "two outputs in one": (
        lambda f: None, ["recognize", "{said}", "--json", "{it}", "--report", "{it}"], "two outputs",
    ),
    "text and transcript": (
        lambda f: f.write_text("so"), ["recognize", DEMO, "--transcript", "{it}", "--text", "so"], "transcript",
    ),
    "corrupted bundle": (flipped, ["recognize", "{said}", "--bundle", "{it}"], "damaged"),
    "newer bundle": (newer, ["recognize", "{said}", "--bundle", "{it}"], "newer"),
    "incomplete bundle": (incomplete, ["recognize", "{said}", "--bundle", "{it}"], "weights.safetensors"),
    "unknown key": (
        lambda f: f.write_text('name = "a"\n[training]\nepoch = 3\n'), ["train", "{it}"], "'epochs'",
    ),
    "NaN in features": (nan_recipe, ["train", "{it}/run.toml", "--out", "run"], "clip 3"),
    "cut-off picture": (
        lambda f: f.with_suffix(".jpg").write_bytes(picture_bytes()[:5000]), ["recognize", "{it}.jpg"], "damaged",
    ),
    "empty text": (lambda f: None, ["recognize", DEMO, "--text", " "], "empty"),
    "empty transcript": (
        lambda f: f.with_suffix(".txt").write_text("\n \n"), ["recognize", DEMO, "--transcript", "{it}.txt"], "empty",
    ),
    "transcript without a clock": (
        lambda f: f.with_suffix(".srt").write_text("1\n00:00:aa --> 00:00:02,000\nso\n"),
        ["recognize", DEMO, "--transcript", "{it}.srt"], "it.srt:2",
    ),
    "transcript is the output": (
        lambda f: f.write_text("so"), ["recognize", DEMO, "--transcript", "{it}", "--report", "{it}"], "input",
    ),
    "one bad among good": (lambda f: None, ["recognize", "{said}", "{it}", "--json", "out.json"], "no such file"),
    "no bundle": (lambda f: f.mkdir(), ["recognize", "{said}", "--bundle", "{it}"], "bundle"),
    "run folder under a file": (clean_recipe, ["train", "{it}/run.toml", "--out", "{said}/run"], "said.txt"),
    "run folder in use": (clean_recipe, ["train", "{it}/run.toml", "--out", "{it}"], "holds no run"),
}  # fmt: skip


def contents_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def assert_refused(done, word):
    assert done.exit_code == 2
    assert not done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert word in lines[0]


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_nothing_is_written(case, command, tmp_path):
    make, args, word = BAD[case]
    given = tmp_path / "given"
    given.mkdir()
    (given / "said.txt").write_text("I won! I really did.", encoding="utf-8")
    make(given / "it")
    before = contents_of(tmp_path)
    done = command(*(str(one).format(said=given / "said.txt", it=given / "it") for one in args))
    assert_refused(done, word)
    after = contents_of(tmp_path)
    if case == "NaN in features":  # the features of the good clips stay, so that a second run is short
        after = {
            path: time for path, time in after.items() if "cache" not in path.relative_to(tmp_path).parts
        }
        before[tmp_path], after[tmp_path] = 0, 0
    assert after == before


def no_space(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["tempfile.mkstemp", "os.fsync", "os.replace"])
def test_a_full_disk_is_one_line_and_leaves_nothing(step, command, tmp_path, monkeypatch):
    said = tmp_path / "said.txt"
    said.write_text("I won!", encoding="utf-8")
    old = tmp_path / "old.json"
    old.write_text("{}")
    monkeypatch.setattr(step, no_space)
    done = command("recognize", said, "--no-cache", "--json", old, "--report", tmp_path / "new.html")
    assert_refused(done, "No space left")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.json", "said.txt", "work"]
    assert old.read_text() == "{}"
    assert not any(Path().iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_a_full_device_is_one_line(command):
    Path("said.txt").write_text("I won!", encoding="utf-8")
    done = command("recognize", "said.txt", "--no-cache", "--report", "new.html", "--json", "/dev/full")
    assert_refused(done, "No space left")
    assert [path.name for path in Path().iterdir()] == ["said.txt"]


def test_a_full_disk_under_the_cache_costs_no_result(command, monkeypatch):
    Path("said.txt").write_text("I won!", encoding="utf-8")
    monkeypatch.setattr("tempfile.mkstemp", no_space)
    assert command("recognize", "said.txt").exit_code == 0


def test_unusable_data_cost_no_earlier_run(command, tmp_path):
    nan_recipe(tmp_path / "nan")
    Path("run").mkdir()
    Path("run/config.toml").write_text("", encoding="utf-8")
    Path("run/state.pt").write_bytes(b"half-way")
    assert_refused(command("train", tmp_path / "nan" / "run.toml", "--out", "run", "--fresh"), "clip 3")
    assert Path("run/state.pt").read_bytes() == b"half-way"


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


def opposed(folder, speech, portrait):
    soundfile.write(folder / "a.wav", np.stack([speech, -speech], axis=1), RATE)
    return folder / "a.wav", {}


def short(folder, speech, portrait):
    soundfile.write(folder / "a.wav", speech, RATE)
    (folder / "a.wav").write_bytes((folder / "a.wav").read_bytes()[:-4000])
    return folder / "a.wav", {}


def strange(folder, speech, portrait):
    (folder / "a.txt").write_text("😀😀😀", encoding="utf-8")
    return folder / "a.txt", {}


def variable(folder, speech, portrait):
    return write_video(folder / "a.mp4", [portrait] * 30, steps_ms=(20, 110)), {}


def rotated(folder, speech, portrait):
    lying = np.rot90(portrait, -1)  # as a phone that is held upright stores it
    return write_video(folder / "a.mp4", [lying] * 25, rotation_deg=90), {}


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


# what makes it -> what the warning says, what is judged, what is not
ODD = {
    silent_video: ("no sound", "video", "audio"),
    silence: ("silence", None, "audio"),
    instant: ("too short", None, "audio"),
    faceless: ("no face", None, "video"),
    couple: ("2 faces", "video", "audio"),
    narrow: ("narrow-band", "audio", "video"),
    six_channels: ("6 channels", "audio", "video"),
    opposed: ("cancel each other", "audio", "video"),
    short: ("end may be missing", "audio", "video"),
    strange: ("nothing to judge by", None, "text"),
    variable: ("variable frame rate", "video", "audio"),
    rotated: ("rotated by 90 degrees", "video", "audio"),
    latin: ("not UTF-8", "text", None),
    beyond: ("after the end", "text", None),
    small_face: ("whole frame", "video", "audio"),
}


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_odd_input_gives_a_result_that_says_so(make, recognizer, speech, portrait, tmp_path):
    path, words = make(tmp_path, speech, portrait)
    said, judged, absent = ODD[make]
    result = recognizer.predict(path, **words)
    assert any(said in warning for warning in result.warnings)
    assert_sound(result)
    evidence = [segment.modalities for segment in result.segments]
    assert judged is None or any(one[judged].present for one in evidence)
    assert judged is not None or result.clip.label == "neutral"
    assert absent is None or not any(one[absent].present for one in evidence)


def assert_sound(result):
    """Probabilities sum to 1, times lie inside the clip, what is absent has a reason and no say."""
    for part in (result.clip, *result.segments):
        assert sum(part.probabilities.values()) == pytest.approx(1)
        assert part.confidence == part.probabilities[part.label]
        assert part.label == "neutral" or part.confidence == max(part.probabilities.values())
    assert result.segments
    for segment in result.segments:
        assert 0 <= segment.start_s <= segment.end_s <= result.duration_s + 1e-6
        for evidence in segment.modalities.values():
            assert evidence.present == (evidence.probabilities is not None)
            assert evidence.present or (evidence.reason and evidence.weight == 0)


def test_a_picture_of_one_pixel_has_no_face(recognizer, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    result = recognizer.predict(tmp_path / "a.png")
    assert_sound(result)
    assert "no face found" in result.warnings


def test_a_long_transcript_takes_seconds(recognizer, tmp_path):
    lines = ("I won!", "He died, and I miss him.", "Go away, I hate you.", "The train leaves at nine.")
    cues = (
        f"{n + 1}\n{n // 1200:02}:{n // 20 % 60:02}:{n % 20 * 3:02},000 --> "
        f"{n // 1200:02}:{n // 20 % 60:02}:{n % 20 * 3 + 2:02},500\n{n}: {lines[n % 4]}\n"
        for n in range(2000)
    )
    (tmp_path / "a.srt").write_text("\n".join(cues), encoding="utf-8")
    began_s = time.process_time()
    result = recognizer.predict(tmp_path / "a.srt")
    assert time.process_time() - began_s < 60  # about 8 s on a free core; cue by cue it would be minutes
    assert len(result.segments) == 2000
    assert_sound(result)
    assert result.duration_s == 5999.5


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
