"""Makes the example clip: a portrait brought to life, synthetic speech with feeling, and its transcript.

    python demo/make_clip.py [FOLDER]

writes clip.mp4 and clip.srt. Needs the development extras (scikit-image) and the program espeak-ng. The
portrait, of astronaut Eileen Collins, is NASA's and in the public domain; see README.md beside this file.
"""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import skimage.data

RATE = 25
WIDTH_PX, HEIGHT_PX = 640, 480
AUDIO_RATE = 22050  # what espeak-ng speaks with
FACE = np.array([224.0, 118.0])  # middle of the face in the portrait
FADE_S = 0.4


class Shot(NamedTuple):
    """A sentence, how it is spoken, and the camera while it lasts.

    ``pitch`` (0 to 99), ``speed`` (words per minute) and ``loud`` (0 to 200) are espeak-ng's; ``pause_s``
    follows the sentence. ``zoom`` and ``aim`` go from their first value to their second; ``aim`` says where
    the middle of the picture lies, in portrait pixels from the face. ``warmth`` shifts colour, ``light`` is
    the brightness, ``shake_px`` and ``tilt_deg`` move the camera.
    """

    text: str
    pitch: int
    speed: int
    loud: int
    pause_s: float
    zoom: tuple[float, float]
    aim: tuple[tuple[float, float], tuple[float, float]]
    warmth: float
    light: tuple[float, float]
    shake_px: float
    tilt_deg: float


SHOTS = (
    Shot(
        "I can't believe it, we made it! This is the happiest day of my life!",
        78, 190, 130, 0.40, (1.28, 1.65), ((28, 92), (12, 40)), 0.10, (0.96, 1.08), 1.0, 1.5,
    ),
    Shot(
        "I was so scared! I was terrified that we would never come home.",
        60, 175, 85, 0.50, (2.15, 2.45), ((10, 16), (-4, 12)), -0.12, (0.80, 0.70), 3.0, -2.5,
    ),
    Shot(
        "Now I am just sad. I miss the friends who cannot be here.",
        22, 135, 75, 0.50, (1.95, 1.55), ((-18, 26), (22, 56)), -0.05, (0.74, 0.88), 0.6, 2.0,
    ),
)  # fmt: skip


def main(folder: Path) -> None:
    """Write clip.mp4 and clip.srt into ``folder``."""
    spoken = [speak(shot) for shot in SHOTS]
    lead_s = 0.4
    starts, now_s = [], lead_s
    for shot, samples in zip(SHOTS, spoken, strict=True):
        starts.append(now_s)
        now_s += len(samples) / AUDIO_RATE + shot.pause_s
    sound = mixed(spoken, starts, now_s)
    portrait = skimage.data.astronaut()
    # A shot begins a quarter of a second before its sentence, as an editor would cut it.
    cuts = [0.0, *(start - 0.25 for start in starts[1:]), now_s]
    ends = [start + len(samples) / AUDIO_RATE for start, samples in zip(starts, spoken, strict=True)]
    encode(folder / "clip.mp4", sound, portrait, cuts)
    (folder / "clip.srt").write_text(subtitles(starts, ends), encoding="utf-8")


def speak(shot: Shot) -> np.ndarray:
    """The sentence as float32 samples in [-1, 1], without the silence around it."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise SystemExit("make_clip needs espeak-ng, which is not installed (apt-get install espeak-ng)")
    command = [program, "-v", "en-us+f2", "-p", str(shot.pitch), "-s", str(shot.speed)]
    command += ["-a", str(shot.loud), "--stdout", shot.text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(spoken)) as file:
        if file.getframerate() != AUDIO_RATE:
            raise SystemExit(f"espeak-ng spoke at {file.getframerate()} Hz, not at {AUDIO_RATE}")
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    sounding = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[sounding[0] : sounding[-1] + 1]


def mixed(spoken: list[np.ndarray], starts: list[float], duration_s: float) -> np.ndarray:
    """The sentences at their times over a quiet room, with a little echo, as int16 ``(n,)``."""
    rng = np.random.default_rng(0)
    sound = np.zeros(round(duration_s * AUDIO_RATE), np.float32)
    for samples, start_s in zip(spoken, starts, strict=True):
        first = round(start_s * AUDIO_RATE)
        sound[first : first + len(samples)] += samples[: len(sound) - first]
    echo = np.zeros_like(sound)
    for delay_s, gain in ((0.013, 0.16), (0.029, 0.10), (0.047, 0.06)):
        shift = round(delay_s * AUDIO_RATE)
        echo[shift:] += gain * sound[:-shift]
    room = cv2.GaussianBlur(rng.normal(0, 0.004, (1, len(sound))).astype(np.float32), (9, 1), 0)[0]
    sound = sound + echo + room
    return np.round(sound * (0.8 / np.abs(sound).max()) * 32767).astype(np.int16)


def picture(portrait: np.ndarray, shot: Shot, share: float, time_s: float) -> np.ndarray:
    """One frame, RGB ``(HEIGHT_PX, WIDTH_PX, 3)``: the shot's camera at ``share`` (0 to 1) of it."""
    eased = share * share * (3 - 2 * share)
    zoom = shot.zoom[0] * (shot.zoom[1] / shot.zoom[0]) ** eased
    aim = FACE + (1 - eased) * np.array(shot.aim[0]) + eased * np.array(shot.aim[1])
    # A hand that holds a camera: a few slow waves that share no period.
    sway = np.array([math.sin(2.3 * time_s) + math.sin(3.7 * time_s + 1), math.sin(2.9 * time_s + 2)])
    aim = aim + shot.shake_px * sway / zoom
    turn = cv2.getRotationMatrix2D(tuple(aim), shot.tilt_deg * math.sin(0.9 * time_s + 0.4), zoom)
    turn[:, 2] += np.array([WIDTH_PX / 2, HEIGHT_PX / 2]) - aim
    shown = cv2.warpAffine(
        portrait, turn, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    ).astype(np.float32)
    light = shot.light[0] + (shot.light[1] - shot.light[0]) * eased
    rows, columns = np.mgrid[-1 : 1 : HEIGHT_PX * 1j, -1 : 1 : WIDTH_PX * 1j]
    vignette = 1 - 0.28 * (rows**2 + columns**2) / 2
    shown *= (light * vignette)[:, :, None]
    shown *= np.array([1 + shot.warmth, 1.0, 1 - shot.warmth])
    return np.clip(shown, 0, 255).astype(np.uint8)


def frame_at(portrait: np.ndarray, cuts: list[float], time_s: float) -> np.ndarray:
    """The frame shown at ``time_s``; the clip fades in and out."""
    index = max(i for i, start_s in enumerate(cuts[:-1]) if start_s <= time_s)
    share = (time_s - cuts[index]) / (cuts[index + 1] - cuts[index])
    shown = picture(portrait, SHOTS[index], share, time_s)
    fade = min(1.0, 0.25 + time_s / FADE_S, 0.25 + (cuts[-1] - time_s) / FADE_S)
    return (shown * fade).astype(np.uint8)


def encode(path: Path, sound: np.ndarray, portrait: np.ndarray, cuts: list[float]) -> None:
    """Write H.264 and AAC; one thread, so that the same input gives the same file."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        video.options = {"crf": "24", "preset": "slow", "threads": "1"}
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono", bit_rate=64000)
        for index in range(math.floor(cuts[-1] * RATE)):
            shown = frame_at(portrait, cuts, index / RATE)
            container.mux(video.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = AUDIO_RATE, 0
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=AUDIO_RATE, frame_size=1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))


def subtitles(starts: list[float], ends: list[float]) -> str:
    """One SubRip cue for each sentence."""
    cues = []
    for number, (shot, start_s, end_s) in enumerate(zip(SHOTS, starts, ends, strict=True), 1):
        cues.append(f"{number}\n{_clock(start_s)} --> {_clock(end_s)}\n{shot.text}\n")
    return "\n".join(cues)


def _clock(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"00:{minutes:02}:{rest // 1000:02},{rest % 1000:03}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
