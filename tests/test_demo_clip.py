"""The example clip: small, whole, its face in sight, its transcript inside it."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from emofuse.features.face import FaceCrops
from emofuse.features.media import VideoFrames, probe, read_audio

DEMO = Path(__file__).parents[1] / "demo"


def cues():
    text = (DEMO / "clip.srt").read_text(encoding="utf-8")
    clock = r"(\d\d):(\d\d):(\d\d),(\d\d\d)"
    found = re.findall(rf"{clock} --> {clock}\n(.+)", text)
    return [(seconds(*cue[:4]), seconds(*cue[4:8]), cue[8]) for cue in found]


def seconds(hours, minutes, whole, thousandths):
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + int(thousandths) / 1000


def test_the_clip_is_small_and_has_picture_and_sound():
    info = probe(DEMO / "clip.mp4")
    assert (DEMO / "clip.mp4").stat().st_size <= 1_000_000
    assert info.has_audio and info.has_video and not info.is_picture
    assert (info.width_px, info.height_px, info.frame_rate) == (640, 480, pytest.approx(25.0))
    assert 10 <= info.duration_s <= 15


def test_the_face_is_in_sight_from_beginning_to_end():
    frames = list(VideoFrames(DEMO / "clip.mp4", rate=5.0))
    assert len(FaceCrops()(frames)) >= 0.9 * len(frames)


def test_the_transcript_lies_inside_the_clip_and_in_order():
    spoken = cues()
    assert len(spoken) == 3
    assert all(text.strip() for _, _, text in spoken)
    edges = [edge for start_s, end_s, _ in spoken for edge in (start_s, end_s)]
    assert edges == sorted(edges)
    assert edges[0] >= 0 and edges[-1] <= probe(DEMO / "clip.mp4").duration_s


def test_speech_sounds_within_the_cues_and_hardly_between_them():
    signal = read_audio(DEMO / "clip.mp4")
    spoken = cues()
    for (_, end_s, _), (next_s, _, _) in pairwise(spoken):
        pause = signal.between(end_s + 0.1, next_s - 0.05).samples
        sentence = signal.between(next_s, next_s + 2.0).samples
        assert (sentence**2).mean() > 100 * (pause**2).mean()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_script_makes_the_same_transcript_and_a_clip_of_the_same_length(tmp_path):
    subprocess.run([sys.executable, str(DEMO / "make_clip.py"), str(tmp_path)], check=True)
    made, shipped = probe(tmp_path / "clip.mp4"), probe(DEMO / "clip.mp4")
    assert made.duration_s == pytest.approx(shipped.duration_s, abs=0.5)
    made_words = re.sub(r"[\d:,]+", "", (tmp_path / "clip.srt").read_text(encoding="utf-8"))
    assert made_words == re.sub(r"[\d:,]+", "", (DEMO / "clip.srt").read_text(encoding="utf-8"))
