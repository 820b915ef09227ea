"""Every notebook runs from top to bottom, as its reader would run it, and shows what its text says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
NAMES = (
    "1_data_processing", "2_unimodal_classifiers", "3_multimodal_classifiers", "4_analysis", "5_demo",
)  # fmt: skip

# Jupyter is no dependency: what it would show at the end of a cell is asked for here as well.
RUNNER = """
import ast, json, sys
space = {"__name__": "__main__"}
for number, cell in enumerate(json.load(sys.stdin), 1):
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    name = f"<cell {number}>"
    exec(compile(tree, name, "exec"), space)
    if last is not None:
        shown = eval(compile(ast.Expression(last.value), name, "eval"), space)
        if shown is not None:
            print(repr(shown))
"""

pytestmark = pytest.mark.skipif(not NOTEBOOKS.is_dir(), reason="this is no checkout")


def read(name: str) -> dict[str, Any]:
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))


def code_of(name: str) -> list[str]:
    return ["".join(cell["source"]) for cell in read(name)["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """The notebooks' folder and what they read beside it, without what earlier readers made."""
    top = tmp_path_factory.mktemp("checkout")
    shutil.copytree(NOTEBOOKS, top / "notebooks", ignore=shutil.ignore_patterns("output", "__pycache__"))
    shutil.copytree(ROOT / "demo", top / "demo", ignore=shutil.ignore_patterns("report.html", "*.json"))
    return top / "notebooks"


def execute(name: str, place: Path, *, then: str = "", data: str | None = None) -> str:
    """What the code cells print, one after another; ``then`` is one cell more."""
    environment = {key: value for key, value in os.environ.items() if key != "EMOFUSE_DATA"}
    environment |= {"MPLBACKEND": "agg", "EMOFUSE_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    if data is not None:
        environment["EMOFUSE_DATA"] = data
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps([*code_of(name), then]), cwd=place, env=environment,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_clean(name):
    notebook = read(name)
    assert (notebook["nbformat"], set(notebook["metadata"])) == (4, {"kernelspec", "language_info"})
    for cell in notebook["cells"]:
        assert cell["metadata"] == {} and re.fullmatch(r"[\w-]{1,64}", cell["id"])
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert not re.search(r"/(home|work|tmp|Users)/", json.dumps(notebook))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    text = "".join("".join(cell["source"]) for cell in read(name)["cells"])
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
        assert (NOTEBOOKS / target).exists(), f"{name}: nothing is at {target}"


def test_data_processing(place):
    said = execute(
        "1_data_processing",
        place,
        then="assert len(corpus.clips) - len(cleaned.clips) == 8 and report.failed\n"
        "assert not audit_split(cleaned, splits['group_folds']).failed\n"
        "assert audit_split(cleaned, splits['random_split']).failed",
    )
    assert "240  to be heard, and only once" in said and "silent" in said


def test_unimodal_classifiers(place):
    execute(
        "2_unimodal_classifiers",
        place,
        then="best = {kind: max(s.value for n, s in uar.items() if n.startswith(kind)) for kind in ('audio', 'text')}\n"
        "assert 0.3 < best['audio'] < best['text'] < 0.85, best",
    )


def test_multimodal_classifiers(place):
    execute(
        "3_multimodal_classifiers",
        place,
        then="found = {row.title: row.value for row in table.rows}\n"
        "assert found['MMMLA'] > max(found['voice'], found['words']) + 0.05, found\n"
        "full, *parts = [row.scores['uar'] for row in subsets.rows]\n"
        "assert abs(full - found['MMMLA']) < 1e-9 and full > max(parts)",
    )


def test_analysis(place):
    execute(
        "4_analysis",
        place,
        then="assert np.abs(shared.values.sum(axis=1) - (shared.outputs - shared.bases)).max() < 1e-6\n"
        "for seen, chance in found.values():\n"
        "    assert np.mean(seen) > np.mean(chance) + 0.2\n"
        "assert gain.low > 0 and (OUTPUT / 'attention.mp4').stat().st_size > 1000",
    )
    rows = (place / "output" / "analysis.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 49


def test_demo(place):
    execute(
        "5_demo",
        place,
        then="assert [part.label for part in only_words.segments][1:] == ['fear', 'sadness']\n"
        "for part in why.segments:\n"
        "    added = sum(share.value for share in part.modalities.values())\n"
        "    assert abs(part.base + added - part.output) < 1e-6",
    )
    assert (place / "output" / "demo.html").is_file()


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["2_unimodal_classifiers", "3_multimodal_classifiers"])
def test_the_optional_cell_trains_on_ravdess(name, place):
    folder = os.environ.get("EMOFUSE_DATA")
    if folder is None:
        pytest.skip("EMOFUSE_DATA is not set")
    execute(name, place, data=folder, then="assert ravdess.reports['test'].n > 40")
