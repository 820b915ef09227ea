"""Our own store: a corpus as one folder of safe files, whose arrays stay on disk until they are asked for.

``store.toml`` says what it is and holds the checksums, ``index.parquet`` has one row a clip, and
``shard-*.safetensors`` hold the arrays. Nothing in it can run code.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from emofuse.datasets.packed_index import clips_from, columns_of, media_of
from emofuse.datasets.packed_manifest import (
    FORMAT,
    MANIFEST,
    Provenance,
    manifest_text,
    read_bytes,
    read_manifest,
)
from emofuse.datasets.packed_media import MediaFiles, verify_media
from emofuse.datasets.replacing import folder_lock, replaced_folder
from emofuse.datasets.shards import SHARD_BYTES, Shards, verify_shards, write_shards
from emofuse.errors import DatasetError, OutputError
from emofuse.types import ArchiveMember, Clip, Corpus, Media, Picture, Track

INDEX = "index.parquet"
Progress = Callable[[str, float], None]


def write_store(
    corpus: Corpus,
    path: Path | str,
    *,
    tracks: Sequence[Mapping[str, Track]] = (),
    provenance: Mapping[str, Provenance] | None = None,
    copy_media: bool = False,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress = lambda stage, done: None,
) -> None:
    """Write ``corpus``, and beside its own vectors the ``tracks`` of its clips in their order.

    A store that is there is replaced, as a whole and only when the new one is complete. Media stay where
    they are, with their sha256, unless they are copied; pictures that are in memory are always stored.

    Raises:
        DatasetError: arrays do not fit each other, or somebody else writes this store.
        OutputError: the folder cannot be written, or holds something that is no store.
    """
    path = Path(path).absolute()
    if tracks and len(tracks) != len(corpus.clips):
        raise DatasetError(f"{path}: {len(tracks)} tracks were given for {len(corpus.clips)} clips")
    _check_replaceable(path)
    with folder_lock(path), replaced_folder(path) as folder:
        progress("arrays", 0.0)
        shards, places = write_shards(folder, _arrays(corpus, tracks, progress), shard_bytes=shard_bytes)
        media = MediaFiles(folder / "media", copy=copy_media)
        rows = []
        for number, clip in enumerate(corpus.clips, 1):
            rows.append(media.row(clip.media))
            if number % 64 == 0 or number == len(corpus.clips):
                progress("media", number / len(corpus.clips))
        index = columns_of(corpus.clips, places, rows)
        (folder / INDEX).write_bytes(index)
        text = manifest_text(corpus, index, shards, places, provenance or {})
        (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_packed(path: Path) -> Corpus:
    """Open a store; arrays are read when a clip's vectors are asked for.

    Raises:
        DatasetError: it is no store, is damaged, or was written by a newer version.
    """
    folder = _folder(path)
    manifest = read_manifest(folder)
    content = read_bytes(folder / INDEX)
    if (found := hashlib.sha256(content).hexdigest()) != manifest.index_sha256:
        raise DatasetError(
            f"{folder / INDEX}: sha256 is {found}, wanted {manifest.index_sha256}; it is damaged"
        )
    for shard in manifest.shards:
        if not (folder / shard.name).is_file():
            raise DatasetError(f"{folder / shard.name}: is missing; the store is damaged")
    clips = clips_from(content, Shards(folder, manifest.shards), folder, place=str(folder / INDEX))
    if len(clips) != manifest.clips:
        raise DatasetError(f"{folder / INDEX}: has {len(clips)} clips, wanted {manifest.clips}")
    facts = manifest.corpus
    return Corpus(
        facts["name"], clips, manifest.task, facts["citation"], facts["licence"], tuple(facts["notes"])
    )


def _folder(path: Path) -> Path:
    return path.parent if path.name == MANIFEST else path


def verify_store(path: Path | str, *, media: bool = True) -> None:
    """Read every file of a store and, unless ``media`` is False, all media of its clips, in the store or not;
    compare their checksums.

    Raises:
        DatasetError: something is missing, damaged, or not what was imported.
    """
    folder = _folder(Path(path))
    read_packed(folder)
    verify_shards(folder, read_manifest(folder).shards)
    if media:
        verify_media(media_of(read_bytes(folder / INDEX), folder))


def describe_store(path: Path | str) -> dict[str, Any]:
    """What is in a store, as plain JSON values; nothing but the index is read.

    Raises:
        DatasetError: as `read_packed` does.
    """
    folder = _folder(Path(path))
    corpus, manifest = read_packed(folder), read_manifest(folder)
    files = [inner for inner in folder.rglob("*") if inner.is_file()]
    return {
        **manifest.corpus,
        "format": FORMAT,
        "task": asdict(corpus.task),
        "clips": len(corpus.clips),
        "splits": _counts(clip.split for clip in corpus.clips),
        "labels": _counts(clip.label for clip in corpus.clips),
        "labels_by_split": {
            str(split): _counts(clip.label for clip in corpus.clips if clip.split == split)
            for split in dict.fromkeys(clip.split for clip in corpus.clips)
        },
        "soft_labels": sum(bool(clip.shares) for clip in corpus.clips),
        "ratings": _ratings(corpus.clips),
        **{
            f"{name}s": len({getattr(clip, name) for clip in corpus.clips} - {None})
            for name in ("speaker", "dialogue", "source")
        },
        "texts": sum(bool(clip.text) for clip in corpus.clips),
        "media": _counts(_kind(clip.media) for clip in corpus.clips),
        "tracks": _tracks(corpus.clips, manifest.tracks),
        "bytes": sum(inner.stat().st_size for inner in files),
        "shards": [
            asdict(shard) if not isinstance(shard, tuple) else shard._asdict() for shard in manifest.shards
        ],
    }


def _arrays(
    corpus: Corpus, tracks: Sequence[Mapping[str, Track]], progress: Progress
) -> Iterator[dict[str, np.ndarray]]:
    for number, clip in enumerate(corpus.clips):
        found = {key: np.asarray(clip.vectors[key]) for key in clip.vectors}
        for name, track in (tracks[number] if tracks else {}).items():
            found[name] = track.values
            found[f"{name}.times"] = track.times
        if isinstance(clip.media, Picture):
            found |= picture_rows(clip.media)
        if number % 256 == 0:
            progress("arrays", number / len(corpus.clips))
        yield found


def picture_rows(picture: Picture) -> dict[str, np.ndarray]:
    """A picture's lines as rows of one key, whose name tells width and channels."""
    pixels = np.asarray(picture.pixels)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    return {f"picture.{pixels.shape[1]}x{channels}": pixels.reshape(len(pixels), -1)}


def _check_replaceable(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: is a file, a folder for the store is wanted")
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise OutputError(f"{path}: is not empty and holds no store")


def _kind(media: Media | None) -> str | None:
    if media is None:
        return None
    if isinstance(media, Picture):
        return "picture"
    name = media.name
    return f"{'in tar ' if isinstance(media, ArchiveMember) else ''}{PurePosixPath(name).suffix.lower() or 'file'}"


def _counts(values: Iterator[str | None]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        found[str(value)] = found.get(str(value), 0) + 1
    return found


def _ratings(clips: Sequence[Clip]) -> dict[str, dict[str, float]]:
    by_name: dict[str, list[float]] = {}
    for clip in clips:
        for name, value in clip.ratings.items():
            by_name.setdefault(name, []).append(value)
    return {
        name: {"n": len(values), "low": min(values), "mean": float(np.mean(values)), "high": max(values)}
        for name, values in by_name.items()
    }


def _tracks(clips: Sequence[Clip], provenance: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """By key: how many clips have it, the width, the type, quantiles of the length, and where it comes from."""
    lengths: dict[str, list[int]] = {}
    first: dict[str, np.ndarray] = {}
    for clip in clips:
        for key in clip.vectors:
            length = getattr(clip.vectors, "length", None)
            array = clip.vectors[key] if key not in first or length is None else first[key]
            first.setdefault(key, array)
            lengths.setdefault(key, []).append(length(key) if length else len(np.atleast_2d(array)))
    return {
        key: {
            "clips": len(found),
            "dim": int(first[key].shape[-1]),
            "type": str(first[key].dtype),
            "frames": sum(found),
            "length_quantiles": [int(value) for value in np.quantile(found, [0, 0.25, 0.5, 0.75, 1])],
            **provenance.get(key, {}),
        }
        for key, found in lengths.items()
    }
