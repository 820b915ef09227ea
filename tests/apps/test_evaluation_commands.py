"""The commands on finished runs: what they print and write, and how they refuse."""

import csv
import json

import pytest
from typer.testing import CliRunner

from emofuse.apps.cli import app


def call(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def refused(done, *words):
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_evaluate_writes_a_page_and_prints_what_is_on_it(tone_runs, tmp_path):
    page = tmp_path / "out.html"
    done = call("evaluate", tone_runs[0], "--train", "--report", page)
    assert done.exit_code == 0, done.output
    assert (
        done.stdout.index("protocol: ")
        < done.stdout.index("train: 12 clips")
        < done.stdout.index("test: 12 clips")
    )
    assert "calibration error" in done.stdout and "largest gap by speaker" in done.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_evaluate_puts_the_page_alone_on_a_stream(tone_runs, tmp_path):
    assert call("evaluate", tone_runs[0], "--report", tmp_path / "a.html", "--quiet").stdout == ""


def test_evaluate_writes_figures(tone_runs, tmp_path):
    assert call("evaluate", tone_runs[0], "--out", tmp_path / "figures", "-q").exit_code == 0
    assert (tmp_path / "figures" / "confusion.svg").is_file()
    assert (
        json.loads((tmp_path / "figures" / "evaluation.json").read_text(encoding="utf-8"))["metric"]
        == "accuracy"
    )


def test_robustness_prints_a_table_and_writes_curves(tone_runs, tmp_path):
    done = call(
        "robustness", *tone_runs, "--noise", "white_noise", "--noise", "clip", "--modality", "audio",
        "--strengths", "0,0.5,1", "--seeds", 2, "--out", tmp_path / "noise",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| white_noise", "| clip"))]
    assert len(rows) == 4 and "tones, seed 1" in done.stdout
    assert (tmp_path / "noise" / "white_noise-audio.png").is_file()
    table = list(csv.DictReader((tmp_path / "noise" / "robustness.csv").open(encoding="utf-8")))
    assert {row["strength"] for row in table} == {"0.0", "0.5", "1.0"} and {
        row["seed"] for row in table
    } == {"mean", "0", "1"}
    stored = tmp_path / "noise" / "robustness.json"
    again = call(
        "robustness", tone_runs[0], "--noise", "white_noise", "--modality", "audio", "--strengths", "0,0.5,1",
        "--baseline", stored,
    )  # fmt: skip
    assert again.exit_code == 0 and "Baseline: tones, seed 0" in again.stdout


def test_complexity_tells_a_run_from_a_bundle(tone_runs, tmp_path):
    done = call("complexity", tone_runs[0], "--runs", 2, "--out", tmp_path / "costs")
    assert done.exit_code == 0, done.output
    assert "multiply-adds" in done.stdout and "time for a second of media" in done.stdout
    assert {"complexity.csv", "complexity.json", "costs.svg"} <= {
        path.name for path in (tmp_path / "costs").iterdir()
    }
    random = call("complexity", tone_runs[0], "--frames", 20, "--runs", 2)
    assert random.exit_code == 0 and "audio 20, voice 20" in random.stdout


def test_explain_tells_what_each_modality_adds(tone_runs, tones, tmp_path):
    clip = next(tones.parent.glob("*.wav"))
    done = call("explain", clip, "--bundle", tone_runs[0], "--out", tmp_path / "why")
    assert done.exit_code == 0, done.output
    assert "audio" in done.stdout and "voice" in done.stdout and "from nothing" in done.stdout
    assert {"explanation.json", "explanation.html", "modalities.png"} <= {
        one.name for one in (tmp_path / "why").iterdir()
    }


def test_report_compares_runs_and_prints_tables(tone_runs, tmp_path):
    page = tmp_path / "compared.html"
    done = call("report", *tone_runs, "--out", page)
    assert done.exit_code == 0 and "| tones |" in done.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert call("report", *tone_runs, "--table", "md").stdout.startswith("| Approach | Validation accuracy")
    assert r"\begin{tabular}" in call("report", *tone_runs, "--table", "latex", "--average", "macro").stdout


@pytest.mark.parametrize("command", ["evaluate", "report", "robustness", "complexity"])
def test_a_folder_that_is_no_run_is_one_line(command, tmp_path):
    refused(call(command, tmp_path / "nothing"), "nothing")
    refused(call(command, tmp_path), str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "RUN", "--baseline", "multibench-lf:mosi:text"], ["add --robustness"]),
        (["evaluate", "RUN", "--report", "/nowhere/out.html"], ["no folder /nowhere"]),
        (["evaluate", "RUN", "--groups", "/nowhere.csv"], ["/nowhere.csv"]),
        (["evaluate", "RUN", "--out", "/dev/null/x"], ["cannot be made"]),
        (["report", "RUN", "--table", "word"], ["'word'", "md or latex"]),
        (["report", "RUN", "--metric", "acuracy"], ["did you mean accuracy"]),
        (["report", "RUN", "--metric", "ccc"], ["needs ratings"]),
        (["report", "RUN", "--table", "md", "--average", "mean"], ["weighted, macro"]),
        (["robustness", "RUN", "--strengths", "0,much"], ["'0,much'", "numbers"]),
        (["robustness", "RUN", "--strengths", "0.1,1"], ["strengths rise from 0"]),
        (["robustness", "RUN", "--strengths", ""], ["--strengths"]),
        (["robustness", "RUN", "--noise", "wite_noise"], ["white_noise"]),
        (["robustness", "RUN", "--noise", "jpeg"], ["video"]),
        (["robustness", "RUN", "--modality", "face"], ["'face'", "audio, voice"]),
        (["robustness", "RUN", "--baseline", "/nowhere.json"], ["/nowhere.json"]),
        (["robustness", "RUN", "--role", "tset"], ["'tset'"]),
        (["explain", "/nowhere.wav"], ["/nowhere.wav"]),
    ],
)
def test_bad_input_is_one_line(tone_runs, arguments, words):
    refused(call(*(tone_runs[0] if one == "RUN" else one for one in arguments)), *words)
