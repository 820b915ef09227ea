"""Media files decoded once, by content and not by name: seconds, Hz and pixels.

The media clock starts at 0 where the file starts to play; audio and frames are both put on it by their
presentation times, so that they stay in step whatever a container delays, drops or rotates.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from emofuse.errors import FeatureError, MediaError
from emofuse.features.containers import (
    audio_stream,
    checked_duration,
    decoded,
    frames_of,
    is_short,
    name_of,
    opened,
    opened_file,
    origin_s,
    seek,
    video_stream,
)
from emofuse.features.pictures import picture_pixels, shrunk
from emofuse.types import Frame, Media, Picture, Signal

_TICK_S = 1e-3  # timestamps of Matroska are rounded to this
_JITTER_S = 0.03  # a smaller gap between audio packets is rounding, not silence
_LONGEST_GAP_S = 3600.0

# Weights of ITU-R BS.775: the centre leads, front channels are 3 dB down, others 6, low effects are out.
_MIX = {"FC": 1.0, "FL": math.sqrt(0.5), "FR": math.sqrt(0.5), "LFE": 0.0, "LFE2": 0.0}
_MIX_OTHER = 0.5
# The order of channels in a WAV file that does not name them.
_WAV_ORDER = ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")


class MediaInfo(NamedTuple):
    """What a file holds. Sizes are those shown, after rotation; ``frame_rate`` is the mean one (0 when
    unknown); ``rate`` (Hz) and ``channels`` are 0 without audio; ``rotation_deg`` turns a stored frame
    counter-clockwise. A picture has video (one frame) and lasts 0 s. ``is_short`` where the header states a
    little more than the file holds: its end may be missing.
    """

    duration_s: float
    has_audio: bool
    has_video: bool
    is_picture: bool
    width_px: int
    height_px: int
    frame_rate: float
    rate: int
    channels: int
    rotation_deg: int
    variable_rate: bool
    is_short: bool = False


def probe(media: Media) -> MediaInfo:
    """What ``media`` holds; every packet is walked over, none but the first frame is decoded.

    Raises:
        MediaError: missing, a folder, empty, neither media nor picture, or cut off before its stated end.
    """
    if (pixels := picture_pixels(media)) is not None:
        height, width = pixels.shape[:2]
        return MediaInfo(0.0, False, True, True, width, height, 0.0, 0, 0, 0, False)
    with opened(media) as container:
        audio, video = audio_stream(container), video_stream(container)
        if audio is None and video is None:
            raise MediaError(f"{name_of(media)}: no audio or video whose codec is known")
        first, times, end_s = _walk(container, audio, video, media)
        rotation = int(first.rotation) if first is not None else 0
        width, height = _shown_size(first, video) if first is not None else (0, 0)
        if rotation % 180:
            width, height = height, width
        steps = np.diff(np.sort(times)) if len(times) > 1 else np.zeros(0)
        found_s = end_s - origin_s(container)
        return MediaInfo(
            duration_s=checked_duration(container, found_s, media),
            has_audio=audio is not None,
            has_video=first is not None,
            is_picture=False,
            width_px=width,
            height_px=height,
            frame_rate=_frame_rate(video, steps),
            rate=audio.codec_context.sample_rate if audio is not None else 0,
            channels=audio.codec_context.layout.nb_channels if audio is not None else 0,
            rotation_deg=rotation,
            variable_rate=_is_variable(steps),
            is_short=is_short(container, found_s, media),
        )


def read_audio(
    media: Media,
    *,
    rate: int = 16000,
    start_s: float | None = None,
    end_s: float | None = None,
    channel: int | None = None,
) -> Signal:
    """Audio as mono at ``rate`` Hz; sample i sounds at ``start_s + i / rate`` on the media clock.

    Channels are mixed so that the sum cannot clip and the centre of a surround mix leads. Audio that starts
    late, and packets that cannot be decoded, are silence. The signal ends with the audio or at ``end_s``.
    ``channel`` takes the one of that number instead of the mix.

    Raises:
        MediaError: the file cannot be read, or has no audio that can be decoded.
        FeatureError: a sample is not finite.
    """
    if picture_pixels(media) is not None:
        raise MediaError(f"{name_of(media)}: a picture has no audio")
    begin_s = max(start_s or 0.0, 0.0)
    length_s = math.inf if end_s is None else end_s - begin_s
    with opened(media) as container:
        stream = audio_stream(container)
        if stream is None:
            raise MediaError(f"{name_of(media)}: no audio stream")
        seek(container, stream, begin_s - 0.5)  # decoders need a little run-up
        frames = _mixed(decoded(container, stream, name_of(media)), name_of(media), channel)
        chunks = _continuous(frames, origin_s(container) + begin_s, length_s, name_of(media))
        # A buffer that grows in place: hours of sound are in memory once.
        buffer = bytearray()
        for part in _resampled(chunks, rate):
            buffer += np.ascontiguousarray(part, np.float32).data
    samples = np.frombuffer(buffer, np.float32)
    # Float sound may be louder than full scale: the whole is made softer, as cutting peaks would distort it.
    return Signal(np.divide(samples, max(1.0, float(np.abs(samples).max(initial=0.0))), out=samples), rate)


class VideoFrames:
    """The frames of a video or picture, ``rate`` a second; each iteration decodes the file anew.

    At each tick k it gives the frame that is on show then, as `Frame` with ``time_s = k / rate`` counted
    from ``start_s`` (so that it shares the clock of `read_audio`). A frame that lasts several ticks is
    given at each, as the same array. Frames are upright and at most ``max_side_px`` on their longer side.
    """

    def __init__(
        self,
        media: Media,
        *,
        rate: float = 5.0,
        max_side_px: int = 640,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> None:
        if not rate > 0 or max_side_px < 1:
            raise ValueError(f"need a rate > 0 and max_side_px >= 1, got {rate} and {max_side_px}")
        self.media = media
        self.rate = rate
        self.max_side_px = max_side_px
        self.start_s = max(start_s or 0.0, 0.0)
        self.end_s = math.inf if end_s is None else end_s

    def __iter__(self) -> Iterator[Frame]:
        """Decode in time order.

        Raises:
            MediaError: the file cannot be read, or has no video that can be decoded.
        """
        pixels = picture_pixels(self.media)
        if pixels is not None:
            yield Frame(0.0, shrunk(pixels, self.max_side_px))
            return
        with opened(self.media) as container:
            stream = video_stream(container)
            if stream is None:
                raise MediaError(f"{name_of(self.media)}: no video stream")
            stream.thread_type = "AUTO"
            seek(container, stream, self.start_s)
            frames = decoded(container, stream, name_of(self.media))
            yield from self._sampled(_spans(frames, stream, origin_s(container) + self.start_s), stream)

    def _sampled(self, spans: Iterator[tuple[float, float, Any]], stream: Any) -> Iterator[Frame]:
        tick: int | None = None
        limit_s = self.end_s - self.start_s - _TICK_S
        for from_s, until_s, frame in spans:
            if tick is None:  # the first frame also serves the tick just before it
                tick = max(0, math.floor((from_s + _TICK_S) * self.rate))
            pixels = None
            while tick / self.rate < min(until_s - _TICK_S, limit_s):
                if pixels is None:
                    pixels = _pixels(frame, stream, self.max_side_px)
                yield Frame(tick / self.rate, pixels)
                tick += 1
            if until_s >= limit_s:
                return


def content_hash(media: Media) -> str:
    """SHA-256 (hex) of the bytes of a file, or of the shape and pixels of a picture in memory.

    Raises:
        MediaError: the file is missing or cannot be read.
    """
    if isinstance(media, Picture):
        pixels = np.ascontiguousarray(media.pixels)
        digest = hashlib.sha256(f"{pixels.shape}{pixels.dtype}".encode())
        digest.update(pixels.tobytes())
        return digest.hexdigest()
    with opened_file(media) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(container: Any, audio: Any, video: Any, media: Media) -> tuple[Any, np.ndarray, float]:
    """The first video frame, the video packets' times in seconds, and where the last packet ends."""
    first, times, end_s = None, [], -math.inf
    for packet in container.demux([stream for stream in (audio, video) if stream is not None]):
        if packet.stream is video and first is None:
            first = next(iter(frames_of(packet)), None)
        if packet.pts is None:
            continue
        time_s = float(packet.pts * packet.time_base)
        end_s = max(end_s, time_s + float((packet.duration or 0) * packet.time_base))
        if packet.stream is video:
            times.append(time_s)
    if end_s == -math.inf:
        raise MediaError(f"{name_of(media)}: no audio or video in it")
    if video is not None and first is None:
        raise MediaError(
            f"{name_of(media)}: no frame of its {video.codec_context.name} video can be decoded"
        )
    return first, np.asarray(times), end_s


def _frame_rate(video: Any, steps: np.ndarray) -> float:
    if steps.sum() > 0:
        return float(len(steps) / steps.sum())
    return float(video.average_rate or 0) if video is not None else 0.0


def _is_variable(steps: np.ndarray) -> bool:
    """Whether more than a stray step between frames differs from the usual one."""
    if len(steps) < 2:
        return False
    usual_s = float(np.median(steps))
    odd = np.abs(steps - usual_s) > max(2 * _TICK_S, 0.1 * usual_s)
    return int(odd.sum()) > 1 + 0.02 * len(steps)


class _Mono(NamedTuple):
    """One packet's sound ``(samples,)`` at the stream's first ``rate``, and its time on the container's clock."""

    samples: np.ndarray
    rate: int
    time_s: float | None


def _mixed(frames: Iterator[Any], name: str, channel: int | None) -> Iterator[_Mono]:
    rate = 0
    for frame in frames:
        rate = rate or frame.sample_rate
        yield _Mono(_mono(frame, rate, name, channel), rate, frame.time)


def _continuous(
    frames: Iterator[_Mono], zero_s: float, length_s: float, name: str
) -> Iterator[tuple[np.ndarray, int]]:
    """Mono chunks with their rate that follow on each other from ``zero_s`` without gap or overlap."""
    cursor = 0
    for samples, rate, time_s in frames:
        gap = 0 if time_s is None else round((time_s - zero_s) * rate) - cursor
        if cursor > 0 and abs(gap) <= _JITTER_S * rate:
            gap = 0
        if gap > _LONGEST_GAP_S * rate:
            raise MediaError(
                f"{name}: audio jumps from {cursor / rate:.0f} s to {(cursor + gap) / rate:.0f} s"
            )
        chunk = np.concatenate([np.zeros(gap, np.float32), samples]) if gap > 0 else samples[-gap:]
        if cursor + len(chunk) >= length_s * rate:
            yield chunk[: max(round(length_s * rate) - cursor, 0)], rate
            return
        cursor += len(chunk)
        yield chunk, rate


def _mono(frame: Any, rate: int, name: str, channel: int | None) -> np.ndarray:
    """``(samples,)`` float32 in [-1, 1] of a frame of any sample format and layout."""
    import soxr

    values = frame.to_ndarray()
    channels = [one.name for one in frame.layout.channels]
    if not frame.format.is_planar:
        values = values.reshape(-1, len(channels)).T
    if values.dtype == np.uint8:
        values = (values.astype(np.float32) - 128) / 128
    elif values.dtype.kind == "i":
        values = values / np.float32(2 ** (8 * values.dtype.itemsize - 1))
    mixed = (_weights(channels) @ values.astype(np.float32)) if channel is None else values[channel]
    mixed = mixed.astype(np.float32)
    if not np.isfinite(mixed).all():
        raise FeatureError(f"{name}: audio sample near {frame.time or 0:.2f} s is not a finite number")
    return mixed if frame.sample_rate == rate else soxr.resample(mixed, frame.sample_rate, rate)


def _weights(channels: list[str]) -> np.ndarray:
    """How much of each channel is in the mix, ``(channels,)`` summing to 1."""
    if set(channels) == {"NONE"} and len(channels) in (6, 8):
        channels = list(_WAV_ORDER[: len(channels)])
    weights = np.array([_MIX.get(channel, _MIX_OTHER) for channel in channels], np.float32)
    if weights.sum() == 0:
        weights[:] = 1
    return weights / weights.sum()


def _resampled(chunks: Iterator[tuple[np.ndarray, int]], rate: int) -> Iterator[np.ndarray]:
    import soxr

    stream = None
    for samples, found in chunks:
        if found == rate:
            yield samples
            continue
        if stream is None:
            stream = soxr.ResampleStream(found, rate, 1, dtype="float32")
        yield stream.resample_chunk(samples)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _spans(frames: Iterator[Any], stream: Any, zero_s: float) -> Iterator[tuple[float, float, Any]]:
    """Each frame with the time from which and until which it is on show, seconds after ``zero_s``."""
    period_s = float(1 / stream.average_rate) if stream.average_rate else 0.04
    held, held_s = None, 0.0
    for frame in frames:
        time_s = held_s + period_s if frame.time is None else frame.time - zero_s
        if held is not None:
            yield held_s, time_s, held
        held, held_s = frame, time_s
    if held is not None:
        lasts_s = float(held.duration * held.time_base) if held.duration else period_s
        yield held_s, held_s + lasts_s, held


def _shown_size(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height before rotation, with the width of non-square pixels made good."""
    aspect = stream.sample_aspect_ratio or 1
    return max(1, round(frame.width * aspect)), frame.height


def _pixels(frame: Any, stream: Any, max_side_px: int) -> np.ndarray:
    width, height = _shown_size(frame, stream)
    scale = min(1.0, max_side_px / max(width, height))
    size = {"width": max(1, round(width * scale)), "height": max(1, round(height * scale))}
    rgb = frame.to_ndarray(format="rgb24", interpolation="AREA", **size)
    return upright(rgb, int(frame.rotation))


def upright(pixels: np.ndarray, rotation_deg: int) -> np.ndarray:
    """``(height, width, 3)`` turned counter-clockwise by the nearest multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, round(rotation_deg / 90) % 4))
