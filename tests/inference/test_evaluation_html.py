"""The page of a run: what is on it, what is left out, nothing from elsewhere."""

import csv
import json
import re
from dataclasses import replace

import pytest

from emofuse import assessment
from emofuse.assessment import Wanted, assess
from emofuse.errors import ConfigError
from emofuse.evaluation.complexity import Plan
from emofuse.evaluation.robustness_study import stored_curves
from emofuse.inference.evaluation_files import write_evaluation
from emofuse.inference.evaluation_html import evaluation_html
from emofuse.scrutiny import OpenedRun, measure_study

QUICK = Plan(runs=3, warm_up=1, batch_sizes=(1, 4), lengths=(4, 8), counts=(2, 4), energy_s=0.01)


@pytest.fixture(scope="module")
def everything(tone_runs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            assessment, "measure_complexity",
            lambda *given, **named: _measure(*given, **{**named, "plan": QUICK}),
        )  # fmt: skip
        wanted = Wanted(train=True, robustness=True, complexity=True, explain=True)
        return assess(OpenedRun(tone_runs[0]), wanted)


def _measure(*given, **named):
    from emofuse.evaluation.complexity import measure_complexity

    return measure_complexity(*given, **named)


def cards(page):
    return re.findall(r'<section class="card" id="([\w-]+)"', page)


def test_every_part_is_on_the_page(everything):
    page = evaluation_html(everything)
    assert cards(page) == [
        "scores", "classes", "training", "calibration", "doubt", "groups", "robustness", "modalities", "cost",
    ]  # fmt: skip
    assert all(f'href="#{name}"' in page for name in cards(page))
    assert page.count("<figcaption>") == page.count("<figure") == page.count('<svg role="img"')
    assert "speaker-disjoint, fold 0 of 3" in page and "audit: nothing found" in page
    for role in ("train", "valid", "test"):
        assert f'<th scope="col">{role}</th>' in page


def test_the_page_needs_nothing_beside_it(everything):
    page = evaluation_html(everything)
    assert not re.search(r"<(script|link(?! rel=\"icon\" href=\"data:)|img|iframe)", page)
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "url(" not in page and "@import" not in page


def test_only_what_was_measured_is_shown(tone_runs):
    plain = assess(OpenedRun(tone_runs[0]))
    assert cards(evaluation_html(plain)) == [
        "scores",
        "classes",
        "training",
        "calibration",
        "doubt",
        "groups",
    ]
    assert plain.study is None and plain.modalities is None and not plain.complexity


def test_doubt_is_told_how_many_clips_have_a_truth(everything):
    more = replace(everything.reports["test"], n=everything.reports["test"].n + 1)
    page = evaluation_html(replace(everything, reports={**everything.reports, "test": more}))
    told = "Errors and sets count the 12 of 13 clips with one label"
    assert told in page.split('id="doubt"')[1] and told not in evaluation_html(everything)


def test_a_baseline_without_noise_is_refused(tone_runs):
    with pytest.raises(ConfigError, match="--robustness"):
        assess(OpenedRun(tone_runs[0]), Wanted(baseline="multibench-lf:mosi:text"))


def test_names_from_outside_are_escaped(tone_runs, tmp_path):
    import shutil

    copy = shutil.copytree(tone_runs[0], tmp_path / "run")
    for path in (copy / "config.toml", copy / "split.json", copy / "data.json"):
        text = path.read_text(encoding="utf-8").replace("High and low tones.", "<script>x</script>")
        text = text.replace('"protocol": "', '"protocol": "<script>').replace(
            '"corpus": "', '"corpus": "<script>'
        )
        path.write_text(text, encoding="utf-8")
    page = evaluation_html(assess(OpenedRun(copy)))
    assert "<script" not in page and page.count("&lt;script&gt;") >= 3


def test_shares_add_up_and_every_figure_is_written(everything, tone_runs, tmp_path):
    # Of 17 noises one is drawn, to be quick.
    few = measure_study([OpenedRun(tone_runs[0])], noises=["white_noise"])
    write_evaluation(replace(everything, study=few), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    stems = (
        "confusion", "losses", "reliability", "risk_coverage", "modalities", "faithfulness", "costs", "subsets",
        "throughput", "growth-time_s", "growth-memory_mb", "groups-speaker", "white_noise-audio",
    )  # fmt: skip
    for stem in stems:
        assert {f"{stem}.png", f"{stem}.svg"} <= names
    for row in csv.DictReader((tmp_path / "modalities.csv").open(encoding="utf-8")):
        added = float(row["audio"]) + float(row["voice"])
        assert added == pytest.approx(float(row["output"]) - float(row["base"]), abs=1e-6)
    facts = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert set(facts["reports"]) == {"train", "valid", "test"}
    assert [row["n"] for row in facts["groups"]["speaker"]["rows"]] == [6, 6]
    assert len(stored_curves(tmp_path / "robustness.json")) == 3 * 3
    (costs,) = csv.DictReader((tmp_path / "complexity.csv").open(encoding="utf-8"))
    assert int(costs["parameters"]) == everything.complexity[0].parameters
    assert float(costs["per_media_s"]) > 0 and float(costs["epoch_s"]) > 0
