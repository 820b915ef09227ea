"""emofuse: multimodal emotion recognition, from a raw clip to fused, calibrated emotions.

Importing the package imports nothing heavy; each public name loads its module on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from emofuse.datasets import load_corpus
    from emofuse.errors import EmofuseError
    from emofuse.experiment import run
    from emofuse.inference.predictor import Recognizer, recognize

_HOMES = {
    "EmofuseError": "emofuse.errors",
    "Recognizer": "emofuse.inference.predictor",
    "load_corpus": "emofuse.datasets",
    "recognize": "emofuse.inference.predictor",
    "run": "emofuse.experiment",
}

__all__ = ["EmofuseError", "Recognizer", "__version__", "load_corpus", "recognize", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'emofuse' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
