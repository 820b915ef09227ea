"""A short video with the attribution drawn in: the pictures with a border by what they add, and below them the
sound, a lane a modality, the words, and where in them the clip is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emofuse.errors import OutputError
from emofuse.evaluation.attribution_plots import Stretch
from emofuse.evaluation.figures import AGAINST, FOR, GRID, INK, MUTED
from emofuse.types import Frame, Frames, Signal

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDTH, _HEAD, _SOUND, _LANE, _WORDS, _BORDER = 640, 34, 56, 46, 40, 10
_SHOWN_S = 16.0  # of a longer clip the strip moves along
_CODECS = ("libx264", "libopenh264", "mpeg4")


@dataclass(frozen=True, eq=False)
class Scene:
    """What is shown: ``frames`` of the clip (None: none), its ``signal`` (None: silent), by modality the stretches of
    its ``lanes``, the ``words`` with times, and the ``captions`` of stretches of the clip (the class that is
    explained there). ``bordered`` names the lane that colours the border of the pictures.
    """

    duration_s: float
    frames: Frames | None
    signal: Signal | None
    lanes: Mapping[str, Sequence[Stretch]]
    words: Sequence[Stretch] = ()
    captions: Sequence[Stretch] = ()
    bordered: str | None = None


def attribution_video(scene: Scene, *, rate: int = 10, limit_s: float = 120.0) -> bytes:
    """The scene as an mp4, ``rate`` frames a second, with its sound; at most its first ``limit_s``.

    Raises:
        OutputError: nothing to show, or no encoder for video is there.
    """
    import av

    duration_s = min(scene.duration_s, limit_s)
    if duration_s <= 0 or not scene.lanes:
        raise OutputError(
            "a video needs a clip with a length in time and something that was attributed over it"
        )
    strip = _Strip(scene, duration_s)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        pages = _pages(scene, strip, duration_s, rate)
        first = next(pages)
        pictures = _video_stream(container, rate, first.size)
        # Every stream must be known before the first packet is written.
        heard = scene.signal if scene.signal is not None and len(scene.signal.samples) else None
        sound = None if heard is None else container.add_stream("aac", rate=heard.rate)
        for page in chain([first], pages):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.asarray(page), format="rgb24")))
        container.mux(pictures.encode())
        if heard is not None:
            _mux_sound(container, sound, heard.between(0.0, duration_s))
    return buffer.getvalue()


def _pages(scene: Scene, strip: _Strip, duration_s: float, rate: int) -> Iterator[Image]:
    from PIL import Image, ImageDraw

    shown = _at_ticks(scene.frames, max(1, round(duration_s * rate)), rate)
    for number, frame in enumerate(shown):
        time_s = number / rate
        picture = None if frame is None else _fitted(frame)
        above = _HEAD + (0 if picture is None else picture.height)
        height = above + strip.height + _WORDS
        page = Image.new("RGB", (_WIDTH, height + height % 2), "white")
        drawing = ImageDraw.Draw(page)
        if picture is not None:
            page.paste(picture, (0, _HEAD))
            _border(page, picture.height, scene, time_s)
        caption = _now(scene.captions, time_s)
        drawing.text((10, 7), caption.text or "" if caption else "", fill=INK, font=_font(17))
        drawing.text((_WIDTH - 10, 10), f"{time_s:5.1f} s", fill=MUTED, font=_font(13), anchor="ra")
        strip.draw(page, above, time_s)
        _speak(drawing, above + strip.height + 8, scene.words, time_s)
        yield page


class _Strip:
    """Sound and lanes over the whole clip, drawn once; each page shows the part around its time."""

    def __init__(self, scene: Scene, duration_s: float) -> None:
        from PIL import Image, ImageDraw

        self.shown_s = min(_SHOWN_S, duration_s)
        self.scale = _WIDTH / self.shown_s
        self.duration_s = duration_s
        self.height = (_SOUND if scene.signal is not None else 0) + _LANE * len(scene.lanes)
        self.names = list(scene.lanes)
        self.tops = [self.height - _LANE * (len(scene.lanes) - place) for place in range(len(scene.lanes))]
        self.picture = Image.new("RGB", (max(_WIDTH, round(duration_s * self.scale)), self.height), "white")
        drawing = ImageDraw.Draw(self.picture)
        if scene.signal is not None:
            self._sound(drawing, scene.signal)
        for word in scene.words:
            drawing.line(
                [(word.start_s * self.scale, 0), (word.start_s * self.scale, self.height)], fill=GRID
            )
        for top, stretches in zip(self.tops, scene.lanes.values(), strict=True):
            self._lane(drawing, top, stretches)

    def draw(self, page: Image, top: int, time_s: float) -> None:
        """Paste the part that is shown at a time, with a line at that time and the names of the lanes."""
        from PIL import ImageDraw

        first_s = min(max(time_s - self.shown_s / 2, 0.0), self.duration_s - self.shown_s)
        left = round(first_s * self.scale)
        page.paste(self.picture.crop((left, 0, left + _WIDTH, self.height)), (0, top))
        drawing = ImageDraw.Draw(page)
        for name, lane in zip(self.names, self.tops, strict=True):
            drawing.text(
                (6, top + lane + 2), name, fill=INK, font=_font(11), stroke_width=2, stroke_fill="white"
            )
        place = (time_s - first_s) * self.scale
        drawing.line([(place, top), (place, top + self.height)], fill="#000000", width=2)

    def _sound(self, drawing: Any, signal: Signal) -> None:
        samples = np.abs(np.asarray(signal.samples, np.float64))
        peak = max(float(samples.max(initial=0.0)), 1e-3)
        edges = np.minimum(
            (np.arange(self.picture.width + 1) / self.scale * signal.rate).astype(int), len(samples)
        )
        for place, (first, last) in enumerate(pairwise(edges)):
            if last > first:
                reach = samples[first:last].max() / peak * (_SOUND / 2 - 3)
                drawing.line([(place, _SOUND / 2 - reach), (place, _SOUND / 2 + reach)], fill="#52606d")

    def _lane(self, drawing: Any, top: int, stretches: Sequence[Stretch]) -> None:
        largest = max((abs(one.value) for one in stretches), default=0.0) or 1.0
        middle = top + _LANE / 2
        for one in stretches:
            reach = one.value / largest * (_LANE / 2 - 4)
            left, right = one.start_s * self.scale, one.end_s * self.scale - 1
            if right > left:
                box = [left, min(middle, middle - reach), right, max(middle, middle - reach)]
                drawing.rectangle(box, fill=FOR if one.value >= 0 else AGAINST)
        drawing.line([(0, middle), (self.picture.width, middle)], fill=MUTED)


def _at_ticks(frames: Frames | None, count: int, rate: int) -> Iterator[Frame | None]:
    """The frame that is on show at each tick; the first before it comes and the last after it went."""
    stream = iter(frames) if frames is not None else iter(())
    now = coming = next(stream, None)
    for number in range(count):
        while coming is not None and coming.time_s <= number / rate + 1e-6:
            now, coming = coming, next(stream, None)
        yield now


def _fitted(frame: Frame) -> Image:
    from PIL import Image

    height, width = frame.pixels.shape[:2]
    return Image.fromarray(frame.pixels).resize((_WIDTH, max(2, round(height * _WIDTH / width))))


def _border(page: Image, height: int, scene: Scene, time_s: float) -> None:
    from PIL import ImageDraw

    lane = scene.lanes.get(scene.bordered or "", ())
    now = _now(lane, time_s)
    if now is None:
        return
    share = abs(now.value) / (max(abs(one.value) for one in lane) or 1.0)
    colour = FOR if now.value >= 0 else AGAINST
    box = [0, _HEAD, _WIDTH - 1, _HEAD + height - 1]
    ImageDraw.Draw(page).rectangle(box, outline=colour, width=max(1, round(_BORDER * share)))


def _speak(drawing: Any, top: int, words: Sequence[Stretch], time_s: float) -> None:
    """The words around now, the one that is said shaded by what it adds."""
    timed = [one for one in words if one.text]
    if not timed:
        return
    place = max((number for number, one in enumerate(timed) if one.start_s <= time_s), default=0)
    largest = max(abs(one.value) for one in timed) or 1.0
    left, font = 10.0, _font(17)
    first = place // 8 * 8
    for number, word in enumerate(timed[first : first + 8], first):
        text = word.text or ""
        room = drawing.textlength(text, font=font)
        if number <= place:
            colour = FOR if word.value >= 0 else AGAINST
            line = 1 + round(5 * abs(word.value) / largest)
            drawing.rectangle([left, top + 22, left + room, top + 22 + line], fill=colour)
        drawing.text((left, top), text, fill=INK if number <= place else MUTED, font=font)
        left += room + 9


def _now(stretches: Sequence[Stretch], time_s: float) -> Stretch | None:
    return next((one for one in stretches if one.start_s <= time_s < one.end_s), None)


def _font(size: int) -> Any:
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size
    )


def _video_stream(container: Any, rate: int, size: tuple[int, int]) -> Any:
    import av

    known = [name for name in _CODECS if name in av.codecs_available]
    if not known:
        raise OutputError(f"no encoder for video: PyAV has none of {', '.join(_CODECS)}")
    stream = container.add_stream(known[0], rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    return stream


def _mux_sound(container: Any, stream: Any, signal: Signal) -> None:
    import av

    for first in range(0, len(signal.samples), 1024):
        part = np.ascontiguousarray(signal.samples[None, first : first + 1024], np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout="mono")
        frame.sample_rate, frame.pts = signal.rate, first
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
