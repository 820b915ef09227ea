"""Clips whose content tells its own time: grey = 100 x seconds, and a tone that sets in when asked."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

CODECS = {
    "mp4": ("libx264", "aac"),
    "mov": ("mpeg4", "aac"),
    "mkv": ("libx264", "flac"),
    "webm": ("libvpx", "libopus"),
    "avi": ("mpeg4", "libmp3lame"),
    "m4a": (None, "aac"),
    "mp3": (None, "libmp3lame"),
    "ogg": (None, "libopus"),
    "flac": (None, "flac"),
}


@pytest.fixture
def write_clip(tmp_path) -> Callable[..., Path]:
    """``write_clip(name, ...)`` makes a small clip in the format of its ending and gives its path."""

    def write(
        name: str,
        *,
        times=None,
        seconds: float = 2.0,
        size: tuple[int, int] = (64, 48),
        with_video: bool = True,
        with_audio: bool = True,
        rotation_deg: int | None = None,
        onset_s: float = 0.5,
        delay_s: float = 0.0,
        fast_start: bool = False,
        cover: bool = False,
    ) -> Path:
        import av

        path = tmp_path / name
        video_codec, audio_codec = CODECS[path.suffix[1:]]
        options = {"movflags": "faststart"} if fast_start else {}
        with av.open(str(path), "w", options=options) as container:
            streams = []
            if with_video and video_codec:
                times = np.arange(round(seconds * 30)) / 30 if times is None else times
                streams.append(_video(container, video_codec, times, size, rotation_deg))
            if with_audio and audio_codec:
                streams.append(_audio(container, audio_codec, seconds, onset_s, delay_s))
            if cover:
                streams.append(_cover(container))
            for stream, frames in streams:
                for frame in frames:
                    container.mux(stream.encode(frame))
                container.mux(stream.encode())
        return path

    return write


def _video(container, codec, times, size, rotation_deg):
    stream = container.add_stream(codec, rate=30)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 30000 if codec == "libx264" else 30)
    if rotation_deg is not None:
        stream.set_display_rotation(rotation_deg)
    return stream, _grey_frames(times, size, stream.codec_context.time_base)


def _grey_frames(times, size, time_base):
    import av

    for time_s in times:
        pixels = np.full((size[1], size[0], 3), min(round(100 * time_s), 250), np.uint8)
        pixels[:8, :8] = 255  # which corner is the first one
        frame = av.VideoFrame.from_ndarray(pixels)
        frame.time_base = time_base
        frame.pts = round(time_s / time_base)
        yield frame


def _audio(container, codec, seconds, onset_s, delay_s):
    stream = container.add_stream(codec, rate=48000, layout="stereo")
    return stream, _tone_frames(stream, seconds, onset_s, delay_s)


def _tone_frames(stream, seconds, onset_s, delay_s):
    import av

    times = np.arange(round(seconds * 48000)) / 48000
    tone = (0.5 * np.sin(2 * np.pi * 440 * times) * (times >= onset_s)).astype(np.float32)
    convert = av.AudioResampler(format=stream.format, layout="stereo", rate=48000)
    for first in range(0, len(tone), 960):
        part = np.ascontiguousarray(np.stack([tone[first : first + 960]] * 2))
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        frame.pts = first + round(delay_s * 48000)
        yield from convert.resample(frame)
    yield from convert.resample(None)


def _cover(container):
    from av.stream import Disposition

    stream = container.add_stream("png", rate=1)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
    stream.disposition = Disposition.attached_pic
    frames = list(_grey_frames([0.0], (64, 48), Fraction(1, 1)))
    return stream, [frame.reformat(format="rgb24") for frame in frames]
