import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from emofuse import __version__, files
from emofuse.apps import outputs
from emofuse.apps.cli import TABLES, app
from emofuse.types import Report, Score

EMOFUSE = [sys.executable, "-c", "from emofuse.apps.cli import main; main()"]


def call(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def run(*args, **env):
    return subprocess.run(
        [*EMOFUSE, *map(str, args)],
        capture_output=True,
        check=False,
        env={**os.environ, **env},
        encoding="utf-8",
    )


def assert_refused(done, *words):
    """One line that begins with ``error:``, exit code 2, nothing on stdout."""
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert not done.stdout


@pytest.mark.usefixtures("with_fake_bundle")
class TestRecognize:
    def test_prints_lines_that_can_be_parsed(self, said):
        done = call("recognize", said)
        assert done.exit_code == 0
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        names = lines[0].split("\t")
        rows = [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]
        assert [row["text"] for row in rows] == ["I won!", "I really did."]
        assert {row["label"] for row in rows} == {"joy"}
        assert {row["modalities"] for row in rows} == {"text"}
        assert "# warning: text has no clock" in done.stdout

    def test_writes_both_outputs(self, said, tmp_path):
        done = call(
            "recognize", said, "--json", tmp_path / "a.json", "--report", tmp_path / "a.html", "--quiet"
        )
        assert (done.exit_code, done.output) == (0, "")
        document = json.loads((tmp_path / "a.json").read_text("utf-8"))
        assert document["clip"]["label"] == "joy"
        assert (tmp_path / "a.html").read_text("utf-8").startswith("<!doctype html>")

    def test_several_paths_make_a_list(self, said, tmp_path):
        other = tmp_path / "other.txt"
        other.write_text("No.")
        assert call("recognize", said, other, "--json", tmp_path / "a.json").exit_code == 0
        documents = json.loads((tmp_path / "a.json").read_text("utf-8"))
        assert [document["source"] for document in documents] == [str(said), str(other)]

    def test_words_of_several_paths_are_refused(self, said, tmp_path):
        assert_refused(call("recognize", said, said, "--text", "Oh."), "--text", "2 paths")

    def test_bad_paths_are_refused(self, said, tmp_path):
        assert_refused(call("recognize", tmp_path / "none.mp4"), "none.mp4", "no such file")
        assert_refused(call("recognize", tmp_path), "folder")
        assert_refused(call("recognize", said, "--transcript", tmp_path / "none.srt"), "none.srt")

    def test_one_bad_path_leaves_nothing_behind(self, said, tmp_path):
        bad = tmp_path / "bad.mp4"
        bad.write_text("no film")
        assert_refused(call("recognize", said, bad, "--json", tmp_path / "a.json"), "bad.mp4")
        assert not (tmp_path / "a.json").exists()

    def test_outputs_are_checked_before_the_work(self, said, tmp_path, monkeypatch):
        monkeypatch.setattr("emofuse.inference.predictor.Recognizer.predict", None)
        assert_refused(call("recognize", said, "--json", tmp_path), "folder")
        assert_refused(call("recognize", said, "--json", tmp_path / "no" / "a.json"), "no folder")
        assert_refused(call("recognize", said, "--json", said), "it is an input")
        (clip := tmp_path / "clip.mp4").write_bytes(b"x")
        assert_refused(call("recognize", clip, "--transcript", said, "--json", said), "it is an input")
        assert_refused(
            call("recognize", said, "--json", tmp_path / "a", "--report", tmp_path / "a"), "two outputs"
        )
        monkeypatch.setattr(outputs.os, "access", lambda path, mode: False)
        assert_refused(call("recognize", said, "--report", tmp_path / "a.html"), "permission denied")

    def test_a_full_disk_leaves_every_file_as_it_was(self, said, tmp_path, monkeypatch):
        fill, calls = files._fill, []

        def full(handle, content):
            calls.append(content)
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            fill(handle, content)

        monkeypatch.setattr(files, "_fill", full)
        (tmp_path / "a.json").write_text("old")
        done = call("recognize", said, "--json", tmp_path / "a.json", "--report", tmp_path / "a.html")
        assert_refused(done, "No space left")
        assert (tmp_path / "a.json").read_text() == "old"
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_file() and path != said) == [
            "a.json"
        ]

    def test_debug_lets_the_error_through(self, tmp_path):
        done = call("--debug", "recognize", tmp_path)
        assert done.exit_code == 1
        assert type(done.exception).__name__ == "MediaError"

    def test_a_second_run_is_read_from_the_cache_unless_told_not_to(self, said, fakes, monkeypatch):
        loads = []
        from emofuse.inference import predictor

        monkeypatch.setattr(
            predictor.Bundle, "load", lambda folder: loads.append(folder) or fakes.three_experts()
        )
        for args in ((), (), ("--no-cache",)):
            assert call("recognize", said, *args).exit_code == 0
        assert len(loads) == 2

    def test_another_bundle_is_loaded_from_its_folder(self, said, fakes, monkeypatch, tmp_path):
        from emofuse.inference import predictor

        loads = []
        monkeypatch.setattr(
            predictor.Bundle, "load", lambda folder: loads.append(folder) or fakes.three_experts()
        )
        assert call("recognize", said, "--bundle", tmp_path, "--no-cache").exit_code == 0
        assert loads == [tmp_path]

    def test_ctrl_c_ends_with_130(self, said, monkeypatch):
        def interrupted(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("emofuse.inference.predictor.Recognizer.predict", interrupted)
        assert call("recognize", said).exit_code == 130


def test_a_folder_that_is_no_bundle_is_refused(said, tmp_path):
    assert_refused(call("recognize", said, "--bundle", tmp_path), "bundle")


@pytest.mark.parametrize("kind", TABLES)
def test_list_has_a_name_and_a_description_on_each_line(kind):
    done = call("list", kind)
    assert done.exit_code == 0
    for line in done.stdout.splitlines():
        name, about = line.split(maxsplit=1)
        assert name.isidentifier() or kind == "bundles"
        assert about


def test_list_names_the_nearest_kind():
    assert_refused(call("list", "metric"), "'metric'", "metrics")


def test_usage_errors_exit_with_2(said):
    assert call("recognize", "--colour", said).exit_code == 2
    assert call("dance").exit_code == 2


def test_version():
    done = call("--version")
    assert done.stdout.split() == ["emofuse", __version__]


def test_help_and_list_import_nothing_heavy():
    code = f"""
import sys
from typer.testing import CliRunner
from emofuse.apps.cli import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
assert "numpy" not in sys.modules and "pydantic" not in sys.modules
for kind in {list(TABLES)!r}:
    assert CliRunner().invoke(app, ["list", kind]).exit_code == 0, kind
assert not {{"torch", "transformers", "cv2", "av"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_console_script_exits_with_2_and_one_line(tmp_path):
    done = run("recognize", tmp_path / "none.mp4")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {tmp_path / 'none.mp4'}: no such file\n"
    traced = run("--debug", "recognize", tmp_path / "none.mp4")
    assert traced.returncode != 0
    assert "Traceback" in traced.stderr


WITH_FAKE = """
import sys, importlib.util
from emofuse.inference import predictor
spec = importlib.util.spec_from_file_location("fakes", {fakes!r})
fakes = importlib.util.module_from_spec(spec)
sys.modules["fakes"] = fakes
spec.loader.exec_module(fakes)
predictor.bundle_digest = lambda folder: "d1"
predictor.Bundle.load = lambda folder: fakes.three_experts()
from emofuse.apps.cli import main
main()
"""


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout on this system")
def test_json_alone_goes_to_stdout_where_it_is_wanted_there(said, tmp_path):
    fakes = str(Path(__file__).parent.parent / "inference" / "conftest.py")
    command = [sys.executable, "-c", WITH_FAKE.format(fakes=fakes), "recognize", "--no-cache", str(said)]
    command += ["--json", "/dev/stdout"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout)["clip"]["label"] == "joy"
    log = tmp_path / "log.txt"
    log.write_text("first\n")
    with log.open("ab") as file:
        subprocess.run(command, stdout=file, check=True)
    first, _, rest = log.read_text(encoding="utf-8").partition("\n")
    assert first == "first"
    assert json.loads(rest)["clip"]["label"] == "joy"


@pytest.mark.usefixtures("with_fake_bundle")
def test_names_and_words_that_are_no_text_do_no_harm(fakes, hears, tmp_path):
    hears()
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")
    fakes.wav(tmp_path / "a.wav", np.full(16000, 0.1, np.float32)).rename(name)
    written = tmp_path / "a.json"
    done = call(
        "recognize",
        name,
        "--text",
        "I \udcff won!",
        "--json",
        written,
        "--report",
        tmp_path / "a.html",
        "-q",
    )
    assert (done.exit_code, done.output) == (0, "")
    document = json.loads(written.read_text(encoding="utf-8"))
    assert document["source"] == name
    assert any("not UTF-8" in warning for warning in document["warnings"])


def test_a_folder_that_takes_no_file_is_refused_before_the_work(said, monkeypatch):
    monkeypatch.setattr("emofuse.inference.predictor.Recognizer.predict", None)
    if Path("/proc/self").is_dir():
        assert_refused(call("recognize", said, "--json", "/proc/self/a.json"), "cannot write")


def test_a_terminal_without_unicode_is_no_error(tmp_path):
    done = run("recognize", tmp_path / "Jürgen ☃.mp4", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


class TestExperiments:
    @pytest.fixture
    def report(self):
        return Report(8, 2, "bootstrap over speakers", (Score("uar", 0.5, 0.4, 0.6),), None, {})

    def test_train_hands_on_what_was_asked(self, monkeypatch, report, tmp_path):
        asked = {}

        def run_fake(path, overrides, **options):
            asked.update(path=path, overrides=overrides, **options)
            return SimpleNamespace(folder=tmp_path / "run", reports={"test": report})

        monkeypatch.setitem(sys.modules, "emofuse.experiment", SimpleNamespace(run=run_fake))
        done = call(
            "train",
            "a.toml",
            "--set",
            "seed=2",
            "--set",
            "model.name=composed",
            "--out",
            tmp_path,
            "--fresh",
        )
        assert done.exit_code == 0
        assert asked["path"] == Path("a.toml")
        assert asked["overrides"] == ["seed=2", "model.name=composed"]
        assert (asked["out"], asked["fresh"]) == (tmp_path, True)
        assert "run folder" in done.stdout
        assert "uar" in done.stdout
        assert "[0.4000, 0.6000]" in done.stdout

    def test_evaluate_prints_every_role(self, monkeypatch, report):
        fake = SimpleNamespace(evaluate_run=lambda folder: {"valid": report, "test": report})
        monkeypatch.setitem(sys.modules, "emofuse.experiment", fake)
        done = call("evaluate", "runs/a")
        assert done.stdout.count("uar") == 2

    def test_extract_counts_clips(self, monkeypatch):
        fake = SimpleNamespace(extract=lambda target, progress: {"audio": 3})
        monkeypatch.setitem(sys.modules, "emofuse.experiment", fake)
        assert call("extract", "a.toml").stdout == "audio\t3 clips\n"
