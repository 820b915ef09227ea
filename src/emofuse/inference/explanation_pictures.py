"""An explanation as pictures, words, a video and one page."""

from __future__ import annotations

from pathlib import Path

from emofuse.evaluation.attribution_plots import modality_bars, probability_bars, waveform_plot
from emofuse.evaluation.attribution_video import Scene, attribution_video
from emofuse.evaluation.words import words_svg
from emofuse.features.media import VideoFrames, probe
from emofuse.files import write_all_atomically
from emofuse.inference.explanation import Explanation
from emofuse.inference.explanation_html import explanation_html
from emofuse.inference.explanation_parts import (
    UNITS,
    attention_of,
    captions_of,
    lanes_of,
    segment_title,
    sound_of,
    timed_words,
    words_of_segments,
)
from emofuse.inference.reading import is_written

_MOST_BARS = 24  # segments in one picture of bars


def write_explanation(
    explanation: Explanation, folder: Path, *, video: bool = True, rate: int = 10
) -> list[Path]:
    """Write ``explanation.json``, ``explanation.html``, the pictures as PNG and SVG, the words as SVG and, where the
    clip has a length in time, ``explanation.mp4``; returns their paths.

    Raises:
        OutputError: a file cannot be written.
        MediaError: the clip is no longer there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[Path, bytes | str] = {
        folder / "explanation.json": explanation.to_json() + "\n",
        folder / "explanation.html": explanation_html(explanation),
    }
    for kind in ("png", "svg"):
        contents |= {
            folder / f"{name}.{kind}": data for name, data in pictures(explanation, kind=kind).items()
        }
    for number, words in enumerate(words_of_segments(explanation), 1):
        if words:
            contents[folder / f"words-{number}.svg"] = words_svg(words, unit=UNITS[explanation.unit])
    if video and explanation.duration_s > 0 and any(lanes_of(explanation).values()):
        contents[folder / "explanation.mp4"] = video_of(explanation, rate=rate)
    write_all_atomically(contents)
    return list(contents)


def pictures(explanation: Explanation, *, kind: str = "png") -> dict[str, bytes]:
    """By name: "modalities" and "probabilities" of each segment (the first 24), and for clips with a clock
    "timeline", the attributions over time under the waveform.

    Raises:
        OutputError: ``kind`` is neither "png" nor "svg".
        MediaError: the clip is no longer there.
    """
    shown = explanation.segments[:_MOST_BARS]
    titles = [segment_title(segment, number) for number, segment in enumerate(shown, 1)]
    unit = UNITS[explanation.unit]
    values = [{name: share.value for name, share in segment.modalities.items()} for segment in shown]
    drawn = {
        "modalities": modality_bars(list(zip(titles, values, strict=True)), unit=unit, kind=kind),
        "probabilities": probability_bars(
            [(title, segment.probabilities) for title, segment in zip(titles, shown, strict=True)],
            kind=kind,
        ),
    }
    lanes = {name: stretches for name, stretches in lanes_of(explanation).items() if stretches}
    lanes |= attention_of(explanation)
    if lanes and explanation.duration_s > 0:
        drawn["timeline"] = waveform_plot(
            sound_of(explanation), lanes, words=timed_words(lanes), captions=captions_of(explanation),
            duration_s=explanation.duration_s, unit=unit, note="; ".join(explanation.notes), kind=kind,
        )  # fmt: skip
    return drawn


def video_of(explanation: Explanation, *, rate: int = 10) -> bytes:
    """The clip with its explanation drawn in, as an mp4 of at most two minutes.

    Raises:
        OutputError: the clip has no length in time.
        MediaError: the clip is no longer there.
    """
    path = Path(explanation.source)
    seen = not is_written(path) and probe(path).has_video and not probe(path).is_picture
    lanes = {name: stretches for name, stretches in lanes_of(explanation).items() if stretches}
    lanes |= attention_of(explanation)
    added = {name: lanes[name] for name in lanes_of(explanation) if name in lanes}
    lasting = [name for name, stretches in added.items() if not any(one.text for one in stretches)]
    return attribution_video(
        Scene(
            explanation.duration_s,
            VideoFrames(path, rate=rate) if seen else None,
            sound_of(explanation),
            lanes,
            words=timed_words(lanes),
            captions=captions_of(explanation),
            # The last that is not words: in the default bundle, faces.
            bordered=lasting[-1] if lasting else None,
        ),
        rate=rate,
    )
