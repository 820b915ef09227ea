"""Real files through `recognize`, by a bundle that never met their speakers and pictures.

    EMOFUSE_DATA=... python experiments/basic7/real_input.py BUNDLE SPEECH_RUN OUT

BUNDLE is assembled `--without-fold N`, SPEECH_RUN is that fold's run, whose test ids name the clips: 20 of
RAVDESS, 10 of EMO-DB; further 10 pictures of FER2013 validation turned into short silent clips, and 10 MELD
test dialogues as subtitles. Writes OUT/right_and_wrong.md.
"""

import json
import os
import sys
from pathlib import Path

import av
import numpy as np
from PIL import Image

from emofuse.datasets import load_corpus
from emofuse.datasets.labels import relabel
from emofuse.features.media import VideoFrames
from emofuse.inference.predictor import Recognizer

DATA = Path(os.environ["EMOFUSE_DATA"])


def main(bundle, speech_run, out):
    out.mkdir(parents=True, exist_ok=True)
    recognizer = Recognizer(bundle)
    held_out = set(json.loads((speech_run / "split.json").read_text(encoding="utf-8"))["test"])
    rows = []
    for name, count in (("ravdess", 20), ("emodb", 10)):
        corpus = relabel(load_corpus(name, DATA / name), "basic7")
        clips = [clip for clip in corpus.clips if f"{name}/{clip.id}" in held_out]
        rows += [
            row(name, clip, recognizer.predict(clip.media).clip.label) for clip in spaced(clips, count)
        ]
    faces = relabel(load_corpus("fer2013", DATA / "fer2013" / "fer2013.tar"), "basic7")
    for clip in spaced([one for one in faces.clips if one.split == "valid"], 10):
        rows.append(row("fer2013", clip, recognizer.predict(silent_clip(clip, out)).clip.label))
    rows += dialogues(recognizer, out)
    write(rows, out / "right_and_wrong.md")


def spaced(clips, count):
    order = np.random.default_rng(7).permutation(len(clips))
    return [clips[index] for index in sorted(order[:count])]


def row(corpus, clip, found):
    return corpus, clip.id, clip.label, found


def silent_clip(clip, out):
    """One second of the picture, enlarged to 96 px (codecs want even sizes), without sound."""
    (frame,) = VideoFrames(clip.media)
    pixels = np.asarray(Image.fromarray(frame.pixels).resize((96, 96), Image.Resampling.BICUBIC))
    path = out / f"{Path(clip.id).stem}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def dialogues(recognizer, out):
    corpus = load_corpus("meld", DATA / "meld")
    turns = {}
    for clip in corpus.clips:
        if clip.split == "test" and clip.start_s is not None and 0 < clip.end_s - clip.start_s < 30:
            turns.setdefault(clip.dialogue, []).append(clip)
    names = sorted(name for name, clips in turns.items() if 5 <= len(clips) <= 12)
    rows = []
    for name in spaced(names, 10):
        path = out / f"{name}.srt"
        clips = sorted(turns[name], key=lambda one: (one.start_s, one.turn))
        cues = [
            f"{number}\n{clock(clip.start_s)} --> {clock(clip.end_s)}\n{clip.speaker}: {clip.text}\n"
            for number, clip in enumerate(clips, 1)
        ]
        path.write_text("\n".join(cues), encoding="utf-8")
        segments = recognizer.predict(path).segments
        rows += [
            row("meld", clip, segment.label)
            for clip, segment in zip(clips, segments, strict=len(clips) == len(segments))
        ]
    return rows


def clock(time_s):
    whole = round(time_s * 1000)
    return f"{whole // 3600000:02d}:{whole // 60000 % 60:02d}:{whole // 1000 % 60:02d},{whole % 1000:03d}"


def write(rows, path):
    lines = ["| corpus | right | of |", "|---|---|---|"]
    for corpus in dict.fromkeys(one[0] for one in rows):
        found = [one for one in rows if one[0] == corpus]
        lines.append(f"| {corpus} | {sum(one[2] == one[3] for one in found)} | {len(found)} |")
    lines += ["", "| corpus | clip | truth | recognised | |", "|---|---|---|---|---|"]
    lines += [f"| {a} | {b} | {c} | {d} | {'right' if c == d else 'wrong'} |" for a, b, c, d in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main(*(Path(name) for name in sys.argv[1:]))
