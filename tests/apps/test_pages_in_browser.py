"""Every page that is written, in a real browser: no error, no request, its figures there, on a desk and on a phone."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from emofuse.apps.cli import app
from emofuse.evaluation.comparison import Entrant, compare_entrants
from emofuse.evaluation.metrics import METRICS
from emofuse.inference.runs import read_predictions
from emofuse.inference.standings_html import standings_html
from emofuse.inference.timeline_html import report_html

pytestmark = pytest.mark.slow

PATHS = (os.environ.get("CHROMIUM_PATH", ""), "/usr/bin/chromium", "/usr/bin/chromium-browser")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for path in PATHS if path and Path(path).is_file()), None)
    if found is None:
        pytest.skip("no Chromium: set CHROMIUM_PATH, or install Debian's chromium")
    with playwright.sync_playwright() as driver:
        # Containers seldom allow the browser's own sandbox; the pages are our own.
        shown = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield shown
        shown.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def evaluation_page(tone_runs, folder):
    path = folder / "evaluation.html"
    options = ["--train", "--robustness", "--complexity", "--explain", "--report", str(path), "-q"]
    made = CliRunner().invoke(app, ["evaluate", str(tone_runs[0]), *options])
    assert made.exit_code == 0, made.output
    return path


@pytest.fixture(scope="module")
def comparison_page(tone_runs, folder):
    entrants = [Entrant(one.name, (read_predictions(one)["test"],)) for one in tone_runs]
    tables = [
        compare_entrants(
            entrants, METRICS.load(metric), dataset="tones", generator=np.random.default_rng(0), resamples=20,
            protocol="speakers apart",
        )
        for metric in ("accuracy", "uar")
    ]  # fmt: skip
    path = folder / "table.html"
    path.write_text(standings_html(tables, title="tones", about="Two seeds."), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report_page(tone_runs, folder):
    path = folder / "runs.html"
    made = CliRunner().invoke(app, ["report", *map(str, tone_runs), "--out", str(path), "-q"])
    assert made.exit_code == 0, made.output
    return path


@pytest.fixture(scope="module")
def explanation_page(tone_runs, folder):
    clip = Path(__file__).parents[2] / "demo" / "clip.mp4"
    made = CliRunner().invoke(
        app, ["explain", str(clip), "--bundle", str(tone_runs[0]), "--out", str(folder / "why"), "-q"]
    )
    assert made.exit_code == 0, made.output
    return folder / "why" / "explanation.html"


@pytest.fixture
def recognition_page(result, folder):
    path = folder / "report.html"
    path.write_text(report_html([result]), encoding="utf-8")
    return path


PAGES = [
    ("evaluation_page", "svg[role=img], .keys svg", 20),
    ("comparison_page", "svg[role=img]", 2),
    ("report_page", "svg[role=img]", 1),
    ("explanation_page", "svg[role=img]", 3),
    ("recognition_page", "svg", 2),
]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("name", "figures", "least"), PAGES)
def test_a_page_is_whole_and_asks_for_nothing(browser, request, name, figures, least, width):
    path = request.getfixturevalue(name)
    told, asked = [], []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda one: asked.append(one.url))
    page.goto(path.as_uri())
    drawn = page.locator(figures).evaluate_all(
        "found => found.map(one => { const box = one.getBoundingClientRect(); return box.width * box.height })"
    )
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert not told
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert len(drawn) >= least and all(area > 0 for area in drawn)
    assert wide <= width, "the page scrolls sideways as a whole"


@pytest.mark.parametrize(
    ("name", "drawn", "property"),
    [
        ("evaluation_page", ".line.c0", "stroke"),
        ("comparison_page", ".chart .point", "fill"),
        ("explanation_page", ".chart .bar", "fill"),
    ],
)
def test_a_page_follows_a_dark_screen_and_paper(browser, request, name, drawn, property):
    path = request.getfixturevalue(name)
    page = browser.new_page()
    colours = []
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        page.emulate_media(color_scheme=scheme, media=media)
        page.goto(path.as_uri())
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        colours.append(page.locator(drawn).first.evaluate(f"one => getComputedStyle(one).{property}"))
    page.close()
    assert colours[0] != colours[2] and colours[1] != colours[3]
    # Paper is white whatever the screen likes.
    assert colours[4] == "rgb(255, 255, 255)" and colours[5] == colours[1]
