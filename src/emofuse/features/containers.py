"""Media containers opened by content, their streams, and the clock on which their packets lie."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from emofuse.errors import MediaError
from emofuse.types import ArchiveMember, Media, Picture

# What may be opened. Playlists and scripts (hls, concat, sdp ...) are left out: they name other files and
# hosts, which a clip of a user has no business to reach.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,wav,w64,flac,mp3,ogg,aac,aiff,au,amr,caf,asf,flv,mpegts,mpeg"
)
_STREAMED = 0x7FFF0000  # such sizes stand in WAV headers that were written before the sound
_BOXES = (b"mdat", b"moov", b"moof")
# Their headers state the length; elsewhere it is guessed from the bit rate.
_DECLARE_DURATION = ("mov", "matroska", "avi", "wav", "flac")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_LOOSE_BYTES = 8  # by so much real writers get the size of a RIFF wrong
_SLOW_FRAME_S = 0.2  # a header may count the last frame's length where its packet does not say it


def name_of(media: Media) -> str:
    """What messages call it."""
    if isinstance(media, ArchiveMember):
        return f"{media.archive}:{media.name}"
    return "picture in memory" if isinstance(media, Picture) else str(media)


@contextmanager
def opened_file(media: Path | ArchiveMember) -> Iterator[io.BufferedReader | io.BytesIO]:
    """The bytes of a file that exists and is not empty."""
    name = name_of(media)
    try:
        if isinstance(media, Path) and media.is_dir():
            raise MediaError(f"{name}: found a folder, wanted a media file")
        if isinstance(media, Path) and media.exists() and not media.is_file():
            raise MediaError(f"{name}: found a pipe or a device, wanted a file")
        file: io.BufferedReader | io.BytesIO = (
            io.BytesIO(media.read()) if isinstance(media, ArchiveMember) else media.open("rb")
        )
    except FileNotFoundError as error:
        raise MediaError(f"{name}: no such file") from error
    except OSError as error:
        raise MediaError(f"{name}: cannot be read ({error.strerror or error})") from error
    with file:
        if not file.read(1):
            raise MediaError(f"{name}: the file is empty")
        file.seek(0)
        yield file


@contextmanager
def opened(media: Media) -> Iterator[Any]:
    """The open container; what libav finds wrong with it becomes a `MediaError`."""
    import av

    assert not isinstance(media, Picture)
    with opened_file(media) as file:
        try:
            # Old files have tags in other encodings; nothing here reads them.
            with av.open(
                file,
                "r",
                options={"format_whitelist": _FORMATS},
                metadata_errors="replace",
                buffer_size=1 << 18,
            ) as container:
                yield container
        except av.FFmpegError as error:
            raise MediaError(
                f"{name_of(media)}: neither media nor picture, or cut off at its start ({error.strerror})"
            ) from error


def audio_stream(container: Any) -> Any | None:
    """The stream that a player would play; one without a known codec is none."""
    best = container.streams.best("audio") if container.streams.audio else None
    return None if best is None or best.codec_context is None else best


def video_stream(container: Any) -> Any | None:
    """The first stream of moving pictures with a known codec; cover art is none."""
    from av.stream import Disposition

    films = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    return next((stream for stream in films if stream.codec_context is not None), None)


def origin_s(container: Any) -> float:
    """Where the media clock's 0 lies on the container's clock; what is before 0 there is encoder delay."""
    return max((container.start_time or 0) / 1e6, 0.0)


def seek(container: Any, stream: Any, time_s: float) -> None:
    """Go to a key frame at or before ``time_s``, where the format allows it exactly."""
    from av.error import FFmpegError

    # Formats without an index guess where a time lies; they are decoded from the start instead.
    if time_s <= 0 or not container.format.name.startswith(_DECLARE_DURATION):
        return
    with suppress(FFmpegError):  # a time beyond the end
        container.seek(round((time_s + origin_s(container)) / stream.time_base), stream=stream)


def frames_of(packet: Any) -> list[Any]:
    """The frames that a packet completes; none if it is damaged."""
    from av.error import FFmpegError

    try:
        return packet.decode()
    except FFmpegError:  # later packets may be sound
        return []


def decoded(container: Any, stream: Any, name: str) -> Iterator[Any]:
    """All frames of a stream from here on; damaged packets are left out.

    Raises:
        MediaError: not one frame can be decoded.
    """
    from av.error import FFmpegError

    count = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            packet = None
        if packet is None:
            break
        for frame in frames_of(packet):
            count += 1
            yield frame
    if count == 0:
        raise MediaError(f"{name}: nothing of its {stream.codec_context.name} {stream.type} can be decoded")


def checked_duration(container: Any, found_s: float, media: Media) -> float:
    """``found_s``, unless the header says a little less.

    Raises:
        MediaError: the header says more by over 10 % and half a second, or a part of an MP4 has not the size
            that it states: the file is cut off.
    """
    if not container.format.name.startswith(_DECLARE_DURATION):
        return found_s
    declared = [(container.duration or 0) / 1e6]
    for stream in container.streams:
        if stream.type in ("audio", "video") and stream.duration:
            declared.append(float(stream.duration * stream.time_base))
        # A cut AVI has its duration recounted from what is there; its header still counts the frames.
        if stream.type == "video" and container.format.name == "avi" and stream.average_rate:
            declared.append(float(stream.frames / stream.average_rate))
    if container.format.name == "wav":
        stated, size = _sizes(media)
        declared.append(found_s * stated / size)
    wanted_s = max(declared)
    if wanted_s - found_s > max(0.5, 0.1 * wanted_s):
        raise MediaError(
            f"{name_of(media)}: cut off; found {found_s:.2f} s of the {wanted_s:.2f} s it states"
        )
    if container.format.name.startswith("mov"):
        _check_boxes(media)
    return min(found_s, declared[0]) if declared[0] > 0 else found_s


def _check_boxes(media: Media) -> None:
    """Raise `MediaError` where the media or the index of an MP4 reaches beyond the end of the file."""
    assert not isinstance(media, Picture)
    with opened_file(media) as file:
        end = file.seek(0, io.SEEK_END)
        place = 0
        while place + 8 <= end:
            file.seek(place)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if size == 1:  # the true size follows
                size = int.from_bytes(head[8:], "big")
            if size < 8:  # 0 is a box that lasts to the end; what else is so small is no box
                return
            place += size
            if place > end and kind in _BOXES:
                raise MediaError(f"{name_of(media)}: cut off; its last {place - end} bytes are missing")


def is_short(container: Any, found_s: float, media: Media) -> bool:
    """Whether the header states a little more than the file holds, in bytes or in seconds; where it states a
    lot more, `checked_duration` raises.
    """
    stated, size = _sizes(media)
    stated_s = (container.duration or 0) / 1e6
    states_end = container.format.name.startswith(("matroska", "flac"))
    return stated - size > _LOOSE_BYTES or (states_end and stated_s - found_s > _SLOW_FRAME_S)


def _sizes(media: Media) -> tuple[int, int]:
    """The bytes that the header of a RIFF (wav, avi) or Matroska file states, and those that there are.

    The first is 0 for other formats, and where the header was written before the length was known.
    """
    assert not isinstance(media, Picture)
    with opened_file(media) as file:
        head, size = file.read(4096), file.seek(0, io.SEEK_END)
    if head.startswith(b"RIFF"):
        stated = int.from_bytes(head[4:8], "little") + 8
        return stated if stated < _STREAMED else 0, size
    if not head.startswith(_EBML):
        return 0, size
    place = sum(_vint(head, 4))
    if head[place : place + 4] != _SEGMENT:
        return 0, size
    length, begin = _vint(head, place + 4)
    return length + begin if length else 0, size


def _vint(data: bytes, place: int) -> tuple[int, int]:
    """The length that stands at ``place`` (0 where it is not known), and where what it measures begins."""
    width = 9 - data[place].bit_length() if place < len(data) else 1
    largest = (1 << 7 * width) - 1
    value = int.from_bytes(data[place : place + width], "big") & largest
    return value if value < largest else 0, place + width
