"""A trained model as a folder: a TOML manifest, safetensors, the files its extractors need, a card.

Every file is named in the manifest with its sha256 and checked on loading; nothing in a bundle is code.
A bundle holds one expert (a trained run) or several, whose probabilities a pool fuses.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from emofuse.errors import BundleError, InputError, OutputError
from emofuse.features import load_extractor
from emofuse.files import write_atomically
from emofuse.types import Extractor, Sample, TaskSpec, Track

if TYPE_CHECKING:
    from torch import Tensor, nn

    from emofuse.alignment.normalise import Standardiser
    from emofuse.models.calibrators import Calibrator, ExpertPool

FORMAT = 1
MANIFEST = "bundle.toml"
DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "basic7"
# An option that begins so names a file inside the bundle.
INSIDE = "bundle:"
# Word tables of at least this many numbers are kept as int8 with one scale a row (our choice).
TABLE_SIZE = 1_000_000
# What a manifest that does not fit its files can raise.
_UNFIT = (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OSError, InputError)


class Says(NamedTuple):
    """What an expert says of n items: probabilities ``(n, classes)`` and ratings ``(n, ratings)``."""

    probabilities: np.ndarray
    ratings: np.ndarray


@dataclass(frozen=True, eq=False)
class Expert:
    """A trained model with everything that stands between raw media and its probabilities.

    ``features`` and ``architecture`` are the parts by name, as a configuration states them; ``axis_rate`` is
    the common axis of its tracks in frames a second, or 0. ``per_speaker`` names modalities that were
    z-scored over all of a speaker's clips, ``contextual`` those that are the turns around a clip: the caller of
    `predict` must have done either.
    """

    name: str
    task: TaskSpec
    features: Mapping[str, Mapping[str, Any]]
    architecture: Mapping[str, Any]
    extractors: Mapping[str, Extractor]
    model: "nn.Module"
    calibrator: "Calibrator"
    standardisers: Mapping[str, "Standardiser"] = field(default_factory=dict)
    axis_rate: float = 0.0
    per_speaker: tuple[str, ...] = ()
    contextual: tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities it can use."""
        return tuple(self.extractors)

    @property
    def ratings(self) -> tuple[str, ...]:
        """Names of the ratings that it regresses."""
        return self.task.ratings

    @property
    def dims(self) -> dict[str, int]:
        """Width of each modality's track."""
        return {name: extractor.dim for name, extractor in self.extractors.items()}

    def predict(self, items: Sequence[Mapping[str, Track]]) -> Says:
        """Calibrated probabilities and ratings of items, each with any subset of the modalities."""
        from emofuse.training.engine import Engine
        from emofuse.training.prediction import predict

        if not items:
            return Says(np.zeros((0, len(self.task.labels))), np.zeros((0, len(self.task.ratings))))
        scores, ratings = predict(
            self.model, self.samples(items), dims=self.dims, engine=Engine.pick("cpu")
        )
        low, high = self.task.rating_range
        return Says(self.calibrator(scores), np.clip(ratings, low, high))

    def samples(self, items: Sequence[Mapping[str, Track]]) -> list[Sample]:
        """Items as the model takes them in: on the common axis, normalised, without targets."""
        from emofuse.alignment.intervals import to_common_axis
        from emofuse.alignment.normalise import apply

        nothing = np.full(len(self.task.labels), np.nan), np.full(len(self.task.ratings), np.nan)
        samples = [
            Sample(str(number), to_common_axis(tracks, self.axis_rate), *nothing)
            for number, tracks in enumerate(items)
        ]
        return apply(samples, self.standardisers)


@dataclass(frozen=True, eq=False)
class Bundle:
    """Experts that share their labels, and the pool that fuses them (None where there are no labels)."""

    name: str
    version: str
    labels: tuple[str, ...]
    experts: tuple[Expert, ...]
    pool: "ExpertPool | None"
    digest: str = ""

    @classmethod
    def load(cls, folder: Path | str) -> "Bundle":
        """Read and check a bundle.

        Raises:
            BundleError: no manifest, a file is missing or damaged, or the format is newer than ours.
        """
        from safetensors import SafetensorError

        from emofuse.models.calibrators import ExpertPool

        folder = Path(folder)
        digest, manifest = bundle_digest(folder), _manifest(folder)
        try:
            return cls(
                name=manifest["name"],
                version=manifest["version"],
                labels=tuple(manifest["labels"]),
                experts=tuple(
                    _load_expert(folder, part, manifest["files"]) for part in manifest["experts"]
                ),
                pool=ExpertPool.from_dict(manifest["pool"]) if manifest["labels"] else None,
                digest=digest,
            )
        except BundleError:
            raise
        except (*_UNFIT, SafetensorError) as error:
            raise BundleError(f"{folder}: the bundle does not fit together ({error})") from error

    def save(
        self, folder: Path, *, extra: Mapping[str, str | bytes] | None = None, half: bool = False
    ) -> None:
        """Write the bundle; ``extra`` are further files by name (a card). ``half`` keeps weights in float16
        and large word tables in int8.

        Raises:
            OutputError: a file cannot be written.
        """
        import tomli_w

        files = dict(extra or {})
        experts = [_save_expert(expert, files, half=half) for expert in self.experts]
        hashes = {}
        for name, content in sorted(files.items()):
            _make_folder((folder / name).parent)
            write_atomically(folder / name, content)
            data = content.encode() if isinstance(content, str) else content
            hashes[name] = hashlib.sha256(data).hexdigest()
        manifest = {
            "format": FORMAT, "name": self.name, "version": self.version, "labels": list(self.labels),
            "experts": experts, "pool": self.pool.to_dict() if self.pool else {}, "files": hashes,
        }  # fmt: skip
        write_atomically(folder / MANIFEST, tomli_w.dumps(manifest))


def bundle_digest(folder: Path | str) -> str:
    """sha256 of the manifest, once every file has the sha256 that it names; imports nothing heavy.

    Raises:
        BundleError: there is no manifest, it cannot be read, or a file is missing or damaged.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    try:
        _verify(folder, manifest["files"])
    except BundleError:
        raise
    except _UNFIT as error:
        raise BundleError(f"{folder / MANIFEST}: the list of files does not fit ({error})") from error
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder}: no {MANIFEST} there, so this is no bundle")
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: damaged manifest ({error})") from error
    found = manifest.get("format")
    if not isinstance(found, int) or found < 1:
        raise BundleError(f"{path}: no format number, found {found!r}")
    if found > FORMAT:
        raise BundleError(
            f"{path}: bundle format {found} is newer than what this version reads ({FORMAT}); upgrade emofuse"
        )
    if missing := {"name", "version", "labels", "experts", "pool", "files"} - set(manifest):
        raise BundleError(f"{path}: the manifest lacks {', '.join(sorted(missing))}")
    return manifest


def _weights_of(expert: str) -> str:
    return f"{expert}/weights.safetensors"


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    for name, wanted in files.items():
        path = _inside(folder, name)
        if not path.is_file():
            raise BundleError(f"{path}: the bundle lacks this file")
        if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != wanted:
            raise BundleError(
                f"{path}: damaged file, sha256 is {found[:12]}..., the manifest says {wanted[:12]}..."
            )


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BundleError(f"{folder}: the manifest names {name!r}, which lies outside the bundle")
    return path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error


def _save_expert(expert: Expert, files: dict[str, str | bytes], *, half: bool) -> dict[str, Any]:
    from safetensors.torch import save

    place = expert.name
    features = {}
    for modality, part in expert.features.items():
        features[modality] = dict(part)
        for option in expert.extractors[modality].files:
            source = Path(str(part[option]))
            name = f"{place}/{modality}/{source.name}"
            for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
                if path.is_file():
                    files[(Path(name) / path.relative_to(source)).as_posix()] = path.read_bytes()
            features[modality][option] = INSIDE + name
    files[_weights_of(place)] = save(dict(_packed(expert, half=half)))
    return {
        "name": expert.name,
        "task": {
            "labels": list(expert.task.labels), "ratings": list(expert.task.ratings),
            "rating_range": list(expert.task.rating_range),
        },
        "features": features,
        "model": _save_architecture(expert, place, files),
        "calibrator": expert.calibrator.to_dict(),
        "standardised": sorted(expert.standardisers),
        "axis_rate": expert.axis_rate,
        "per_speaker": list(expert.per_speaker),
        "contextual": list(expert.contextual),
    }  # fmt: skip


def _save_architecture(expert: Expert, place: str, files: dict[str, str | bytes]) -> dict[str, Any]:
    """The model's part with each published network that it opened as a file of the bundle, without weights."""
    from tempfile import TemporaryDirectory

    moved: dict[str, str] = {}
    for name, module in expert.model.named_modules():
        source = getattr(module, "opened_from", None)
        if source is None or source in moved:
            continue
        inside = f"{place}/{name.replace('.', '_')}"
        with TemporaryDirectory() as temporary:
            module.config.save_pretrained(temporary)
            for path in Path(temporary).iterdir():
                files[f"{inside}/{path.name}"] = path.read_bytes()
        moved[source] = f"{INSIDE}{inside}"
    return {key: _moved(value, moved) for key, value in expert.architecture.items()}


def _moved(value: Any, moved: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _moved(inner, moved) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(inner, moved) for inner in value]
    return moved.get(value, value) if isinstance(value, str) else value


def _packed(expert: Expert, *, half: bool) -> Iterator[tuple[str, "Tensor"]]:
    import torch

    for name, value in expert.model.state_dict().items():
        if not value.dtype.is_floating_point or not half:
            yield f"model.{name}", value.contiguous()
        elif value.ndim == 2 and value.numel() >= TABLE_SIZE:
            scale = value.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
            yield f"model.{name}", (value / scale).round().to(torch.int8)
            yield f"scale.{name}", scale.float()
        else:
            yield f"model.{name}", value.half().contiguous()
    for modality, standardiser in expert.standardisers.items():
        yield f"mean.{modality}", torch.from_numpy(standardiser.mean)
        yield f"deviation.{modality}", torch.from_numpy(standardiser.deviation)


def _load_expert(folder: Path, facts: Mapping[str, Any], files: Mapping[str, str]) -> Expert:
    from safetensors.torch import load_file

    from emofuse.alignment.normalise import Standardiser
    from emofuse.models import MODELS
    from emofuse.models.calibrators import calibrator_from_dict
    from emofuse.models.recipe import make

    task = TaskSpec(
        labels=tuple(facts["task"]["labels"]),
        ratings=tuple(facts["task"]["ratings"]),
        rating_range=tuple(facts["task"]["rating_range"]),
    )
    features = {modality: _placed(folder, part) for modality, part in facts["features"].items()}
    extractors = {modality: _extractor(part) for modality, part in features.items()}
    architecture = _placed(folder, facts["model"])
    dims = {modality: extractor.dim for modality, extractor in extractors.items()}
    weights = _inside(folder, _weights_of(facts["name"]))
    if _weights_of(facts["name"]) not in files:
        raise BundleError(
            f"{folder}: the manifest has no sha256 of {weights.name} of expert {facts['name']!r}"
        )
    tensors = load_file(weights)
    model = make(MODELS, architecture, dims, task).model
    model.load_state_dict({name: value for name, value in _unpacked(tensors)})
    return Expert(
        name=facts["name"],
        task=task,
        features=features,
        architecture=architecture,
        extractors=extractors,
        model=model.eval(),
        calibrator=calibrator_from_dict(facts["calibrator"]),
        standardisers={
            name: Standardiser(tensors[f"mean.{name}"].numpy(), tensors[f"deviation.{name}"].numpy())
            for name in facts["standardised"]
        },
        axis_rate=float(facts.get("axis_rate", 0.0)),
        per_speaker=tuple(facts.get("per_speaker", ())),
        contextual=tuple(facts.get("contextual", ())),
    )


def _extractor(part: Mapping[str, Any]) -> Extractor:
    return load_extractor(part["name"], **{key: value for key, value in part.items() if key != "name"})


def _unpacked(tensors: Mapping[str, "Tensor"]) -> Iterator[tuple[str, "Tensor"]]:
    for key, value in tensors.items():
        kind, _, name = key.partition(".")
        if kind != "model":
            continue
        scale = tensors.get(f"scale.{name}")
        if scale is not None:
            value = value.float() * scale
        yield name, value.float() if value.dtype.is_floating_point else value


def _placed(folder: Path, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _placed(folder, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_placed(folder, inner) for inner in value]
    if isinstance(value, str) and value.startswith(INSIDE):
        return str(_inside(folder, value.removeprefix(INSIDE)))
    if isinstance(value, str) and (Path(value).is_absolute() or ".." in Path(value).parts):
        raise BundleError(f"{folder}: the manifest names {value!r}, which lies outside the bundle")
    return value
