"""The law of one direction, and that the door opens fast: nothing heavy is imported before it is needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = (
    *("torch", "transformers", "cv2", "av", "pandas", "scipy", "sklearn", "matplotlib"),
    *("pyarrow", "soundfile", "silero_vad", "librosa"),
)


def heavy_after(code: str) -> list[str]:
    """Which heavy packages a fresh interpreter holds after ``code``."""
    program = f"{code}\nimport sys\nprint('HEAVY', *(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("HEAVY")[2].split()


def called(*arguments: str) -> str:
    """Code that runs the command line with these arguments and stays alive after it."""
    return (
        f"import sys\nsys.argv = {['emofuse', *arguments]!r}\n"
        "from emofuse.apps.cli import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code"
    )


def test_rooms_import_in_one_direction():
    program = shutil.which(
        "lint-imports", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if program is None or not (ROOT / "pyproject.toml").is_file():
        pytest.skip("import-linter is not installed (extra dev), or this is no checkout")
    done = subprocess.run(
        [program, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        capture_output=True, text=True, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_importing_the_package_imports_nothing_heavy():
    assert heavy_after("import emofuse; assert 'recognize' in dir(emofuse)") == []


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("recognize", "--help"), ("train", "--help")]
)
def test_asking_for_help_imports_nothing_heavy(arguments):
    assert heavy_after(called(*arguments)) == []


@pytest.mark.parametrize(
    "table",
    [
        "emofuse.datasets:DATASETS",
        "emofuse.datasets.splits:SPLITS",
        "emofuse.features:EXTRACTORS",
        "emofuse.perturbations:PERTURBATIONS",
        "emofuse.evaluation.metrics:METRICS",
    ],
)
def test_reading_a_table_imports_nothing_heavy(table):
    module, name = table.split(":")
    assert heavy_after(f"from {module} import {name}\nassert len(list({name})) >= 3") == []


def test_every_public_name_is_there():
    import emofuse

    for name in emofuse.__all__:
        assert getattr(emofuse, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = emofuse.nonsense
