"""What ``store.toml`` says: the corpus and its terms, where each track comes from, files and checksums."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emofuse.datasets.shards import Shard
from emofuse.errors import DatasetError
from emofuse.types import Corpus, TaskSpec

FORMAT = 1
MANIFEST = "store.toml"


@dataclass(frozen=True)
class Provenance:
    """Where a track of a store comes from: the extractor, its version and its arguments, or "published"."""

    extractor: str = "published"
    version: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """The content of ``store.toml``; ``corpus`` holds name, citation, licence and notes."""

    corpus: Mapping[str, Any]
    task: TaskSpec
    tracks: Mapping[str, Mapping[str, Any]]
    shards: tuple[Shard, ...]
    index_sha256: str
    clips: int


def read_manifest(folder: Path) -> Manifest:
    """Read it and hold every field to its kind.

    Raises:
        DatasetError: there is none, it is damaged, or was written by a newer version.
    """
    place = folder / MANIFEST
    if not place.is_file():
        raise DatasetError(f"{folder}: no {MANIFEST} there; a store was wanted")
    try:
        tree = tomllib.loads(read_bytes(place).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: damaged ({error})") from error
    if tree.get("format") != FORMAT:
        raise DatasetError(f"{place}: format {tree.get('format')!r}, this version reads {FORMAT}")
    try:
        facts = {name: _of(tree[name], str) for name in ("name", "citation", "licence")}
        return Manifest(
            corpus={**facts, "notes": _all_of(tree["notes"], str)},
            task=_task(tree["task"]),
            tracks={key: dict(facts) for key, facts in tree.get("tracks", {}).items()},
            shards=tuple(_shard(one) for one in tree["shards"]),
            index_sha256=_of(tree["index_sha256"], str),
            clips=_of(tree["clips"], int),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(f"{place}: damaged ({type(error).__name__}: {error})") from error


def manifest_text(
    corpus: Corpus,
    index: bytes,
    shards: Sequence[Shard],
    places: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Provenance],
) -> str:
    """The text of a new store's ``store.toml``; ``places`` name the keys, by clip."""
    import tomli_w

    keys = dict.fromkeys(key for found in places for key in found)
    task = asdict(corpus.task)
    return tomli_w.dumps(
        {
            "format": FORMAT,
            "name": corpus.name,
            "citation": corpus.citation,
            "licence": corpus.licence,
            "notes": list(corpus.notes),
            "clips": len(corpus.clips),
            "index_sha256": hashlib.sha256(index).hexdigest(),
            "task": {name: list(value) for name, value in task.items()},
            "tracks": {
                key: asdict(provenance.get(key.removesuffix(".times"), Provenance())) for key in keys
            },
            "shards": [shard._asdict() for shard in shards],
        }
    )


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from error


def _task(tree: Mapping[str, Any]) -> TaskSpec:
    names = {name: tuple(_all_of(tree[name], str)) for name in ("labels", "ratings", "metrics")}
    low, high = (float(_of(end, int, float)) for end in _all_of(tree["rating_range"], int, float))
    return TaskSpec(**names, rating_range=(low, high))


def _shard(tree: Mapping[str, Any]) -> Shard:
    name = _of(tree["name"], str)
    if name != Path(name).name:
        raise ValueError(f"a shard is called {name!r}")
    return Shard(name, _of(tree["bytes"], int), _of(tree["sha256"], str))


def _of(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        raise TypeError(f"found {value!r:.80}, wanted {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _all_of(values: Any, *kinds: type) -> list[Any]:
    return [_of(value, *kinds) for value in _of(values, list)]
