import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parent.parent / "inference" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("recognition_fakes", _PATH)
_FAKES = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_FAKES)

fakes, hears, result = _FAKES.fakes, _FAKES.hears, _FAKES.result


@pytest.fixture
def said(tmp_path):
    """A text to be recognised."""
    path = tmp_path / "said.txt"
    path.write_text("I won! I really did.", encoding="utf-8")
    return path


@pytest.fixture
def with_fake_bundle(fakes, monkeypatch, tmp_path):
    """Makes every `Recognizer` use the fake bundle, and keeps results away from the user's cache."""
    from emofuse.inference import predictor

    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(predictor, "bundle_digest", lambda folder: "d1")
    monkeypatch.setattr(predictor.Bundle, "load", lambda folder: fakes.three_experts())
