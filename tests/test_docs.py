"""The documentation is held to the code: links, names, keys, fields, commands and examples."""

import re
import shutil
import subprocess
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from emofuse.apps.cli import app
from emofuse.compare import Plan
from emofuse.config import RunConfig, check_config
from emofuse.datasets import DATASETS
from emofuse.datasets.splits import SPLITS
from emofuse.evaluation.metrics import METRICS
from emofuse.features import EXTRACTORS
from emofuse.inference import result as results
from emofuse.models import MODELS
from emofuse.models.encoders import ENCODERS
from emofuse.models.fusions import FUSIONS
from emofuse.perturbations import PERTURBATIONS
from emofuse.sweep import Search
from emofuse.training.objectives import OBJECTIVES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md")])
TABLES = {
    "datasets.md": (DATASETS,),
    "features.md": (EXTRACTORS,),
    "models.md": (ENCODERS, FUSIONS, MODELS, OBJECTIVES),
    "metrics.md": (METRICS,),
    "train.md": (PERTURBATIONS, SPLITS),
}
ENTRIES = [
    (page, table.kind, name) for page, tables in TABLES.items() for table in tables for name in table
]

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="this is no checkout")


def read(page: Path | str) -> str:
    return (ROOT / "docs" / page if isinstance(page, str) else page).read_text(encoding="utf-8")


def blocks(page: Path | str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def every_block(language: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{page.name}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language), 1)
    ]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```", "", read(page), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), f"{page.name}: nothing is at {target}"
        assert not anchor or anchor in anchors(place), f"{page.name}: no heading {target}"


@pytest.mark.parametrize(("page", "kind", "name"), ENTRIES)
def test_every_name_of_a_table_has_a_line(page, kind, name):
    heading = re.search(rf"^## `{name}`\n\n[A-Z0-9].{{15,}}", read(page), re.MULTILINE)
    row = re.search(rf"^\| `{name}` \|.{{25,}}", read(page), re.MULTILINE)
    assert heading or row, f"docs/{page} has no line on the {kind} {name}"


def test_every_dataset_says_what_its_publishers_ask():
    sections = re.split(r"^## ", read("datasets.md"), flags=re.MULTILINE)[1:]
    assert {section.split("`")[1] for section in sections} == {name for name in DATASETS}
    for section in sections:
        for fact in ("Layout", "Splits", "Known faults", "Consent", "Terms", "Citation"):
            assert f"- **{fact}**" in section, f"{section.split()[0]} does not state: {fact}"


def keys_of(model: type, before: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        found.append(f"{before}{name}")
        kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
        inner = next((kind for kind in kinds if hasattr(kind, "model_fields")), None)
        if inner is not None and inner.__name__ != "_Part":
            found += keys_of(inner, f"{before}{name}.")
    return found


@pytest.mark.parametrize("key", keys_of(RunConfig))
def test_every_key_of_a_configuration_is_explained(key):
    assert re.search(rf"^\| `{re.escape(key)}` \|", read("train.md"), re.MULTILINE)


def test_every_field_of_a_result_is_explained():
    kinds = [
        kind
        for kind in vars(results).values()
        if is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == results.__name__
    ]
    assert len(kinds) >= 5
    rows = re.findall(r"^\| (`.+?) \|", read("recognise.md"), re.MULTILINE)
    explained = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert {field.name for kind in kinds for field in fields(kind)} <= explained


@pytest.mark.parametrize("block", every_block("python"))
def test_python_examples_compile(block):
    compile(block, "example", "exec")


@pytest.mark.parametrize("block", blocks("extend.md", "python"))
def test_examples_of_extensions_run(block):
    exec(compile(block, "docs/extend.md", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("block", every_block("toml"))
def test_configurations_in_the_text_hold(block):
    tree = tomllib.loads(block)
    if "models" in tree:
        # What is compared, whose base is a file beside it.
        assert Plan.model_validate({**tree, "base": {}}).models
    elif "space" in tree:
        assert Search.model_validate({**tree, "base": {}}).space
    else:
        assert check_config(tree, "example").training.epochs >= 1


def commands() -> list[str]:
    shells = [block for page in PAGES for block in blocks(page, "bash")]
    lines = {line.strip() for block in shells for line in block.splitlines()}
    return sorted(line for line in lines if line.startswith("emofuse "))


@pytest.mark.parametrize("line", commands())
def test_commands_in_the_text_exist(line):
    import typer

    _, name, *arguments = line.split()
    command = typer.main.get_command(app).commands[name]
    options = [[*parameter.opts, *parameter.secondary_opts] for parameter in command.params]
    known = {option for several in options for option in several}
    assert {word for word in arguments if word.startswith("--")} <= known


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "lint", "bench", "setup", "lock", "clean"])
def test_make_knows_the_targets(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def committed() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if listed.returncode:
        pytest.skip(f"git cannot list the files: {listed.stderr.strip()}")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_committed_text_names_a_place_of_one_machine():
    # Put together here, so that this file does not name one itself.
    places = re.compile(r"(?<![\w.~}/])/(?:" + "|".join(("wo" + "rk", "ro" + "ot")) + r")(?:/|\b)")
    for path in committed():
        if not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
            assert not places.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def test_no_number_is_left_open():
    for page in PAGES:
        assert "TODO" not in read(page), f"{page.name} has a number that is still to come"
