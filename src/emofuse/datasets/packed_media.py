"""Media of a store: where each file lies, what it held when it was imported, and whether it still does."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from emofuse.errors import DatasetError
from emofuse.types import ArchiveMember, Media, Picture


class MediaFiles:
    """Media of a store: each file is hashed once, and copied where that is asked for."""

    def __init__(self, folder: Path, *, copy: bool) -> None:
        self._folder, self._copy = folder, copy
        self._known: dict[Media, dict[str, Any]] = {}
        self._names: set[str] = set()

    def row(self, media: Media | None) -> dict[str, Any]:
        """Kind, path, member, offset, size and sha256 of one clip's media."""
        if media is None or isinstance(media, Picture):
            return {"media_kind": None if media is None else "picture"}
        if media not in self._known:
            self._known[media] = self._placed(media)
        return self._known[media]

    def _placed(self, media: Path | ArchiveMember) -> dict[str, Any]:
        digest = hashlib.sha256()
        for part in media_parts(media):
            digest.update(part)
        facts = {"media_sha256": digest.hexdigest()}
        if self._copy:
            return {**facts, "media_kind": "stored", "media": self._copied(media)}
        if isinstance(media, Path):
            return {**facts, "media_kind": "file", "media": str(media.absolute())}
        return {
            **facts, "media_kind": "member", "media": str(media.archive.absolute()), "member": media.name,
            "offset": media.offset, "size": media.size,
        }  # fmt: skip

    def _copied(self, media: Path | ArchiveMember) -> str:
        # A name from an archive may point anywhere; only its last part is kept.
        name = media.name if isinstance(media, Path) else PurePosixPath(media.name).name
        if name in self._names or name in ("", ".", ".."):
            name = f"{len(self._names):06d}_{name}"
        self._names.add(name)
        self._folder.mkdir(exist_ok=True)
        with (self._folder / name).open("wb") as file:
            for part in media_parts(media):
                file.write(part)
        return f"media/{name}"


def verify_media(wanted: Mapping[Media, str]) -> None:
    """Read every file and compare its sha256 with the one it had when it was imported.

    Raises:
        DatasetError: one is missing or has another content.
    """
    for media, sha256 in wanted.items():
        digest = hashlib.sha256()
        for part in media_parts(media):
            digest.update(part)
        if (found := digest.hexdigest()) != sha256:
            raise DatasetError(
                f"{_named(media)}: sha256 is {found}, wanted {sha256}; it is not what was imported"
            )


def media_parts(media: Media) -> Iterator[bytes]:
    """The bytes of a file, a few megabytes at a time.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        if isinstance(media, ArchiveMember):
            yield media.read()
        elif isinstance(media, Path):
            with media.open("rb") as file:
                while part := file.read(1 << 22):
                    yield part
    except OSError as error:
        raise DatasetError(f"{_named(media)}: cannot be read ({error.strerror or error})") from error


def _named(media: Media) -> str:
    return f"{media.archive}:{media.name}" if isinstance(media, ArchiveMember) else str(media)
